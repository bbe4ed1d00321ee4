"""Makes connectors of kind ``http``: loads the definition and applies the settings that override it.

Also what administration needs to know of these connectors without making them.
"""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from keyturn.clock import Clock
from keyturn.config.settings import ConnectorSettings, HttpSettings
from keyturn.connectors.accounts import CredentialUse, NameSpaces
from keyturn.connectors.oem_http.connector import HttpConnector
from keyturn.connectors.oem_http.definition.definition import Definition, parse_definition
from keyturn.connectors.oem_http.definition.derived import credential_use
from keyturn.connectors.oem_http.definition.document import DefinitionError
from keyturn.connectors.oem_http.definition.queries import parse_address
from keyturn.connectors.oem_http.http.transport import Transport, proxy_url
from keyturn.connectors.port import Connector, CredentialKeeper
from keyturn.connectors.toolkit import quota

_DEFINITION_KEYS = ("timeout", "client_certificate", "client_key")
_DECLARED_KEYS = ("initiate_wait", "follow_floor", "follow_ceiling")

HTTP = "http"
"""The kind that these connectors have in the configuration."""


def build_http(name: str, settings: ConnectorSettings, clock: Clock, keeper: CredentialKeeper | None) -> Connector:
    """The connector called `name`. Raises `DefinitionError`."""
    definition = load_definition(settings.http.definition)
    try:
        built = configured(definition, settings)
        return HttpConnector(built, clock, quota(settings.quota), keeper, transport=transport(settings.http))
    except DefinitionError as error:
        raise DefinitionError(f"connectors.{name}: {error}") from None


def load_definition(name_or_path: str) -> Definition:
    """A definition that comes with Keyturn, by name, or a TOML file. Raises `DefinitionError`."""
    try:
        return parse_definition(tomllib.loads(_text(name_or_path)))
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError(f"{name_or_path}: not TOML: {error}") from None
    except DefinitionError as error:
        raise DefinitionError(f"{name_or_path}: {error}") from None


def definition_document(name_or_path: str) -> dict[str, Any]:
    """A definition as its TOML document. Raises `DefinitionError`."""
    load_definition(name_or_path)
    return tomllib.loads(_text(name_or_path))


def configured(definition: Definition, settings: ConnectorSettings) -> Definition:
    """The definition with the settings that override it. Raises `DefinitionError`."""
    declares = msgspec.structs.replace(
        definition.declares,
        **_given(settings, _DECLARED_KEYS),
        send_wait={**definition.declares.send_wait, **settings.send_wait},
        answer_wait={**definition.declares.answer_wait, **settings.answer_wait},
    )
    changed = msgspec.structs.replace(definition, **_given(settings.http, _DEFINITION_KEYS), declares=declares)
    if settings.http.base_url is None:
        return changed
    try:
        return msgspec.structs.replace(changed, base_url=parse_address(settings.http.base_url))
    except ValueError as error:
        raise DefinitionError(f"base_url: {error}") from None


def transport(settings: HttpSettings) -> Transport:
    """Proxy, trust and limits of one connector's connections. Raises `DefinitionError`."""
    proxy = proxy_url(settings.proxy, settings.proxy_user_file) if settings.proxy else None
    return Transport(proxy, settings.ca_file, settings.answer_bytes, settings.header_bytes, settings.header_fields)


def credential_uses(connectors: Mapping[str, ConnectorSettings]) -> dict[str, CredentialUse]:
    """The credentials that accounts need, by connector. A definition that cannot be used is left out."""
    return {name: credential_use(definition) for name, definition, _ in _definitions(connectors)}


def name_spaces(connectors: Mapping[str, ConnectorSettings]) -> NameSpaces:
    """The name spaces of external ids: connectors with the same base URL share one."""
    by_connector, by_account = {}, set()
    for name, definition, settings in _definitions(connectors):
        with suppress(DefinitionError):
            base_url = configured(definition, settings).base_url
            if base_url is not None:
                by_connector[name] = str(base_url).rstrip("/")
                by_account |= {name} if definition.external_ids == "account" else set()
    return NameSpaces(by_connector, frozenset(by_account))


def _definitions(connectors: Mapping[str, ConnectorSettings]) -> Iterator[tuple[str, Definition, ConnectorSettings]]:
    """Connectors of this kind whose definition can be loaded; for any other the server refuses to start."""
    for name, settings in connectors.items():
        if settings.kind == HTTP:
            with suppress(DefinitionError):
                yield name, load_definition(settings.http.definition), settings


def _given(settings: ConnectorSettings | HttpSettings, keys: tuple[str, ...]) -> dict[str, Any]:
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
