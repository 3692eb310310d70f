"""No stage takes bytes that no stage or collector wrote, and none is changed by them."""

from __future__ import annotations

import random

import msgspec
import pytest
from analytics_world import World, at, batch
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_world import Feed, fed, no_trainer
from test_simulation import EVENTS, RULES

from analytics.streaming.layout import Layout
from analytics.streaming.messages import MESSAGE_BYTES_MAX, Hits, encode, hits_of
from analytics.streaming.stages import SiteStages
from schema import feed
from schema.bus import partition_of
from schema.errors import FengsuiError

REFUSED = {
    "analytics.stream.partitions",
    "analytics.stream.malformed",
    "analytics.stream.gap",
    "analytics.stream.artefact_refused",
    "analytics.engine.rules_late",
}


class _Nobody:
    train = staticmethod(no_trainer)


def site(one: Feed, count: int = 2) -> SiteStages:
    layout = Layout(accepted=len(one.partitions), hits=count)
    return SiteStages(one.shelf, _Nobody(), layout=layout)


ONE = fed(World(EVENTS[:200], seed=1, batch_max=30), RULES, accepted=2)
MATCHED = [
    sent
    for number in range(2)
    for stage in [site(ONE).open("accepted", number, {})]
    for raw in ONE.partitions[number]
    for sent in stage.take(raw)
]
MESSAGES = {
    "accepted": ONE.partitions[0],
    "hits": [sent.message for sent in MATCHED if sent.lane == "hits" and sent.partition == 0],
    "hours": [sent.message for sent in MATCHED if sent.lane == "hours"],
}


def answer(lane: str, raw: bytes) -> str:
    """What a stage says to the bytes: nothing, or the code it refuses them by."""
    stage = site(ONE).open(lane, 0, {})
    try:
        stage.take(raw)
    except FengsuiError as error:
        return error.code
    except KeyError:
        # An artefact of another name, which this shelf does not hold.
        return ""
    stage.snapshot()
    return ""


@pytest.mark.parametrize("lane", ["accepted", "hits", "hours"])
@settings(max_examples=150, deadline=None)
@given(raw=st.binary(max_size=200))
def test_any_bytes(lane: str, raw: bytes) -> None:
    with pytest.raises(FengsuiError, match="malformed"):
        site(ONE).open(lane, 0, {}).take(raw)


@pytest.mark.parametrize("lane", ["accepted", "hits", "hours"])
@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_a_byte_changed_or_a_tail_cut(lane: str, seed: int) -> None:
    chance = random.Random(seed)
    raw = bytearray(chance.choice(MESSAGES[lane][:30]))
    if chance.random() < 0.3:
        del raw[chance.randrange(len(raw)) :]
    for _ in range(chance.randint(1, 3)):
        if raw:
            raw[chance.randrange(len(raw))] = chance.randrange(256)
    assert answer(lane, bytes(raw)) in {"", *REFUSED}


def test_a_batch_in_another_sensors_partition_stops_the_stage() -> None:
    """Nobody of ours writes it but a centre that counts partitions otherwise."""
    raw = feed.encode(feed.taken(batch([at(1)])))
    other = 1 - partition_of("s", 2)
    with pytest.raises(FengsuiError, match=r"bus\.partitions .*analytics\.stream\.partitions"):
        site(ONE).open("accepted", other, {}).take(raw)


def test_hits_of_another_division_are_refused() -> None:
    raw = next(raw for raw in MESSAGES["hits"] if hits_of(raw).hits.rows)
    first = msgspec.structs.replace(hits_of(raw), number=1)
    assert isinstance(first, Hits)
    with pytest.raises(FengsuiError, match="malformed"):
        site(ONE).open("hits", 1, {}).take(encode(first))


def test_a_message_that_is_missing_is_noticed() -> None:
    stage = site(ONE).open("hits", 0, {})
    stage.take(MESSAGES["hits"][0])
    with pytest.raises(FengsuiError, match="gap"):
        stage.take(MESSAGES["hits"][2])


def test_a_control_message_that_is_missing_is_noticed() -> None:
    stage = site(ONE).open("accepted", 0, {})
    with pytest.raises(FengsuiError, match="gap"):
        stage.take(feed.encode(feed.Exclude(3, "a")))


def test_what_is_long_is_sent_in_parts() -> None:
    one = Feed(RULES, accepted=1)
    one.require("s", 0)
    wide = [at(number / 1000, offset=number + 1, user="x" * 60_000) for number in range(200)]
    one.batch(batch(wide))
    stage = site(one, 1).open("accepted", 0, {})
    sent = [sent for raw in one.partitions[0] for sent in stage.take(raw) if sent.lane == "hits"]
    assert max(len(one.message) for one in sent) <= MESSAGE_BYTES_MAX
    with_rows = [hits_of(one.message) for one in sent if hits_of(one.message).hits.rows]
    assert len(with_rows) > 1
    # Nothing is promised before the last part is there.
    assert [one.low for one in with_rows[:-1]] == [0] * (len(with_rows) - 1)
    assert with_rows[-1].low > 0
