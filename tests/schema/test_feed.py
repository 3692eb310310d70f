"""What the collector tells the analytics tier is read as it was written, or refused."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import feed
from schema.bus import RECORD_BYTES_MAX
from schema.errors import FengsuiError
from schema.event import AcceptedBatch, Fields
from schema.feed import Taken

ODD = {"labels.odd": "value"}


def batch(count: int = 3) -> AcceptedBatch:
    events = [{"@timestamp": "2026-11-25T00:00:00.000000Z", "source.ip": "10.0.0.1"}] * count
    return AcceptedBatch(
        sensor="gate",
        number=7,
        first_sequence=20,
        low_watermark=5,
        received_at=1_764_028_800_000_000,
        indexes=list(range(count)),
        ids=[bytes([place]) * 16 for place in range(count)],
        times=[place * 10 for place in range(count)],
        events=events,
        enrichment=[{"event.id": "made anew", **(ODD if place == 1 else {})} for place in range(3)],
    )


CONTROLS = (
    feed.Require(1, "gate", -(2**60)),
    feed.Release(2, "gate"),
    feed.Exclude(3, "gate"),
    feed.Readmit(4, "gate", 8),
    feed.Adopt(5, "ab", "cd", 9),
    feed.Watch(6, "units", "cd", 10),
    feed.Know(7, "cd"),
    feed.End(8, 11),
    feed.Beat("gate", 12),
)


def test_a_batch_comes_through_with_its_labels_and_what_follows_from_its_events() -> None:
    told = feed.decode(feed.encode(feed.taken(batch())))
    assert isinstance(told, feed.Taken)
    found = feed.accepted(told)
    assert (found.sensor, found.number, found.first_sequence) == ("gate", 7, 20)
    assert found.times == [0, 10, 20]
    assert found.events == batch().events
    assert found.enrichment[1]["labels.odd"] == "value"
    assert found.enrichment[0]["event.id"] == "00" * 16
    assert found.enrichment[0]["related.ip"] == ["10.0.0.1"]


@pytest.mark.parametrize("message", CONTROLS, ids=lambda one: type(one).__name__)
def test_every_other_message_comes_through(message: feed.Message) -> None:
    assert feed.decode(feed.encode(message)) == message


@pytest.mark.parametrize(
    "change",
    [{"ids": [b"1"]}, {"times": []}, {"events": [{}] * 4}, {"unusual": {3: ODD}}],
    ids=lambda change: next(iter(change)),
)
def test_columns_of_unequal_length_are_refused(change: dict[str, object]) -> None:
    fields = {name: getattr(feed.taken(batch()), name) for name in feed.Taken.__struct_fields__}
    with pytest.raises(FengsuiError, match=r"schema\.feed\.malformed|differ|labels") as refused:
        feed.accepted(feed.Taken(**{**fields, **change}))
    assert refused.value.code == "schema.feed.malformed"


def outcome(raw: bytes) -> str:
    try:
        told = feed.decode(raw)
        if isinstance(told, feed.Taken):
            feed.accepted(told)
    except FengsuiError as error:
        return error.code
    return "read"


@given(st.binary(max_size=200), st.integers(0, 60), st.integers(0, 255))
def test_no_bytes_do_anything_but_be_read_or_refused(raw: bytes, at: int, byte: int) -> None:
    sound = bytearray(feed.encode(feed.taken(batch())))
    sound[at % len(sound)] = byte
    for given_ in (raw, bytes(sound)):
        assert outcome(given_) in ("read", "schema.feed.malformed")


def test_a_batch_nothing_compresses_is_sent_in_parts_that_records_hold() -> None:
    chance = random.Random(1)
    count = 256
    events: list[Fields] = [
        {"message": "".join(map(chr, chance.choices(range(0x4E00, 0x9FFF), k=20_000)))}
        for _ in range(count)
    ]
    whole = Taken(
        "s", 7, 0, 5, 9, list(range(count)), [bytes([n]) * 16 for n in range(count)],
        list(range(count)), events, {3: {"labels.x": "1"}, 255: {"labels.x": "2"}}, 4, 6,
    )  # fmt: skip
    raws = feed.encode_parts(whole)
    assert len(raws) > 3
    assert max(map(len, raws)) <= RECORD_BYTES_MAX // 2 + 64 * 1024
    parts = [feed.decode(raw) for raw in raws]
    assert all(isinstance(one, Taken) and one.before == 6 for one in parts)
    assert [(one.part, one.more) for one in parts] == [
        (number, number < len(raws) - 1) for number in range(len(raws))
    ]
    batches = [feed.accepted(one) for one in parts]
    assert [event for one in batches for event in one.events] == events
    assert [at for one in batches for at in one.indexes] == list(range(count))
    assert batches[0].enrichment[3]["labels.x"] == "1"
    assert batches[-1].enrichment[len(batches[-1].ids) - 1]["labels.x"] == "2"
    ahead = msgspec.structs.replace(whole, watermark=2**60)
    assert [len(feed.decode(one).ids) for one in feed.encode_parts(ahead)] == [
        len(one.ids) for one in batches
    ]


@pytest.mark.parametrize("number", [2**62 + 1, 2**63 - 1])
def test_numbers_a_batch_may_have_are_read(number: int) -> None:
    whole = Taken("s", number, number, 5, 9, [0], [bytes(16)], [1], [{}])
    assert feed.decode(feed.encode(whole)) == whole
