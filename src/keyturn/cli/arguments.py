"""Turns the arguments of an operation into parameters of a command: positional if required, else options."""

import inspect
import json
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from cyclopts import Parameter
from msgspec import UNSET, UnsetType
from msgspec.structs import FieldInfo

from keyturn.admin.operation import Arguments
from keyturn.cli.failure import usage

ARGUMENT_HELP = {
    "company": "Company, by id or name.",
    "application": "Application, by id, client id or name.",
    "plan": "Plan, by id or name.",
    "account": "OEM account, by id or name.",
    "vehicle": "Vehicle, by id or VIN.",
    "name": "Name.",
    "active": "Whether it is active.",
    "grants": "Commands that it may send; replaces the former list.",
    "commands": "Command names.",
    "connector": "Name of a configured connector.",
    "credentials": "File with a JSON object of strings, - for standard input; never shown again.",
    "vin": "VIN.",
    "ownership": "How the company holds the vehicle.",
    "powertrain": "Kind of engine.",
    "external_id": "The OEM's name for the vehicle, if that is not the VIN.",
    "capabilities": "Commands that the vehicle supports, if not all that the connector offers.",
    "fuel_reserve": "Percent of the tank below which the vehicle is on reserve.",
    "consent": "Reference of the end user's consent to immobilisation.",
    "signing": "Accepted signatures: of any version, or of version 2 only.",
    "sign": "Add a second sign-secret.",
    "retire": "Remove the older sign-secret.",
    "responsible": "Operators who are responsible for it and so never approve its commands; replaces the former list.",
    "person": "Operator, by name or id.",
    "email": "E-mail address for alerts.",
    "role": "What the operator may do: view, approve, or administer.",
    "change": "Id of the change.",
    "with_code": "Authorize with a one-time code instead of the present second factor.",
    "reason": "Reason; it is recorded.",
    "force": "Close it although a disable may still take effect; that is recorded.",
    "channel": "sms, phone, email, app, post or other.",
    "text": "Text of the notice, or where it is stored.",
    "at": "Time of the notice, as in 2026-01-31T13:45:00-03:00; default: now.",
    "second_person": "Whether an operator must approve each immobilisation.",
    "reason_required": "Whether a reason is required.",
    "disables_per_actor_hour": "Immobilisations that an application may queue in an hour; 0: unlimited.",
    "disables_per_company_day": "Immobilisations that the company may queue in a day; 0: unlimited.",
    "fleet_share": "Percent of the vehicles seen in 30 days that may be immobilised at once; 0: unlimited.",
    "locate_within": "Minutes within which the vehicle must have been located; 0: not required.",
    "notify_first": "Whether a notice to the end user must be on record.",
    "ignition_v2": "Whether both ignition steps must be signed with version 2.",
    "reach": "Commands to stop: disable, actuating or restoring.",
    "command": "Id of the command.",
    "after": "Show the page that follows this id.",
    "limit": "Length of the list at most.",
}
"""Help text by the argument's name."""

_NULL = "no_"
"""Prefix of a flag that sends null, for an argument that also has null as a value."""


def parameters(arguments: type[Arguments]) -> list[inspect.Parameter]:
    """Parameters of a signature, positional ones first."""
    fields = msgspec.structs.fields(arguments)
    made = [parameter for field in fields for parameter in _parameters_of(field)]
    return sorted(made, key=lambda parameter: parameter.kind)


def request_arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """The operation's arguments as JSON, from the values on the command line. Raises `Failure`."""
    arguments: dict[str, Any] = {}
    for name, value in values.items():
        match value:
            case Path():
                arguments[name] = _credentials(value)
            case True if name.startswith(_NULL):
                arguments[name.removeprefix(_NULL)] = None
            case _:
                arguments[name] = value
    return arguments


def _parameters_of(field: FieldInfo) -> Iterator[inspect.Parameter]:
    kind = _plain(field.type)
    if field.required:
        yield _parameter(field.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, kind, inspect.Parameter.empty)
        return
    yield _parameter(field.name, inspect.Parameter.KEYWORD_ONLY, kind, None, flag=field.default is False)
    if field.default is UNSET:
        yield _parameter(_NULL + field.name, inspect.Parameter.KEYWORD_ONLY, bool, None, flag=True)


def _parameter(
    name: str, place: inspect._ParameterKind, kind: Any, default: Any, *, flag: bool = False
) -> inspect.Parameter:
    text = ARGUMENT_HELP.get(name, f"Without {name.removeprefix(_NULL)}.")
    negative = "" if flag else None
    hint = Annotated[
        kind, Parameter(help=text, negative=negative, consume_multiple=True, allow_leading_hyphen=kind is Path)
    ]
    return inspect.Parameter(name, place, default=default, annotation=hint)


def _plain(kind: Any) -> Any:
    """The type as which the command line parses a value; the server checks its range."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (member for member in get_args(kind) if member not in (types.NoneType, UnsetType))
        return _plain(kind)
    return Path if get_origin(kind) is dict else kind


def _credentials(path: Path) -> dict[str, str]:
    try:
        text = sys.stdin.read() if path == Path("-") else path.read_text("utf-8")
        return msgspec.convert(json.loads(text), dict[str, str])
    except OSError as error:
        raise usage(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise usage(f"{path} must hold a JSON object of strings.") from None
