"""``keyturn dossier``."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from keyturn.cli.administration import perform
from keyturn.cli.failure import usage
from keyturn.cli.login import credentials
from keyturn.cli.options import DEFAULT_INSTALLATION, NO_OPERATOR, AsJson, Installation, OperatorLogin
from keyturn.cli.output import print_answer
from keyturn.dossier.page import render
from keyturn.private_files import write_private

Out = Annotated[Path, Parameter(help="Directory for the two files.")]


def dossier(
    command_id: str,
    /,
    *,
    out: Out = Path(),
    place: Installation = DEFAULT_INSTALLATION,
    who: OperatorLogin = NO_OPERATOR,
    as_json: AsJson = False,
) -> None:
    """Write the whole story of a command: a page to be read or printed, and the same in JSON."""
    story = perform(place, "command dossier", {"command": command_id}, credentials(who))
    stem = f"dossier-{story['command']['id']}"
    files = {
        "page": (out / f"{stem}.html", render(story)),
        "json": (out / f"{stem}.json", json.dumps(story, ensure_ascii=False, indent=2) + "\n"),
    }
    for path, text in files.values():
        _write(path, text)
    print_answer({name: str(path) for name, (path, _) in files.items()}, as_json=as_json)


def _write(path: Path, text: str) -> None:
    """For its owner alone: it tells of persons."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, text.encode(), replace=True)
    except OSError as error:
        raise usage(f"{path} cannot be written: {error.strerror}.") from None
