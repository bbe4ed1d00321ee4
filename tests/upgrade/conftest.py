"""The oldest version's installation, unpacked as it was left, and a server of this version on it."""

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import Running

FIXTURE = Path(__file__).parent / "fixture"
EXPECTED: dict[str, Any] = json.loads((FIXTURE / "expected.json").read_text())


def unpack(folder: Path) -> Path:
    """The data directory, the configuration, and the files that it names, below `folder`."""
    (folder / "data").mkdir()
    (folder / "data" / "keyturn.db").write_bytes(gzip.decompress((FIXTURE / "keyturn.db.gz").read_bytes()))
    for name in ("keyturn.toml", "keyturn.keys", "client.pem", "client.key", "mail-password", "alert-secret"):
        shutil.copy(FIXTURE / name, folder)
    (folder / "checkpoints").mkdir()
    shutil.copy(FIXTURE / "keyturn.checkpoints", folder / "checkpoints")
    for path in (folder / "keyturn.keys", *(folder / "checkpoints").iterdir(), folder / "data" / "keyturn.db"):
        path.chmod(0o600)  # git keeps no such modes
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The installation; paths in its configuration are relative to it."""
    with pytest.MonkeyPatch.context() as patch:
        place = unpack(tmp_path_factory.mktemp("oldest"))
        patch.chdir(place)
        yield place


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """A server of this version that was started with the old configuration; only addresses are other ones."""
    oem = Running("simulate", "--port", 0, "--json", "--latency", 0.1, "--vehicles", 5)
    here = {"KEYTURN_CONNECTORS_SIMULATOR__BASE_URL": json.loads(oem.ready)["url"]}
    server = Running("serve", "--config", folder / "keyturn.toml", "--port", 0, "--json", **here)
    assert server.ready, server.stop()
    yield json.loads(server.ready)["url"]
    code, _, _ = server.stop()
    oem.stop()
    assert code == 0
