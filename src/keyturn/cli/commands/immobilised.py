"""``keyturn immobilised`` and ``keyturn enable``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from keyturn.cli.administration import administer
from keyturn.cli.commands.calls import Assent, Case, Reason, send
from keyturn.cli.commands.emergency_sheet import as_html, as_text
from keyturn.cli.failure import Exit, usage
from keyturn.cli.login import credentials
from keyturn.cli.options import (
    DEFAULT_ACCESS,
    DEFAULT_INSTALLATION,
    NO_OPERATOR,
    Access,
    AsJson,
    Installation,
    OperatorLogin,
)
from keyturn.cli.output import print_answer
from keyturn.private_files import write_private

Company = Annotated[str | None, Parameter(help="Its id or name.")]
EmergencySheet = Annotated[
    bool,
    Parameter(
        name=("--emergency-sheet", "--sheet"),
        negative="",
        help="Print all that is needed while the system is down, as text or to an .html file.",
    ),
]
Keep = Annotated[bool, Parameter(negative="", help="Retry until it is confirmed; on the server's machine.")]
_HTML = (".html", ".htm")


def immobilised(
    file: Path | None = None,
    /,
    *,
    company: Company = None,
    sheet: EmergencySheet = False,
    installation: Installation = DEFAULT_INSTALLATION,
    login: OperatorLogin = NO_OPERATOR,
    as_json: AsJson = False,
) -> None:
    """List vehicles that are or may be immobilised, the oldest first."""
    if file is not None and not sheet:
        raise usage("A file is written with --emergency-sheet only.")
    answer = administer(installation, "immobilisation list", {"company": company}, credentials(login))
    if not sheet:
        print_answer(answer, as_json=as_json)
        return
    render = as_html if file is not None and file.suffix.lower() in _HTML else as_text
    page = render(answer["immobilisations"])
    if file is None:
        print(page, end="")
        return
    try:
        write_private(file, page.encode(), replace=True)
    except OSError as error:
        raise usage(f"{file} cannot be written: {error.strerror}.") from None


def enable(
    vin: str,
    /,
    *,
    keep: Keep = False,
    reason: Reason = None,
    case: Case = None,
    access: Access = DEFAULT_ACCESS,
    installation: Installation = DEFAULT_INSTALLATION,
    login: OperatorLogin = NO_OPERATOR,
    yes: Assent = False,
    as_json: AsJson = False,
) -> int:
    """Enable a vehicle's ignition: once as `send` does, or with --keep until it is confirmed."""
    if not keep:
        return send(vin, "enable_ignition", reason=reason, case=case, access=access, yes=yes, as_json=as_json)
    started = administer(installation, "keep-enabling start", {"vehicle": vin}, credentials(login))
    print_answer(started, as_json=as_json)
    return Exit.DONE
