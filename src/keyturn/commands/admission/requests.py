"""A checked request for a command, and the public answers of the API: of the POST, and of a record."""

import msgspec

from keyturn.clock import contract_time
from keyturn.commands.admission.nonces import Nonce
from keyturn.commands.model import messages
from keyturn.commands.model.record import Command, PublicView
from keyturn.commands.model.states import Status


class CommandRequest(msgspec.Struct, frozen=True):
    """`POST /vehicle-command` after checks 1 to 7 (docs/api.md)."""

    company_id: str
    application_id: str
    grants: frozenset[str]
    vin: str
    """As received."""
    command: str
    code: object = None
    """The body's `code`; None when absent or null. Checked later: it may be of any JSON type."""
    idempotency_key: str | None = None
    reason: str | None = None
    """`X-Reason`, decoded: why an immobilisation is requested."""
    case_number: str | None = None
    """`X-Case`, decoded."""
    request_hash: str = ""
    """Hex SHA-256 over vin, command, code, and the reason and case headers; compared when the key is used again."""
    nonce: Nonce | None = None
    """Of a signature, version 2: the admission consumes it before anything else."""


class PostAnswer(msgspec.Struct, frozen=True):
    """HTTP status and body of an answer that registered a record, coalesced with one, or issued a code."""

    http_status: int
    body: dict[str, object]


_DECODE = msgspec.json.Decoder()


def post_answer(command: Command, http_status: int | None = None) -> PostAnswer:
    """The POST's answer; by default with the status that answers the record's own POST."""
    status = http_status or command.post_code or 200
    body: dict[str, object] = {"id": command.id, "vin": command.vin, "command": command.name}
    created = contract_time(command.redeemed_at or command.created_at)
    if status == 200:
        return PostAnswer(200, {**body, "status": Status.PENDING, "created": created})
    detail = command.post_detail or messages.NO_OPERATION
    return PostAnswer(status, {**body, "status": Status.ERROR, "created": created, "detail": detail})


def confirmation_answer(command: Command, code: str, message: str) -> PostAnswer:
    """The answer of step one: nothing was sent. The code is shown here and nowhere else."""
    body = {"id": command.id, "vin": command.vin, "command": command.name, "status": Status.CONFIRMATION}
    return PostAnswer(200, {**body, "code": code, "message": message})


def record_body(command: PublicView) -> dict[str, object]:
    """`GET /vehicle-command/{id}`."""
    return {
        "id": command.id,
        "vin": command.vin,
        "command": command.name,
        "status": command.status,
        "detail": _DECODE.decode(command.detail),
        "updated": contract_time(command.updated_at),
    }


def coalesced_status(command: Command) -> int:
    """The HTTP status for a request that coalesces with this record: its 502 where it shows `Error`, else 200."""
    return 502 if command.status is Status.ERROR else 200


def is_final(command: PublicView) -> bool:
    """Whether its status is final; a late answer may still turn `Error` into `Success`."""
    return command.status in (Status.SUCCESS, Status.ERROR)
