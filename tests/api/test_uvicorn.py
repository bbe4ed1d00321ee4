"""The HTTP server uses uvicorn's internals. Each of them is named here, with the shape that it must have."""

import inspect
import re
import tomllib
from collections import deque
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

ROOT = Path(__file__).parents[2]
ADAPTER = ROOT / "src" / "keyturn" / "api" / "server" / "uvicorn_connection.py"
OTHER_SHAPE = "uvicorn has another shape than the HTTP server relies on: "

SIGNATURES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "HttpToolsProtocol": (HttpToolsProtocol.__init__, ("self", "config", "server_state", "app_state", "_loop")),
    "connection_made": (HttpToolsProtocol.connection_made, ("self", "transport")),
    "connection_lost": (HttpToolsProtocol.connection_lost, ("self", "exc")),
    "eof_received": (HttpToolsProtocol.eof_received, ("self",)),
    "data_received": (HttpToolsProtocol.data_received, ("self", "data")),
    "shutdown": (HttpToolsProtocol.shutdown, ("self",)),
    "on_message_begin": (HttpToolsProtocol.on_message_begin, ("self",)),
    "on_url": (HttpToolsProtocol.on_url, ("self", "url")),
    "on_header": (HttpToolsProtocol.on_header, ("self", "name", "value")),
    "on_headers_complete": (HttpToolsProtocol.on_headers_complete, ("self",)),
    "on_body": (HttpToolsProtocol.on_body, ("self", "body")),
    "on_message_complete": (HttpToolsProtocol.on_message_complete, ("self",)),
    "on_response_complete": (HttpToolsProtocol.on_response_complete, ("self",)),
    "timeout_keep_alive_handler": (HttpToolsProtocol.timeout_keep_alive_handler, ("self",)),
    "_unset_keepalive_if_required": (HttpToolsProtocol._unset_keepalive_if_required, ("self",)),
    "_start_asgi_task": (HttpToolsProtocol._start_asgi_task, ("self", "cycle", "app")),
    "resume_reading": (FlowControl.resume_reading, ("self",)),
    "pause_reading": (FlowControl.pause_reading, ("self",)),
}
"""What the server overrides, calls, or relies on being called."""

STATE: dict[str, type | None] = {
    "loop": None, "parser": None, "transport": None, "flow": None, "scheme": None, "client": None,
    "pipeline": deque, "cycle": None, "scope": None, "headers": None, "connections": set, "tasks": set,
    "server_state": ServerState, "timeout_keep_alive": int, "timeout_keep_alive_task": None,
}  # fmt: skip
"""Attributes of a connection, with their types where they have one from the beginning."""

CYCLE = (
    "transport", "response_started", "response_complete", "keep_alive", "disconnected", "message_event", "more_body",
    "flow", "scope", "default_headers", "on_response", "waiting_for_100_continue",
)  # fmt: skip


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_method_that_the_server_relies_on_has_its_parameters(name: str) -> None:
    function, parameters = SIGNATURES[name]
    assert tuple(inspect.signature(function).parameters) == parameters, OTHER_SHAPE + name


async def _app(_scope: Any, _receive: Any, _send: Any) -> None:
    """Never called."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_a_connection_has_the_attributes_that_the_server_uses() -> None:
    config = Config(_app, log_config=None, ws="none", lifespan="off", interface="asgi3", timeout_keep_alive=75)
    config.load()
    connection = HttpToolsProtocol(config, ServerState(), app_state={})
    for name, kind in STATE.items():
        assert hasattr(connection, name), OTHER_SHAPE + name
        assert kind is None or isinstance(getattr(connection, name), kind), OTHER_SHAPE + name


def test_a_cycle_has_the_attributes_that_the_server_uses() -> None:
    made = inspect.getsource(RequestResponseCycle.__init__)
    for name in CYCLE:
        assert re.search(rf"self\.{name}\b", made), OTHER_SHAPE + name


def test_a_server_state_has_the_attributes_that_the_server_uses() -> None:
    state = ServerState()
    assert (state.connections, state.tasks, state.default_headers) == (set(), set(), []), OTHER_SHAPE + "ServerState"


def test_status_lines_are_by_code() -> None:
    assert STATUS_LINE[503] == b"HTTP/1.1 503 Service Unavailable\r\n", OTHER_SHAPE + "STATUS_LINE"


def test_the_pipeline_holds_the_newest_waiting_request_first() -> None:
    """The server abandons the newest from its left, and uvicorn serves the oldest from its right."""
    assert "self.pipeline.appendleft((self.cycle, app))" in inspect.getsource(HttpToolsProtocol.on_headers_complete)
    assert "self.pipeline.pop()" in inspect.getsource(HttpToolsProtocol.on_response_complete)


def test_the_parser_calls_the_connection_itself() -> None:
    made = inspect.getsource(HttpToolsProtocol.__init__)
    assert "httptools.HttpRequestParser(self)" in made, OTHER_SHAPE + "parser"
    assert httptools_impl.HttpToolsProtocol is HttpToolsProtocol


def test_the_installed_uvicorn_is_the_pinned_and_locked_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (wanted,) = [each for each in project["dependencies"] if re.match(r"uvicorn\b", each)]
    locked = re.search(r"^uvicorn==(\S+)", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    assert locked is not None
    assert wanted == f"uvicorn=={locked[1]}" == f"uvicorn=={version('uvicorn')}"


def test_one_module_imports_uvicorn_and_every_import_is_named_here() -> None:
    """A new one needs a row above."""
    found = set()
    for file in (ROOT / "src" / "keyturn").rglob("*.py"):
        text = file.read_text("utf-8")
        assert file == ADAPTER or not re.search(r"^\s*(from|import) uvicorn", text, re.M), file
        for module, names in re.findall(r"^from (uvicorn[\w.]*) import ([\w, ]+)$", text, re.M):
            found |= {(module, name.strip()) for name in names.split(",")}
        assert not re.search(r"^import uvicorn", text, re.M), file
    assert found == {
        ("uvicorn.config", "Config"),
        ("uvicorn.server", "ServerState"),
        ("uvicorn.protocols.http.httptools_impl", "STATUS_LINE"),
        ("uvicorn.protocols.http.httptools_impl", "HttpToolsProtocol"),
        ("uvicorn.protocols.http.httptools_impl", "RequestResponseCycle"),
    }
