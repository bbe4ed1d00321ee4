import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from keyturn.telemetry.logs import LogFormat, configure_logs, redact


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail(local: str) -> None:
    raise ValueError(len(local))


def lines(style: LogFormat) -> list[str]:
    stream = io.StringIO()
    configure_logs(style, "info", stream)
    log = structlog.get_logger("keyturn.test")
    log.debug("unheard")
    log.info(
        "sent", vin="A", x_signature="5ec3e7", request={"Authorization": "5ec3e7", "list": [{"password": "5ec3e7"}]}
    )
    logging.getLogger("other.library").warning("from %s", "elsewhere")
    try:
        fail("".join(["5ec", "3e7"]))  # so that only a shown variable would spell it
    except ValueError:
        log.exception("failed", request_id="mine")
    return stream.getvalue().splitlines()


def test_json_lines_can_be_collected() -> None:
    sent, foreign, failed = [json.loads(line) for line in lines("json")]
    assert (sent["event"], sent["level"], sent["logger"], sent["vin"]) == ("sent", "info", "keyturn.test", "A")
    assert sent["request"] == {"list": [{}]}
    assert sent["timestamp"].endswith("Z")
    assert (foreign["event"], foreign["level"], foreign["logger"]) == ("from elsewhere", "warning", "other.library")
    assert (failed["request_id"], "ValueError: 6" in failed["exception"]) == ("mine", True)


@pytest.mark.parametrize("style", ["console", "json"])
def test_no_style_shows_a_secret_or_a_local_variable(style: LogFormat) -> None:
    written = "\n".join(lines(style))
    assert "ValueError: 6" in written
    assert "unheard" not in written
    assert "5ec3e7" not in written


@pytest.mark.parametrize(
    "key",
    ["Authorization", "X-Signature", "x_signature", "client_secret", "sign-secret", "password", "token", "cookie"],
)
def test_secret_like_keys_are_dropped(key: str) -> None:
    event = {"event": "e", key: "5ec3e7", "deep": ({key: "5ec3e7", "a": 1},)}
    assert redact(None, "info", event) == {"event": "e", "deep": ({"a": 1},)}
