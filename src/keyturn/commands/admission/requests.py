"""A parsed and signed request for a command, and what the POST answers.

A record as the frozen surface shows it.
"""

import msgspec

from keyturn.clock import contract_time
from keyturn.commands.admission.nonces import Nonce
from keyturn.commands.model import messages
from keyturn.commands.model.record import Command, PublicView
from keyturn.commands.model.states import Status


class CommandRequest(msgspec.Struct, frozen=True):
    """`POST /vehicle-command` after rows 1-7 of the contract's table."""

    company_id: str
    application_id: str
    grants: frozenset[str]
    vin: str
    """As received."""
    command: str
    code: object = None
    """The body's `code`; None when absent or null. Judged later: it may be of any JSON type."""
    idempotency_key: str | None = None
    reason: str | None = None
    """`X-Reason`, decoded: why an immobilisation is asked for."""
    case_number: str | None = None
    """`X-Case`, decoded."""
    request_hash: str = ""
    """Hex SHA-256 over vin, command, code, and the reason and case headers; compared when the key comes again."""
    nonce: Nonce | None = None
    """Of a signature, version 2: the intake spends it before anything else."""


class PostAnswer(msgspec.Struct, frozen=True):
    """HTTP code and body of an answer that registered or joined a record, or issued a code."""

    http_status: int
    body: dict[str, object]


_DECODE = msgspec.json.Decoder()


def post_answer(command: Command, http_status: int | None = None) -> PostAnswer:
    """What the POST says: by default what the record's own POST was or is being answered with."""
    code = http_status or command.post_code or 200
    body: dict[str, object] = {"id": command.id, "vin": command.vin, "command": command.name}
    created = contract_time(command.redeemed_at or command.created_at)
    if code == 200:
        return PostAnswer(200, {**body, "status": Status.PENDING, "created": created})
    detail = command.post_detail or messages.NO_OPERATION
    return PostAnswer(code, {**body, "status": Status.ERROR, "created": created, "detail": detail})


def confirmation_answer(command: Command, code: str, message: str) -> PostAnswer:
    """Step one: nothing was sent. The code is shown here and nowhere else."""
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
    """The HTTP code of joining this record: its 502 again when it already shows `Error`, else Pending."""
    return 502 if command.status is Status.ERROR else 200


def is_final(command: PublicView) -> bool:
    """Nothing more is expected, though a late answer may still turn `Error` into `Success`."""
    return command.status in (Status.SUCCESS, Status.ERROR)
