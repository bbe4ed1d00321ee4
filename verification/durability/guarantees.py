"""What an answer promises about the rows, and whether the rows keep it."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from verification.durability.load import Question
from verification.durability.rows import Rows
from verification.durability.wire_log import Message

KILLING = 5
"""Wrong tries that end a code."""
_PROGRESS = {"Confirmation": 0, "Pending": 1, "Success": 2, "Error": 2}
_SPENT = "Confirmation already used"
_WRONG = "Confirmation invalid"


class Promise(NamedTuple):
    """Made at that line of the log."""

    began: int
    question: Question
    command_id: str = ""
    status: str = ""
    spent: str = ""
    """This command's code can never be redeemed again."""
    guessed: str = ""
    """The wrong try for this command's code is counted."""


def promises(answers: list[Message], asked: Mapping[str, Question]) -> list[Promise]:
    """What was promised by those answers that register, issue, redeem, or count a try; in their order."""
    questions = ((answer, asked.get(answer.header("x-request-id"))) for answer in answers)
    made = (_promise(answer, question) for answer, question in questions if question is not None)
    return [promise for promise in made if promise.command_id or promise.spent or promise.guessed]


def _promise(answer: Message, question: Question) -> Promise:
    command_id, status = (str(answer.body.get(name, "")) for name in ("id", "status"))
    detail = answer.body.get("detail")
    spent = question.code_of if command_id or detail == _SPENT else None
    guessed = question.guess_of if detail == _WRONG else None
    return Promise(answer.began, question, command_id, status, spent or "", guessed or "")


def broken(rows: Rows, promise: Promise) -> Iterator[str]:
    """In which ways the rows do not keep it."""
    for check in (_row_is_there, _code_is_open, _code_is_spent, _try_is_counted, _key_is_kept):
        if (problem := check(rows, promise)) is not None:
            yield f"{problem} (answered at line {promise.began})"


def unintended(rows: Rows, order: Message) -> Iterator[str]:
    """What is missing of the intent of a command that reached the OEM."""
    command_id = str(order.body["client_ref"])
    command = rows.commands.get(command_id)
    if command is None or not command.may_be_sent:
        yield f"{command_id} reached the OEM and {f'is {command.state}' if command else 'has no row'}"


def _row_is_there(rows: Rows, promise: Promise) -> str | None:
    if not promise.command_id:
        return None
    command = rows.commands.get(promise.command_id)
    if command is None:
        return f"{promise.command_id} has no row"
    if (command.vin, command.name) != (promise.question.vin, promise.question.command):
        return f"{promise.command_id} is another command"
    late = _PROGRESS[command.status] < _PROGRESS[promise.status]
    return f"{promise.command_id} is {command.status}, was answered {promise.status}" if late else None


def _code_is_open(rows: Rows, promise: Promise) -> str | None:
    if promise.status != "Confirmation" or not _confirming(rows, promise.command_id):
        return None
    return None if promise.command_id in rows.open_codes else f"{promise.command_id} has lost its code"


def _code_is_spent(rows: Rows, promise: Promise) -> str | None:
    if not promise.spent:
        return None
    usable = promise.spent in rows.open_codes or _confirming(rows, promise.spent)
    spent = not usable and promise.spent in rows.redeemed
    return None if spent else f"the code of {promise.spent} can be redeemed again"


def _try_is_counted(rows: Rows, promise: Promise) -> str | None:
    if not promise.guessed or not _confirming(rows, promise.guessed):
        return None
    tries, wanted = rows.open_codes.get(promise.guessed, 0), promise.question.guesses
    counted = wanted <= tries < KILLING
    return None if counted else f"{promise.guessed} has counted {tries} wrong tries of {wanted}"


def _key_is_kept(rows: Rows, promise: Promise) -> str | None:
    if not promise.command_id or promise.question.key is None:
        return None
    leads_to = rows.keys.get(promise.question.key)
    if leads_to is None:
        return f"the key of {promise.command_id} is forgotten"
    # The key of a first step follows its command into the one that it joined.
    kept = leads_to == promise.command_id or promise.status == "Confirmation"
    return None if kept else f"the key of {promise.command_id} leads to {leads_to}"


def _confirming(rows: Rows, command_id: str) -> bool:
    return command_id in rows.commands and rows.commands[command_id].confirming
