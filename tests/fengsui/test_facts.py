"""What rules hold events against is the same whichever event asks first, and has its limits."""

from __future__ import annotations

from types import SimpleNamespace

from fengsui.facts import KEYS_MAX, SiteFacts
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
    _, remembered = one._keys
    assert len(remembered) <= KEYS_MAX
