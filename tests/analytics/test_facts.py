"""Facts keep their answers as bytes, whatever the time asked about."""

from __future__ import annotations

import random

import pytest

from analytics.facts import LISTS_MAX, KnownFacts, from_bytes, to_bytes
from analytics.memory import NEVER
from schema.errors import FengsuiError
from schema.indicators import Allowed, Indicator, IndicatorSet
from schema.registers import FOREVER, RegisterView, Statement, Table, pack_fields, pack_key
from schema.times import MINUTE


def indicator(value: str, since: int, until: int = NEVER) -> Indicator:
    return Indicator(
        kind="address", value=value, source="s", confidence=90, valid_from=since, valid_until=until
    )


def statements(chance: random.Random) -> list[Statement]:
    found, known = [], 0
    for number in range(60):
        known += chance.randint(0, 3)
        fields = pack_fields({"level": number}) if chance.random() < 0.8 else b""
        begin = chance.randint(0, 100)
        end = chance.choice((begin + 20, FOREVER))
        key = pack_key((f"k{chance.randrange(8)}",))
        found.append(Statement(key, fields, begin, end, known, number))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_what_is_read_back_answers_alike(seed: int) -> None:
    chance = random.Random(seed)
    view = RegisterView({"r": Table(statements(chance)), "empty": Table([])})
    good = Allowed(kind="address", value="10.0.0.3", reason="r", owner="o")
    lists = [
        (10, IndicatorSet([indicator("10.0.0.1", 0)])),
        (50, IndicatorSet([indicator("10.0.0.2", 0, 90), indicator("10.0.0.3", 0)], [good])),
    ]
    ours = KnownFacts(view, lists)
    theirs = from_bytes(to_bytes(view, lists))
    for _ in range(300):
        time, key = chance.randint(-5, 140), (f"k{chance.randrange(9)}",)
        for register in ("r", "empty", "none"):
            assert theirs.row(register, key, time) == ours.row(register, key, time)
            assert theirs.known(register, time) == ours.known(register, time)
            assert theirs.keys(register, time) == ours.keys(register, time)
        for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
            found = theirs.confidence("source.ip", address, time)
            assert found == ours.confidence("source.ip", address, time)


def test_of_the_lists_those_in_force_at_the_time_count() -> None:
    lists = [
        (10, IndicatorSet([indicator("10.0.0.1", 0)])),
        (50, IndicatorSet([indicator("10.0.0.2", 0)])),
    ]
    facts = KnownFacts(lists=lists)
    told = [facts.confidence("source.ip", "10.0.0.1", time) for time in (9, 10, 49, 50)]
    assert [one is not None for one in told] == [False, True, True, False]
    assert facts.confidence("source.ip", "10.0.0.2", 49) is None
    assert facts.confidence("user.name", "10.0.0.2", 60) is None
    assert KnownFacts().confidence("source.ip", "10.0.0.2", 60) is None


def test_a_name_is_asked_by_the_minute() -> None:
    said = Statement(pack_key(("a",)), pack_fields({"x": 1}), 0, FOREVER, MINUTE + 5)
    facts = KnownFacts(RegisterView({"r": Table([said])}))
    assert facts.keys("r", MINUTE + 30) == []
    assert facts.keys("r", 2 * MINUTE + 30) == [("a",)]


def test_equal_facts_have_equal_bytes_in_whatever_order_they_were_learned() -> None:
    one, other = (
        Statement(pack_key((name,)), pack_fields({"x": 1}), 0, FOREVER, 1) for name in "ab"
    )
    tables = [Table([one, other]), Table([other, one])]
    first, second = (to_bytes(RegisterView({"r": table})) for table in tables)
    assert first == second


def test_only_the_newest_lists_travel() -> None:
    lists = [(number, IndicatorSet(())) for number in range(LISTS_MAX + 5)]
    read = from_bytes(to_bytes(RegisterView({}), lists))
    assert [since for since, _ in read.lists] == list(range(5, LISTS_MAX + 5))


@pytest.mark.parametrize("raw", [b"", b"\x00" * 40, to_bytes(RegisterView({}))[:-3]])
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(FengsuiError, match=r"facts\.malformed"):
        from_bytes(raw)
