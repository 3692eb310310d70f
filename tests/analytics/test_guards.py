"""A guard holds an event against registers, indicators and its own fields, as known at its time."""

from __future__ import annotations

import pytest
from analytics_world import START, Event, at, batch, compiled, detection, ruleset
from hypothesis import given
from hypothesis import strategies as st

from analytics.engine import Engine
from analytics.guards import (
    Age,
    Calendar,
    Compare,
    Dated,
    Distance,
    Indicator,
    Lookup,
    Network,
    NoFacts,
    number,
)
from analytics.guards.registers import _near
from schema.errors import FengsuiError
from schema.event import Fields
from schema.times import SECOND, from_text


class Known(NoFacts):
    """One register and one indicator, both known from second ten on."""

    def __init__(self, rows: dict[tuple[str, ...], dict], *, bad: str = "") -> None:
        self.rows = rows
        self.bad = bad

    def known(self, register: str, time: int) -> bool:
        return register == "grants"

    def row(self, register: str, key: tuple[str, ...], time: int) -> dict | None:
        return self.rows.get(key) if time >= 10 else None

    def keys(self, register: str, time: int) -> list[tuple[str, ...]]:
        return list(self.rows)

    def confidence(self, field: str, value: str, time: int) -> int | None:
        return 70 if value == self.bad and time >= 10 else None


GRANTS = Known(
    {
        ("a", "b"): {"level": 3, "fields": ["name", "sex"], "owner": "Li"},
        ("true", "b"): {},
    },
    bad="1.2.3.4",
)


@pytest.mark.parametrize(
    ("lookup", "event", "holds"),
    [
        ({"expect": "missing"}, {"user.id": "a", "user.name": "x"}, True),
        ({"expect": "missing"}, {"user.id": "a", "user.name": "b"}, False),
        ({}, {"user.id": "a", "user.name": "b"}, True),
        ({}, {"user.id": "a"}, None),
        ({"column": "level", "op": "lt", "value": 4}, {"user.id": "a", "user.name": "b"}, True),
        ({"column": "level", "op": "gte", "value": 4}, {"user.id": "a", "user.name": "b"}, False),
        ({"column": "owner", "value": "LI"}, {"user.id": "a", "user.name": "b"}, True),
        ({"column": "none", "value": "x"}, {"user.id": "a", "user.name": "b"}, False),
        (
            {"column": "owner", "op": "ne", "field": "host.name"},
            {"user.id": "a", "user.name": "b", "host.name": "Wu"},
            True,
        ),
        ({"column": "owner", "field": "host.name"}, {"user.id": "a", "user.name": "b"}, None),
        ({}, {"user.id": ["z", "a"], "user.name": "b"}, True),
        ({"expect": "missing"}, {"user.id": ["z", "a"], "user.name": "b"}, True),
        ({"expect": "missing"}, {"user.id": ["a"], "user.name": "b"}, False),
        ({"expect": "missing"}, {"user.id": [], "user.name": "b"}, None),
        ({}, {"user.id": True, "user.name": "b"}, True),
    ],
)
def test_a_lookup_reads_the_row_of_the_event(lookup: dict, event: Fields, holds: bool) -> None:
    guard = Lookup(register="grants", key=("user.id", "user.name"), **lookup)
    guard.check()
    assert guard.holds(event, 10, GRANTS) is holds


def test_the_row_is_the_one_known_at_the_events_time() -> None:
    guard = Lookup(register="grants", key=("user.id", "user.name"), expect="missing")
    event: Fields = {"user.id": "a", "user.name": "b"}
    assert guard.holds(event, 9, GRANTS) is True
    assert guard.holds(event, 10, GRANTS) is False


def test_nothing_is_missing_from_a_register_nobody_gave() -> None:
    guard = Lookup(register="payees", key=("user.id",), expect="missing")
    assert guard.holds({"user.id": "a"}, 10, GRANTS) is False


def test_an_indicator_counts_from_its_confidence_on() -> None:
    event: Fields = {"source.ip": "9.9.9.9", "related.ip": ["8.8.8.8", "1.2.3.4"]}
    for confidence, holds in ((70, True), (71, False)):
        guard = Indicator(fields_=("source.ip", "related.ip"), confidence=confidence)
        assert guard.holds(event, 10, GRANTS) is holds
    assert Indicator(fields_=("related.ip",)).holds(event, 9, GRANTS) is False


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, 5), ("5", 5), ("-5", -5), (True, None), ("5.0", None), ("", None), ("9" * 21, None),
     ("\u0665", None), ("-" + "9" * 20, 1 - 10**20), (["5"], None)],
)  # fmt: skip
def test_what_counts_as_a_number(value: object, expected: int | None) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    ("op", "left", "right", "factor", "holds"),
    [
        ("ne", 100, 101, 100, True),
        ("ne", 100, "100", 100, False),
        ("gt", 301, 100, 300, True),
        ("gt", 300, 100, 300, False),
        ("eq", "A", "a", 100, True),
        ("lt", "x", 3, 100, False),
        ("in", ["a", "b"], ["b", "a", "c"], 100, True),
        ("not_in", ["a", "z"], ["a"], 100, True),
        ("covers", ["a", "b", "c"], ["b", "a"], 100, True),
        ("not_covers", ["a"], ["a", "z"], 100, True),
        ("eq", True, "true", 100, True),
        ("gt", True, 0, 100, False),
    ],
)
def test_two_fields_are_compared(op: str, left, right, factor: int, holds: bool) -> None:
    guard = Compare(left="l", op=op, right="r", factor=factor)
    assert guard.holds({"l": left, "r": right}, 0, NoFacts()) is holds
    assert guard.holds({"l": left}, 0, NoFacts()) is None


@pytest.mark.parametrize(
    ("written", "away"),
    [
        ("2026-11-20T08:00:00Z", 0),
        ("2026-11-20T16:04:00", 240),
        ("2026-11-20 15:50:00+08:00", 600),
        (START // SECOND - 301, 301),
        (START // 1000 + 301_000, 301),
        (str(START // SECOND), 0),
        ("not a time", None),
    ],
)
def test_a_time_the_event_carries_is_held_against_its_own(written, away: int | None) -> None:
    event: Fields = {"gov.share.rtime": written}
    for seconds in (240, 300, 600):
        far = Age(field="gov.share.rtime", op="gt", seconds=seconds)
        near = Age(field="gov.share.rtime", op="lt", seconds=seconds)
        assert far.holds(event, START, NoFacts()) is (away is None or away > seconds)
        assert near.holds(event, START, NoFacts()) is (away is not None and away < seconds)
        assert far.holds({}, START, NoFacts()) is None


@pytest.mark.parametrize(
    ("day", "row", "off"),
    [
        ("2026-11-20T08:00", None, False),
        ("2026-11-20T08:59", None, False),
        ("2026-11-20T10:00", None, True),
        ("2026-11-20T00:59", None, True),
        ("2026-11-21T08:00", None, True),
        ("2026-11-21T08:00", {"working": True}, False),
        ("2026-11-20T08:00", {"working": False}, True),
        ("2026-11-20T09:30", {"working": True, "closes": "17:00"}, True),
    ],
)
def test_working_time_is_that_of_the_calendar(day: str, row: dict | None, off: bool) -> None:
    time = from_text(f"{day}:00.000000Z")
    calendar = Known({(day[:10],): row} if row else {})
    for expect in ("working", "closed"):
        assert Calendar(expect=expect).holds({}, time, calendar) is (off == (expect == "closed"))


def test_a_look_alike_is_near_and_not_the_same() -> None:
    guard = Distance(field="url.domain", register="grants", at_most=2)
    names = Known({("pay.gov.example",): {}})
    for domain, holds in (
        ("pay.gov.example", False),
        ("pay.g0v.example", True),
        ("paygov.examp1e", True),
        ("bank.example", False),
        ("x" * 300, False),
    ):
        assert guard.holds({"url.domain": domain}, 10, names) is holds


@given(st.text("ab", max_size=6), st.text("ab", max_size=6), st.integers(1, 3))
def test_nearness_is_the_number_of_edits(left: str, right: str, at_most: int) -> None:
    def edits(one: str, other: str) -> int:
        if not one or not other:
            return len(one) + len(other)
        return min(
            edits(one[1:], other) + 1,
            edits(one, other[1:]) + 1,
            edits(one[1:], other[1:]) + (one[0] != other[0]),
        )

    assert _near(left, right, at_most) is (edits(left, right) <= at_most)


@given(
    st.text("abc", max_size=7), st.lists(st.text("abc", max_size=8), max_size=6), st.integers(1, 3)
)
def test_looking_for_pieces_first_misses_no_look_alike(
    text: str, names: list[str], at_most: int
) -> None:
    guard = Distance(field="url.domain", register="grants", at_most=at_most)
    alike = text not in names and any(_near(text, name, at_most) for name in names)
    known = Known({(name,): {} for name in names})
    assert guard.holds({"url.domain": text}, 10, known) is alike


def test_a_part_of_the_key_may_be_the_same_for_every_event() -> None:
    lookup = Lookup(register="grants", key=("=a", "user.name"))
    lookup.check()
    assert lookup.fields() == ("user.name",)
    assert lookup.holds({"user.name": "b"}, 10, GRANTS) is True
    assert lookup.holds({"user.name": "c"}, 10, GRANTS) is False
    assert lookup.holds({}, 10, GRANTS) is None
    for key in (("=a",), ("=", "user.name")):
        with pytest.raises(FengsuiError, match="names its register"):
            Lookup(register="grants", key=key).check()


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ([{}], "one of lookup"),
        ([{"lookup": {"register": "r", "key": []}}], "fields of its key"),
        ([{"lookup": {"register": "r", "key": ["user.id"], "column": "c"}}], "compares a column"),
        ([{"lookup": {"register": "r", "key": ["no.such"]}}], "no field 'no.such'"),
        ([{"distance": {"field": "url.domain", "register": "r", "at_most": 4}}], "at_most is 4"),
        ([{"indicator": {"fields": ["no.such"]}}], "no field 'no.such'"),
        ([{"compare": {"left": "user.id", "op": "eq", "right": "user.name"}}] * 9, "at most 8"),
    ],
)
def test_a_guard_that_says_nothing_is_refused(where: list, why: str) -> None:
    with pytest.raises(FengsuiError, match=why):
        compiled(detection=detection(**{"event.action": "ssh_login"}), where=where)


def test_an_event_without_what_a_guard_needs_is_counted_for_the_rule() -> None:
    rule = compiled(
        entity="source.ip",
        detection=detection(**{"event.action": "ssh_login"}),
        where=[{"lookup": {"register": "grants", "key": ["user.name", "user.id"]}}],
    )
    engine = Engine(ruleset(rule))
    engine.know(Known({("li.na", "7"): {}}))
    events: list[Event] = [at(1), at(2, 1, **{"user.id": "7"})]
    engine.feed(batch(events))
    output = engine.finish()
    assert [alert.decided_at for alert in output.alerts] == [START + 2 * SECOND]
    assert [row.unkeyed for row in output.coverage if row.rule == "rule"] == [1]


ZONES = Known(
    {
        ("10.20.0.0/16",): {"zone": "office"},
        ("10.20.7.0/24",): {"zone": "intranet_only"},
        ("10.20.7.9",): {"zone": "exempt"},
        ("fc00::/7",): {"zone": "intranet_only"},
    }
)


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.20.7.200", True),
        ("10.20.6.200", False),
        ("10.20.7.9", False),
        ("fd12::5", True),
        ("2001:db8::5", False),
        ("no address", False),
    ],
)
def test_the_smallest_network_that_holds_an_address_counts(address: str, inside: bool) -> None:
    guard = Network(field="source.ip", register="grants", column="zone", value="intranet_only")
    assert guard.holds({"source.ip": address}, 20, ZONES) is inside


def test_an_address_outside_every_network_is_missing() -> None:
    guard = Network(field="source.ip", register="grants", expect="missing")
    assert guard.holds({"source.ip": "192.0.2.7"}, 20, ZONES) is True
    assert guard.holds({"source.ip": "10.20.1.1"}, 20, ZONES) is False
    assert guard.holds({}, 20, ZONES) is None


def test_without_the_register_no_network_is_missing() -> None:
    guard = Network(field="source.ip", register="never", expect="missing")
    assert guard.holds({"source.ip": "192.0.2.7"}, 20, ZONES) is False


@pytest.mark.parametrize(
    "network",
    [
        {"column": "zone"},
        {"value": "office"},
        {"column": "zone", "value": "office", "expect": "missing"},
        {"register": ""},
    ],
)
def test_a_network_guard_that_says_nothing_is_refused(network: dict) -> None:
    with pytest.raises(FengsuiError, match=r"network|column"):
        Network(**{"field": "source.ip", "register": "grants", **network}).check()


@pytest.mark.parametrize(
    ("created", "op", "holds"),
    [
        ("2026-11-20", "lt", True),
        ("2026-11-10", "lt", False),
        ("2026-11-10", "gt", True),
        ("soon", "lt", False),
    ],
)
def test_a_date_in_a_row_is_so_many_days_before_the_event(
    created: str, op: str, holds: bool
) -> None:
    facts = Known({("portal",): {"created": created}})
    guard = Dated(register="grants", key=("gov.auth.client_id",), column="created", op=op, days=7)
    guard.check()
    time = from_text("2026-11-24T00:00:00.000000Z")
    assert guard.holds({"gov.auth.client_id": "portal"}, time, facts) is holds
    assert guard.holds({"gov.auth.client_id": "other"}, time, facts) is False
    assert guard.holds({}, time, facts) is None
