"""What an answer guarantees about the rows, and the checks that the rows keep it."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from verification.durability.load import Request
from verification.durability.rows import Rows
from verification.durability.wire_log import Message

CODE_TRIES = 5
"""Wrong tries that end a code."""
_PROGRESS = {"Confirmation": 0, "Pending": 1, "Success": 2, "Error": 2}
_SPENT = "Confirmation already used"
_WRONG = "Confirmation invalid"


class Guarantee(NamedTuple):
    """Made at that line of the log."""

    began: int
    request: Request
    command_id: str = ""
    status: str = ""
    spent: str = ""
    """This command's code can never be redeemed again."""
    guessed: str = ""
    """The wrong try for this command's code is counted."""


def guarantees(answers: list[Message], asked: Mapping[str, Request]) -> list[Guarantee]:
    """What was guaranteed by those answers that register, issue, redeem, or count a try; in their order."""
    requests = ((answer, asked.get(answer.header("x-request-id"))) for answer in answers)
    made = (_guarantee(answer, request) for answer, request in requests if request is not None)
    return [guarantee for guarantee in made if guarantee.command_id or guarantee.spent or guarantee.guessed]


def _guarantee(answer: Message, request: Request) -> Guarantee:
    command_id, status = (str(answer.body.get(name, "")) for name in ("id", "status"))
    detail = answer.body.get("detail")
    spent = request.code_of if command_id or detail == _SPENT else None
    guessed = request.guess_of if detail == _WRONG else None
    return Guarantee(answer.began, request, command_id, status, spent or "", guessed or "")


def broken(rows: Rows, guarantee: Guarantee) -> Iterator[str]:
    """In which ways the rows do not keep it."""
    for check in (_row_is_there, _code_is_open, _code_is_spent, _try_is_counted, _key_is_kept):
        if (problem := check(rows, guarantee)) is not None:
            yield f"{problem} (answered at line {guarantee.began})"


def unintended(rows: Rows, order: Message) -> Iterator[str]:
    """What is missing of the intent of a command that reached the OEM."""
    command_id = str(order.body["client_ref"])
    command = rows.commands.get(command_id)
    if command is None or not command.may_be_sent:
        yield f"{command_id} reached the OEM and {f'is {command.state}' if command else 'has no row'}"


def _row_is_there(rows: Rows, guarantee: Guarantee) -> str | None:
    if not guarantee.command_id:
        return None
    command = rows.commands.get(guarantee.command_id)
    if command is None:
        return f"{guarantee.command_id} has no row"
    if (command.vin, command.name) != (guarantee.request.vin, guarantee.request.command):
        return f"{guarantee.command_id} is another command"
    late = _PROGRESS[command.status] < _PROGRESS[guarantee.status]
    return f"{guarantee.command_id} is {command.status}, was answered {guarantee.status}" if late else None


def _code_is_open(rows: Rows, guarantee: Guarantee) -> str | None:
    if guarantee.status != "Confirmation" or not _confirming(rows, guarantee.command_id):
        return None
    return None if guarantee.command_id in rows.open_codes else f"{guarantee.command_id} has lost its code"


def _code_is_spent(rows: Rows, guarantee: Guarantee) -> str | None:
    if not guarantee.spent:
        return None
    usable = guarantee.spent in rows.open_codes or _confirming(rows, guarantee.spent)
    spent = not usable and guarantee.spent in rows.redeemed
    return None if spent else f"the code of {guarantee.spent} can be redeemed again"


def _try_is_counted(rows: Rows, guarantee: Guarantee) -> str | None:
    if not guarantee.guessed or not _confirming(rows, guarantee.guessed):
        return None
    tries, wanted = rows.open_codes.get(guarantee.guessed, 0), guarantee.request.guesses
    counted = wanted <= tries < CODE_TRIES
    return None if counted else f"{guarantee.guessed} has counted {tries} wrong tries of {wanted}"


def _key_is_kept(rows: Rows, guarantee: Guarantee) -> str | None:
    if not guarantee.command_id or guarantee.request.key is None:
        return None
    leads_to = rows.keys.get(guarantee.request.key)
    if leads_to is None:
        return f"the key of {guarantee.command_id} is forgotten"
    # The key of a first step follows its command into the one that it joined.
    kept = leads_to == guarantee.command_id or guarantee.status == "Confirmation"
    return None if kept else f"the key of {guarantee.command_id} leads to {leads_to}"


def _confirming(rows: Rows, command_id: str) -> bool:
    return command_id in rows.commands and rows.commands[command_id].confirming
