"""``keyturn token``, ``send`` and ``status``: calls to a server as one of its applications."""

import sys
from collections import deque
from collections.abc import Iterable
from typing import Annotated, Any

from cyclopts import Parameter

from keyturn.cli.access import connected
from keyturn.cli.failure import Exit, Failure
from keyturn.cli.options import DEFAULT_ACCESS, DEFAULT_INSTALLATION, Access, AsJson, Installation, Version2
from keyturn.cli.output import print_answer, print_json
from keyturn.legible import legible, legible_lines
from keyturn_client.client import MAX_WAIT

Record = dict[str, Any]

_YES = frozenset({"y", "yes", "s", "sim"})

Assent = Annotated[bool, Parameter(name=["--yes", "-y"], negative="", help="Confirm without being asked.")]
Timeline = Annotated[
    bool,
    Parameter(negative="", help="Everything that happened to it, with the OEM's answers; on the server's machine."),
]
Reason = Annotated[
    str | None,
    Parameter(
        help="Why, where the company's rules ask for it: missing, suspicion of theft or robbery, or unauthorised use;"
        " more may follow a semicolon."
    ),
]
Case = Annotated[str | None, Parameter(help="Number of the case that it belongs to.")]
Wait = Annotated[int, Parameter(help=f"Seconds to wait for its end, at most {MAX_WAIT}.")]


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
    """Send a command and follow it to its end. One that needs a confirmation asks for it on the terminal."""
    try:
        with connected(access, signs=True, signing="v2" if v2 else "v1") as client:
            record = client.send(vin, command, reason=reason, case=case)
            if record["status"] == "Confirmation":
                _confirm(record, yes=yes)
                record = client.send(vin, command, code=record["code"], reason=reason, case=case)
            _name(record, as_json=as_json)
            return _exit(_followed(client.follow(record["id"]), as_json=as_json), as_json=as_json)
    except Failure as failure:
        if isinstance(refused := failure.more.get("record"), dict):
            _name(refused, as_json=as_json)
        raise


def status(
    command_id: str,
    /,
    *,
    wait: Wait = 0,
    timeline: Timeline = False,
    access: Access = DEFAULT_ACCESS,
    place: Installation = DEFAULT_INSTALLATION,
    as_json: AsJson = False,
) -> int:
    """Show a command."""
    if timeline:
        return _told(place, command_id, as_json=as_json)
    with connected(access) as client:
        record = client.status(command_id, wait)
    print_answer(record, as_json=as_json)
    return _exit(record, as_json=as_json)


def _told(place: Installation, command_id: str, *, as_json: bool) -> int:
    """The whole record, from the installation on this machine."""
    from keyturn.cli.administration import perform  # the table of operations, which no other call needs

    native = perform(place, "command show", {"command": command_id})
    if as_json:
        print_json(native)
    else:
        from keyturn.cli.tables import print_timeline  # a script does not wait for what draws tables

        print_timeline(native)
    return _exit(native, as_json=as_json)


def _name(record: Record, *, as_json: bool) -> None:
    """What `status` asks for, also of a command that is refused or takes long."""
    if not as_json:
        print(f"id {record['id']}", flush=True)


def _confirm(record: Record, *, yes: bool) -> None:
    """Raises `Failure` when whoever sits at the terminal does not want it."""
    print(legible_lines(record["message"]), file=sys.stderr)
    if yes:
        return
    print("Confirm? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in _YES:
        raise Failure(Exit.REFUSED, "not_confirmed", "Not confirmed; nothing was sent to the vehicle.")


def _followed(records: Iterable[Record], *, as_json: bool) -> Record:
    """The last record; it alone is printed in JSON."""
    if not as_json:
        from keyturn.cli.tables import follow  # a script does not wait for what draws lines

        return follow(records)
    last = deque(records, maxlen=1).pop()
    print_json(last)
    return last


def _exit(record: Record, *, as_json: bool) -> Exit:
    """For people the last line of what failed says why; in JSON the record itself does."""
    if record["status"] != "Error":
        return Exit.DONE
    if not as_json:
        print(f"keyturn: {legible(_why(record))}", file=sys.stderr)
    return Exit.REFUSED


def _why(record: Record) -> str:
    """The public text and, where the timeline is known, what the OEM said last."""
    heard = [event["exchange"] for event in record.get("timeline", ()) if event.get("exchange")]
    if not heard:
        return str(record["detail"])
    last = heard[-1]
    said = f"{last['status']} {last.get('answer', '')}" if last.get("status") else last.get("answer", "no answer")
    return f"{record['detail']} Last exchange: {last['request']}: {' '.join(said.split())}"
