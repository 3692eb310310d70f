"""Features are integers, gathered in any order, against the entity's own past."""

from __future__ import annotations

import random

from analytics.models.features import EVIDENCE_MAX, FIELDS, History, Hour
from schema.times import HOUR

FIELDS_WEB = FIELDS["nginx.access"]
DAY_HOUR = 2 * HOUR  # ten in the morning in Beijing
NIGHT_HOUR = 15 * HOUR


def _events(count: int) -> list[tuple[dict, tuple[int, str, int, bytes]]]:
    return [
        (
            {
                "url.path": f"/p/{number % 7}",
                "user_agent.original": f"a{number % 2}",
                "http.response.body.bytes": 10,
                "event.outcome": "failure" if number % 5 == 0 else "success",
            },
            (DAY_HOUR + number * 1000, "s", number, bytes([number])),
        )
        for number in range(count)
    ]


def test_the_order_of_events_does_not_show() -> None:
    events, hours = _events(60), []
    for seed in range(4):
        random.Random(seed).shuffle(events)
        hour = Hour(DAY_HOUR)
        for event, order in events:
            hour.add(event, FIELDS_WEB, order)
        hours.append(hour.dump())
    assert len(set(hours)) == 1
    assert Hour.restore(hours[0]).dump() == hours[0]
    assert Hour.restore(hours[0]).values() == (60, 7, 12, 600, 2, 0)
    assert [order[2] for order in hours[0].first] == list(range(EVIDENCE_MAX))


def test_an_entity_without_a_past_has_no_row() -> None:
    history = History()
    for number in range(3):
        assert history.row((50, 10, 0, 1000, 1, 0)) is None
        history = history.after(number * HOUR, (50, 10, 0, 1000, 1, 0))
    assert history.row((50, 10, 0, 1000, 1, 0)) == (0, 0, 0, 0, 0, 0)


def test_rises_are_doublings_in_sixteenths_and_less_is_normal() -> None:
    history = History()
    for number in range(10):
        history = history.after(number * HOUR, (100, 50, 20, 1_000_000, 4, 0))
    assert history.normals() == (100, 50, 20, 1_000_000, 4, 0)
    row = history.row((200, 200, 20, 16_000_000, 1, 0))
    assert row is not None
    assert [round(value / 16) for value in row] == [1, 2, 0, 4, 0, 0]
    assert history.row((1, 1, 0, 1, 1, 0)) == (0, 0, 0, 0, 0, 0)


def test_a_small_number_after_a_smaller_one_is_no_rise() -> None:
    history = History(hours=5, normal=(1000, 1000, 0, 1000, 1000, 0))
    assert history.row((18, 9, 9, 90_000, 2, 0)) == (0, 0, 0, 0, 0, 0)


def test_night_counts_only_for_those_who_are_not_at_home_in_it() -> None:
    hour = Hour(NIGHT_HOUR)
    for event, order in _events(90):
        hour.add(event, FIELDS_WEB, order)
    values = hour.values()
    assert values[5] == 1000
    normal = tuple(value * 1000 for value in (30, 7, 12, 900, 2))
    stranger = History(hours=9, normal=(*normal, 0)).row(values)
    owl = History(hours=9, normal=(*normal, 400_000)).row(values)
    assert stranger is not None
    assert owl is not None
    assert stranger[5] == stranger[0] > 0
    assert owl[5] == 0


def test_an_absurd_rise_is_bounded() -> None:
    history = History(hours=5, normal=(0, 0, 0, 0, 0, 0))
    row = history.row((10**15, 10**15, 10**15, 10**18, 10**15, 1000))
    assert row is not None
    assert max(row) < 200
