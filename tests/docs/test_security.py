"""The threat model names tests: each of them is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))
ATTACKS = (
    "replay", "stolen token", "stolen sign-secret", "code guessing", "insider mass disable", "insider loosening",
    "cross-tenant access", "claimed vin", "poisoned status url", "log leak", "ssrf", "audit tampering", "stolen backup",
    "slow senders",
)  # fmt: skip


def test_every_test_that_it_names_exists() -> None:
    missing = [(file, test) for file, test in NAMED if not _exists(ROOT / file, test)]
    assert missing == []
    assert len(NAMED) > 50


def test_every_attack_has_a_row_with_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    for attack in ATTACKS:
        assert any(attack in row.lower() and "`tests/" in row for row in rows), attack


def _exists(file: Path, test: str) -> bool:
    return file.is_file() and (not test or re.search(rf"def {test}\b", file.read_text("utf-8")) is not None)
