"""Rows 8 to 10 of the contract: who may do what to which vehicle, and what a rule forbids now."""

import msgspec

from keyturn.commands.cases import reported_disabled
from keyturn.commands.catalogue import COMMANDS, DISABLE, ENABLE, IMMOBILISABLE_OWNERSHIP, START, CommandSpec
from keyturn.connectors.port import Declarations
from keyturn.errors import CommandNotFound, Refusal, VinNotFound
from keyturn.fleet import evidence, immobilisation
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx

IMMOBILISED = "vehicle is immobilised"
NO_CONSENT = "no consent of the end user on record"
NO_LONGER_PERMITTED = "no longer permitted"

_NAMES = msgspec.json.Decoder(frozenset[str])
_GRANTS = """
SELECT a.grants FROM application a JOIN company c ON c.id = a.company_id
WHERE a.id = :application_id AND a.company_id = :company_id AND a.active = 1 AND c.active = 1
"""


def refused(
    tx: ReadTx, vehicle: Vehicle, command: str, grants: frozenset[str], declares: Declarations | None
) -> Refusal | None:
    """The first of rows 8 and 9 that stands against the command, with the vehicle being the company's own."""
    held = command == ENABLE and immobilisation.open_record(tx, vehicle.id) is not None
    if command == DISABLE and vehicle.ownership not in IMMOBILISABLE_OWNERSHIP:
        return VinNotFound()
    planned = command in vehicle.plan or held
    if command in COMMANDS and vehicle.offers(command, declares) and planned and command in grants:
        return None
    return CommandNotFound()


def forbidden(tx: ReadTx, vehicle: Vehicle, spec: CommandSpec) -> str | None:
    """Row 10: the reason for which a rule forbids the command now."""
    if spec.name == DISABLE and vehicle.consent_at is None:
        return NO_CONSENT
    if spec.name == START and _immobilised(tx, vehicle.id):
        return IMMOBILISED
    return None


def turned(
    tx: ReadTx, vehicle: Vehicle | None, spec: CommandSpec, actor: str, declares: Declarations | None
) -> str | None:
    """The reason for which a registered command may not be sent any more. Nothing turns against a restoring one."""
    if vehicle is None:
        return NO_LONGER_PERMITTED
    if spec.is_restoring:
        return None
    if refused(tx, vehicle, spec.name, current_grants(tx, vehicle.company_id, actor), declares):
        return NO_LONGER_PERMITTED
    return forbidden(tx, vehicle, spec)


def current_grants(tx: ReadTx, company_id: str, application_id: str) -> frozenset[str]:
    """What the application may do now, by the store; nothing when it or its company is disabled."""
    row = tx.one(_GRANTS, application_id=application_id, company_id=company_id)
    return _NAMES.decode(row[0]) if row else frozenset()


def _immobilised(tx: ReadTx, vehicle_id: str) -> bool:
    if immobilisation.open_record(tx, vehicle_id) is not None:
        return True
    return reported_disabled(evidence.load(tx, vehicle_id))
