"""The page that leads from a clone to a command on an OEM of one's own does so: its blocks are run as they stand."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "first-oem.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SETTING_UP = """make .venv/.ready
export PATH="$PWD/.venv/bin:$PATH"
mkdir -p first-oem && cd first-oem
"""
"""The first block: what the tests themselves were set up with."""


def free_port() -> str:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return str(sock.getsockname()[1])


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Everything that a terminal shows when the page is pasted into it, which stops at the first thing that fails."""
    assert BLOCKS[0] == SETTING_UP
    script = "\n".join(["set -e -o pipefail", *BLOCKS[1:]]).replace("9191", free_port()).replace("8321", free_port())
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYTURN_")}
    bash = subprocess.Popen(
        ["bash"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path_factory.mktemp("first-oem"),
        env=kept | {"PATH": f"{Path(sys.executable).parent}:{kept['PATH']}"},
        start_new_session=True,
    )
    try:
        said, _ = bash.communicate(script, timeout=240)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(bash.pid, signal.SIGKILL)  # what it left behind, where it did not come to its last block
    assert bash.returncode == 0, said
    return said


def test_every_command_of_the_page_ends_in_success(told: str) -> None:
    ended = re.findall(r"^(\w+) 1M8GDM9AXKP042788  Success", told, re.MULTILINE)
    assert ended == ["lock_door", "disable_ignition", "enable_ignition"]
    assert re.findall(r'"POST /api/cars/car-1/commands/(\w+) ', told) == ["lock", "disable", "enable"]


def test_the_definition_was_tried_before(told: str) -> None:
    before = told.partition("lock_door 1M8GDM9AXKP042788")[0]
    assert "In progress: the OEM has it, and the operation is asked about." in before
    assert re.search(r"^GET /api/cars/car-1  200, ", before, re.MULTILINE)
    assert re.search(r"^system_power_mode = off  observed ", before, re.MULTILINE)
    assert "note: " not in before


def test_ready_of_the_first_oem_page_held(told: str) -> None:
    assert "lock_door of 1M8GDM9AXKP042788: ready" in told
    assert "disable_ignition of 1M8GDM9AXKP042788: ready" in told
    assert "not ready" not in told


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([\w./-]+\.md(?:#[\w-]*)?)\)", PAGE))))
def test_links_of_the_first_oem_page_lead_somewhere(link: str) -> None:
    file, _, anchor = link.partition("#")
    headings = re.findall(r"^#+ (.*)$", (DOCS / file).read_text("utf-8"), re.MULTILINE)
    slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert not anchor or anchor in slugs
