"""Vehicles with their plan and OEM account; which car each one means now, and whether its OEM gives the same VIN."""

from functools import lru_cache

import msgspec

from keyturn.audit import journal
from keyturn.connectors.port import Capabilities
from keyturn.fleet import immobilisation
from keyturn.store.port import ReadTx, Row, Tx

_SELECT = """
SELECT v.id, v.company_id, v.vin, v.account_id, v.external_id, v.ownership, v.powertrain, v.capabilities,
       v.fuel_reserve, v.consent_at, p.commands, a.connector, a.active, v.consent_from, v.consent_by, v.doubt,
       v.vin_told_at
FROM vehicle v JOIN plan p ON p.id = v.plan_id JOIN oem_account a ON a.id = v.account_id
WHERE v.active = 1
"""
_BY_VIN = f"{_SELECT} AND v.vin = ?1 AND v.company_id = ?2"
_BY_ID = f"{_SELECT} AND v.id = ?1"

Aim = tuple[str, str]
"""Which car: the OEM account that it is reached through, and the OEM's name for it there."""

_NAMES = msgspec.json.Decoder(frozenset[str])


class Vehicle(msgspec.Struct, frozen=True):
    """An enrolled, active vehicle."""

    id: str
    company_id: str
    vin: str
    """As registered."""
    account_id: str
    external_id: str
    ownership: str
    powertrain: str
    capabilities: frozenset[str] | None
    """None: whatever the connector offers."""
    fuel_reserve: float
    """Percent of the tank."""
    consent_at: int | None
    plan: frozenset[str]
    connector: str
    account_active: bool
    consent_from: int | None = None
    """From when the end user's consent counts; None: since it was given."""
    consent_by: str | None = None
    """Who gave it: an operator's id or ``local``; None: not known."""
    doubt: str | None = None
    """Why it may mean another car; see `compare_vin`."""
    vin_told_at: int | None = None
    """When its OEM first gave this VIN for it."""

    @property
    def aim(self) -> Aim:
        """Which car its row means."""
        return self.account_id, self.external_id

    def offers(self, name: str, capabilities: Capabilities | None) -> bool:
        """Whether this vehicle's OEM carries the command. Ignition is never cut where a running engine could stop."""
        if capabilities is None or not self.account_active or name not in capabilities.offers:
            return False
        if name == "disable_ignition" and not capabilities.blocks_next_start_only:
            return False
        return self.capabilities is None or name in self.capabilities

    def consented(self, actor: str, now: int) -> bool:
        """Whether the end user's consent counts for this actor: never a consent that the actor recorded."""
        if self.consent_at is None or now < (self.consent_from or 0):
            return False
        return self.consent_by is None or self.consent_by not in (actor, actor.removeprefix("operator:"))


def _vehicle(row: Row | None) -> Vehicle | None:
    if row is None:
        return None
    vehicle = Vehicle(*row)
    return msgspec.structs.replace(
        vehicle,
        capabilities=None if vehicle.capabilities is None else _names(row[7]),
        plan=_names(row[10]),
        account_active=bool(vehicle.account_active),
    )


@lru_cache(maxsize=1024)
def _names(text: str) -> frozenset[str]:
    return _NAMES.decode(text)


def find(tx: ReadTx, company_id: str, vin: str) -> Vehicle | None:
    """The company's active vehicle with this VIN (ASCII upper-cased here, nothing trimmed)."""
    return _vehicle(tx.one(_BY_VIN, upper_ascii(vin), company_id))


def load(tx: ReadTx, vehicle_id: str) -> Vehicle | None:
    return _vehicle(tx.one(_BY_ID, vehicle_id))


def upper_ascii(vin: str) -> str:
    """Upper-case ASCII letters only: other scripts are compared as they are."""
    return vin.upper() if vin.isascii() else "".join(c.upper() if c.isascii() else c for c in vin)


OTHER_VIN = "vin"
"""A doubt: the OEM gives another VIN. (The other one is ``shared``: another active vehicle has its external id.)"""
_ENGINE = "engine"

_DOUBTED = "SELECT doubt FROM vehicle WHERE id = :id"
_DOUBT = "UPDATE vehicle SET doubt = :doubt WHERE id = :id"
_SET_VIN_REPORTED = "UPDATE vehicle SET vin_told_at = :now WHERE id = :id AND vin_told_at IS NULL"
_MAY_MEAN = """
SELECT id FROM vehicle WHERE active = 1 AND account_id = :account_id AND external_id = :external_id
UNION
SELECT vehicle_id FROM immobilisation
WHERE (state <> 'closed' OR held = 1) AND account_id = :account_id AND external_id = :external_id
"""


def current_aim(tx: ReadTx, vehicle: Vehicle) -> Aim:
    """Which car the vehicle means: while it is on record as immobilised, the one that the disable was sent to."""
    return next((held.aim for held in immobilisation.unfinished(tx, vehicle.id) if held.aim), vehicle.aim)


def aimed_at(tx: ReadTx, wanted: Aim) -> list[Vehicle]:
    """The active vehicles that mean this car now."""
    account_id, external_id = wanted
    ids = [row[0] for row in tx.all(_MAY_MEAN, account_id=account_id, external_id=external_id)]
    found = [vehicle for vehicle_id in ids if (vehicle := load(tx, vehicle_id)) is not None]
    return [vehicle for vehicle in found if current_aim(tx, vehicle) == wanted]


def still_aimed(tx: ReadTx, vehicle: Vehicle) -> bool:
    """Whether the vehicle still means the car that it meant when `vehicle` was loaded."""
    now = load(tx, vehicle.id)
    return now is not None and current_aim(tx, now) == vehicle.aim


def reports_another_vin(vehicle: Vehicle, vin: str | None) -> bool:
    """Whether the OEM gave a VIN that is not this vehicle's."""
    return vin is not None and upper_ascii(vin.strip()) != upper_ascii(vehicle.vin)


def compare_vin(tx: Tx, vehicle: Vehicle, vin: str | None) -> None:
    """Raise or end the doubt of a vehicle by the VIN that its OEM gave; None: it gave none, and nothing changes."""
    if vin is None:
        return
    row = tx.one(_DOUBTED, id=vehicle.id)
    doubt, differs = row[0] if row else None, reports_another_vin(vehicle, vin)
    if differs and doubt is None:
        _set_doubt(tx, vehicle, OTHER_VIN, "vehicle.identity_conflict")
    elif not differs and doubt == OTHER_VIN:
        _set_doubt(tx, vehicle, None, "vehicle.identity_conflict_cleared")
    if not differs and vehicle.vin_told_at is None:
        tx.run(_SET_VIN_REPORTED, id=vehicle.id, now=tx.now)


def _set_doubt(tx: Tx, vehicle: Vehicle, doubt: str | None, kind: str) -> None:
    tx.run(_DOUBT, id=vehicle.id, doubt=doubt)
    journal.record(
        tx,
        kind,
        company_id=vehicle.company_id,
        actor=_ENGINE,
        vehicle_id=vehicle.id,
        vin=vehicle.vin,
        external_id=vehicle.external_id,
        why=OTHER_VIN,
    )
