"""Batches over the limit of a record travel in parts, and none that is missing is passed over."""

from __future__ import annotations

import random
from itertools import pairwise

import msgspec
import pytest
import test_simulation
from analytics_world import World
from stream_world import Feed, check, fed, no_trainer, play
from test_simulation import RULES

from analytics.streaming.layout import Layout
from analytics.streaming.matching import Matching
from analytics.streaming.stage import Stage
from analytics.streaming.stages import SiteStages
from schema import feed
from schema.errors import FengsuiError
from schema.feed import Taken


class _Nobody:
    train = staticmethod(no_trainer)


def in_parts(message: bytes, chance: random.Random) -> list[bytes]:
    """A batch in parts of any size, as a long one would be."""
    whole = feed.decode(message)
    if not isinstance(whole, Taken) or len(whole.ids) < 3:
        return [message]
    ends = sorted(chance.sample(range(1, len(whole.ids)), 2))
    return [
        feed.encode(
            msgspec.structs.replace(
                whole, indexes=whole.indexes[begin:end], ids=whole.ids[begin:end],
                times=whole.times[begin:end], events=whole.events[begin:end], part=part,
                more=end < len(whole.ids), unusual={
                    at - begin: one for at, one in whole.unusual.items() if begin <= at < end
                },
            )
        )
        for part, (begin, end) in enumerate(pairwise([0, *ends, len(whole.ids)]))
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_parts_give_what_the_whole_gives(seed: int) -> None:
    chance = random.Random(seed)
    one = fed(World(test_simulation.EVENTS, seed=seed, batch_max=50), RULES, accepted=4)
    one.partitions = [
        [part for raw in partition for part in in_parts(raw, chance)]
        for partition in one.partitions
    ]
    check(one, play(one, hits=4, seed=seed, crash=0.05, repeat=0.1))


def numbered() -> tuple[Feed, list[bytes]]:
    """A feed of one partition, each batch naming the one before it and in parts."""
    one = fed(World(test_simulation.EVENTS[:300], seed=1, batch_max=40), RULES, accepted=1)
    chance, messages, before = random.Random(5), [], {}
    for raw in one.partitions[0]:
        message = feed.decode(raw)
        if isinstance(message, Taken):
            known = before.get(message.sensor, 0)
            raw = feed.encode(msgspec.structs.replace(message, before=known))
            before[message.sensor] = message.number
        messages += in_parts(raw, chance)
    return one, messages


def read(stage: Stage, messages: list[bytes]) -> None:
    for raw in messages:
        stage.take(raw)


def test_any_message_that_is_missing_is_noticed_by_the_next_of_its_sensor() -> None:
    one, messages = numbered()
    taken = [at for at, raw in enumerate(messages) if isinstance(feed.decode(raw), Taken)]
    last = {feed.decode(messages[at]).sensor: at for at in taken}
    stages = SiteStages(one.shelf, _Nobody(), layout=Layout(accepted=1, hits=1))
    for missing in taken:
        if missing in last.values():
            continue
        rest = [raw for at, raw in enumerate(messages) if at != missing]
        with pytest.raises(FengsuiError, match=r"analytics\.stream\.gap"):
            read(stages.open("accepted", 0, {}), rest)


def test_a_writer_that_begins_again_further_back_changes_nothing() -> None:
    one, messages = numbered()
    stage = SiteStages(one.shelf, _Nobody(), layout=Layout(accepted=1, hits=1)).open(
        "accepted", 0, {}
    )
    assert isinstance(stage, Matching)
    read(stage, messages)
    assert [stage.take(raw) for raw in messages if isinstance(feed.decode(raw), Taken)] == [
        () for raw in messages if isinstance(feed.decode(raw), Taken)
    ]
