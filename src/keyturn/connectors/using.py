"""Which credentials of an account a definition uses."""

from collections.abc import Iterator, Mapping

import msgspec

from keyturn.config.settings import ConnectorSettings
from keyturn.connectors.credentials import CredentialUse
from keyturn.connectors.oem_http.building import load_definition
from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.definition.document import DefinitionError

_ACCOUNT = "account."


def credential_use(definition: Definition) -> CredentialUse:
    """By the scheme of [auth], and by the placeholders anywhere in it."""
    named = frozenset(name.removeprefix(_ACCOUNT) for name in _placeholders(definition) if name.startswith(_ACCOUNT))
    calls = (definition.send, *definition.commands.values(), definition.status)
    asked = (definition.look_up, definition.cancel, definition.state)
    headers = [call.headers for call in (*calls, *asked) if call is not None]
    in_headers = frozenset(name.removeprefix(_ACCOUNT) for name in _placeholders(headers) if name.startswith(_ACCOUNT))
    auth = definition.auth
    return CredentialUse(named | auth.needs, auth.may_use, in_headers | ({"token"} & auth.needs))


def credential_uses(connectors: Mapping[str, ConnectorSettings]) -> dict[str, CredentialUse]:
    """By connector of kind ``http``; a definition that cannot be loaded is left out: starting a server tells of it."""
    found: dict[str, CredentialUse] = {}
    for name, settings in connectors.items():
        if settings.kind != "http":
            continue
        try:
            found[name] = credential_use(load_definition(settings.http.definition))
        except DefinitionError:
            continue
    return found


def _placeholders(part: object) -> Iterator[str]:
    """Every placeholder in the templates below `part`."""
    match part:
        case msgspec.Struct():
            for name in part.__struct_fields__:
                yield from _placeholders(getattr(part, name))
        case Mapping():
            for inner in part.values():
                yield from _placeholders(inner)
        case list() | tuple():
            for inner in part:
                yield from _placeholders(inner)
        case _:
            yield from getattr(part, "names", ())
