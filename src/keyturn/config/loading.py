"""Loads the settings from a file and the environment; refuses a wrong one with one sentence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from keyturn.config.aliases import resolve_aliases, written_path
from keyturn.config.rules import rule_violations
from keyturn.config.settings import Settings
from keyturn.config.sources import from_environment, from_file
from keyturn.config.validation import Assignment, ConfigError, KeyPath, convert, dotted, nearest, refusal


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings by precedence: environment, file (if any), defaults. Raises `ConfigError`."""
    written = resolve_aliases(from_file(path) if path else {}) | resolve_aliases(from_environment(environ))
    tree: dict[str, Any] = {}
    for keys, assignment in written.items():
        _put(tree, keys, convert(assignment.written_as, assignment))
    settings = msgspec.convert(tree, Settings)
    _refuse_missing_definitions(settings, written)
    for breach in rule_violations(settings):
        source = _source(written, breach.path)
        raise refusal(written_path(breach.path, written), breach.expected, Assignment(breach.value, source))
    return settings


def refuse_unknown_commands(settings: Settings, commands: frozenset[str]) -> None:
    """Raise `ConfigError` where a wait per command names none of `commands`."""
    tables: dict[KeyPath, Any] = {("commands",): settings.commands}
    tables |= {("connectors", name): connector for name, connector in settings.connectors.items()}
    for path, table in tables.items():
        for waits in ("send_wait", "answer_wait"):
            for command in getattr(table, waits).keys() - commands:
                place = dotted((*path, waits, command))
                raise ConfigError(f"{place}: no such command; {nearest(command, commands)}.")


def _source(written: dict[KeyPath, Assignment], path: KeyPath) -> str:
    return next((value.source for keys, value in written.items() if keys[: len(path)] == path), "default")


def _put(tree: dict[str, Any], path: KeyPath, value: object) -> None:
    *tables, key = path
    for table in tables:
        tree = tree.setdefault(table, {})
    if value == {}:
        tree.setdefault(key, {})
    else:
        tree[key] = value


def _refuse_missing_definitions(settings: Settings, written: dict[KeyPath, Assignment]) -> None:
    for name, connector in settings.connectors.items():
        if connector.kind == "http" and not connector.http.definition:
            place = written_path(("connectors", name, "http", "definition"), written)
            raise ConfigError(f"{dotted(place)}: must be set, it has no default.")
