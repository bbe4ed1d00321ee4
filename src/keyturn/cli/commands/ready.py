"""``keyturn ready``: dry run of a command."""

from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from keyturn.cli.administration import administer
from keyturn.cli.login import credentials
from keyturn.cli.options import DEFAULT_INSTALLATION, NO_OPERATOR, AsJson, Installation, OperatorLogin
from keyturn.cli.output import format_observed_values, print_answer
from keyturn.printable import printable_lines


def ready(
    vin: str,
    command: str,
    *,
    application: Annotated[
        str | None, Parameter(help="Application that would send it, where there are several.")
    ] = None,
    company: Annotated[str | None, Parameter(help="Its id or name.")] = None,
    reason: Annotated[str | None, Parameter(help="Reason, as in X-Reason.")] = None,
    as_json: AsJson = False,
    installation: Installation = DEFAULT_INSTALLATION,
    login: OperatorLogin = NO_OPERATOR,
) -> int:
    """Check what a request for this command would meet now; nothing is sent. Exit code 0: ready; 1: not ready."""
    given = {"vin": vin, "command": command, "application": application, "company": company, "reason": reason}
    arguments = {name: value for name, value in given.items() if value is not None}
    answer = administer(installation, "vehicle ready", arguments, credentials(login))
    if as_json:
        print_answer(answer, as_json=True)
    else:
        print(printable_lines("\n".join(_lines(answer))))
    return 0 if answer["ready"] else 1


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    yield f"{answer['command']} of {answer['vin']}: {'ready' if answer['ready'] else 'not ready'}"
    yield from (f"  {reason}" for reason in answer["reasons"])
    for finding in answer["preconditions"]:
        seen = ", ".join(f"[{text}]" for text in format_observed_values(finding.get("signals", {})))
        later = " (read before sending)" if finding["number"] in answer["unread"] else ""
        yield f"{finding['verdict']:12} {finding['number']:2} {finding['text']}{later} {seen}".rstrip()
        if why := finding.get("why"):
            yield f"{'':12}    {why}"
    if (read := answer["state_read"]) is not None:
        size = f", {read['size']} bytes" if "size" in read else ""
        yield f"the state read {read['age']:.0f} s ago brought nothing: {read['problem']} ({read['request']}{size})"
    contact = "never" if answer["last_contact"] is None else f"{answer['last_contact_age']:.0f} s ago"
    yield f"last contact {contact}; asked for in {'two steps' if answer['confirmation_needed'] else 'one step'}"
    if answer["approval_needed"]:
        yield "an operator has to approve it"
    yield from (f"{left} left of {rule}" for rule, left in answer["limits_left"].items())
    if not answer["ready"]:
        yield f"not ready: {' '.join(answer['reasons'])}"
