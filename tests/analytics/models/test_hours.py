"""A model keeps the hours of so many entities and no more, the same ones in whatever order."""

from __future__ import annotations

import random

from analytics.models.hours import OPEN_PER_BUCKET_MAX, PAST_PER_BUCKET_MAX, HourBook
from schema import ids
from schema.times import HOUR

CROWD = [name for name in map(str, range(250_000)) if ids.bucket(name) == 0]


def _fill(book: HourBook, entities: list[str], *, hour: int) -> None:
    for number, entity in enumerate(entities):
        book.add(entity, {"event.action": "x"}, (hour * HOUR + number, "s", number, b"id"))


def test_of_a_flood_in_one_hour_the_same_entities_stay_in_every_order() -> None:
    flood = CROWD[: OPEN_PER_BUCKET_MAX + 100]
    kept = set()
    for seed in range(3):
        order = [*flood, *flood]
        random.Random(seed).shuffle(order)
        book = HourBook("model@1.0.0", "system.auth")
        _fill(book, order, hour=1)
        assert book.evicted[HOUR] >= 100
        closed = book.close(HOUR)
        assert {one.hour.count for one in closed} == {2}
        kept.add(tuple(sorted(one.entity for one in closed)))
    assert [len(names) for names in kept] == [OPEN_PER_BUCKET_MAX]


def test_the_past_of_those_not_seen_for_longest_is_forgotten() -> None:
    book = HourBook("model@1.0.0", "system.auth")
    for hour in range(4):
        _fill(book, CROWD[hour * 200 : hour * 200 + 200], hour=hour)
        book.close(hour * HOUR)
        book.trim(hour * HOUR)
    assert book.evicted == {2 * HOUR: 600 - PAST_PER_BUCKET_MAX, 3 * HOUR: 200}
    deleted = [name for name, raw in book.snapshot() if not raw]
    assert len(deleted) == 800 - PAST_PER_BUCKET_MAX


def test_a_book_taken_over_from_a_snapshot_has_the_same_room() -> None:
    book = HourBook("model@1.0.0", "system.auth")
    _fill(book, CROWD[:OPEN_PER_BUCKET_MAX], hour=1)
    other = HourBook("model@1.0.0", "system.auth")
    for name, raw in book.snapshot():
        other.restore(name.split("/", 3)[3], raw)
    for one in (book, other):
        _fill(one, CROWD[OPEN_PER_BUCKET_MAX : OPEN_PER_BUCKET_MAX + 50], hour=1)
    assert {one.entity for one in book.close(HOUR)} == {one.entity for one in other.close(HOUR)}
