"""``keyturn token``, ``send`` and ``status``: calls of a server as one of its applications."""

import sys
from collections import deque
from collections.abc import Iterable
from typing import Annotated, Any

from cyclopts import Parameter

from keyturn.cli.access import connected
from keyturn.cli.failure import Exit, Failure
from keyturn.cli.options import DEFAULT_ACCESS, DEFAULT_INSTALLATION, Access, AsJson, Installation, Version2
from keyturn.cli.output import print_answer, print_json
from keyturn.printable import printable, printable_lines
from keyturn_client.client import MAX_WAIT

Record = dict[str, Any]

_YES = frozenset({"y", "yes", "s", "sim"})
"""Answers that confirm, in English and Portuguese."""

Assent = Annotated[bool, Parameter(name=["--yes", "-y"], negative="", help="Confirm without being asked.")]
Timeline = Annotated[
    bool,
    Parameter(negative="", help="Show the audit entries and the exchanges with the OEM; on the server's machine."),
]
Reason = Annotated[
    str | None,
    Parameter(
        help="Reason, where the company's rules require one: missing, suspicion of theft or robbery, or unauthorised"
        " use; more may follow a semicolon."
    ),
]
Case = Annotated[str | None, Parameter(help="Number of the case that the command belongs to.")]
Wait = Annotated[int, Parameter(help=f"Seconds to wait until it is final, at most {MAX_WAIT}.")]


def token(*, access: Access = DEFAULT_ACCESS, as_json: AsJson = False) -> None:
    """Fetch a bearer token and print it."""
    with connected(access) as client:
        issued = client.token()
    if as_json:
        print_json({"token": issued.value, "expiration": issued.lifetime})
    else:
        print(issued.value)


def send(
    vin: str,
    command: str,
    /,
    *,
    reason: Reason = None,
    case: Case = None,
    access: Access = DEFAULT_ACCESS,
    yes: Assent = False,
    v2: Version2 = False,
    as_json: AsJson = False,
) -> int:
    """Send a command and follow it until it is final; a two-step command asks for confirmation on the terminal."""
    try:
        with connected(access, signs=True, signing="v2" if v2 else "v1") as client:
            record = client.send(vin, command, reason=reason, case=case)
            if record["status"] == "Confirmation":
                _confirm(record, yes=yes)
                record = client.send(vin, command, code=record["code"], reason=reason, case=case)
            _print_id(record, as_json=as_json)
            return _exit_code(_followed(client.follow(record["id"]), as_json=as_json), as_json=as_json)
    except Failure as failure:
        if isinstance(refused := failure.more.get("record"), dict):
            _print_id(refused, as_json=as_json)
        raise


def status(
    command_id: str,
    /,
    *,
    wait: Wait = 0,
    timeline: Timeline = False,
    access: Access = DEFAULT_ACCESS,
    installation: Installation = DEFAULT_INSTALLATION,
    as_json: AsJson = False,
) -> int:
    """Show a command."""
    if timeline:
        return _show_timeline(installation, command_id, as_json=as_json)
    with connected(access) as client:
        record = client.status(command_id, wait)
    print_answer(record, as_json=as_json)
    return _exit_code(record, as_json=as_json)


def _show_timeline(installation: Installation, command_id: str, *, as_json: bool) -> int:
    """The record with its timeline, from the installation on this machine; the exit code."""
    from keyturn.cli.administration import administer  # no other call needs the table of operations

    native = administer(installation, "command show", {"command": command_id})
    if as_json:
        print_json(native)
    else:
        from keyturn.cli.tables import print_timeline  # scripts do not wait for the import of rich

        print_timeline(native)
    return _exit_code(native, as_json=as_json)


def _print_id(record: Record, *, as_json: bool) -> None:
    """Print the id for `keyturn status`, also of a command that is refused or takes long."""
    if not as_json:
        print(f"id {record['id']}", flush=True)


def _confirm(record: Record, *, yes: bool) -> None:
    """Ask the person at the terminal. Raises `Failure` where the answer is not yes."""
    print(printable_lines(record["message"]), file=sys.stderr)
    if yes:
        return
    print("Confirm? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in _YES:
        raise Failure(Exit.REFUSED, "not_confirmed", "Not confirmed; nothing was sent to the vehicle.")


def _followed(records: Iterable[Record], *, as_json: bool) -> Record:
    """Print the records as they come, in JSON the last one alone; returns the last one."""
    if not as_json:
        from keyturn.cli.tables import follow  # scripts do not wait for the import of rich

        return follow(records)
    last = deque(records, maxlen=1).pop()
    print_json(last)
    return last


def _exit_code(record: Record, *, as_json: bool) -> Exit:
    """The exit code; for people the reason of a failure is the last line on stderr."""
    if record["status"] != "Error":
        return Exit.DONE
    if not as_json:
        print(f"keyturn: {printable(_why(record))}", file=sys.stderr)
    return Exit.REFUSED


def _why(record: Record) -> str:
    """The public text and, where the timeline is known, the last exchange with the OEM."""
    exchanges = [event["exchange"] for event in record.get("timeline", ()) if event.get("exchange")]
    if not exchanges:
        return str(record["detail"])
    last = exchanges[-1]
    answer = f"{last['status']} {last.get('answer', '')}" if last.get("status") else last.get("answer", "no answer")
    return f"{record['detail']} Last exchange: {last['request']}: {' '.join(answer.split())}"
