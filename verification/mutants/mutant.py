"""A mutant, and which of them a seed chooses."""

import hashlib
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

import msgspec

Key = tuple[str, str, str, str, int]
"""Module, place, lines before, lines after, number."""
ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "keyturn"
OUT = Path(__file__).with_name("out")
"""What is kept between runs and not committed."""
_GENERATE = Path(__file__).with_name("generate.py")


class Mutant(msgspec.Struct, frozen=True):
    """One change of one file; `text` is the whole file with it. `before` and `after` are the lines that change."""

    file: str
    place: str
    line: int
    before: str
    after: str
    number: int
    """Mutants of one place that read the same are numbered, from 1."""
    text: str

    @property
    def module(self) -> str:
        """Its path under ``src/keyturn``."""
        return Path(self.file).relative_to(SOURCES).as_posix()

    @property
    def key(self) -> Key:
        """The same mutant wherever other lines of the file have moved it."""
        return self.module, self.place, self.before, self.after, self.number

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.place}\n    - {self.before}\n    + {self.after}"


_DECODER = msgspec.json.Decoder(Mutant)


def all_mutants(python: Path, modules: Iterable[str]) -> list[Mutant]:
    """Every mutant of these modules, made once for each state of them; `python` is an interpreter that has mutmut."""
    paths = [SOURCES / module for module in modules]
    kept = OUT / f"mutants-{_digest([_GENERATE, *paths])}.jsonl"
    if not kept.exists():
        done = subprocess.run([python, _GENERATE, *paths], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"mutants cannot be made: {done.stderr[-2000:]}")
        OUT.mkdir(exist_ok=True)
        kept.write_text(done.stdout, "utf-8")
    return [_DECODER.decode(line) for line in kept.read_text("utf-8").splitlines()]


def _digest(paths: Iterable[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:16]


def sample(mutants: list[Mutant], size: int, seed: int) -> list[Mutant]:
    """The `size` mutants that the seed ranks first, in the order of the files. Other mutants do not change a rank."""
    chosen = {mutant.key for mutant in sorted(mutants, key=lambda mutant: _rank(mutant, seed))[:size]}
    return [mutant for mutant in mutants if mutant.key in chosen]


def _rank(mutant: Mutant, seed: int) -> bytes:
    return hashlib.sha256(json.dumps([seed, *mutant.key]).encode()).digest()
