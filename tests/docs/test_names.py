"""The pages that lead through the code name what is there: files, packages, modules, and names of the source."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASES = (ROOT, ROOT / "src", ROOT / "src" / "keyturn")
PAGES = ("walkthrough.md", "recipes.md", "architecture.md")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w.-]+\.(?:py|md|toml))`")
DOTTED = re.compile(r"`((?:keyturn|commands)(?:\.\w+)+)`")
NAME = re.compile(r"`(_?[A-Z][A-Za-z]*[a-z]\w*|_?[A-Z][A-Z_]{3,}|[a-z]+_[a-z_]+)`")
EXAMPLES = {"close_windows", "windows_closed", "notice_age", "acme_gateway"}
"""Names that a recipe makes up."""
PLACEHOLDER = re.compile(r"NAME")


def page(name: str) -> str:
    return FENCE.sub("", (ROOT / "docs" / name).read_text("utf-8"))


@cache
def words() -> frozenset[str]:
    """Every identifier of the source, its tests and its tables."""
    files = [
        file
        for folder in ("src", "tests", "verification")
        for pattern in ("*.py", "*.sql", "*.toml")
        for file in (ROOT / folder).rglob(pattern)
    ]
    return frozenset(word for file in files for word in re.findall(r"\w+", file.read_text("utf-8")))


def is_there(path: str) -> bool:
    return any((base / path).exists() for base in BASES)


def is_module(dotted: str) -> bool:
    """Whether it names a package, a module, or a name that a module defines."""
    parts = dotted.removeprefix("keyturn.").split(".")
    whole, above = "/".join(parts), "/".join(parts[:-1])
    if is_there(whole) or is_there(f"{whole}.py"):
        return True
    module = ROOT / "src" / "keyturn" / f"{above}.py"
    return (
        module.is_file()
        and re.search(rf"^(class |def |async def )?{parts[-1]}\b", module.read_text("utf-8"), re.M) is not None
    )


@pytest.mark.parametrize("name", PAGES)
def test_every_file_that_it_names_exists(name: str) -> None:
    named = {path for path in PATH.findall(page(name)) if not PLACEHOLDER.search(path)}
    assert len(named) >= 10
    assert sorted(path for path in named if not is_there(path)) == []


@pytest.mark.parametrize("name", PAGES)
def test_every_module_and_name_that_it_gives_exists(name: str) -> None:
    text = page(name)
    assert sorted(dotted for dotted in DOTTED.findall(text) if not is_module(dotted)) == []
    assert sorted(set(NAME.findall(text)) - words() - EXAMPLES) == []


def test_every_place_of_the_glossary_exists() -> None:
    rows = [line.split("|") for line in (ROOT / "docs/glossary.md").read_text("utf-8").splitlines()]
    places = {place for row in rows[1:] if len(row) == 6 for place in re.findall(r"`([\w./-]+)`", row[3])}
    assert len(places) >= 15
    assert sorted(place for place in places if not is_there(place) and not is_there(f"{place}.py")) == []


def test_every_package_has_its_row_on_the_page_about_architecture() -> None:
    source = ROOT / "src" / "keyturn"
    files = [*source.glob("*/__init__.py"), *source.glob("commands/*/__init__.py")]
    packages = {file.parent.relative_to(source) for file in files}
    assert sorted(str(each) for each in packages if f"`{each}`" not in page("architecture.md")) == []


def test_what_is_not_there_is_found() -> None:
    assert not is_there("commands/admission/nothing.py")
    assert not is_module("keyturn.commands.model.lifecycle.nothing")
    assert is_module("keyturn.commands.model.lifecycle.move")
    assert is_module("commands.execution")
