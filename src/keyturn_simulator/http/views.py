"""The simulator's data as JSON-ready values; instants as RFC 3339."""

from keyturn_simulator.clock import rfc3339
from keyturn_simulator.operations import Actuation, Operation
from keyturn_simulator.vehicles.vehicle import Report


def operation_view(operation: Operation, base: str) -> dict[str, object]:
    """An operation as its url shows it; `base` is the API's own url."""
    view: dict[str, object] = {
        "id": operation.id,
        "url": f"{base}/operations/{operation.id}",
        "status": operation.status,
        "vin": operation.vin,
        "command": operation.command,
        "client_ref": operation.client_ref,
    }
    if operation.completed_at is not None:
        view["completed_at"] = rfc3339(operation.completed_at)
    if operation.status == "success":
        view["data"] = operation.data
    if operation.error is not None:
        view["error"] = operation.error
    if operation.already_done:
        view["already_done"] = True
    return view


def report_view(vin: str, report: Report) -> dict[str, object]:
    as_of = rfc3339(report.as_of)
    signals = {
        name: {"value": signal.value, "observed_at": rfc3339(signal.observed_at), "as_of": as_of}
        for name, signal in report.signals.items()
    }
    return {"vin": vin, "reachable": report.reachable, "last_contact": as_of, "signals": signals}


def ledger_view(actuations: list[Actuation]) -> dict[str, object]:
    return {
        "actuations": [
            {"vin": a.vin, "command": a.command, "client_ref": a.client_ref, "at": rfc3339(a.at)} for a in actuations
        ]
    }
