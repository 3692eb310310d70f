"""Ids: pinned by golden values, because every stored proof and alert hangs on them."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from crypto import sm3
from schema import ids

GOLDEN = json.loads((Path(__file__).parent / "golden" / "ids.json").read_text("utf-8"))
text = st.text(max_size=8)
place = st.tuples(text, text, st.integers(0, 2**63 - 1))


def test_event_ids_are_those_of_the_golden_file() -> None:
    for case in GOLDEN["events"]:
        assert ids.event_id(*case["of"]).hex() == case["id"]


def test_alert_ids_are_those_of_the_golden_file() -> None:
    for case in GOLDEN["alerts"]:
        assert ids.alert_id(*case["of"]).hex() == case["id"]


def test_buckets_are_those_of_the_golden_file() -> None:
    assert {entity: ids.bucket(entity) for entity in GOLDEN["buckets"]} == GOLDEN["buckets"]


def test_an_event_id_is_the_first_half_of_a_hash_over_its_prefixed_parts() -> None:
    parts = (
        b"fengsui/event/1",
        b"web-1",
        (3).to_bytes(4, "big"),
        b"nginx",
        b"0a1b",
        (70).to_bytes(8, "big"),
    )
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert ids.event_id("web-1", 3, "nginx", "0a1b", 70) == sm3.digest(message)[:16]


@given(text, st.integers(0, 2**32 - 1), st.lists(place, max_size=12))
def test_ids_of_many_events_are_those_of_each(
    sensor: str, enrolment: int, places: list[tuple[str, str, int]]
) -> None:
    assert ids.event_ids(sensor, enrolment, places) == [
        ids.event_id(sensor, enrolment, *one) for one in places
    ]


@given(place, place)
def test_two_places_never_share_an_id(
    one: tuple[str, str, int], other: tuple[str, str, int]
) -> None:
    assert (one == other) == (ids.event_id("s", 1, *one) == ids.event_id("s", 1, *other))


def test_moving_a_letter_between_parts_changes_the_id() -> None:
    assert ids.event_id("ab", 1, "c", "d", 0) != ids.event_id("a", 1, "bc", "d", 0)
    assert ids.alert_id("ab", 1, "c", 0) != ids.alert_id("a", 1, "bc", 0)


def test_an_alert_cell_may_lie_before_the_epoch() -> None:
    assert ids.alert_id("rule", 1, "x", -1) != ids.alert_id("rule", 1, "x", 1)


@given(st.integers(0, 2**47), st.binary(min_size=10, max_size=10))
def test_a_resource_id_is_a_version_7_uuid_of_its_time(time_ms: int, randomness: bytes) -> None:
    made = uuid.UUID(ids.uuid7(time_ms * 1000 + 999, randomness))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == time_ms
