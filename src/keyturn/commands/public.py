"""A record as the frozen surface shows it."""

import msgspec

from keyturn.clock import seed_time
from keyturn.commands import texts
from keyturn.commands.record import Command, Face
from keyturn.commands.request import PostAnswer
from keyturn.commands.states import Status

_DECODE = msgspec.json.Decoder()


def post_answer(command: Command, http_status: int | None = None) -> PostAnswer:
    """What the POST says: by default what the record's own POST was or is being answered with."""
    code = http_status or command.post_code or 200
    body: dict[str, object] = {"id": command.id, "vin": command.vin, "command": command.name}
    created = seed_time(command.redeemed_at or command.created_at)
    if code == 200:
        return PostAnswer(200, {**body, "status": Status.PENDING, "created": created})
    detail = command.post_detail or texts.NO_OPERATION
    return PostAnswer(code, {**body, "status": Status.ERROR, "created": created, "detail": detail})


def confirmation_answer(command: Command, code: str, message: str) -> PostAnswer:
    """Step one: nothing was sent. The code is shown here and nowhere else."""
    body = {"id": command.id, "vin": command.vin, "command": command.name, "status": Status.CONFIRMATION}
    return PostAnswer(200, {**body, "code": code, "message": message})


def record_body(command: Face) -> dict[str, object]:
    """`GET /vehicle-command/{id}`."""
    return {
        "id": command.id,
        "vin": command.vin,
        "command": command.name,
        "status": command.status,
        "detail": _DECODE.decode(command.detail),
        "updated": seed_time(command.updated_at),
    }


def joined_code(command: Command) -> int:
    """The HTTP code of joining this record: its 502 again when it already shows `Error`, else Pending."""
    return 502 if command.status is Status.ERROR else 200


def is_final(command: Face) -> bool:
    """Nothing more is expected, though a late answer may still turn `Error` into `Success`."""
    return command.status in (Status.SUCCESS, Status.ERROR)
