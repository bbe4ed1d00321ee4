"""What follows from a definition: the connector's capabilities, and the credentials that it uses."""

from collections.abc import Iterator, Mapping

import msgspec

from keyturn.connectors.accounts import CredentialUse
from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.port import Capabilities, Quota

_ACCOUNT = "account."


def connector_capabilities(definition: Definition, quota: Quota | None = None) -> Capabilities:
    """By [declares] and the tables there are; `disable_ignition` is offered only with `blocks_next_start_only`."""
    declared = definition.declares
    unsafe = set() if declared.blocks_next_start_only else {"disable_ignition"}
    return Capabilities(
        offers=frozenset(definition.commands) - unsafe,
        enforces_preconditions=declared.enforces_preconditions,
        blocks_next_start_only=declared.blocks_next_start_only,
        reads_state=definition.state is not None,
        rotates_credentials=definition.auth.scheme == "oauth2" and definition.auth.rotates,
        reports_vin=definition.state is not None and definition.state.vin is not None,
        read_wakes_vehicle=declared.read_wakes_vehicle,
        finds_by_reference=definition.look_up is not None,
        cancels=definition.cancel is not None,
        initiate_wait=declared.initiate_wait,
        send_wait=declared.send_wait,
        answer_wait=declared.answer_wait,
        follow_floor=declared.follow_floor,
        follow_ceiling=declared.follow_ceiling,
        quota=quota,
    )


def credential_use(definition: Definition) -> CredentialUse:
    """By the scheme of [auth], and by the placeholders anywhere in it."""
    named = frozenset(name.removeprefix(_ACCOUNT) for name in _placeholders(definition) if name.startswith(_ACCOUNT))
    required = (definition.send, *definition.commands.values(), definition.status)
    optional = (definition.look_up, definition.cancel, definition.state)
    headers = [call.headers for call in (*required, *optional) if call is not None]
    in_headers = frozenset(name.removeprefix(_ACCOUNT) for name in _placeholders(headers) if name.startswith(_ACCOUNT))
    auth = definition.auth
    return CredentialUse(named | auth.needs, auth.may_use, in_headers | ({"token"} & auth.needs))


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
