"""``python -m verification.mutants``: mutate the product, run each mutant against its tests, list the survivors."""

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from verification.mutants.explained import explained, outdated
from verification.mutants.mutant import ROOT, Key, Mutant, all_mutants, sample
from verification.mutants.report import load_verdicts, save_verdicts, table
from verification.mutants.targets import TARGETS, Target
from verification.mutants.trial import Verdict, run_tests

_GENERATOR = ROOT / ".venv-mutants" / "bin" / "python"
_PATIENCE = 5.0
"""A mutant that takes so many times as long as the product is stuck."""
_LEAST = 30.0


def main() -> int:
    """0: nothing survived that is not explained."""
    asked = _arguments()
    chosen = [target for target in TARGETS if not asked.module or target.module in asked.module]
    everything = all_mutants(Path(asked.generator), (target.module for target in TARGETS))
    for row in outdated(everything, {target.module for target in chosen}):
        print(f"outdated explanation, its lines have changed: {row.module} {row.place}: {row.after}")
    modules = {target.module for target in chosen}
    mutants = [m for m in sample(everything, asked.sample, asked.seed) if m.module in modules]
    known = load_verdicts() if asked.survivors else {}
    started = time.monotonic()
    verdicts = _tried(chosen, mutants, lambda mutant: known.get(mutant.key) not in (None, Verdict.SURVIVED), known)
    save_verdicts(verdicts)
    seconds = time.monotonic() - started
    print(table(mutants, verdicts, explained()))
    print(f"sample {asked.sample} of {len(everything)}, seed {asked.seed}: {len(mutants)} mutants in {seconds:.0f} s")
    return 1 if any(verdicts[m.key] is Verdict.SURVIVED and m.key not in explained() for m in mutants) else 0


def _tried(
    targets: Iterable[Target], mutants: list[Mutant], settled: Callable[[Mutant], bool], known: dict[Key, Verdict]
) -> dict[Key, Verdict]:
    verdicts: dict[Key, Verdict] = {}
    reasons = explained()
    for target in targets:
        own = [mutant for mutant in mutants if mutant.module == target.module]
        todo = [mutant for mutant in own if not settled(mutant)]
        verdicts |= {mutant.key: known[mutant.key] for mutant in own if settled(mutant)}
        if not todo:
            continue
        within = _measured(target)
        for mutant in todo:
            verdicts[mutant.key] = verdict = run_tests(mutant, target.tests, within)
            if verdict is Verdict.SURVIVED:
                print(f"{'explained' if mutant.key in reasons else 'SURVIVED'}: {mutant}", flush=True)
    return verdicts


def _measured(target: Target) -> float:
    """Seconds that a mutant of this module may take. Its tests must pass without one."""
    started = time.monotonic()
    if run_tests(None, target.tests, 600.0) is not Verdict.SURVIVED:
        raise SystemExit(f"the tests of {target.module} fail without any mutant: their result would mean nothing")
    took = time.monotonic() - started
    print(f"{target.module}: its tests take {took:.1f} s", flush=True)
    return max(_LEAST, _PATIENCE * took)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m verification.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=800, help="how many mutants, of all modules together")
    parser.add_argument("--seed", type=int, default=1, help="which of them")
    parser.add_argument(
        "--module", action="append", help="only those of the sample that are of this module; repeatable"
    )
    parser.add_argument("--survivors", action="store_true", help="try again only what survived the last run")
    parser.add_argument("--generator", default=str(_GENERATOR), help="an interpreter that has mutmut")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
