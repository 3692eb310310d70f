"""What rules hold events against is the same whichever event asks first, and has its limits."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from analytics.facts import KEYS_MAX
from fengsui.facts import SiteFacts
from schema.indicators import Indicator, IndicatorSet
from schema.registers import ALWAYS, FOREVER, RegisterView, Statement, Table, pack_fields, pack_key
from schema.times import MINUTE

_HALF = MINUTE // 2


def facts() -> SiteFacts:
    """A site that learns of one service in the middle of the second minute."""
    row = Statement(pack_key(("pay",)), pack_fields({"a": 1}), ALWAYS, FOREVER, MINUTE + _HALF)
    view = RegisterView({"services": Table([row])})
    return SiteFacts(SimpleNamespace(view=lambda: view), SimpleNamespace())


def test_the_keys_of_a_minute_are_the_same_whoever_asks_first() -> None:
    early, late = MINUTE + 1, 2 * MINUTE - 1
    one, other = facts(), facts()
    assert [one.keys("services", time) for time in (early, late)] == [[], []]
    assert [other.keys("services", time) for time in (late, early)] == [[], []]
    assert one.keys("services", 2 * MINUTE) == [("pay",)]


def test_only_so_many_minutes_are_remembered() -> None:
    one = facts()
    for minute in range(10 * KEYS_MAX):
        one.keys("services", minute * MINUTE)
    remembered = one._told()._keys
    assert len(remembered) <= KEYS_MAX


def listed(confidence: int) -> IndicatorSet:
    return IndicatorSet([
        Indicator(
            kind="address", value="192.0.2.1", source="s", confidence=confidence, valid_from=0,
            valid_until=FOREVER,
        )
    ])  # fmt: skip


def indicators(*begins: int) -> SimpleNamespace:
    """A list of confidence 1, 2, 3… from each of these times on."""
    lists = {begin: listed(number) for number, begin in enumerate(begins, 1)}
    states = [SimpleNamespace(effective_at=begin) for begin in reversed(begins)]

    def as_of(time: int) -> IndicatorSet:
        known = [lists[begin] for begin in begins if begin <= time]
        return known[-1] if known else IndicatorSet([])

    return SimpleNamespace(
        view=lambda: lists[begins[-1]],
        state=lambda: states[0],
        states=lambda limit: states[:limit],
        as_of=as_of,
    )


@pytest.mark.parametrize("order", [1, -1])
def test_an_event_is_held_against_the_lists_of_its_own_time(order: int) -> None:
    """Two lists took effect within one minute: whoever asks first must not decide for all."""
    begins = (MINUTE + 10, MINUTE + 20, MINUTE + 30)
    one = SiteFacts(SimpleNamespace(), indicators(*begins))
    asked = (MINUTE + 5, MINUTE + 15, MINUTE + 25, MINUTE + 35)[::order]
    found = [one.confidence("source.ip", "192.0.2.1", time) for time in asked]
    assert found[::order] == [None, 1, 2, 3]
