"""One table of administration operations: complete, bound by a node, offered by the socket and the command line."""

import ast
import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from pathlib import Path

import msgspec
import pytest

import keyturn
from keyturn.admin.operation import Operation, needs_server
from keyturn.api.admin_socket import SOCKET_NAME
from keyturn.cli.admin_socket import open_admin_socket
from keyturn.cli.arguments import ARGUMENT_HELP
from keyturn.cli.failure import Failure
from keyturn.cli.root import GROUPS
from keyturn.operations import OPERATIONS, bind
from tests.support.server_env import ServerEnv, server_env

pytestmark = pytest.mark.anyio

SOURCES = Path(keyturn.__file__).parent
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}
FOUND = {"invalid_arguments", "sign_in_required"}
"""Refusals of an operation that is there; one that is not is `unknown_operation`."""


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerEnv]:
    async with server_env(tmp_path_factory.mktemp("registry"), vehicles=1) as s:
        yield s


def declared() -> Iterator[str]:
    """Names of the operations that the source code declares, wherever that is."""
    for path in sorted(SOURCES.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        imported = (
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "keyturn.admin.operation"
            for alias in node.names
        )
        if "Operation" not in imported:
            continue
        module = import_module(".".join(("keyturn", *path.relative_to(SOURCES).with_suffix("").parts)))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Operation":
                name = node.args[0]
                yield str(name.value) if isinstance(name, ast.Constant) else getattr(module, ast.unparse(name))


def test_no_operation_is_declared_outside_the_table() -> None:
    assert Counter(declared()) == Counter(operation.name for operation in OPERATIONS)


def test_only_an_operation_that_needs_a_server_is_bound() -> None:
    with pytest.raises(ValueError, match="company add"):
        bind({"company add": needs_server})
    with pytest.raises(ValueError, match="thing do"):
        bind({"thing do": needs_server})


async def test_a_running_node_implements_every_operation(site: ServerEnv) -> None:
    table = site.node.administration._operations

    assert [operation.name for operation in table] == [operation.name for operation in OPERATIONS]
    assert [operation.name for operation in table if operation.run is needs_server] == []


@pytest.mark.parametrize("name", [operation.name for operation in OPERATIONS])
async def test_every_operation_is_served_by_the_local_socket(site: ServerEnv, name: str) -> None:
    assert await asyncio.to_thread(_refusal, site, name) in FOUND


async def test_what_is_not_in_the_table_is_not_served(site: ServerEnv) -> None:
    assert await asyncio.to_thread(_refusal, site, "company burn") == "unknown_operation"


def _refusal(site: ServerEnv, name: str) -> str:
    """The code by which the socket refuses the operation with an argument that it does not have."""
    data = Path(site.settings.server.data)
    connection = open_admin_socket(data)
    assert connection is not None, data / SOCKET_NAME
    try:
        with pytest.raises(Failure) as refused:
            connection.administer(name, {"no such argument": 1})
    finally:
        connection.close()
    return refused.value.code


def test_every_argument_of_a_verb_has_a_help_text() -> None:
    arguments = {
        field.name
        for operation in OPERATIONS
        if operation.cli_command is None
        for field in msgspec.structs.fields(operation.arguments)
        if field.name not in operation.secret
    }
    assert arguments == ARGUMENT_HELP.keys()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_is_a_verb_or_names_its_command(operation: Operation) -> None:
    """That each is called by these words, `tests/cli/test_root.py` shows."""
    words = (operation.cli_command or operation.name).split()

    assert (COMMANDS[words[0]].path == "") is (operation.cli_command is None)
