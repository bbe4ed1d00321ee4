import shutil
from pathlib import Path

import pytest

from tests.support.enrolment import Names

from ..commands.conftest import installed as installed
from .one_node import MakeNode, OneNode


@pytest.fixture
def node_of(installed: tuple[Path, Names], tmp_path: Path) -> MakeNode:
    """Makes the test's node, on a data directory of its own."""
    template, names = installed
    shutil.copytree(template, tmp_path / "data")
    return lambda disk=None, **declared: OneNode(tmp_path / "data", names, disk, **declared)
