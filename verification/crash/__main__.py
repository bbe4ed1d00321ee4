"""``python -m verification.crash``: kill real servers under load, then compare everything."""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
import traceback
from functools import partial
from pathlib import Path

from verification.crash.invariants import violations
from verification.crash.report import print_report
from verification.crash.running import run
from verification.crash.scenario import Scenario

_INTERRUPTED = 130


def main() -> int:
    """0: no invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m verification.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="of the server; simulated OEMs die on top of that")
    parser.add_argument("--seed", type=int, default=1, help="what all chance comes from")
    parser.add_argument("--clients", type=int, default=Scenario.clients, help="customers at once")
    given = parser.parse_args()
    scenario = Scenario(given.seed, kills=given.kills, clients=given.clients)
    folder = Path(tempfile.mkdtemp(prefix="keyturn-crash-"))
    try:
        code = asyncio.run(_run(scenario, folder))
    except (asyncio.CancelledError, KeyboardInterrupt):
        code = _INTERRUPTED
    except Exception:
        traceback.print_exc()
        code = 1
    if code in (0, _INTERRUPTED):
        shutil.rmtree(folder)
    else:
        print(f"seed {scenario.seed}; everything is kept in {folder}")
    return code


async def _run(scenario: Scenario, folder: Path) -> int:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
    began = time.monotonic()
    this, left = await run(scenario, folder, partial(print, flush=True))
    found = violations(left)
    print_report(this, left, found, time.monotonic() - began)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
