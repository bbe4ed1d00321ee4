"""``keyturn alerts list`` and ``keyturn alerts test``."""

import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from keyturn.cli.administration import perform
from keyturn.cli.failure import Exit
from keyturn.cli.operators import credentials
from keyturn.cli.options import HERE, NOBODY, AsJson, Place, Who
from keyturn.cli.output import print_answer

Verb = Annotated[
    Literal["list", "test"], Parameter(help="list: the newest alerts. test: one through every channel, now.")
]
Unsent = Annotated[bool, Parameter(negative="", help="Of the list: only what is not delivered yet.")]


def alerts(
    verb: Verb, /, *, unsent: Unsent = False, place: Place = HERE, who: Who = NOBODY, as_json: AsJson = False
) -> int:
    """Show alerts, or try the channels; a channel that fails makes the exit code 1."""
    arguments = {"unsent": unsent} if verb == "list" else {}
    answer = perform(place, f"alerts {verb}", arguments, credentials(who))
    print_answer(answer, as_json=as_json)
    failed = [channel for channel in answer.get("channels", ()) if not channel["delivered"]]
    if failed and not as_json:
        print(f"keyturn: {failed[0]['channel']} failed: {failed[0]['fault']}", file=sys.stderr)
    return Exit.REFUSED if failed else Exit.DONE
