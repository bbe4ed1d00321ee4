"""``keyturn ready``: the dry run."""

from collections.abc import Iterator
from typing import Annotated, Any

from cyclopts import Parameter

from keyturn.cli.administration import perform
from keyturn.cli.login import credentials
from keyturn.cli.options import DEFAULT_INSTALLATION, NO_OPERATOR, AsJson, Installation, OperatorLogin
from keyturn.cli.output import format_observed_values, print_answer
from keyturn.legible import legible_lines


def ready(
    vin: str,
    command: str,
    *,
    application: Annotated[
        str | None, Parameter(help="OperatorLogin would ask, where the company has several.")
    ] = None,
    company: Annotated[str | None, Parameter(help="Its id or name.")] = None,
    reason: Annotated[str | None, Parameter(help="As X-Reason would say it.")] = None,
    as_json: AsJson = False,
    place: Installation = DEFAULT_INSTALLATION,
    who: OperatorLogin = NO_OPERATOR,
) -> int:
    """Say what a request for this command would meet now; nothing is sent. Exit code 0: it is ready; 1: it is not."""
    given = {"vin": vin, "command": command, "application": application, "company": company, "reason": reason}
    arguments = {name: value for name, value in given.items() if value is not None}
    answer = perform(place, "vehicle ready", arguments, credentials(who))
    if as_json:
        print_answer(answer, as_json=True)
    else:
        print(legible_lines("\n".join(_lines(answer))))
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
