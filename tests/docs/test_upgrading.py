"""The tables of kinds and of renamed words are those that the product reads by."""

import re
from pathlib import Path

import pytest

from keyturn.audit import kinds
from keyturn.cli import root
from keyturn.config import aliases as settings

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "upgrading.md").read_text("utf-8")
TABLES = {
    "Audit kinds": kinds.RENAMED,
    "Command line": root.RENAMED_VERBS | root.RENAMED_OPTIONS,
    "Configuration": {".".join(old): ".".join(new) for old, new in settings.RENAMED.items()},
}


@pytest.mark.parametrize(("title", "renamed"), TABLES.items())
def test_a_table_has_every_renamed_word(title: str, renamed: dict[str, str]) -> None:
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert dict(re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", section, re.MULTILINE)) == renamed


def test_the_page_about_audit_has_every_kind() -> None:
    section = (DOCS / "audit.md").read_text("utf-8").partition("\n## Kinds\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)\.` \| (.+) \|$", section, re.MULTILINE)
    assert {f"{subject}.{deed}" for subject, deeds in rows for deed in re.findall(r"`(\w+)`", deeds)} == kinds.KINDS
