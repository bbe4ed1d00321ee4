"""The page of the HTTP contract says what the code does: checks in order, public texts, commands, sentences, states."""

import re
from pathlib import Path

import pytest

from keyturn import errors
from keyturn.commands.model.catalogue import CATALOGUE, CommandSpec
from keyturn.commands.model.states import STATUS, State, Status
from keyturn.commands.preconditions.table import PRECONDITIONS

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
CHECKS: tuple[tuple[str, type[errors.Refusal]], ...] = (
    ("1", errors.BearerMissing), ("2", errors.BearerInvalid), ("3", errors.BodyTooLarge), ("4", errors.InvalidVin),
    ("5", errors.InvalidCommand), ("6a", errors.SignSecretMissing), ("6b", errors.SignatureInvalid),
    ("7", errors.TooManyRequests), ("8", errors.VinNotFound), ("9", errors.CommandNotFound),
    ("10", errors.BlockedByPolicy), ("10b", errors.TooManyRequests), ("11", errors.ConfirmationInvalid),
    ("11b", errors.ConfirmationAlreadyUsed),
)  # fmt: skip


def rows(columns: int) -> list[list[str]]:
    """The cells of every table row of the page that has so many columns."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if line.startswith("| ")]
    return [row for row in cells if len(row) == columns]


def test_the_checks_are_listed_in_their_order_with_code_and_text() -> None:
    listed = [(row[0], row[2], row[3]) for row in rows(4) if re.fullmatch(r"\d+[ab]?", row[0])]
    assert [number for number, _, _ in listed] == [number for number, _ in CHECKS]
    for (number, code, text), (_, refusal) in zip(listed, CHECKS, strict=True):
        detail = "Command blocked by policy: <reason>." if number == "10" else refusal.detail
        assert code.startswith(str(refusal.http_status)), number
        assert text.startswith(f"`{detail}`"), number


@pytest.mark.parametrize("refusal", [errors.InvalidJson, errors.InvalidCredentials, errors.InvalidWait])
def test_other_texts_are_there_to_the_byte(refusal: type[errors.Refusal]) -> None:
    assert refusal.detail in PAGE


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.name)
def test_a_command_has_its_row(spec: CommandSpec) -> None:
    kind = f"{spec.kind}, two steps" if spec.two_step else str(spec.kind)
    numbers = ", ".join(map(str, spec.preconditions))
    row = [f"`{spec.name}`", kind, numbers, f"{spec.send_wait:g} s", f"{spec.answer_wait:g} s"]
    assert row in rows(5)


def test_the_sentences_of_the_preconditions_are_to_the_byte() -> None:
    listed = {row[0]: row[1] for row in rows(2)}
    for number, precondition in PRECONDITIONS.items():
        assert listed[str(number)] == f"`{precondition.text}`"


@pytest.mark.parametrize("status", Status)
def test_a_status_lists_its_native_states(status: Status) -> None:
    (row,) = [row for row in rows(3) if row[0] == f"`{status}`"]
    assert set(row[2].split(", ")) == {str(state) for state in State if STATUS[state] is status}
