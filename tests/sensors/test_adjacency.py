"""Whoever walks through citizens' numbers is seen to, and nobody's numbers are kept for long."""

from __future__ import annotations

import pytest

from schema.event import Fields
from sensors import adjacency
from sensors.adjacency import CALLERS_MAX, REMEMBERED, Adjacency, follows
from sensors.mask import Masker


def number(*, region: str = "350502", born: str = "19900307", code: int = 123) -> str:
    body = f"{region}{born}{code:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return body + "10X98765432"[total % 11]


def told(memory: Adjacency, text: str, **fields: str) -> object:
    event: Fields = {name.replace("_", "."): value for name, value in fields.items()}
    memory.tell(event, text)
    return event.get(adjacency.ADJACENT)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (number(code=124), True),
        (number(code=121), True),
        (number(code=133), True),
        (number(code=134), False),
        (number(), False),
        (number(born="19900308", code=700), True),
        (number(born="19900306"), True),
        (number(born="19900309"), False),
        (number(region="350503", code=124), False),
    ],
)
def test_a_number_follows_its_neighbours(given: str, expected: bool) -> None:
    assert follows(given, number()) is expected


def test_the_last_day_of_a_month_is_before_the_first() -> None:
    assert follows(number(born="19900301"), number(born="19900228"))


def test_a_walk_is_seen_through_other_calls_of_the_same_caller() -> None:
    memory = Adjacency()
    assert told(memory, number(), user_id="clerk") is False
    for year in range(REMEMBERED - 1):
        assert told(memory, number(born=f"{1950 + year}0101"), user_id="clerk") is False
    assert told(memory, number(code=124), user_id="clerk") is True


def test_a_number_is_forgotten_after_as_many_others() -> None:
    memory = Adjacency()
    told(memory, number(), user_id="clerk")
    for year in range(REMEMBERED):
        told(memory, number(born=f"{1950 + year}0101"), user_id="clerk")
    assert told(memory, number(code=124), user_id="clerk") is False


def test_callers_are_apart_and_the_most_exact_name_counts() -> None:
    memory = Adjacency()
    told(memory, number(), user_id="a", gov_app_id="app")
    assert told(memory, number(code=124), user_id="a") is False
    assert told(memory, number(code=124), user_id="b", gov_app_id="app") is True


def test_an_event_without_a_caller_says_nothing() -> None:
    assert told(Adjacency(), number()) is None


def test_of_too_many_callers_the_one_unseen_for_longest_is_forgotten() -> None:
    memory = Adjacency()
    told(memory, number(), user_id="first")
    told(memory, number(), user_id="second")
    told(memory, number(), user_id="first")
    for at in range(CALLERS_MAX - 1):
        told(memory, number(), user_id=f"u{at}")
    assert told(memory, number(code=124), user_id="first") is True
    assert told(memory, number(code=124), user_id="second") is False


def test_the_masker_tells_it_before_it_hashes() -> None:
    masker = Masker(bytes(32))
    events: list[Fields] = [
        {"event.original": f"id={number(code=code)}", "gov.share.requester_id": "unit"}
        for code in (101, 102, 500)
    ]
    masker.mask(events)
    assert [event["gov.subject.adjacent"] for event in events] == [False, True, False]
    later: list[Fields] = [
        {"gov.cert.id_hmac": number(code=501), "gov.share.requester_id": "unit"},
        {"event.original": "no number", "gov.share.requester_id": "unit"},
    ]
    masker.mask(later)
    assert later[0]["gov.subject.adjacent"] is True
    assert "gov.subject.adjacent" not in later[1]


def test_no_number_stands_in_what_is_printed() -> None:
    memory = Adjacency()
    told(memory, number(), user_id="clerk")
    assert repr(memory) == "Adjacency(callers=1)"
