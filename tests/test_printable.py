"""What others wrote reaches a terminal, a page and an alert as it reads: it moves, hides and turns nothing."""

import json
from typing import Any

import pytest

from keyturn.alerts.entries import Entry
from keyturn.alerts.rule import build_message
from keyturn.alerts.rules import rule_for
from keyturn.cli.commands import emergency_sheet
from keyturn.cli.failure import Exit, Failure, print_failure
from keyturn.cli.output import print_answer, print_json
from keyturn.cli.tables import follow, print_timeline
from keyturn.dossier import page
from keyturn.printable import BIDI_CONTROLS, printable, printable_json, printable_lines

ESCAPE, CSI, TITLE = "\x1b[2J\x1b[1;1H", "\x9b31m", "\x1b]0;owned\x07"
NASTY = f"ana{ESCAPE}{CSI}{TITLE}\r\x08\x7f\u202eevil\u2066\u200bb"
HARMLESS = "Não devolvido: 3 dias, 車両 №7 — «ok» 🚗"


def clean(text: str) -> bool:
    return all(sign.isprintable() or sign == "\n" for sign in text)


@pytest.mark.parametrize(
    "sign", ["\x00", "\x07", "\x1b", "\x7f", "\x9b", "\u2028", "\u200b", "\ufeff", *sorted(BIDI_CONTROLS)]
)
def test_an_unprintable_character_becomes_a_space(sign: str) -> None:
    assert printable(f"a{sign}b") == "a b"
    assert printable_lines(f"a{sign}b\nc") == "a b\nc"


def test_printable_text_is_unchanged() -> None:
    assert printable(HARMLESS) == HARMLESS
    assert printable("a\nb") == "a b"
    assert printable_lines("a\nb") == "a\nb"


@pytest.mark.parametrize("value", [NASTY, HARMLESS, {NASTY: [NASTY, "\U000e0001", 1, None]}])
def test_json_is_printable_and_means_the_same(value: object) -> None:
    text = printable_json(value)
    assert text.isprintable()
    assert json.loads(text) == value


def test_answer_on_a_terminal_shows_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    print_answer({"name": NASTY, NASTY: [NASTY, {NASTY: NASTY}]}, as_json=False)
    print_answer({"companies": [{"name": NASTY, "active": True, "id": NASTY}], "next": NASTY}, as_json=False)
    print_json({"name": NASTY})
    follow([{"command": "start", "vin": NASTY, "status": "Error", "detail": NASTY}])
    event = {"at": NASTY, "kind": "k", "actor": NASTY, "reason": NASTY}
    verdict = {"number": 1, "verdict": "met", "signals": {"speed": {"value": NASTY, "age": 1}}}
    print_timeline({"vin": NASTY, "verdicts": [verdict], "timeline": [event]})
    shown = capsys.readouterr().out
    assert "evil" in shown
    assert clean(shown)


@pytest.mark.parametrize("as_json", [False, True])
def test_failure_shows_no_control_characters(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    print_failure(Failure(Exit.REFUSED, "not_found", f"There is no company '{NASTY}'.", name=NASTY), as_json=as_json)
    shown = capsys.readouterr().err
    assert "evil" in shown
    assert clean(shown)


def test_emergency_sheet_shows_no_control_characters() -> None:
    record: dict[str, Any] = dict.fromkeys(
        ("vin", "state", "since", "company", "account", "connector", "external_id", "actor", "reason", "case",
         "consent_reference", "consent_at", "last_contact"), NASTY,
    )  # fmt: skip
    notice = {"at": NASTY, "channel": NASTY, "text": NASTY, "actor": NASTY}
    record |= {"position_then": None, "last_position": None, "commands": [], "notices": [notice], "keep_enabling": None}
    for text in (emergency_sheet.as_text([record]), emergency_sheet.as_html([record])):
        assert "evil" in text
        assert clean(text)


def test_dossier_shows_no_control_characters() -> None:
    story = {name: {NASTY: NASTY, "more": {NASTY: [NASTY]}} for name, _ in page._SECTIONS}
    story["entries"] = [{NASTY: NASTY}]  # type: ignore[assignment]
    story["command"] |= {"command": NASTY, "id": NASTY}
    text = page.render({**story, "made_at": NASTY, "installation": NASTY})
    assert "evil" in text
    assert clean(text)


def test_alert_shows_no_control_characters() -> None:
    entry = Entry(1, 1, None, NASTY, "switch.activated", NASTY, NASTY, {"scope": NASTY, "reach": NASTY})
    rule = rule_for(entry)
    assert rule is not None
    text = build_message(rule, entry).text
    assert "evil" in text
    assert clean(text)
