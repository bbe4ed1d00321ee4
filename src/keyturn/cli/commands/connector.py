"""``keyturn connector check``: tests a connector's definition without sending a command to a vehicle."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from keyturn.cli.commands.connector_report import (
    ReportTree,
    definition_summary,
    report_lines,
    response_report,
    state_report,
)
from keyturn.cli.failure import Exit, usage
from keyturn.cli.options import AsJson
from keyturn.cli.output import print_json
from keyturn.connectors.oem_http.answers.answer import decode_json
from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.definition.derived import credential_use
from keyturn.connectors.oem_http.definition.document import DefinitionError
from keyturn.connectors.oem_http.definition.queries import parse_address
from keyturn.connectors.oem_http.definition_check import AnswerKind, Sample, SampleQuestion, check_sample, read_live
from keyturn.connectors.oem_http.expression_report import Found, in_answer, in_state, in_status, in_token
from keyturn.connectors.oem_http.factory import definition_document, load_definition
from keyturn.connectors.oem_http.http.client import Transfer
from keyturn.connectors.toolkit import masked
from keyturn.printable import printable

_SHORT = 200

Answer = Annotated[Path | None, Parameter(help="File with a response of the OEM's, unchanged.")]
Kind = Annotated[AnswerKind, Parameter(name="--as", help="What the file responds to.")]
Name = Annotated[str | None, Parameter(help="The command that was sent; without it, the definition's first.")]
Status = Annotated[int, Parameter(help="HTTP status of the response in the file.")]
Header = Annotated[
    tuple[str, ...], Parameter(negative="", help="A header of the response in the file, as 'Name: value'.")
]
OperationId = Annotated[str, Parameter(help="The OEM's id of the operation.")]
Live = Annotated[bool, Parameter(negative="", help="Call the real OEM: a token, then one state read. No command.")]
Credentials = Annotated[
    Path | None, Parameter(name="--account", help="With --live: file with the account's credentials, as JSON.")
]
Vehicle = Annotated[str | None, Parameter(help="The OEM's id of the vehicle.")]
Spend = Annotated[
    bool,
    Parameter(negative="", help="With --live: read although the OEM may replace a refresh token that is still in use."),
]
BaseUrl = Annotated[str | None, Parameter(help="Base URL, in place of the definition's.")]


def check(
    file: str,
    /,
    *,
    answer: Answer = None,
    kind: Kind = "send",
    command: Name = None,
    status: Status = 200,
    header: Header = (),
    operation: OperationId = "sample",
    live: Live = False,
    account: Credentials = None,
    vehicle: Vehicle = None,
    spend_refresh_token: Spend = False,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
) -> int:
    """Test a definition: load it, show what it finds in a response and what that means, or read a vehicle's state."""
    try:
        definition = _loaded(file, base_url)
        if live and getattr(definition.auth, "grant", None) == "refresh_token" and not spend_refresh_token:
            raise usage("A live read may use up the account's refresh token; --spend-refresh-token allows it.")
        if live:
            return _live(definition, account, vehicle, as_json=as_json)
        if answer is None:
            return _print(definition_summary(definition), as_json=as_json)
        question = SampleQuestion(kind, _command(definition, command), operation, vehicle or "SAMPLE")
        return _sampled(definition, file, question, _sample(answer, status, header), as_json=as_json)
    except DefinitionError as error:
        raise usage(f"{error}.") from None


VERBS = {"check": check}


def _sampled(definition: Definition, file: str, question: SampleQuestion, sample: Sample, *, as_json: bool) -> int:
    use = credential_use(definition)
    outcome = asyncio.run(check_sample(definition, question, sample, use.required | use.optional))
    found = _found(definition, file, question, decode_json(sample.body))
    tree: ReportTree = {"as": question.kind, "expressions": msgspec.to_builtins(found)}
    if question.kind == "state":
        tree |= state_report(definition, outcome.report, live=False)
    else:
        tree |= {"command": question.command, **response_report(question, outcome)}
    return _print(tree, as_json=as_json)


def _found(definition: Definition, file: str, question: SampleQuestion, document: Any) -> list[Found]:
    """The value that each expression finds in the response."""
    raw = definition_document(file)
    vehicle = {"vehicle.vin": question.vehicle, "vehicle.external_id": question.vehicle}
    values = {**vehicle, "command.name": question.command, "operation.id": question.operation}
    match question.kind:
        case "send":
            return in_answer(definition, raw, question.command, document, values)
        case "status":
            return in_status(definition, raw, question.command, document, values)
        case "state":
            return in_state(definition, raw, document, values)
        case "token":
            return in_token(definition, raw, document, values)


def _live(definition: Definition, account: Path | None, vehicle: str | None, *, as_json: bool) -> int:
    if account is None or vehicle is None:
        raise usage("--live needs --account and --vehicle.")
    credentials = _credentials(account)
    if problems := credential_use(definition).problems(credentials):
        raise usage(" ".join(problems))
    report, transfers = asyncio.run(read_live(definition, credentials, vehicle))
    exchanges = [_exchange_report(each, credentials) for each in transfers]
    tree: ReportTree = {"exchanges": exchanges, **state_report(definition, report, live=True)}
    if report is None and exchanges:
        last = exchanges[-1]
        tree["means"] = f"Nothing was read: {last['request']} brought {last['status'] or last['answer']}."
    _print(tree, as_json=as_json)
    return Exit.DONE if report is not None else Exit.REFUSED


def _exchange_report(transfer: Transfer, credentials: dict[str, str]) -> ReportTree:
    """One exchange as the report shows it; of a 2xx only the size, since it may hold a token."""
    failed = transfer.status is None or transfer.status >= 300
    answer = transfer.failure or (transfer.body.decode("utf-8", "replace")[:_SHORT] if failed else "")
    return {
        "request": masked(transfer.request, credentials.values()),
        "status": transfer.status,
        "bytes": len(transfer.body),
        "duration_ms": transfer.duration_ms,
        "answer": masked(answer, credentials.values()),
    }


def _loaded(file: str, base_url: str | None) -> Definition:
    definition = load_definition(file)
    if base_url is None:
        return definition
    try:
        return msgspec.structs.replace(definition, base_url=parse_address(base_url))
    except ValueError as error:
        raise DefinitionError(f"--base-url: {error}") from None


def _command(definition: Definition, command: str | None) -> str:
    if command is not None and command not in definition.commands:
        raise usage(f"The definition has no command '{command}'; it has {', '.join(definition.commands)}.")
    return command or next(iter(definition.commands))


def _sample(path: Path, status: int, headers: tuple[str, ...]) -> Sample:
    if not 200 <= status <= 599:
        raise usage("--status must be from 200 to 599.")
    pairs = [header.partition(":") for header in headers]
    if wrong := next((name for name, colon, _ in pairs if not (colon and name.strip())), None):
        raise usage(f"--header must be written as 'Name: value', not '{wrong}'.")
    return Sample(_read(path), status, {name.strip(): value.strip() for name, _, value in pairs})


def _credentials(path: Path) -> dict[str, str]:
    try:
        return msgspec.convert(json.loads(_read(path)), dict[str, str])
    except ValueError:
        raise usage(f"{path} must hold a JSON object of strings.") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise usage(f"{path} cannot be read: {error.strerror}.") from None


def _print(tree: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(tree)
    else:
        print("\n".join(map(printable, report_lines(tree))))
    return Exit.DONE
