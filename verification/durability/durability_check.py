"""Compares every answer and every order of a recording with what was durable when it was sent."""

import random
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from verification.durability.databases import opened
from verification.durability.disk import NOTHING
from verification.durability.guarantees import Guarantee, broken, unintended
from verification.durability.recording import Recording
from verification.durability.rows import read_rows
from verification.durability.wire_log import Message


class Moment(NamedTuple):
    """An answer or an order, as its first byte is about to be sent; `syncs` were over by then."""

    at: int
    syncs: int
    subject: Guarantee | Message


def premature(recording: Recording, seed: int) -> Iterator[str]:
    """What was answered or sent before it was durable."""
    replay, chance = recording.replay(random.Random(seed)), random.Random(seed)
    for _, moments in groupby(_moments(recording), key=lambda moment: moment.syncs):
        together = list(moments)
        replay.advance(together[0].at)
        with opened(replay.disk.image(NOTHING, chance)) as connection:
            rows = read_rows(connection)
        for _, _, subject in together:
            yield from broken(rows, subject) if isinstance(subject, Guarantee) else unintended(rows, subject)


def _moments(recording: Recording) -> list[Moment]:
    ended = sorted(sync.ended for sync in recording.syncs)
    subject: list[Guarantee | Message] = [*recording.guarantees, *recording.orders]
    moments, over = [], 0
    for each in sorted(subject, key=lambda one: one.began):
        while over < len(ended) and ended[over] < each.began:
            over += 1
        moments.append(Moment(each.began, over, each))
    return moments
