"""Operations that list and show vehicles; and the checks of a VIN at its enrolment.

An impossible VIN is refused, an unlikely one gets a warning. The HTTP API compares VINs with the enrolled form.
"""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from keyturn.admin.guards import reads
from keyturn.admin.operation import Answer, Arguments, Operation, Session
from keyturn.admin.references import COMPANY, VEHICLE, registered_vin, resolve
from keyturn.clock import iso_time, iso_time_or_none
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx, Row

_SELECT = """
SELECT v.id, v.vin, c.name, v.company_id, a.name, a.connector, v.external_id, v.ownership, v.powertrain, p.name,
       v.capabilities, v.fuel_reserve, v.consent_at, v.consent_reference, v.consent_by,
       coalesce(v.consent_from, v.consent_at), v.active, v.created_at
FROM vehicle v
JOIN company c ON c.id = v.company_id
JOIN oem_account a ON a.id = v.account_id
JOIN plan p ON p.id = v.plan_id
"""
_SHOW = f"{_SELECT} WHERE v.id = :id"
_LIST = f"""{_SELECT}
WHERE v.company_id = :company_id AND (v.vin, v.id) > (:vin, :after)
ORDER BY v.vin, v.id LIMIT :limit
"""


class ListVehicles(Arguments, frozen=True):
    company: str
    after: str | None = None
    """The `next` of the previous page."""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class ShowVehicle(Arguments, frozen=True):
    vehicle: str
    """Id or VIN; an active vehicle goes before one that is not."""
    company: str | None = None


def list_page(session: Session, arguments: ListVehicles) -> Answer:
    company_id = resolve(session.tx, COMPANY, arguments.company)
    after, vin = _page_start(session.tx, company_id, arguments.after)
    rows = session.tx.all(_LIST, company_id=company_id, vin=vin, after=after, limit=arguments.limit + 1)
    page = rows[: arguments.limit]
    return {"vehicles": [_view(row) for row in page], "next": page[-1][0] if len(rows) > len(page) else None}


def show(session: Session, arguments: ShowVehicle) -> Answer:
    return vehicle_view(session.tx, resolve(session.tx, VEHICLE, arguments.vehicle, arguments.company))


def _page_start(tx: ReadTx, company_id: str, after: str | None) -> tuple[str, str]:
    """Id and VIN of the vehicle before the page; empty for the first page."""
    if after is None:
        return "", ""
    vehicle = vehicle_view(tx, resolve(tx, VEHICLE, after, company_id))
    return vehicle["id"], vehicle["vin"]


def vehicle_view(tx: ReadTx, vehicle_id: str) -> Answer:
    (row,) = tx.all(_SHOW, id=vehicle_id)
    return _view(row)


def _view(row: Row) -> Answer:
    vehicle_id, vin, company, company_id, account, connector, external_id, ownership, powertrain, plan, *rest = row
    capabilities, fuel_reserve, consent_at, consent_reference, consent_by, consent_from, active, created_at = rest
    return {
        "id": vehicle_id,
        "vin": vin,
        "company": company,
        "company_id": company_id,
        "account": account,
        "connector": connector,
        "external_id": external_id,
        "ownership": ownership,
        "powertrain": powertrain,
        "plan": plan,
        "capabilities": None if capabilities is None else msgspec.json.decode(capabilities),
        "fuel_reserve": fuel_reserve,
        "consent_at": iso_time_or_none(consent_at),
        "consent_reference": consent_reference,
        "consent_by": consent_by,
        "consent_from": iso_time_or_none(consent_from),
        "active": bool(active),
        "created_at": iso_time(created_at),
        "warnings": vin_warnings(vin),
    }


OPERATIONS = (
    Operation("vehicle list", ListVehicles, list_page, guard=reads()),
    Operation("vehicle show", ShowVehicle, show, guard=reads()),
)


MAX_VIN_LENGTH = 64
"""Characters, as the HTTP API accepts."""

_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True))
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_CHECK_DIGIT = 8
"""Its position, counted from 0 (49 CFR 565.15)."""


def normalized_vin(text: str) -> str:
    """The VIN as it is stored. Raises `OperationError` for a wrong length, blanks or invisible characters."""
    vin = registered_vin(text.strip())
    if not vin or len(vin) > MAX_VIN_LENGTH:
        raise OperationError("invalid_vin", f"A VIN has 1 to {MAX_VIN_LENGTH} characters; this has {len(vin)}.")
    wrong = next((character for character in vin if character.isspace() or not character.isprintable()), None)
    if wrong is not None:
        place = vin.index(wrong) + 1
        raise OperationError(
            "invalid_vin", f"A VIN has no blanks and no invisible characters; character {place} is U+{ord(wrong):04X}."
        )
    return vin


def vin_warnings(vin: str) -> list[str]:
    """Reasons to doubt the VIN: a typing error, or a country with other rules."""
    if not _VIN.fullmatch(vin):
        return ["The VIN is not 17 characters of A-Z and 0-9 without I, O and Q."]
    if vin[_CHECK_DIGIT] != check_digit(vin):
        return [
            f"The VIN's check digit is {vin[_CHECK_DIGIT]} and would be {check_digit(vin)}: in North America and China"
            " that is a wrong VIN, elsewhere it need not be."
        ]
    return []


def check_digit(vin: str) -> str:
    """The check digit for 17 characters that are allowed in a VIN (49 CFR 565.15)."""
    values = (_VALUES[character] if character in _VALUES else int(character) for character in vin)
    remainder = sum(weight * value for weight, value in zip(_WEIGHTS, values, strict=True)) % 11
    return "X" if remainder == 10 else str(remainder)
