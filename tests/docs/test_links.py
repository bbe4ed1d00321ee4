"""Relative links and their anchors: each leads to a file of the repository and to a heading in it."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")])
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^()\s]+)\)")


def prose(page: Path) -> str:
    """The text of a page without its code blocks."""
    return FENCE.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings as GitHub makes them: the second of one name ends with `-1`."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#{1,6} (.+?) *$", prose(page), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", LINK.sub(r"\1", heading).lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    return [link for _, link in LINK.findall(prose(page)) if not _resolves(page, link)]


def _resolves(page: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    if re.match(r"[a-z]+:", link):
        return True
    target = (page.parent / file).resolve() if file else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not anchor or (target.suffix == ".md" and anchor in anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_resolves(page: Path) -> None:
    assert broken(page) == []


def test_a_dead_link_is_found() -> None:
    page = ROOT / "docs" / "api.md"
    assert not _resolves(page, "nothing.md")
    assert not _resolves(page, "#nothing")
    assert not _resolves(page, "../README.md#nothing")
    assert _resolves(page, "#signing-version-2")
    assert _resolves(page, "https://example.org/nothing")
