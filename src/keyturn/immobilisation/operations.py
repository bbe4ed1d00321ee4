"""Administration operations on immobilisations: list and close records, add notices, start and end enable retries."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from keyturn.admin.guards import at_once, depends, reads, signed_in, when
from keyturn.admin.operation import Answer, Arguments, Operation, Session
from keyturn.admin.references import VEHICLE, resolve, resolve_company
from keyturn.clock import SECOND, after, iso_time
from keyturn.commands.execution.effects import disable_may_still_act, shows_enabled
from keyturn.errors import OperationError
from keyturn.fleet import evidence, immobilisation, vehicles
from keyturn.fleet.immobilisation import Immobilisation, NoticeChannel
from keyturn.fleet.vehicles import Vehicle
from keyturn.immobilisation import enable_retries
from keyturn.immobilisation.enable_retries import CANCELLED
from keyturn.immobilisation.views import enable_retry_view, open_records
from keyturn.store.port import ReadTx

Reason = Annotated[str, Meta(min_length=1, max_length=500, pattern=r"\S")]
_CLOCK_SLACK = 60.0
"""Seconds by which an operator's clock may be ahead."""


class ListImmobilisations(Arguments, frozen=True):
    company: str | None = None


class CloseImmobilisation(Arguments, frozen=True):
    vehicle: str
    """Id or VIN."""
    reason: Reason
    company: str | None = None
    force: bool = False
    """Close although a disable may still act; it is recorded."""


class AddNotice(Arguments, frozen=True):
    vehicle: str
    """Id or VIN."""
    channel: NoticeChannel
    company: str | None = None
    text: Annotated[str, Meta(min_length=1, max_length=2000)] | None = None
    at: str | None = None
    """RFC 3339; None: now."""


class OfVehicle(Arguments, frozen=True):
    vehicle: str
    """Id or VIN."""
    company: str | None = None


def list_open(session: Session, arguments: ListImmobilisations) -> Answer:
    company_id = resolve_company(session.tx, arguments.company)
    return {"immobilisations": open_records(session.tx, company_id)}


def close(session: Session, arguments: CloseImmobilisation) -> Answer:
    """Close the open record. Where the vehicle may still be immobilised, the record is held: it goes on counting."""
    tx, record = session.tx, _open(session, arguments)
    forced, held = disable_may_still_act(tx, record, tx.now), _may_be_immobilised(tx, record)
    if forced and not arguments.force:
        raise OperationError(
            "may_still_act",
            "A disable_ignition of this vehicle may still act; enable it and wait, or close with --force.",
        )
    by = session.actor
    immobilisation.close(tx, record, by, by, reason=arguments.reason, forced=forced, held=held)
    return {"vehicle": arguments.vehicle, "closed": True, "reason": arguments.reason, "forced": forced, "held": held}


def _open(session: Session, arguments: CloseImmobilisation) -> Immobilisation:
    """Raises `OperationError`."""
    vehicle_id = resolve(session.tx, VEHICLE, arguments.vehicle, arguments.company)
    record = immobilisation.open_record(session.tx, vehicle_id)
    if record is None:
        raise OperationError("not_immobilised", "The vehicle has no open immobilisation record.")
    return record


def _may_be_immobilised(tx: ReadTx, record: Immobilisation) -> bool:
    """No report shows it enabled that is newer than every effect a disable of ours may have."""
    return not shows_enabled(tx, record, evidence.load(tx, record.vehicle_id))


def _may_hide(session: Session, arguments: CloseImmobilisation) -> bool:
    return _may_be_immobilised(session.tx, _open(session, arguments))


def add_notice(session: Session, arguments: AddNotice) -> Answer:
    vehicle = _vehicle(session, arguments.vehicle, arguments.company)
    at = session.tx.now if arguments.at is None else _instant(arguments.at)
    if at > after(session.tx.now, _CLOCK_SLACK):
        raise OperationError("invalid_time", "A notice cannot have been given in the future.")
    at = min(at, session.tx.now)
    immobilisation.add_notice(
        session.tx, vehicle.company_id, vehicle.id, arguments.channel, at, arguments.text, session.actor
    )
    return {"vin": vehicle.vin, "channel": arguments.channel, "at": iso_time(at), "text": arguments.text}


def start_enable_retry(session: Session, arguments: OfVehicle) -> Answer:
    vehicle = _vehicle(session, arguments.vehicle, arguments.company)
    enable_retries.start(session.tx, vehicle, session.actor)
    return _retry_view(session, vehicle)


def cancel_enable_retry(session: Session, arguments: OfVehicle) -> Answer:
    vehicle_id = resolve(session.tx, VEHICLE, arguments.vehicle, arguments.company)
    retry = enable_retries.of_vehicle(session.tx, vehicle_id)
    if retry is None:
        raise OperationError("not_running", "No enable retry runs for this vehicle.")
    enable_retries.end(session.tx, retry, CANCELLED, session.actor)
    return {"vehicle": arguments.vehicle, "cancelled": True, **enable_retry_view(session.tx, retry)}


def list_enable_retries(session: Session, arguments: ListImmobilisations) -> Answer:
    tx = session.tx
    company_id = resolve_company(tx, arguments.company)
    found = [retry for retry in enable_retries.running(tx) if company_id in (None, retry.company_id)]
    vins = {retry.id: vehicles.load(tx, retry.vehicle_id) for retry in found}
    return {
        "keep_enabling": [
            {"vin": vehicle.vin if (vehicle := vins[retry.id]) else None, **enable_retry_view(tx, retry)}
            for retry in found
        ]
    }


def _retry_view(session: Session, vehicle: Vehicle) -> Answer:
    retry = enable_retries.of_vehicle(session.tx, vehicle.id)
    assert retry is not None, "it was just started, or ran already"
    return {"vin": vehicle.vin, **enable_retry_view(session.tx, retry)}


def _vehicle(session: Session, reference: str, company: str | None) -> Vehicle:
    """The active vehicle. Raises `OperationError`."""
    vehicle = vehicles.load(session.tx, resolve(session.tx, VEHICLE, reference, company))
    if vehicle is None:
        raise OperationError("not_active", f"The vehicle '{reference}' is not active.")
    return vehicle


def _instant(text: str) -> int:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise OperationError("invalid_time", f"'{text}' is no time with an offset, as in 2026-01-31T13:45:00-03:00.")
    return round(instant.timestamp() * SECOND)


OPERATIONS = (
    Operation("immobilisation list", ListImmobilisations, list_open, role="viewer", guard=reads()),
    Operation(
        "immobilisation close",
        CloseImmobilisation,
        close,
        role="admin",
        guard=depends(
            when(_may_hide),
            "Takes a vehicle that may be immobilised off the list.",
            "A report newer than every disable shows that it is enabled.",
        ),
    ),
    Operation(
        "notice add",
        AddNotice,
        add_notice,
        role="approver",
        guard=at_once(
            "Records a notice that was not given.", "It is recorded with its author; it must be possible at once."
        ),
    ),
    Operation(
        "keep-enabling start",
        OfVehicle,
        start_enable_retry,
        role="approver",
        guard=at_once("Nothing: it only enables.", "The way back must be open to one person."),
    ),
    Operation(
        "keep-enabling cancel",
        OfVehicle,
        cancel_enable_retry,
        role="approver",
        guard=signed_in(
            "Stops the retries that enable a vehicle.",
            "Its record stays open, and anyone may start a retry again; a disable that is wanted needs it stopped.",
        ),
    ),
    Operation("keep-enabling list", ListImmobilisations, list_enable_retries, role="viewer", guard=reads()),
)
