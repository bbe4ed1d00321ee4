"""Configures logging: structlog formats Keyturn's own and the standard library's lines, without secrets."""

import logging
import re
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from keyturn.printable import printable_lines

LogFormat = Literal["console", "json"]

_SECRET_KEY = re.compile(
    r"authori[sz]ation|signature|secret|password|token|credential|cookie|api[-_]?key", re.IGNORECASE
)


def configure_logs(style: LogFormat, level: str, stream: TextIO) -> None:
    """Write log lines of `level` and above to `stream`."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(style, stream)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Remove every key that names a secret, at any depth."""
    return {key: _without_secrets(value) for key, value in event.items() if not _SECRET_KEY.search(key)}


def _without_secrets(value: object) -> object:
    match value:
        case dict():
            return {key: _without_secrets(member) for key, member in value.items() if not _SECRET_KEY.search(str(key))}
        case list():
            return [_without_secrets(member) for member in value]
        case tuple():
            return tuple(_without_secrets(member) for member in value)
    return value


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Remove control characters from text; an exception's text keeps its lines."""
    return {key: printable_lines(value) if isinstance(value, str) else value for key, value in event.items()}


def _renderers(style: LogFormat, stream: TextIO) -> list[Processor]:
    # Both render tracebacks without local variables, which may hold secrets.
    if style == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    plain = structlog.dev.plain_traceback
    return [_printable, structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=plain)]
