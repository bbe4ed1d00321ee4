"""``keyturn dossier``: writes everything on record about one command to files."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from keyturn.cli.administration import administer
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
    installation: Installation = DEFAULT_INSTALLATION,
    login: OperatorLogin = NO_OPERATOR,
    as_json: AsJson = False,
) -> None:
    """Write everything on record about a command: a page to read or print, and the same in JSON."""
    content = administer(installation, "command dossier", {"command": command_id}, credentials(login))
    stem = f"dossier-{content['command']['id']}"
    files = {
        "page": (out / f"{stem}.html", render(content)),
        "json": (out / f"{stem}.json", json.dumps(content, ensure_ascii=False, indent=2) + "\n"),
    }
    for path, text in files.values():
        _write(path, text)
    print_answer({name: str(path) for name, (path, _) in files.items()}, as_json=as_json)


def _write(path: Path, text: str) -> None:
    """Write it readable by its owner alone, because it holds personal data. Raises `Failure`."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, text.encode(), replace=True)
    except OSError as error:
        raise usage(f"{path} cannot be written: {error.strerror}.") from None
