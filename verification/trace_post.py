"""``python -m verification.trace_post``: the files of the product that one signed POST enters, in order.

A node runs in this process with a simulated OEM, and one `lock_door` is posted to it. Calls are recorded in every
thread, (a) from the route handler's entry to the COMMIT of the transaction that accepts the command, and (b) from
there to the request to the OEM. Work that runs beside it in the same process, such as a periodic job, is recorded too;
so it is done several times on fresh nodes, and only files that every run enters are listed.
"""

import argparse
import asyncio
import logging
import re
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from dis import opmap
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import apsw
import structlog

import keyturn
from keyturn.app import Node
from keyturn.config.settings import ConnectorSettings, HttpSettings, ServerSettings, Settings
from keyturn_client import KeyturnClient
from keyturn_simulator import Simulator, SimulatorSettings, fleet_vins
from verification.report import markdown_table

DOMAIN = ("commands", "fleet", "tenants", "auth", "admin", "audit", "engine")
"""First folders below `keyturn` that are counted as the domain; the store, the API and the connectors are not."""
ACCEPTING_GOAL, SENDING_GOAL = 18, 25
"""Files of the domain, at most, in each half."""
COMMAND = "lock_door"
_ROOT = f"{Path(keyturn.__file__).parent}/"
_HANDLER = "vehicle_command"
"""Is in the path of the handler's file, below ``api/``."""
_ACCEPTS = re.compile(r"\s*INSERT INTO command\b", re.IGNORECASE)
_OEM_TOKEN = {"token": SimulatorSettings().token}


@dataclass
class Recorder:
    """Calls of the product's functions as paths below `keyturn`, one list for each of the two halves."""

    accepting: list[str] = field(default_factory=list)
    sending: list[str] = field(default_factory=list)
    armed: bool = False
    over: bool = False
    _calls: list[str] | None = None
    _accepts: bool = False

    def profile(self, frame: FrameType, event: str, _argument: object) -> None:
        """For `sys.setprofile`."""
        if event != "call" or not self.armed or self.over or _is_resumed(frame):
            return
        file = frame.f_code.co_filename
        if file.startswith(_ROOT):
            self._called(file.removeprefix(_ROOT))
        elif self._calls is self.sending and file.endswith("/aiohttp/client.py") and _posts(frame):
            self.over = True

    def traced(self, _cursor: apsw.Cursor, sql: str, _values: object) -> bool:
        """For `apsw.Connection.exec_trace`: every statement is executed."""
        self._statement(sql)
        return True

    def _statement(self, sql: str) -> None:
        """The COMMIT after the command's row ends the first half."""
        if self._calls is self.accepting and _ACCEPTS.match(sql):
            self._accepts = True
        elif self._accepts and sql.strip().upper() == "COMMIT":
            self._accepts, self._calls = False, self.sending

    def _called(self, path: str) -> None:
        if self._calls is None and path.startswith("api/") and _HANDLER in path:
            self._calls = self.accepting
        if self._calls is not None:
            self._calls.append(path)


def _is_resumed(frame: FrameType) -> bool:
    """A coroutine goes on: the profiler reports that as a call."""
    code, at = frame.f_code.co_code, frame.f_lasti
    return at >= 0 and code[at] == opmap["RESUME"] and code[at + 1] & 3 != 0


def _posts(frame: FrameType) -> bool:
    return frame.f_code.co_name == "_request" and frame.f_locals.get("method") == "POST"


@contextmanager
def recording() -> Iterator[Recorder]:
    """Every thread that starts from now on is recorded, and every database that is opened."""
    recorder = Recorder()

    def traced(connection: apsw.Connection) -> None:
        connection.exec_trace = recorder.traced

    with patch.object(apsw, "connection_hooks", [traced]):
        threading.setprofile(recorder.profile)
        sys.setprofile(recorder.profile)
        try:
            yield recorder
        finally:
            sys.setprofile(None)
            threading.setprofile(None)


async def trace(data: Path) -> Recorder:
    """Post one command to a node on fresh data. Raises `RuntimeError` when it never reaches the OEM."""
    async with Simulator(SimulatorSettings(vehicles=3, lively=False)) as oem:
        node = Node(_settings(data, oem.base_url))
        with recording() as recorder:
            url = await node.start()
            try:
                client, vin = await _enrolled(node, url)
                await asyncio.to_thread(client.token)
                recorder.armed = True
                record = await asyncio.to_thread(client.send, vin, COMMAND)
                await _reached(recorder, record)
                client.close()
            finally:
                await node.stop()
    return recorder


def _settings(data: Path, oem_url: str) -> Settings:
    connectors = {"simulator": ConnectorSettings(http=HttpSettings(definition="simulator", base_url=oem_url))}
    return Settings(server=ServerSettings(port=0, data=str(data)), connectors=connectors)


async def _enrolled(node: Node, url: str) -> tuple[KeyturnClient, str]:
    """The client of a new company's application, and a vehicle that it may command."""
    vehicle = next(each for each in fleet_vins(3) if each.plan == "all" and each.api != "relay")
    owned = {"company": "first", "plan": "all", "ownership": vehicle.ownership, "powertrain": vehicle.powertrain}
    await node.administer("plan add", {"name": "all", "commands": [COMMAND]})
    await node.administer("company add", {"name": "first"})
    account = {"company": "first", "connector": "simulator", "name": "simulator", "credentials": _OEM_TOKEN}
    await node.administer("account add", account)
    added = await node.administer("application add", {"company": "first", "name": "app", "grants": [COMMAND]})
    await node.administer("vehicle add", {**owned, "vin": vehicle.vin, "account": "simulator"})
    secrets = {name: added[name] for name in ("client_id", "client_secret", "sign_secret")}
    return KeyturnClient(url, **secrets), vehicle.vin


async def _reached(recorder: Recorder, record: dict[str, Any]) -> None:
    for _ in range(100):
        if recorder.over:
            return
        await asyncio.sleep(0.05)
    raise RuntimeError(f"The command was not sent to the OEM: {record}")


def entered_by_all(runs: list[list[str]]) -> list[str]:
    """The calls of the first run in files that every run entered, in their order."""
    every = set.intersection(*map(set, runs))
    return [path for path in runs[0] if path in every]


def stays_of(calls: list[str]) -> Counter[str]:
    """How often each file was entered, in the order of the first call."""
    return Counter(path for path, _ in groupby(calls))


def domain_files(files: Iterable[str]) -> int:
    return sum(path.partition("/")[0] in DOMAIN for path in files)


def print_half(title: str, runs: list[list[str]]) -> None:
    """The files that every run entered, in the first run's order, with the counts."""
    calls = entered_by_all(runs)
    count_of, stays_in = Counter(calls), stays_of(calls)
    print(f"{title}: {len(count_of)} files, {stays_in.total()} stays, {len(calls)} calls")
    for path in count_of:
        print(f"  {stays_in[path]:3} stays {count_of[path]:4} calls  {path}")
    packages = Counter(path.partition("/")[0] if "/" in path else "(top)" for path in count_of)
    print(f"  domain ({', '.join(DOMAIN)}): {domain_files(count_of)} files")
    print("  by package: " + ", ".join(f"{name} {count}" for name, count in packages.most_common()) + "\n")


def print_table(accepting: list[list[str]], sending: list[list[str]]) -> None:
    """Both halves as one table in Markdown, with the files of the domain counted against the goals."""
    first, second = (stays_of(entered_by_all(runs)) for runs in (accepting, sending))
    files = dict.fromkeys((*first, *second))
    rows = [(f"`{path}`", str(first[path] or ""), str(second[path] or "")) for path in files]
    total = ("all", f"{len(first)} files, {first.total()}", f"{len(second)} files, {second.total()}")
    print(markdown_table(("file", "entries until COMMIT", "entries until OEM"), (*rows, total)))
    print(
        f"\nFiles of the domain: {domain_files(first)} until COMMIT (goal: <= {ACCEPTING_GOAL}), "
        f"{domain_files(second)} until OEM (goal: <= {SENDING_GOAL}), {domain_files(files)} in all."
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m verification.trace_post", description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3, help="only files that every one of them enters are listed")
    parser.add_argument("--table", action="store_true", help="print one table in Markdown, with totals and goals")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    recorders = []
    for _ in range(given.runs):
        with tempfile.TemporaryDirectory(prefix="keyturn-trace-") as folder:
            recorders.append(asyncio.run(trace(Path(folder) / "data")))
    accepting, sending = ([getattr(each, half) for each in recorders] for half in ("accepting", "sending"))
    if given.table:
        print_table(accepting, sending)
        return
    print(f"One signed POST /vehicle-command, {COMMAND}; files below keyturn/ in the order of their first call.")
    print("A stay is an unbroken row of calls in one file.\n")
    print_half("(a) from the handler to the COMMIT of the accepting transaction", accepting)
    print_half("(b) from that COMMIT to the request to the OEM", sending)


if __name__ == "__main__":
    main()
