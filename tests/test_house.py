"""The house rules of `CONTRIBUTING.md` that a program can check: sizes of folders and files, names, words."""

import ast
import io
import subprocess
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src"
DOMAIN = ("commands", "fleet", "tenants", "auth", "admin", "audit")
"""Packages of `keyturn` in which a file name occurs once: faces and adapters may repeat a noun."""
MOST_FILES, MOST_LINES = 18, 300
FORBIDDEN = frozenset({"said", "told", "stand", "stands", "standing", "turned", "whoever", "nobody"})
"""Words that cannot be searched for."""
STORED = frozenset({"told", "vin_told_at", "standing"})
"""Names of columns and of JSON members, which stay as they were stored."""


def python_files(*folders: str) -> list[Path]:
    """What the repository holds below the folders."""
    listed = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=False)
    found = [ROOT / line for line in listed.stdout.splitlines()]
    if not found:  # an unpacked source distribution has no index
        found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in found if path.suffix == ".py" and path.is_file())


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


PRODUCT = python_files("src")
EVERYTHING = python_files("src", "tests", "verification", "benchmarks")


def test_no_folder_holds_more_python_files_than_a_reader_can_survey() -> None:
    folders = Counter(path.parent.relative_to(ROOT).as_posix() for path in EVERYTHING)
    assert {folder: count for folder, count in folders.items() if count > MOST_FILES} == {}


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    lengths = {named(path): len(path.read_text("utf-8").splitlines()) for path in EVERYTHING}
    assert {file: lines for file, lines in lengths.items() if lines > MOST_LINES} == {}


def test_a_file_name_occurs_once_within_the_domain() -> None:
    rooms = python_files(*(f"src/keyturn/{package}" for package in DOMAIN))
    names = Counter(path.name for path in rooms if path.name != "__init__.py")
    assert {name: count for name, count in names.items() if count > 1} == {}


def test_each_module_says_in_its_first_sentence_what_it_is_for() -> None:
    silent = [path for path in PRODUCT if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert [named(path) for path in silent if path.name != "__main__.py"] == []


def test_no_identifier_is_a_word_that_cannot_be_searched_for() -> None:
    found = {named(path): sorted(forbidden_words(path)) for path in PRODUCT}
    assert {file: words for file, words in found.items() if words} == {}


def forbidden_words(path: Path) -> set[tuple[int, str]]:
    """(line, identifier) of each that has a forbidden word among its parts."""
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
    names = {(token.start[0], token.string) for token in tokens if token.type == tokenize.NAME}
    return {(line, name) for line, name in names if name not in STORED and FORBIDDEN & set(name.lower().split("_"))}
