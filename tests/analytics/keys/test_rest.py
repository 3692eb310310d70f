"""Keys at rest: packed between their hits they decide what they would have decided as objects."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import pytest
from analytics_world import START, Event, World, at, detection, kind_rule, ruleset, run, step
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.keys import rest
from analytics.keys.keyed import Key
from analytics.keys.shelf import Shelf
from schema.times import DAY

NAMED = {"suppression": "30m"}
RULES = ruleset(
    kind_rule("unique", {"field": "user.name", "within": "8h"}, **NAMED),
    kind_rule(
        "states",
        {"field": "event.action", "within": "10h", "forbidden": {"a": ["d"], "b": ["a", "c"]}},
        detection=detection(**{"user.name|exists": True}),
        **NAMED,
    ),
    kind_rule(
        "join",
        {
            "within": "6h",
            "steps": [step("a"), step("b")],
            "where": [{"left": "a.user.name", "op": "ne", "right": "b.user.name"}],
        },
        **NAMED,
    ),
    kind_rule(
        "together",
        {"within": "5h", "steps": [step("a"), step("b"), step("c"), step("d")], "at_least": 3},
        **NAMED,
    ),
    kind_rule(
        "sequence",
        {"within": "9h", "steps": [step("a"), step("b"), step("c", absent=True)]},
        **NAMED,
    ),
    kind_rule(
        "threshold", {"within": "12h", "count": 3, "distinct": "user.name"}, id="three", **NAMED
    ),
)
END = START + DAY + DAY // 2


def day(seed: int, count: int = 300) -> list[Event]:
    """Thirty addresses, each seen every few hours: most of the time it waits."""
    chance = random.Random(seed)
    return [
        at(
            chance.random() * 86_400,
            offset=number + 1,
            sensor=chance.choice("ab"),
            ip=f"10.0.0.{chance.randrange(30)}",
            user=chance.choice(("root", "li.na", "wu.qiang", None)),
            event__action=chance.choice(("a", "b", "c", "d", "seen")),
        )
        for number in range(count)
    ]


EVENTS = day(3)
EXPECTED = run(RULES, EVENTS, end=END).canonical()
"""Read at once: the watermark passes all hits together, and no key rests between two."""


@pytest.fixture
def moves(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often keys were laid to rest and woken, by rule."""
    seen: Counter[str] = Counter()
    lay, wake = Shelf.rest, Shelf.wake

    def laid(self: Shelf, entity: str, key: Key) -> None:
        seen[f"{self.evaluator.rule.id} rests"] += 1
        lay(self, entity, key)

    def woken(self: Shelf, entity: str, held: rest.Rest) -> Key:
        seen[f"{self.evaluator.rule.id} wakes"] += 1
        return wake(self, entity, held)

    monkeypatch.setattr(Shelf, "rest", laid)
    monkeypatch.setattr(Shelf, "wake", woken)
    return seen


def test_the_day_makes_alerts_of_every_rule() -> None:
    assert all(any(f'"{rule.id}"'.encode() in raw for raw in EXPECTED) for rule in RULES.rules)


@pytest.mark.parametrize("batch_max", [1, 16])
def test_keys_that_rested_decide_the_same(batch_max: int, moves: Counter[str]) -> None:
    world = World(EVENTS, seed=batch_max, batch_max=batch_max, end=END)
    assert world.play(RULES, partitions=2).canonical() == EXPECTED
    assert all(moves[f"{rule.id} rests"] and moves[f"{rule.id} wakes"] for rule in RULES.rules)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_no_seed_and_no_crash_shows(seed: int, batch_max: int) -> None:
    events = day(seed, 120)
    world = World(events, seed=seed, batch_max=batch_max, end=END)
    played = world.play(RULES, partitions=2, crash=0.2)
    assert played.canonical() == run(RULES, events, end=END).canonical()


def test_an_entry_that_may_still_change_or_has_an_alert_does_not_rest() -> None:
    def entry(alerts: dict[str, str], released: list[object], settled: bool = True) -> bytes:
        state = [1, 50, 0, alerts, 0, []] if settled else None
        return msgspec.msgpack.encode([state, 0, released])

    held = rest.of_entry(entry({}, []), 100)
    assert held is not None
    assert rest.is_rest(held)
    assert (rest.last_at(held), rest.idle_at(held)) == (50, 150)
    assert rest.entry(held) == entry({}, [])
    assert rest.of_entry(entry({"": "id"}, []), 100) is None
    assert rest.of_entry(entry({}, [[1]]), 100) is None
    assert rest.of_entry(entry({}, [], settled=False), 100) is None


@given(st.binary(max_size=60))
def test_bytes_of_no_entry_are_refused_or_read(raw: bytes) -> None:
    try:
        held = rest.of_entry(raw, 1)
    except msgspec.DecodeError:
        return
    assert held is None or rest.entry(held) == raw
