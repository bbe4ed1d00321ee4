"""Operations that enrol a vehicle, and change its account, external id, plan, capabilities, ownership or consent."""

import uuid
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from keyturn.admin.guards import Need, depends
from keyturn.admin.operation import Answer, Arguments, Operation, Session, changed_fields
from keyturn.admin.references import ACCOUNT, COMPANY, PLAN, VEHICLE, checked_members, registered_vin, resolve
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx
from keyturn.tenants import consent, name_spaces, vehicle_guard
from keyturn.tenants.immobilisation_guard import ensure_still_reachable
from keyturn.tenants.vehicle_operations import normalized_vin, vehicle_view

Ownership = Literal["owned", "rented", "fleet", "third_party"]
Powertrain = Literal["combustion", "hybrid", "electric"]
Percent = Annotated[float, Meta(ge=0, le=100)]
Text = Annotated[str, Meta(min_length=1)]
Name = Annotated[str, Meta(pattern=r"\S")]

_PLAIN = ("ownership", "powertrain", "external_id", "fuel_reserve")
"""Arguments that are stored in columns of the same name."""

_CHANGEABLE = (*_PLAIN, "account", "plan", "capabilities", "consent", "active")
_OF_INSTALLATION = frozenset({"account", "external_id", "ownership"})
_ADD = """
INSERT INTO vehicle
  (id, company_id, vin, account_id, external_id, ownership, powertrain, plan_id, capabilities, fuel_reserve,
   consent_at, consent_reference, consent_by, consent_from, active, created_at)
VALUES
  (:id, :company_id, :vin, :account_id, :external_id, :ownership, :powertrain, :plan_id, :capabilities, :fuel_reserve,
   :consent_at, :consent_reference, :consent_by, :consent_from, 1, :created_at)
ON CONFLICT (vin) WHERE active = 1 DO NOTHING
"""
_SET = """
UPDATE vehicle
SET account_id = coalesce(:account_id, account_id), plan_id = coalesce(:plan_id, plan_id),
    external_id = coalesce(:external_id, external_id), ownership = coalesce(:ownership, ownership),
    powertrain = coalesce(:powertrain, powertrain), fuel_reserve = coalesce(:fuel_reserve, fuel_reserve),
    active = coalesce(:active, active)
WHERE id = :id
"""
_SET_CAPABILITIES = "UPDATE vehicle SET capabilities = :capabilities WHERE id = :id"
_SET_CONSENT = """
UPDATE vehicle
SET consent_at = :consent_at, consent_reference = :consent_reference, consent_by = :consent_by,
    consent_from = :consent_from
WHERE id = :id
"""
_IDENTITY = """
SELECT v.vin, v.account_id, a.connector, v.external_id, v.active
FROM vehicle v JOIN oem_account a ON a.id = v.account_id WHERE v.id = :id
"""
_HOLDER = "SELECT company_id FROM vehicle WHERE vin = :vin AND active = 1 AND id <> :id"


class AddVehicle(Arguments, frozen=True):
    company: str
    vin: Text
    account: str
    """One of the company's own."""
    plan: str
    ownership: Ownership
    powertrain: Powertrain = "combustion"
    external_id: Name | None = None
    """The OEM's name for it; None: the VIN."""
    capabilities: tuple[str, ...] | None = None
    """Command names; None: all that the connector offers."""
    fuel_reserve: Percent = 10.0
    consent: Text | None = None
    """Reference of the end user's consent to immobilisation."""


class SetVehicle(Arguments, frozen=True):
    vehicle: str
    """Id or VIN; an active vehicle goes before one that is not."""
    company: str | None = None
    account: str | None = None
    plan: str | None = None
    ownership: Ownership | None = None
    powertrain: Powertrain | None = None
    external_id: Name | None = None
    capabilities: tuple[str, ...] | UnsetType | None = UNSET
    """None: all that the connector offers."""
    fuel_reserve: Percent | None = None
    consent: Text | UnsetType | None = UNSET
    """None: withdrawn."""
    active: bool | None = None


def add(session: Session, arguments: AddVehicle) -> Answer:
    arguments = _trimmed(arguments)
    tx = session.tx
    _require_installation_operator(session)
    company_id = resolve(tx, COMPANY, arguments.company)
    vehicle_id, vin = str(uuid.uuid4()), registered_vin(arguments.vin)
    values = msgspec.structs.asdict(arguments) | {"vin": vin, "external_id": arguments.external_id or vin}
    consented = consent.consent_columns(session, company_id, arguments.consent)
    columns = _columns(session, arguments.company, values) | _capabilities(session, arguments.capabilities) | consented
    if not tx.run(_ADD, id=vehicle_id, company_id=company_id, vin=vin, created_at=tx.now, **columns):
        raise _vin_refused(tx, company_id, vehicle_id, vin)
    _claim_external_id(session, vehicle_id)
    del values["company"]
    session.record("vehicle.added", company_id, vehicle_id, **values)
    consent.record_consent(session, company_id, vehicle_id, consented)
    return vehicle_view(tx, vehicle_id)


def change(session: Session, arguments: SetVehicle) -> Answer:
    tx = session.tx
    vehicle_id = resolve(tx, VEHICLE, arguments.vehicle, arguments.company)
    changes = changed_fields(arguments, *_CHANGEABLE)
    if "external_id" in changes:
        changes["external_id"] = changes["external_id"].strip()
    if _OF_INSTALLATION & changes.keys():
        _require_installation_operator(session)
    vehicle = vehicle_view(tx, vehicle_id)
    company_id, vin = vehicle["company_id"], vehicle["vin"]
    if arguments.active and tx.one(_HOLDER, vin=vin, id=vehicle_id):
        raise _vin_refused(tx, company_id, vehicle_id, vin)
    columns = _columns(session, vehicle["company"], changes)
    ensure_still_reachable(tx, vehicle_id, {**changes, **columns})
    active = None if arguments.active is None else int(arguments.active)
    retargeted = _may_mean_another_vehicle(vehicle, changes)
    if retargeted:
        name_spaces.unassign(tx, vehicle_id)
    tx.run(_SET, id=vehicle_id, active=active, **columns)
    if retargeted:
        _claim_external_id(session, vehicle_id)
    if "capabilities" in changes:
        tx.run(_SET_CAPABILITIES, id=vehicle_id, **_capabilities(session, changes["capabilities"]))
    session.record("vehicle.changed", company_id, vehicle_id, **changes)
    if "consent" in changes:
        consented = consent.consent_columns(session, company_id, changes["consent"], vehicle)
        tx.run(_SET_CONSENT, id=vehicle_id, **consented)
        consent.record_consent(session, company_id, vehicle_id, consented)
    return vehicle_view(tx, vehicle_id)


def _require_installation_operator(session: Session) -> None:
    """A company does not decide which vehicle a VIN means, and whose it is. Raises `OperationError`."""
    if session.operator is not None and session.operator.company_id is not None:
        raise OperationError(
            "installation_needed",
            "Only an operator of the whole installation enrols a vehicle, or changes its account, external id or"
            " ownership.",
        )


def _need(session: Session, arguments: SetVehicle) -> Need:
    """Refuses an operator of a company before a change is proposed. Raises `OperationError`."""
    if _OF_INSTALLATION & changed_fields(arguments, *_CHANGEABLE).keys():
        _require_installation_operator(session)
    return vehicle_guard.need(session, arguments)


def _need_to_add(session: Session, arguments: AddVehicle) -> Need:
    """Refuses an invalid VIN, and an operator of a company, before a change is proposed. Raises `OperationError`."""
    _require_installation_operator(session)
    return vehicle_guard.need_to_enrol(session, _trimmed(arguments))


def _may_mean_another_vehicle(vehicle: Answer, changes: dict[str, Any]) -> bool:
    """Whether its commands may reach another vehicle after the change, or it becomes active again."""
    reactivated = bool(changes.get("active")) and not vehicle["active"]
    return (
        reactivated
        or "account" in changes
        or changes.get("external_id", vehicle["external_id"]) != vehicle["external_id"]
    )


def _claim_external_id(session: Session, vehicle_id: str) -> None:
    """Make sure that an active vehicle's external id is unique in its name space. Raises `OperationError`.

    The text is that of a VIN that cannot be added, so that it does not disclose whose the external id is.
    """
    tx = session.tx
    vin, account_id, connector, external_id, active = tx.all(_IDENTITY, id=vehicle_id)[0]
    if not active:
        return
    name_space = session.installation.name_spaces.of(connector, account_id)
    if name_spaces.is_taken(tx, name_space, external_id, vehicle_id):
        raise OperationError("vin_refused", f"The VIN '{vin}' cannot be added.")
    name_spaces.assign(tx, vehicle_id, name_space)


def _trimmed(arguments: AddVehicle) -> AddVehicle:
    """VIN and external id without blanks around them. Raises `OperationError` for an invalid VIN."""
    external_id = arguments.external_id.strip() if arguments.external_id else None
    return msgspec.structs.replace(arguments, vin=normalized_vin(arguments.vin), external_id=external_id)


def _columns(session: Session, company: str, values: dict[str, Any]) -> dict[str, Any]:
    """Columns that are never null; None for one that is not among the values."""
    account, plan = values.get("account"), values.get("plan")
    return {name: values.get(name) for name in _PLAIN} | {
        "account_id": None if account is None else resolve(session.tx, ACCOUNT, account, company),
        "plan_id": None if plan is None else resolve(session.tx, PLAN, plan),
    }


def _capabilities(session: Session, names: tuple[str, ...] | None) -> dict[str, Any]:
    if names is None:
        return {"capabilities": None}
    commands = checked_members("command", names, session.installation.commands)
    return {"capabilities": msgspec.json.encode(commands).decode()}


def _vin_refused(tx: ReadTx, company_id: str, vehicle_id: str, vin: str) -> OperationError:
    """Does not disclose whose the VIN is, unless it is the company's own."""
    holder = tx.one(_HOLDER, vin=vin, id=vehicle_id)
    if holder is not None and holder[0] == company_id:
        return OperationError("vin_enrolled", f"The company already has an active vehicle with the VIN '{vin}'.")
    return OperationError("vin_refused", f"The VIN '{vin}' cannot be added.")


OPERATIONS = (
    Operation(
        "vehicle add",
        AddVehicle,
        add,
        role="admin",
        guard=depends(
            _need_to_add,
            "Puts a vehicle within reach of commands, also one that was removed, as another type.",
            "It was never enrolled before; that its external id is unique is checked.",
        ),
    ),
    Operation(
        "vehicle set",
        SetVehicle,
        change,
        role="admin",
        guard=depends(
            _need,
            "Makes a vehicle one that can be immobilised, or sends its commands to another one.",
            "It removes rights, which must be possible at once; or it records a consent, which counts only later.",
        ),
    ),
)
