"""Which car a vehicle's report is of: the one it means now, and the VIN that its OEM tells."""

from keyturn.audit import journal
from keyturn.fleet import immobilisation, vehicles
from keyturn.fleet.vehicles import Aim, Vehicle, upper_ascii
from keyturn.store.port import ReadTx, Tx

OTHER_VIN = "vin"
"""A doubt: the OEM tells another VIN. (The other one is ``shared``: another active vehicle has its external id.)"""
_ENGINE = "engine"

_DOUBTED = "SELECT doubt FROM vehicle WHERE id = :id"
_DOUBT = "UPDATE vehicle SET doubt = :doubt WHERE id = :id"
_TOLD = "UPDATE vehicle SET vin_told_at = :now WHERE id = :id AND vin_told_at IS NULL"
_MAY_MEAN = """
SELECT id FROM vehicle WHERE active = 1 AND account_id = :account_id AND external_id = :external_id
UNION
SELECT vehicle_id FROM immobilisation
WHERE (state <> 'closed' OR held = 1) AND account_id = :account_id AND external_id = :external_id
"""


def aim(tx: ReadTx, vehicle: Vehicle) -> Aim:
    """Which car it means: while it is on record as immobilised, the one that the disable went to."""
    return next((held.aim for held in immobilisation.unfinished(tx, vehicle.id) if held.aim), vehicle.aim)


def meaning(tx: ReadTx, wanted: Aim) -> list[Vehicle]:
    """The active vehicles that mean this car now."""
    account_id, external_id = wanted
    ids = [row[0] for row in tx.all(_MAY_MEAN, account_id=account_id, external_id=external_id)]
    found = [vehicle for vehicle_id in ids if (vehicle := vehicles.load(tx, vehicle_id)) is not None]
    return [vehicle for vehicle in found if aim(tx, vehicle) == wanted]


def is_aimed(tx: ReadTx, vehicle: Vehicle) -> bool:
    """Whether the vehicle still means the car that it meant when `vehicle` was loaded."""
    now = vehicles.load(tx, vehicle.id)
    return now is not None and aim(tx, now) == vehicle.aim


def tells_another_vin(vehicle: Vehicle, told: str | None) -> bool:
    """Whether the OEM said a VIN, and not this vehicle's."""
    return told is not None and upper_ascii(told.strip()) != upper_ascii(vehicle.vin)


def compare_vin(tx: Tx, vehicle: Vehicle, told: str | None) -> None:
    """Hold the VIN that the OEM told against the vehicle's; None: it told none, and nothing is learnt."""
    if told is None:
        return
    row = tx.one(_DOUBTED, id=vehicle.id)
    doubt, differs = row[0] if row else None, tells_another_vin(vehicle, told)
    if differs and doubt is None:
        _set(tx, vehicle, OTHER_VIN, "vehicle.identity_conflict")
    elif not differs and doubt == OTHER_VIN:
        _set(tx, vehicle, None, "vehicle.identity_conflict_cleared")
    if not differs and vehicle.vin_told_at is None:
        tx.run(_TOLD, id=vehicle.id, now=tx.now)


def _set(tx: Tx, vehicle: Vehicle, doubt: str | None, kind: str) -> None:
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
