"""The model that the proof rests on: how a log is read, and what a disk keeps."""

import random
from pathlib import Path

import pytest
from verification.durability.disk import EVERYTHING, NOTHING, REMNANTS, SECTOR, Disk, Image, Remnant
from verification.durability.files import DIRECTORY, FileEvent, Remove, Resize, Sync, UnknownCall, Write, file_events
from verification.durability.recording import Recording, UnexplainedChange
from verification.durability.strace import NEVER, read_calls
from verification.durability.wire_log import answers, orders


def image(events: list[FileEvent], remnant: Remnant = NOTHING, seed: int = 0, **files: bytes) -> Image:
    disk = Disk(files, random.Random(seed))
    for event in events:
        disk.take(event)
    return disk.image(remnant, random.Random(seed))


def escaped(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def log(*lines: str, data: str = "/data") -> list[str]:
    """Lines of strace, with ``<name>`` and ``"text"`` escaped as it does."""
    return [
        line.replace("<db>", f"<{escaped(f'{data}/db')}>").replace('"ab"', f'"{escaped("ab")}"') + "\n"
        for line in lines
    ]


def test_overlapping_calls_of_threads_are_distinguished() -> None:
    calls = read_calls(
        log(
            '7 pwrite64(3<db>, "ab", 2, 0 <unfinished ...>',
            "8 fdatasync(3<db>)              = 0",
            "7 <... pwrite64 resumed>)       = 2",
            "8 fdatasync(3<db> <unfinished ...>",
            "8 +++ killed by SIGKILL +++",
        )
    )
    assert [(call.name, call.began, call.ended, call.result) for call in calls] == [
        ("pwrite64", 0, 2, 2),
        ("fdatasync", 1, 1, 0),
        ("fdatasync", 3, NEVER, None),
    ]
    assert (calls[0].subject, calls[0].buffers(), calls[0].last_number()) == ("/data/db", [b"ab"], 0)


def test_a_change_outside_the_model_is_refused() -> None:
    with pytest.raises(UnknownCall):
        file_events(read_calls(log('7 pwritev(3<db>, "ab", 2, 0) = 2')), Path("/data"))


def test_an_answer_begins_with_its_first_byte_and_a_cut_off_one_is_none() -> None:
    head, body = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", '{"id":""}'
    ours, oems = "TCP:[10.0.0.1:80->10.0.0.2:5000]", "TCP:[10.0.0.1:6000->10.0.0.3:90]"
    order = "POST /vehicles/9K/commands/start HTTP/1.1\r\ncontent-length: 9\r\n\r\n"
    calls = read_calls(
        [
            f'7 write(5<{ours}>, "{escaped(head)}", 38) = {len(head)}\n',
            f'7 write(5<{ours}>, "{escaped(body)}", 9) = 9\n',
            f'7 write(6<{oems}>, "{escaped(order + body)}", 70) = {len(order + body)}\n',
            f'7 write(5<{ours}>, "{escaped(head + body)}", 47) = 40\n',
        ]
    )
    assert [(answer.began, answer.code, answer.body) for answer in answers(calls, 80)] == [(0, 200, {"id": ""})]
    assert [(each.began, each.body) for each in orders(calls, 90)] == [(2, {"id": ""})]


def test_only_what_a_sync_covered_is_kept() -> None:
    before, after, beside = Write(1, 1, "db", 0, b"A"), Write(4, 4, "db", 1, b"B"), Write(1, 3, "db", 2, b"C")
    assert image([before, beside, Sync(2, 5, "db", done=True), after], db=b"...") == {"db": b"A.."}
    assert image([before, beside, after], EVERYTHING, db=b"...") == {"db": b"ABC"}
    assert image([Resize(1, 1, "db", 1), Sync(2, 2, "db", done=True)], db=b"...") == {"db": b"."}


def test_what_a_failed_sync_covered_may_be_gone_whatever_is_synced_later() -> None:
    events: list[FileEvent] = [Write(1, 1, "db", 0, b"A"), Sync(2, 2, "db", done=False), Sync(3, 3, "db", done=True)]
    assert {image(events, seed=seed, db=b".")["db"] for seed in range(20)} == {b".", b"A"}


def test_a_name_is_kept_by_a_sync_of_its_directory() -> None:
    made: list[FileEvent] = [Write(1, 1, "log", 0, b"A"), Sync(2, 2, "log", done=True)]
    assert image(made) == {}
    assert image([*made, Sync(3, 3, DIRECTORY, done=True)]) == {"log": b"A"}
    assert image([*made, Sync(3, 3, DIRECTORY, done=True), Remove(4, 4, "log")]) == {"log": b"A"}
    assert image([*made, Sync(3, 3, DIRECTORY, done=True), Remove(4, 4, "log")], EVERYTHING) == {}


@pytest.mark.parametrize("remnant", REMNANTS, ids=lambda remnant: remnant.name)
def test_a_sector_is_kept_whole_or_not_at_all(remnant: Remnant) -> None:
    events: list[FileEvent] = [Write(at, at, "db", at * 2 * SECTOR, b"A" * 2 * SECTOR) for at in range(4)]
    seen = {image(events, remnant, seed, db=bytes(8 * SECTOR))["db"] for seed in range(30)}
    for content in seen:
        sectors = {content[at : at + SECTOR] for at in range(0, len(content), SECTOR)}
        assert sectors <= {bytes(SECTOR), b"A" * SECTOR}
    assert len(seen) > 1 or remnant in (NOTHING, EVERYTHING)


def test_what_no_recorded_call_explains_is_noticed() -> None:
    recording = Recording({"db": b"."}, [Write(1, 1, "db", 0, b"A")], [], [])
    recording.check_complete({"db": b"A"})
    with pytest.raises(UnexplainedChange, match="db"):
        recording.check_complete({"db": b"B"})
