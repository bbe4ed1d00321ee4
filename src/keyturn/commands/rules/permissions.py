"""Rows 8 and 9 of the contract: who may do what to which vehicle, and whether that has turned since."""

import msgspec

from keyturn.commands.model.catalogue import COMMANDS, DISABLE, ENABLE, IMMOBILISABLE_OWNERSHIP
from keyturn.commands.model.record import Command
from keyturn.commands.rules.policy import NO_LONGER_PERMITTED, Stage, first_violation, load_policy_input
from keyturn.connectors.port import Capabilities
from keyturn.errors import CommandNotFound, Refusal, VinNotFound
from keyturn.fleet import immobilisation
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx

_NAMES = msgspec.json.Decoder(frozenset[str])
_GRANTS = """
SELECT a.grants FROM application a JOIN company c ON c.id = a.company_id
WHERE a.id = :application_id AND a.company_id = :company_id AND a.active = 1 AND c.active = 1
"""

_SIGNING = "SELECT signing FROM application WHERE id = :application_id"


def check_permission(
    tx: ReadTx, vehicle: Vehicle, command: str, grants: frozenset[str], capabilities: Capabilities | None
) -> Refusal | None:
    """The first of rows 8 and 9 that stands against the command, with the vehicle being the company's own."""
    held = command == ENABLE and bool(immobilisation.unfinished(tx, vehicle.id))
    if command == DISABLE and vehicle.ownership not in IMMOBILISABLE_OWNERSHIP:
        return VinNotFound()
    planned = command in vehicle.plan or held
    if command in COMMANDS and vehicle.offers(command, capabilities) and planned and command in grants:
        return None
    return CommandNotFound()


def revoked_reason(
    tx: ReadTx, vehicle: Vehicle | None, command: Command, capabilities: Capabilities | None, moment: Stage
) -> str | None:
    """The reason for which a registered command may not go on. Against a restoring one nothing turns but a switch."""
    if vehicle is None:
        return NO_LONGER_PERMITTED
    spec = command.spec
    if not spec.is_restoring:
        if command.external_id is not None and (command.account_id, command.external_id) != vehicle.aim:
            return NO_LONGER_PERMITTED
        grants = current_grants(tx, vehicle.company_id, command.actor)
        if check_permission(tx, vehicle, spec.name, grants, capabilities):
            return NO_LONGER_PERMITTED
    approved = command.approved_by is not None
    return first_violation(
        load_policy_input(tx, vehicle, spec, command.actor, reason=command.reason, approved=approved), moment
    )


def current_grants(tx: ReadTx, company_id: str, application_id: str) -> frozenset[str]:
    """What the application may do now, by the store; nothing when it or its company is disabled."""
    row = tx.one(_GRANTS, application_id=application_id, company_id=company_id)
    return _NAMES.decode(row[0]) if row else frozenset()


def needs_v2(tx: ReadTx, application_id: str) -> bool:
    """Whether the application's requests are taken with signatures of version 2 alone."""
    row = tx.one(_SIGNING, application_id=application_id)
    return row is not None and row[0] == "v2"
