"""With fewer hits than its rule's least an entity has nothing to tell: its hits alone are kept."""

from __future__ import annotations

import pytest
from analytics_world import at, batch, kind_rule, ruleset
from hypothesis import given
from hypothesis import strategies as st
from kind_memories import memory, named, rule_of

from analytics.engine import Engine
from analytics.keys.few import is_few
from analytics.kinds.shared import least
from analytics.memory import NEVER
from analytics.patterns import Join, Pattern, Relation, States, Unique

_WITHIN = {"retention_us": 60, "within_us": 60}
UNIQUE = Unique(**_WITHIN, field="x")
JOIN = Join(**_WITHIN, where=(Relation((0, 0), "ne", (1, 0), "one ne other"),))
STATES = States(**_WITHIN, field="x")
INITIAL = States(**_WITHIN, field="x", initial="new", listed=(("new", ("paid",)),))
SEEN = kind_rule("unique", {"field": "user.name", "within": "60s"})


@pytest.mark.parametrize(
    ("pattern", "steps", "wanted"),
    [(UNIQUE, 1, 2), (JOIN, 2, 2), (JOIN, 3, 3), (STATES, 1, 2), (INITIAL, 1, 1)],
)
def test_so_many_hits_it_takes_at_least(pattern: Pattern, steps: int, wanted: int) -> None:
    assert least(rule_of(pattern, named(*"abc"[:steps], values=("x",)))) == wanted


@given(
    st.sampled_from([UNIQUE, JOIN, STATES]),
    st.integers(0, 99),
    st.sampled_from(["p", "q"]),
    st.integers(1, 3),
)
def test_one_hit_fewer_finds_nothing_and_waits_for_nothing(
    pattern: Pattern, time: int, value: str, bits: int
) -> None:
    # With two steps one hit, though it is of both.
    one = memory(rule_of(pattern, named("a", "b", values=("x",))))
    assert not one.push((time, "s", 1, b"1", bits, ((value,),)))
    assert one.due() >= NEVER


def test_what_came_once_is_kept_as_its_hit_and_what_came_twice_as_a_key() -> None:
    engine = Engine(ruleset(SEEN), required=["s"])
    told = [(1, "10.0.0.1"), (2, "10.0.0.2"), (3, "10.0.0.2")]
    engine.feed(batch([at(second, event__action="seen", user="li", ip=ip) for second, ip in told]))
    engine.advance()
    kept = {name: entry for name, entry in engine.snapshot().items() if name.startswith("key/")}
    assert {name.rpartition("/")[2]: is_few(entry) for name, entry in kept.items()} == {
        "10.0.0.1": True,
        "10.0.0.2": False,
    }
