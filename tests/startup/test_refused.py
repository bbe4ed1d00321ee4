"""A server that cannot run says why in one sentence, and nothing else."""

import asyncio
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.store_reader import connect

from .installation import install
from .privileges import make_read_only, may_mount, memory_disk, obey_file_modes
from .process import run, serving

USAGE, UNREACHABLE = 2, 3
NO_OEM = "http://127.0.0.1:9"


def sentence(*arguments: str | Path, code: int = UNREACHABLE, **how: object) -> str:
    """What `serve` says on stderr: one sentence without a traceback, and nothing on stdout."""
    words = [word for word in ("--port", "0") if "--port" not in arguments]
    ended = run("serve", *words, *arguments, **how)
    assert (ended.returncode, ended.stdout) == (code, ""), ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith("keyturn: ")
    return line.removeprefix("keyturn: ")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A data directory that a server can start on."""
    return asyncio.run(install(tmp_path, NO_OEM)).data


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_port_that_is_taken(data: Path) -> None:
    with taken_port() as port:
        said = sentence("--data", data, "--port", str(port))
    assert said == f"Port {port} on 127.0.0.1 is already in use."


def test_a_metrics_port_that_is_taken(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "keyturn.toml"
    with taken_port() as port:
        config.write_text(f'[server]\nmetrics_host = "127.0.0.1"\nmetrics_port = {port}\n')
        said = sentence("--data", data, "--config", config)
    assert said == f"Port {port} on 127.0.0.1 is already in use."


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("192.0.2.1", "192.0.2.1 is not an address of this machine."),
        ("no.invalid", "The host no.invalid is not known."),
    ],
)
def test_an_address_that_is_not_ours(data: Path, tmp_path: Path, host: str, said: str) -> None:
    config = tmp_path / "keyturn.toml"
    config.write_text(f'[server]\nhost = "{host}"\n')
    assert sentence("--data", data, "--config", config) == said


def test_a_data_directory_that_is_a_file(data: Path) -> None:
    data.write_text("")
    assert sentence("--data", data) == f"{data} cannot be used: File exists."


def test_a_data_directory_below_a_file(data: Path) -> None:
    data.write_text("")
    assert sentence("--data", data / "below") == f"{data} cannot be used: File exists."


def test_a_data_directory_that_nobody_may_enter(data: Path) -> None:
    data.mkdir(mode=0o000)
    said = sentence("--data", data, preexec_fn=obey_file_modes)
    assert said == f"{data / 'lock'} cannot be used: Permission denied."


@pytest.mark.anyio
async def test_data_that_another_server_has(tmp_path: Path) -> None:
    installation = await install(tmp_path, NO_OEM)
    async with serving(installation.config) as server:
        said = await asyncio.to_thread(sentence, "--data", installation.data)
        assert said == f"{installation.data} is in use by another Keyturn (pid {server.pid})."
        assert await server.terminate() == 0


def spoil_mode(keys: Path) -> None:
    keys.chmod(0o644)


def spoil_content(keys: Path) -> None:
    keys.write_text(keys.read_text()[:100])


def spoil_bytes(keys: Path) -> None:
    keys.write_bytes(b"\xff\xfe" * 100)


def exchange(keys: Path) -> None:
    """The keys of other data."""
    other = keys.parent.parent / "other"
    assert run("company", "add", "Other", "--data", other).returncode == 0
    shutil.copy2(other / "keyturn.keys", keys)


def put_directory(keys: Path) -> None:
    keys.unlink()
    keys.mkdir(mode=0o700)


KEY_FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "readable by others": (spoil_mode, "can be reached by others than its owner; run: chmod 600 {keys}"),
    "cut": (spoil_content, "is damaged or is no key file; restore it from your copy."),
    "no text": (spoil_bytes, "is damaged or is no key file; restore it from your copy."),
    "of other data": (exchange, "does not belong to this data; start with the one it was made with."),
    "missing": (Path.unlink, "is missing, and this data cannot be used without it."),
    "a directory": (put_directory, "cannot be read (Is a directory)."),
}


@pytest.mark.parametrize("name", KEY_FILES)
def test_a_key_file_that_is_wrong(made: Path, name: str) -> None:
    spoil, said = KEY_FILES[name]
    keys = made / "keyturn.keys"
    spoil(keys)
    assert sentence("--data", made) == f"The key file {keys} {said.format(keys=keys)}"


def write_over(database: Path) -> None:
    database.write_bytes(b"no database" * 1000)


def tear(database: Path) -> None:
    """The header stays, the rest is something else."""
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * (size - 100))


def make_foreign(database: Path) -> None:
    for file in database.parent.glob("keyturn.db*"):
        file.unlink()
    with closing(connect(database)) as connection:
        connection.execute("CREATE TABLE theirs (id)")


def make_newer(database: Path) -> None:
    with closing(connect(database)) as connection, connection:
        connection.execute("INSERT INTO migration VALUES (9999, 'later', 'x', 0)")


DATABASES: dict[str, tuple[Callable[[Path], None], str]] = {
    "no database": (write_over, "cannot be opened: file is not a database."),
    "torn": (tear, "cannot be opened: database disk image is malformed."),
    "another program's": (make_foreign, "is the SQLite database of another program."),
    "a newer Keyturn's": (make_newer, "was written by a newer Keyturn"),
}


@pytest.mark.parametrize("name", DATABASES)
def test_a_database_that_is_not_ours_to_use(made: Path, name: str) -> None:
    spoil, said = DATABASES[name]
    spoil(made / "keyturn.db")
    assert sentence("--data", made).startswith(f"{made / 'keyturn.db'} {said}")


def by_modes(data: Path) -> str:
    """Its error, after the files can only be read."""
    for path in (*data.iterdir(), data):
        path.chmod(0o500 if path.is_dir() else 0o400)
    return "Permission denied"


def by_mount(data: Path) -> str:
    make_read_only(data.parent)
    return "Read-only file system"


@pytest.fixture(params=[by_modes, by_mount] if may_mount() else [by_modes])
def read_only(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Callable[[Path], str]]]:
    """Where data can be made that then can only be read, and what makes it so."""
    at = tmp_path / "disk"
    if request.param is by_modes:
        at.mkdir()
        yield at / "data", by_modes
        (at / "data").chmod(0o700)
        return
    with memory_disk(at, size=4_000_000):
        yield at / "data", by_mount


def test_a_disk_that_can_only_be_read(read_only: tuple[Path, Callable[[Path], str]], tmp_path: Path) -> None:
    data, protect = read_only
    asyncio.run(install(tmp_path, NO_OEM, data=data))
    error = protect(data)
    said = sentence("--data", data, preexec_fn=obey_file_modes)
    assert said == f"{data / 'lock'} cannot be used: {error}."


def test_a_database_file_that_can_only_be_read(made: Path) -> None:
    (made / "keyturn.db").chmod(0o400)
    said = sentence("--data", made, preexec_fn=obey_file_modes)
    assert said == f"{made / 'keyturn.db'} cannot be used: Permission denied."


CONFIGS: dict[str, tuple[str, str]] = {
    "a key that there is not": ("[server]\nprot = 1\n", "server.prot: no such key; the nearest is 'port' ({config})."),
    "a section that there is not": ("[sever]\nport = 1\n", "sever: no such key; the nearest is 'server' ({config})."),
    "a value out of range": (
        "[server]\nbody_limit = 1\n",
        "server.body_limit: expected an integer from 1024 to 1048576, got 1 ({config}).",
    ),
    "a value of another kind": (
        '[engine]\nsend_window = "soon"\n',
        "engine.send_window: expected a number from 0.001 to 2592000, got 'soon' ({config}).",
    ),
    "a command that there is not": (
        "[commands.send_wait]\nfly = 1.0\n",
        "commands.send_wait.fly: no such command; allowed are",
    ),
    "no TOML": ("server = [", "{config}: not valid TOML"),
    "a definition that there is not": (
        '[connectors.acme]\ndefinition = "acme"\n',
        "acme: no such definition; allowed are",
    ),
    "a certificate that there is not": (
        '[server]\ntls_certificate = "/none.pem"\ntls_key = "/none.key"\n',
        "The TLS certificate /none.pem cannot be used: No such file or directory.",
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_that_is_wrong(data: Path, tmp_path: Path, name: str) -> None:
    text, said = CONFIGS[name]
    config = tmp_path / "keyturn.toml"
    config.write_text(text)
    code = UNREACHABLE if "TLS" in said else USAGE
    assert sentence("--data", data, "--config", config, code=code).startswith(said.format(config=config))


def test_a_configuration_that_is_not_there(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "none.toml"
    said = sentence("--data", data, "--config", config, code=USAGE)
    assert said == f"{config}: cannot be read (No such file or directory)."


def test_a_variable_that_is_misspelt(data: Path) -> None:
    said = sentence("--data", data, code=USAGE, env={**os.environ, "KEYTURN_SERVER_PROT": "1"})
    assert said == "server.prot: no such key; the nearest is 'port' (KEYTURN_SERVER_PROT)."
