"""The crash harness itself: a short run finds nothing, and each of its checks notices what it is there for."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from verification.crash.invariants import CHECKS, violations
from verification.crash.run_result import CloudSending, CrashResult
from verification.results import Row

from keyturn.commands.model.catalogue import IGNITION_PAIR
from tests.verification.crash.runs import SHORT, ShortRun


def test_a_short_run_violates_nothing(short_run: ShortRun) -> None:
    run, left = short_run.ended
    assert violations(left) == []
    assert run.server.kills == SHORT.kills + 1
    assert sum(cloud.process.kills for cloud in run.clouds.values()) > 0
    assert any(post.status is None for post in left.request_log.posts), "no answer was lost"
    assert any(left.states_at([death.at for death in run.deaths])), "no server died with anything in flight"
    assert sum(map(bool, map(left.acted, left.by_ref))) > 0
    assert any(row["redeemed_at"] for row in left.commands.values())


def changed(left: CrashResult, **of_records: Any) -> CrashResult:
    return dataclasses.replace(left, records=left.records._replace(**of_records))


def with_row(left: CrashResult, row: Row, **columns: object) -> CrashResult:
    return changed(left, commands={**left.commands, row["id"]: {**row, **columns}})


def in_state(left: CrashResult, *states: str) -> Row:
    """A row of an actuating command that a vehicle did, in one of these states."""
    return next(row for row in left.commands.values() if row["state"] in states and left.acted(row["id"]))


def taken(left: CrashResult) -> CloudSending:
    return next(sending for sending in left.sendings if sending.acted)


def an_answered_record_is_gone(left: CrashResult) -> CrashResult:
    gone = next(post.id for post in left.request_log.posts if post.id is not None)
    return changed(left, commands={name: row for name, row in left.commands.items() if name != gone})


def a_cloud_took_it_twice(left: CrashResult) -> CrashResult:
    return dataclasses.replace(left, sendings=[*left.sendings, taken(left)])


def a_lane_was_turned_around(left: CrashResult) -> CrashResult:
    commands = {name: {**row, "lane_number": -(row["lane_number"] or 0)} for name, row in left.commands.items()}
    return changed(left, commands=commands)


def it_was_sent_late(left: CrashResult) -> CrashResult:
    row = left.commands[taken(left).operation.client_ref]
    return with_row(left, row, send_by=row["send_by"] - 10_000_000)


def a_row_is_pending(left: CrashResult) -> CrashResult:
    return with_row(left, in_state(left, "Executed", "Verified"), status="Pending")


def an_unknown_one_was_sent(left: CrashResult) -> CrashResult:
    sent = next(entry for entry in left.records.entries if entry["kind"] == "command.Dispatching")
    unknown = {**sent, "kind": "command.Unknown"}
    return changed(left, entries=[unknown, *left.records.entries])


def a_code_was_redeemed_twice(left: CrashResult) -> CrashResult:
    post = next(
        each
        for each in left.request_log.posts
        if each.id is not None and each.code is not None and each.command in IGNITION_PAIR
    )
    again = dataclasses.replace(post, key="another")
    return dataclasses.replace(
        left, request_log=dataclasses.replace(left.request_log, posts=[*left.request_log.posts, again])
    )


def an_entry_is_missing(left: CrashResult) -> CrashResult:
    missing = next(entry for entry in left.records.entries if entry["kind"] == "command.Accepted")
    return changed(left, entries=[entry for entry in left.records.entries if entry is not missing])


def a_refusal_is_missing(left: CrashResult) -> CrashResult:
    return changed(left, entries=[entry for entry in left.records.entries if entry["kind"] != "ignition.refused"])


def a_stranger_was_served(left: CrashResult) -> CrashResult:
    return dataclasses.replace(left, sendings=[sending._replace(company="south") for sending in left.sendings])


def a_key_led_to_two(left: CrashResult) -> CrashResult:
    done = {row["id"] for row in left.commands.values() if row["status"] == "Success"}
    keyed = [each for each in left.request_log.posts if each.key is not None and each.id in done]
    first = keyed[0]
    second = next(each for each in keyed if each.id != first.id)
    again = dataclasses.replace(second, key=first.key, application=first.application)
    return dataclasses.replace(
        left, request_log=dataclasses.replace(left.request_log, posts=[*left.request_log.posts, again])
    )


def success_was_taken_back(left: CrashResult) -> CrashResult:
    done = next(entry for entry in left.records.entries if entry["kind"] == "command.Executed")
    newest = left.records.entries[-1]["seq"]
    again = {**done, "seq": newest + 1, "kind": "command.revealed", "body": '{"status":"Error"}'}
    return changed(left, entries=[*left.records.entries, again])


def what_was_done_is_called_failed(left: CrashResult) -> CrashResult:
    return with_row(left, in_state(left, "Executed", "Verified"), state="Failed")


def a_refusal_for_now_ended_it(left: CrashResult) -> CrashResult:
    sent = next(entry for entry in left.records.entries if entry["kind"] == "command.Dispatching")
    body = '{"status":"Error","from":"Dispatching","verdict":"not_taken","exchange":{"status":503}}'
    return changed(left, entries=[sent, {**sent, "kind": "command.Failed", "body": body}])


def a_refusal_was_answered_and_not_kept(left: CrashResult) -> CrashResult:
    post = next(each for each in left.request_log.posts if each.status == 409 and each.id is not None)
    return with_row(left, left.commands[post.id or ""], state="Verified", status="Success")


def no_immobilisation_is_open(left: CrashResult) -> CrashResult:
    return changed(left, immobilisations=[])


def a_server_died_by_itself(left: CrashResult) -> CrashResult:
    return dataclasses.replace(left, problems=["the last server ended with 1"])


WRONGS: list[tuple[Callable[[CrashResult], CrashResult], str]] = [
    (an_answered_record_is_gone, "1 durable before answered"),
    (a_cloud_took_it_twice, "2 at most once per id"),
    (a_lane_was_turned_around, "3 lane exclusion and order"),
    (it_was_sent_late, "4 sent in time"),
    (a_row_is_pending, "5 final within its bound"),
    (an_unknown_one_was_sent, "6 Unknown never sent again"),
    (a_code_was_redeemed_twice, "7 one code, one dispatch"),
    (an_entry_is_missing, "8 every transition audited"),
    (a_refusal_is_missing, "8 every transition audited"),
    (a_stranger_was_served, "10 tenants are isolated"),
    (a_key_led_to_two, "one record per key"),
    (success_was_taken_back, "success stays"),
    (what_was_done_is_called_failed, "certain ends are certain"),
    (a_refusal_for_now_ended_it, "temporary refusals are tried on"),
    (a_refusal_was_answered_and_not_kept, "answers agree with the record"),
    (no_immobilisation_is_open, "immobilisation on record"),
    (a_server_died_by_itself, "what was not killed lives"),
]


@pytest.mark.parametrize(("wrong", "check"), WRONGS, ids=[wrong.__name__ for wrong, _ in WRONGS])
def test_a_wrong_is_noticed(short_run: ShortRun, wrong: Callable[[CrashResult], CrashResult], check: str) -> None:
    assert list(CHECKS[check](wrong(short_run.left)))


def test_every_check_has_a_wrong_that_it_notices() -> None:
    assert {check for _, check in WRONGS} == CHECKS.keys()
