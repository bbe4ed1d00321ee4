import json
from pathlib import Path
from urllib.request import urlopen

from keyturn.cli.root import run

from .processes import Running, keyturn


def test_serves_what_its_file_says_until_it_is_told_to_stop(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "keyturn.toml"
    file.write_text(f'[server]\nport = 0\ndata = "{data}"\n')
    with Running("serve", "--config", file) as server:
        with urlopen(f"{server.ready.strip()}/readyz") as answer:
            assert json.load(answer) == {"status": "ready"}
        assert (data / "keyturn.db").exists()
        code, out, _ = server.stop()
    assert (code, out) == (0, "")


def test_one_server_to_a_data_directory(tmp_path: Path) -> None:
    with Running("serve", "--data", tmp_path, "--port", 0) as server:
        refused = keyturn("serve", "--data", tmp_path, "--port", 0, "--json")
    said = {"code": "store_refused", "detail": f"{tmp_path} is in use by another Keyturn (pid {server.process.pid})."}
    assert (refused.returncode, json.loads(refused.stderr)) == (3, said)


def test_a_killed_server_can_be_followed_by_another(tmp_path: Path) -> None:
    with Running("serve", "--data", tmp_path, "--port", 0) as server:
        server.kill()
    assert (tmp_path / "keyturn.sock").is_socket()
    assert run(["company", "add", "ACME", "--data", str(tmp_path)]) == 0
    with Running("serve", "--data", tmp_path, "--port", 0, "--json") as server:
        with urlopen(f"{json.loads(server.ready)['url']}/healthz") as answer:
            assert answer.status == 200
        assert run(["company", "show", "ACME", "--data", str(tmp_path)]) == 0


def test_a_definition_that_is_wrong_is_refused(tmp_path: Path) -> None:
    settings = {
        "KEYTURN_CONNECTORS_ACME__DEFINITION": str(tmp_path / "missing.toml"),
        "KEYTURN_CONNECTORS_ACME__BASE_URL": "http://127.0.0.1:9",
    }
    refused = keyturn("serve", "--data", tmp_path, "--port", 0, **settings)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "missing.toml" in refused.stderr


def test_a_directory_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    refused = keyturn("serve", "--data", file, "--port", 0)
    assert refused.returncode == 3
    assert refused.stderr.count("\n") == 1
