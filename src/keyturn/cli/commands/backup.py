"""``keyturn backup`` and ``keyturn restore``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from keyturn.cli.administration import perform
from keyturn.cli.configuration import settings_at
from keyturn.cli.operators import credentials
from keyturn.cli.options import HERE, NOBODY, AsJson, Place, Who
from keyturn.cli.output import print_answer

Unsigned = Annotated[
    bool, Parameter(negative="", help="Take it although its signature is missing or wrong; that is entered and told.")
]


def backup(file: Path, /, *, place: Place = HERE, who: Who = NOBODY, as_json: AsJson = False) -> None:
    """Copy the database to a new file and sign it in FILE.sig, while the server works or without one.

    Keys are not in it: keep the key file.
    """
    print_answer(perform(place, "backup", {"file": str(file.absolute())}, credentials(who)), as_json=as_json)


def restore(file: Path, /, *, unsigned: Unsigned = False, place: Place = HERE, as_json: AsJson = False) -> None:
    """Put a backup in the database's place, with no server running. What it knows as unsent is never sent.

    It is entered into every audit chain; say that you know of it with keyturn audit acknowledge EPOCH.
    """
    from keyturn import administration  # the whole server, which a backup through a running one does not need
    from keyturn.cli.server import server_failures

    settings = settings_at(place)
    with server_failures():
        restored = administration.restore(settings, file, unsigned=unsigned)
    answer = {"restored": str(file), "epoch": restored.epoch, "made_at": restored.made_at}
    print_answer({**answer, "signature": str(restored.verdict)}, as_json=as_json)
