import json
import subprocess
import sys

import pytest

from keyturn import __version__
from keyturn.cli.root import GROUPS, run
from keyturn.operations import OPERATIONS

from .processes import keyturn


def test_the_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    overview = capsys.readouterr().out
    for commands in GROUPS.values():
        for name in commands:
            assert f"\n  {name} " in overview


def test_the_overview_needs_no_library() -> None:
    code = "import sys; from keyturn.cli.root import run; run(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for library in ("cyclopts", "rich", "msgspec", "uvloop", "httpx2"):
        assert f"'{library}'" not in done.stderr


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize("name", [name for commands in GROUPS.values() for name in commands])
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert f"Usage: keyturn {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", [operation.cli_command or operation.name for operation in OPERATIONS])
def test_every_operation_is_a_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*name.split(), "--help"]) == 0
    assert f"Usage: keyturn {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("sned", "There is no command 'sned'; the nearest is send."),
        ("xyzzy", "There is no command 'xyzzy'; see keyturn --help."),
        ("sign 9KTPARKED00000001 start", "--secret"),
        ("sign 9KTPARKED00000001 start --secret s --chekc x", "--chekc"),
        ("company delete", "delete"),
        ("demo --port many", "many"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words.split()) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert err.count("\n") == 1
    assert out == ""


def test_wrong_usage_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sned", "--json"]) == 2
    said = json.loads(capsys.readouterr().err)
    assert said == {"code": "usage", "detail": "There is no command 'sned'; the nearest is send."}


def test_the_process_ends_with_the_exit_code() -> None:
    assert keyturn("--help").returncode == 0
    assert keyturn("sned").returncode == 2
