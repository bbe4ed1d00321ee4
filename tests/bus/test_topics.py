"""The topics: all in one list, each announced and heard somewhere, and never a text of one's own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyturn.bus import topics
from keyturn.bus.memory import MemoryBus
from keyturn.bus.topics import COMMAND_CHANGED, CommandId, Topic, VehicleId

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/keyturn"
TOPICS = {name: topic for name, topic in vars(topics).items() if isinstance(topic, Topic)}
ANNOUNCE, LISTEN = {"announce", "publish"}, {"listen", "listen_for_rows", "waiter"}
UNHEARD = {"AUDIT_SEALED"}
"""The process that seals needs no word of it; a node that ships entries without sealing them would listen."""


def calls(methods: set[str], *folders: Path) -> Iterator[tuple[Path, ast.expr]]:
    """The first of several arguments of each call of such a method, and its file."""
    for file in (file for folder in folders for file in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in methods and len(node.args) > 1:
                yield file, node.args[0]


def users(methods: set[str]) -> set[str]:
    return {first.id for _, first in calls(methods, SOURCE) if isinstance(first, ast.Name)} & TOPICS.keys()


def test_every_topic_has_a_name_of_its_own() -> None:
    names = [topic.name for topic in TOPICS.values()]
    assert len(set(names)) == len(names) > 0


def test_every_topic_is_announced_and_listened_to() -> None:
    assert users(ANNOUNCE) == set(TOPICS)
    assert users(LISTEN) == set(TOPICS) - UNHEARD


@pytest.mark.parametrize("folder", ["src", "tests", "verification", "benchmarks"])
def test_no_topic_is_a_string(folder: str) -> None:
    texts = [
        f"{file.relative_to(ROOT)}:{first.lineno}"
        for file, first in calls(ANNOUNCE | LISTEN, ROOT / folder)
        if isinstance(first, ast.Constant | ast.JoinedStr) and file != Path(__file__)
    ]
    assert texts == []


def test_a_topic_is_made_in_the_list_alone() -> None:
    makers = {
        file.relative_to(SOURCE).as_posix()
        for file in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and "Topic" in {name.id for name in ast.walk(node.func) if isinstance(name, ast.Name)}
    }
    assert makers == {"bus/topics.py"}


def test_a_type_checker_takes_neither_a_text_nor_the_id_of_something_else(bus: MemoryBus) -> None:
    """Strict mypy objects to an ignore that it has no use for."""
    bus.publish("command", CommandId("a"))  # type: ignore[arg-type]
    bus.publish(COMMAND_CHANGED, VehicleId("a"))  # type: ignore[misc]
    bus.waiter("command", CommandId("a"))  # type: ignore[arg-type]
    bus.listen("command", print)  # type: ignore[arg-type]
