"""The verdicts of the last runs, so that survivors alone can be tried again: ``out/verdicts.json``, not committed."""

import msgspec

from verification.mutants.mutant import OUT, Key
from verification.mutants.trial import Verdict

_FILE = OUT / "verdicts.json"


def remembered() -> dict[Key, Verdict]:
    if not _FILE.exists():
        return {}
    return dict(msgspec.json.decode(_FILE.read_bytes(), type=list[tuple[Key, Verdict]]))


def remember(verdicts: dict[Key, Verdict]) -> None:
    """Beside what is remembered of other mutants."""
    _FILE.parent.mkdir(exist_ok=True)
    _FILE.write_bytes(msgspec.json.encode(list({**remembered(), **verdicts}.items())))
