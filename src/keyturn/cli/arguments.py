"""Arguments of an operation as parameters of a command: required ones by place, the others as options."""

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
    "company": "Its id or name.",
    "application": "Its id, client id or name.",
    "plan": "Its id or name.",
    "account": "Its id or name.",
    "vehicle": "Its id or VIN.",
    "name": "The name.",
    "active": "Whether it can be used.",
    "grants": "Commands that the application may send; they replace those it had.",
    "commands": "Commands.",
    "connector": "Name of a configured connector.",
    "credentials": "File with a JSON object of strings, - for standard input; shown to nobody again.",
    "vin": "The VIN.",
    "ownership": "How the company holds the vehicle.",
    "powertrain": "What drives it.",
    "external_id": "The OEM's name for it, where that is not the VIN.",
    "capabilities": "Commands that it understands, where those are not the connector's.",
    "fuel_reserve": "Percent of the tank below which it is in reserve.",
    "consent": "Reference of the end user's consent to immobilisation.",
    "signing": "Signatures that are accepted: of any version, or of version 2 alone.",
    "sign": "Add a second sign-secret.",
    "retire": "Drop the older sign-secret.",
    "responsible": "Operators who answer for it, and so never approve what it asks for; they replace those before.",
    "person": "The operator's name or id.",
    "email": "Where announcements go.",
    "role": "What the operator may do: look on, approve, or administer.",
    "change": "Its id.",
    "with_code": "By a one-time code, in place of the second factor that one has.",
    "reason": "Why; it is kept.",
    "force": "Although a disable may still act; that is written down.",
    "channel": "sms, phone, email, app, post or other.",
    "text": "What was said, or where that is kept.",
    "at": "When, as in 2026-01-31T13:45:00-03:00; now without it.",
    "second_person": "Whether an operator has to approve each immobilisation.",
    "reason_required": "Whether a reason has to be given.",
    "disables_per_actor_hour": "Immobilisations an application may queue in an hour; 0: no limit.",
    "disables_per_company_day": "Immobilisations the company may queue in a day; 0: no limit.",
    "fleet_share": "Percent of the vehicles seen in 30 days that may be immobilised at once; 0: no limit.",
    "locate_within": "Minutes within which the vehicle has to have been located; 0: not asked for.",
    "notify_first": "Whether a notice to the end user has to be on record.",
    "reach": "disable, actuating or restoring.",
    "command": "Its id.",
    "after": "Id that the page follows.",
    "limit": "How many at most.",
}
"""By the argument's name."""

_NULL = "no_"
"""Begins the name of a flag that sends null for an argument which also has null as a value."""


def parameters(arguments: type[Arguments]) -> list[inspect.Parameter]:
    """The parameters, in an order that a signature accepts."""
    fields = msgspec.structs.fields(arguments)
    made = [parameter for field in fields for parameter in _parameters_of(field)]
    return sorted(made, key=lambda parameter: parameter.kind)


def request_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the server is told: everything that was given. Raises `Failure`."""
    arguments: dict[str, Any] = {}
    for name, value in given.items():
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
    told = ARGUMENT_HELP.get(name, f"Without {name.removeprefix(_NULL)}.")
    negative = "" if flag else None
    hint = Annotated[
        kind, Parameter(help=told, negative=negative, consume_multiple=True, allow_leading_hyphen=kind is Path)
    ]
    return inspect.Parameter(name, place, default=default, annotation=hint)


def _plain(kind: Any) -> Any:
    """The type that a word on the command line is read as; its range is the server's to judge."""
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
