"""The ten commands, as the documents list them."""

import pytest

from keyturn.commands.model.catalogue import CATALOGUE, COMMANDS, IGNITION_PAIR, IMMOBILISABLE_OWNERSHIP, RESTORING
from keyturn.commands.preconditions.table import precondition_not_met
from tests.support.refusals import SENTENCES

ROWS = [
    ("location", "read", False, (), None, 60, 300),
    ("diagnostics", "read", False, (), None, 60, 300),
    ("lock_door", "actuating", False, (1,), ("doors_locked", True), 60, 300),
    ("unlock_door", "actuating", False, (1,), ("doors_locked", False), 60, 300),
    ("alert", "actuating", False, (), None, 60, 300),
    ("cancel_alert", "restoring", False, (2,), None, 120, 300),
    ("enable_ignition", "restoring", True, (3, 4, 13), ("ignition_disabled", False), 120, 600),
    ("disable_ignition", "actuating", True, (3, 13), ("ignition_disabled", True), 120, 600),
    ("start", "actuating", False, (1, 3, 5, 6, 7, 8, 9, 10, 11), ("remote_start_active", True), 60, 300),
    ("cancel_start", "restoring", False, (12,), ("remote_start_active", False), 120, 300),
]
"""Name, kind, two-step, preconditions, verified by, seconds to be sent and to be answered."""

START_PAIR = {"system_power_mode", "ignition_status", "remote_start_active", "consecutive_remote_starts"}
CHANGES = {
    "start": START_PAIR,
    "cancel_start": START_PAIR,
    "enable_ignition": {"ignition_disabled"},
    "disable_ignition": {"ignition_disabled"},
    "lock_door": {"doors_locked"},
    "unlock_door": {"doors_locked"},
    "alert": {"remote_alert_active", "hazard_lights"},
    "cancel_alert": {"remote_alert_active", "hazard_lights"},
}
OPPOSITES = [
    ("enable_ignition", "disable_ignition"),
    ("start", "cancel_start"),
    ("alert", "cancel_alert"),
    ("lock_door", "unlock_door"),
]


def test_the_catalogue_is_the_documents_table() -> None:
    rows = [
        (
            spec.name,
            spec.kind,
            spec.two_step,
            spec.preconditions,
            spec.verified_by and (spec.verified_by.signal, spec.verified_by.value),
            spec.send_wait,
            spec.answer_wait,
        )
        for spec in CATALOGUE
    ]

    assert rows == ROWS


def test_each_command_names_the_signals_that_it_can_change() -> None:
    assert {spec.name: set(spec.changes) for spec in CATALOGUE if spec.changes} == CHANGES


@pytest.mark.parametrize(("one", "other"), OPPOSITES)
def test_opposites_name_each_other(one: str, other: str) -> None:
    assert (COMMANDS[one].opposite, COMMANDS[other].opposite) == (other, one)


def test_groups_follow_from_the_table() -> None:
    assert {"enable_ignition", "cancel_start", "cancel_alert"} == RESTORING
    assert {"enable_ignition", "disable_ignition"} == IGNITION_PAIR
    assert {"owned", "rented", "fleet"} == IMMOBILISABLE_OWNERSHIP
    assert {spec.name for spec in CATALOGUE if spec.overtakes} == {"cancel_start", "cancel_alert"}
    assert {spec.name for spec in CATALOGUE if spec.supersedes_opposite} == {"lock_door", "unlock_door"}
    assert {spec.name for spec in CATALOGUE if spec.refused_when_unknown} == {
        "disable_ignition",
        "start",
        "unlock_door",
    }


@pytest.mark.parametrize("number", SENTENCES)
def test_each_precondition_has_its_sentence(number: int) -> None:
    assert precondition_not_met([number]) == f"Precondition not met: {SENTENCES[number]}"


def test_sentences_come_in_ascending_number_and_once() -> None:
    text = precondition_not_met((13, 3, 13, 9))

    assert text == f"Precondition not met: {SENTENCES[3]} {SENTENCES[9]} {SENTENCES[13]}"
