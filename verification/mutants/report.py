"""The score by module, and the verdicts of earlier runs in ``out/verdicts.json``, by which survivors are run again."""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from verification.mutants.mutant import OUT, Key, Mutant
from verification.mutants.trial import Verdict
from verification.report import markdown_table

_HEAD = ("module", "mutants", "killed", "at import", "stuck", "explained", "survived", "score")


def table(mutants: Iterable[Mutant], verdicts: Mapping[Key, Verdict], reasons: Mapping[Key, object]) -> str:
    """A row for each module and one for all. The score leaves out what survived and is explained."""
    counts: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    for mutant in mutants:
        verdict = verdicts[mutant.key]
        what = "explained" if verdict is Verdict.SURVIVED and mutant.key in reasons else str(verdict)
        counts.setdefault(mutant.module, Counter())[what] += 1
        total[what] += 1
    rows = (_row(module, found) for module, found in counts.items())
    return markdown_table(_HEAD, (*rows, _row("all", total)))


def _row(name: str, found: Counter[str]) -> tuple[str, ...]:
    dead = found[Verdict.KILLED] + found[Verdict.BROKEN] + found[Verdict.STUCK]
    counted = dead + found[Verdict.SURVIVED]
    score = f"{100 * dead / counted:.1f} %" if counted else "-"
    columns = (found.total(), found[Verdict.KILLED], found[Verdict.BROKEN], found[Verdict.STUCK])
    return (name, *map(str, columns), str(found["explained"]), str(found[Verdict.SURVIVED]), score)


_FILE = OUT / "verdicts.json"


def load_verdicts() -> dict[Key, Verdict]:
    if not _FILE.exists():
        return {}
    return dict(msgspec.json.decode(_FILE.read_bytes(), type=list[tuple[Key, Verdict]]))


def save_verdicts(verdicts: dict[Key, Verdict]) -> None:
    """Verdicts of other mutants stay."""
    _FILE.parent.mkdir(exist_ok=True)
    _FILE.write_bytes(msgspec.json.encode(list({**load_verdicts(), **verdicts}.items())))
