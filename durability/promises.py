"""What an answer promises about the rows, and whether an image of the database keeps it."""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .load import Question
from .talk import Message

_ROW = "SELECT vin, name, status FROM command WHERE id = ?"
_CONFIRMING = "SELECT state = 'Confirming' FROM command WHERE id = ?"
_TRIES = "SELECT tries FROM open_code WHERE command_id = ?"
_REDEEMED = "SELECT 1 FROM redeemed_code WHERE command_id = ?"
_KEY = "SELECT command_id FROM idempotency_key WHERE key = ?"
_SENDING = "SELECT state, send_by, attempts FROM command WHERE id = ?"
_PROGRESS = {"Confirmation": 0, "Pending": 1, "Success": 2, "Error": 2}
_UNSENT = ("Confirming", "AwaitingApproval", "Queued")
_KILLING = 5
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
    guessed: bool = False
    """The wrong try is counted."""


def promises(answers: list[Message], asked: Mapping[str, Question]) -> list[Promise]:
    """What was promised by those answers that register, issue, redeem, or count a try; in their order."""
    questions = ((answer, asked.get(answer.header("x-request-id"))) for answer in answers)
    made = (_promise(answer, question) for answer, question in questions if question is not None)
    return [promise for promise in made if promise.command_id or promise.spent or promise.guessed]


def _promise(answer: Message, question: Question) -> Promise:
    command_id, detail = str(answer.body.get("id", "")), answer.body.get("detail")
    spent = question.code_of if command_id or detail == _SPENT else None
    guessed = question.guess_of is not None and detail == _WRONG
    status = str(answer.body.get("status", ""))
    return Promise(answer.began, question, command_id, status, spent or "", guessed)


def broken(connection: sqlite3.Connection, promise: Promise) -> Iterator[str]:
    """In which way the database does not keep it; nothing while it does."""
    for check in (_row_is_there, _code_can_be_redeemed, _code_is_spent, _try_is_counted, _key_is_kept):
        if (problem := check(connection, promise)) is not None:
            yield f"{problem} (answered at line {promise.began})"


def unintended(connection: sqlite3.Connection, order: Message) -> str | None:
    """What the row of a command that reached the OEM lacks."""
    command_id = str(order.body["client_ref"])
    row = connection.execute(_SENDING, (command_id,)).fetchone()
    if row is None:
        return f"{command_id} reached the OEM and has no row"
    state, send_by, attempts = row
    if send_by is None or (state in _UNSENT and not attempts):
        return f"{command_id} reached the OEM and is {state}"
    return None


def _row_is_there(connection: sqlite3.Connection, promise: Promise) -> str | None:
    if not promise.command_id:
        return None
    row = connection.execute(_ROW, (promise.command_id,)).fetchone()
    if row is None:
        return f"{promise.command_id} has no row"
    vin, name, status = row
    if (vin, name) != (promise.question.vin, promise.question.command):
        return f"{promise.command_id} is another command"
    late = _PROGRESS[status] < _PROGRESS[promise.status]
    return f"{promise.command_id} is {status}, was answered {promise.status}" if late else None


def _code_can_be_redeemed(connection: sqlite3.Connection, promise: Promise) -> str | None:
    lost = promise.status == "Confirmation" and _is_confirming(connection, promise.command_id)
    if lost and connection.execute(_TRIES, (promise.command_id,)).fetchone() is None:
        return f"{promise.command_id} has lost its code"
    return None


def _code_is_spent(connection: sqlite3.Connection, promise: Promise) -> str | None:
    if not promise.spent:
        return None
    is_open = connection.execute(_TRIES, (promise.spent,)).fetchone() or _is_confirming(connection, promise.spent)
    if is_open or connection.execute(_REDEEMED, (promise.spent,)).fetchone() is None:
        return f"the code of {promise.spent} can be redeemed again"
    return None


def _try_is_counted(connection: sqlite3.Connection, promise: Promise) -> str | None:
    of, wanted = promise.question.guess_of, promise.question.guesses
    if not promise.guessed or of is None or not _is_confirming(connection, of):
        return None
    (tries,) = connection.execute(_TRIES, (of,)).fetchone() or (0,)
    if tries < wanted or wanted >= _KILLING:
        return f"{of} has counted {tries} wrong tries of {wanted}"
    return None


def _key_is_kept(connection: sqlite3.Connection, promise: Promise) -> str | None:
    if not promise.command_id or promise.question.key is None:
        return None
    row = connection.execute(_KEY, (promise.question.key,)).fetchone()
    if row is None:
        return f"the key of {promise.command_id} is forgotten"
    # The key of a first step follows its command into the one that it joined.
    if row[0] != promise.command_id and promise.status != "Confirmation":
        return f"the key of {promise.command_id} leads to {row[0]}"
    return None


def _is_confirming(connection: sqlite3.Connection, command_id: str) -> bool:
    row = connection.execute(_CONFIRMING, (command_id,)).fetchone()
    return bool(row and row[0])


