"""From the configuration's connectors to connectors that are ready for use."""

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from keyturn.clock import Clock
from keyturn.config.settings import ConnectorSettings, QuotaSettings
from keyturn.connectors.oem_http.connector import OemHttp
from keyturn.connectors.oem_http.definition import Definition, parse_definition
from keyturn.connectors.oem_http.document import DefinitionError
from keyturn.connectors.oem_http.notation import parse_address
from keyturn.connectors.oem_http.transport import Transport, proxy_url
from keyturn.connectors.port import Connector, CredentialKeeper, Quota

_WINDOWS = (60.0, 3_600.0, 86_400.0)
_DEFINITION_KEYS = ("timeout", "client_certificate", "client_key")
_DECLARED_KEYS = ("initiate_wait", "follow_floor", "follow_ceiling")


def load_definition(name_or_path: str) -> Definition:
    """A definition that comes with Keyturn, by name, or a TOML file. Raises `DefinitionError`."""
    try:
        return parse_definition(tomllib.loads(_text(name_or_path)))
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"{name_or_path}: not TOML: {error}") from None
    except DefinitionError as error:
        raise DefinitionError(f"{name_or_path}: {error}") from None


def build_connectors(
    configs: Mapping[str, ConnectorSettings], clock: Clock, keeper: CredentialKeeper | None = None
) -> dict[str, Connector]:
    """One connector for each entry of the configuration, by its name. Raises `DefinitionError`.

    `keeper` keeps the credentials that an OEM replaces.
    """
    return {name: _connector(name, settings, clock, keeper) for name, settings in configs.items()}


class FarSide(NamedTuple):
    """Where a connector's vehicles are known, and whether their external ids are an account's own."""

    base_url: str
    by_account: bool


def far_sides(configs: Mapping[str, ConnectorSettings]) -> dict[str, FarSide]:
    """By the connector's name; a connector whose definition cannot be used has none."""
    found = {}
    for name, settings in configs.items():
        with suppress(DefinitionError):
            definition = _overridden(load_definition(settings.definition), settings)
            if definition.base_url is not None:
                url = str(definition.base_url).rstrip("/")
                found[name] = FarSide(url, definition.external_ids == "account")
    return found


def _connector(name: str, settings: ConnectorSettings, clock: Clock, keeper: CredentialKeeper | None) -> Connector:
    definition = load_definition(settings.definition)
    try:
        built = _overridden(definition, settings)
        return OemHttp(built, clock, quota(settings.quota), keeper, transport=transport(settings))
    except DefinitionError as error:
        raise DefinitionError(f"connectors.{name}: {error}") from None


def quota(settings: QuotaSettings) -> Quota | None:
    """The configured quota as windows; None where nothing is limited."""
    per_vehicle = _windows(settings.vehicle_minute, settings.vehicle_hour, settings.vehicle_day)
    per_account = _windows(settings.account_minute, settings.account_hour, settings.account_day)
    return Quota(per_vehicle, per_account, settings.reserve) if per_vehicle or per_account else None


def transport(settings: ConnectorSettings) -> Transport:
    """How the OEM's sockets are reached. Raises `DefinitionError`."""
    proxy = proxy_url(settings.proxy, settings.proxy_user_file) if settings.proxy else None
    return Transport(proxy, settings.ca_file, settings.answer_bytes, settings.header_bytes, settings.header_fields)


def _windows(*calls: int | None) -> tuple[tuple[float, int], ...]:
    """By minute, hour and day."""
    return tuple((seconds, limit) for seconds, limit in zip(_WINDOWS, calls, strict=True) if limit is not None)


def _overridden(definition: Definition, settings: ConnectorSettings) -> Definition:
    """The definition with what the configuration says instead."""
    declares = msgspec.structs.replace(
        definition.declares,
        **_given(settings, _DECLARED_KEYS),
        send_wait={**definition.declares.send_wait, **settings.send_wait},
        answer_wait={**definition.declares.answer_wait, **settings.answer_wait},
    )
    changed = msgspec.structs.replace(definition, **_given(settings, _DEFINITION_KEYS), declares=declares)
    if settings.base_url is None:
        return changed
    try:
        return msgspec.structs.replace(changed, base_url=parse_address(settings.base_url))
    except ValueError as error:
        raise DefinitionError(f"base_url: {error}") from None


def _given(settings: ConnectorSettings, keys: tuple[str, ...]) -> dict[str, Any]:
    values = {key: getattr(settings, key) for key in keys}
    return {key: value for key, value in values.items() if value is not None}


def _text(name_or_path: str) -> str:
    shipped = resources.files("keyturn.connectors") / "definitions"
    names = sorted(entry.name.removesuffix(".toml") for entry in shipped.iterdir() if entry.name.endswith(".toml"))
    if name_or_path in names:
        return (shipped / f"{name_or_path}.toml").read_text("utf-8")
    try:
        return Path(name_or_path).read_text("utf-8")
    except OSError:
        known = ", ".join(names)
        raise DefinitionError(f"no such definition; allowed are {known}, or the path of a file") from None


def definition_document(name_or_path: str) -> dict[str, Any]:
    """A definition as it is written, for whoever works on it. Raises `DefinitionError`."""
    load_definition(name_or_path)
    return tomllib.loads(_text(name_or_path))
