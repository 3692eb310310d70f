"""Absence: whom a register holds is heard from, or an alert falls at the deadline."""

from __future__ import annotations

from dataclasses import replace

import pytest
from analytics_world import START, World, at, batch, kind_rule, ruleset, run
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.engine import Engine
from analytics.explain import explain
from analytics.kinds.absence import Silence, hit_of
from analytics.memory import NEVER, Hit
from analytics.roll import ROWS_MAX
from schema.errors import FengsuiError
from schema.times import MINUTE, SECOND

HEARTBEAT = kind_rule("absence", {"within": "60s", "register": "hosts"}, suppression="5m")
RULES = ruleset(HEARTBEAT)
END = START + 20 * MINUTE


def beat(second: float, ip: str = "10.0.0.1", **more: object):
    return at(second, event__action="seen", ip=ip, **more)


def row(ip: str = "10.0.0.1", begin: float = 0, end: float | None = None):
    return ((ip,), _time(begin), NEVER if end is None else _time(end))


def _time(second: float) -> int:
    return START + round(second * SECOND)


def told(events: list, *versions: tuple[float, list], end: float = 1200, rules=RULES):
    """(second, entity) of the alerts; the clock goes on with events of others."""
    clock = [beat(second, "10.9.9.9") for second in range(0, int(end) + 1, 600)]
    named = [("hosts", rows, _time(second)) for second, rows in versions]
    found = run(rules, [*events, *clock], versions=named, end=_time(end))
    return sorted(
        ((alert.decided_at - START) / SECOND, alert.entity) for alert in found.alerts.values()
    )


def test_who_is_registered_and_silent_is_told_at_the_deadline() -> None:
    assert told([beat(10)], (-1, [row()]), end=200) == [(70, "10.0.0.1")]
    assert told([beat(second) for second in range(10, 200, 50)], (-1, [row()]), end=200) == []


def test_who_never_spoke_is_told_from_its_entry_on() -> None:
    assert told([], (-1, [row(begin=30)]), end=200) == [(90, "10.0.0.1")]


def test_silence_is_told_once_more_in_each_cell() -> None:
    assert [second for second, _ in told([], (-1, [row()]))] == [60, 300, 600, 900, 1200]


def test_who_speaks_again_is_told_no_more() -> None:
    later = [beat(second) for second in range(310, 1200, 50)]
    assert [second for second, _ in told(later, (-1, [row()]))] == [60, 300]


def test_who_is_in_no_register_is_not_told() -> None:
    assert told([beat(10)], (-1, [row("10.0.0.2", 0, 30)])) == []
    assert told([beat(10)]) == []


def test_an_entity_leaves_when_its_row_ends() -> None:
    assert told([beat(10)], (-1, [row(end=70)])) == []
    assert told([beat(10)], (-1, [row(end=71)]), end=200) == [(70, "10.0.0.1")]


def test_rows_that_touch_are_one_stay() -> None:
    rows = [row(end=40), row(begin=40)]
    assert told([beat(10)], (-1, rows), end=200) == [(70, "10.0.0.1")]


def test_a_version_takes_effect_at_its_time() -> None:
    both = (-1, [row(), row("10.0.0.2")]), (100, [row("10.0.0.2"), row("10.0.0.3")])
    assert told([], *both, end=299) == [
        (60, "10.0.0.1"),
        (60, "10.0.0.2"),
        (160, "10.0.0.3"),
    ]
    assert [one for one in told([], *both) if one[0] == 300] == [
        (300, "10.0.0.2"),
        (300, "10.0.0.3"),
    ]


def test_a_version_takes_back_what_the_one_before_said_of_later() -> None:
    assert told([], (-1, [row(begin=200)]), (100, [row("10.0.0.2", 500, 510)])) == []


def test_staying_in_the_register_begins_no_new_silence() -> None:
    longer = (-1, [row(end=500)]), (50, [row(end=600)])
    assert told([], *longer, end=200) == [(60, "10.0.0.1")]


def test_a_late_heartbeat_takes_the_alert_back() -> None:
    engine = Engine(RULES, required=["s", "b"])
    engine.watch("hosts", [row()], START - 1)
    engine.feed(batch([beat(10)], low=_time(80)))
    engine.heartbeat("b", _time(80))
    (alert,) = engine.advance().alerts
    assert (alert.decided_at, alert.events, alert.count) == (_time(70), (), 1)
    engine.feed(batch([beat(50, sensor="b")], low=_time(80)))
    (taken_back,) = engine.advance().alerts
    assert (taken_back.id, taken_back.state) == (alert.id, "withdrawn")
    engine.heartbeat("s", _time(120))
    engine.heartbeat("b", _time(120))
    (again,) = engine.advance().alerts
    assert (again.id, again.decided_at) == (alert.id, _time(110))


def test_deadlines_behind_the_end_of_a_replay_do_not_fall() -> None:
    engine = Engine(RULES)
    engine.watch("hosts", [row()], START - 1)
    engine.feed(batch([beat(10), beat(40, "10.0.0.2")]))
    assert engine.finish().alerts == []


def test_deadlines_of_quiet_entities_fall_before_the_end_of_a_replay() -> None:
    engine = Engine(RULES)
    engine.watch("hosts", [row()], START - 1)
    engine.feed(batch([beat(10), beat(100, "10.0.0.2")]))
    (alert,) = engine.finish().alerts
    assert alert.decided_at == _time(70)


def test_a_version_that_comes_too_late_is_refused() -> None:
    engine = Engine(RULES)
    engine.feed(batch([beat(10)]))
    engine.advance()
    with pytest.raises(FengsuiError, match="register_late"):
        engine.watch("hosts", [row()], _time(10))
    engine.watch("hosts", [row()], _time(20))
    with pytest.raises(FengsuiError, match="register_late"):
        engine.watch("hosts", [row()], _time(20))


def test_a_register_too_large_to_watch_is_refused() -> None:
    with pytest.raises(FengsuiError, match=r"at most 100000 rows"):
        Engine(RULES).watch("hosts", [row()] * (ROWS_MAX + 1), START)


def test_rules_adopted_later_hear_of_the_register_as_it_stands() -> None:
    newer = ruleset(HEARTBEAT, kind_rule("absence", {"within": "30s", "register": "hosts"}, id="x"))
    engine = Engine(RULES)
    engine.watch("hosts", [row(), row("10.0.0.2", end=205)], START - 1)
    engine.watch("hosts", [row(begin=260), row("10.0.0.2", end=205)], _time(220))
    engine.feed(batch([beat(150), beat(190, "10.0.0.2")]))
    engine.advance()
    parts = engine.snapshot()
    newer = replace(newer, digest="01")
    engine = Engine.restore(newer, parts, since=_time(200))
    engine.feed(batch([beat(291, "10.0.0.3")], number=2))
    found = [one for one in engine.finish().alerts if one.rule_id == "x"]
    assert [(one.entity, one.decided_at) for one in found] == [("10.0.0.1", _time(290))]


def test_it_explains_since_when_it_is_silent() -> None:
    clock = beat(200, "10.9.9.9")
    (alert,) = run(
        RULES, [beat(10), clock], versions=[("hosts", [row()], START - 1)]
    ).alerts.values()
    said = explain(alert, HEARTBEAT)
    assert said.reason_en == (
        "Source address 10.0.0.1 should be heard from, but was last seen at "
        "2026-11-20T08:00:10.000000Z, 1 minute ago (the threshold is 1 minute)."
    )
    assert "台账" in said.counterfactual_zh[1]


def test_the_register_is_named() -> None:
    with pytest.raises(FengsuiError, match="names the register"):
        kind_rule("absence", {"within": "60s", "register": ""})


SPANS = st.lists(st.integers(0, 1200), min_size=0, max_size=4, unique=True).map(sorted)


def _expected(spans: list[tuple[int, int]], beats: list[int], within: int, cell: int, end: int):
    """The first silent second of each cell, by looking at every second."""
    found: dict[int, int] = {}
    for begin, over in spans:
        for now in range(begin, min(over, end + 1)):
            heard = [one for one in beats if begin <= one < now]
            if now - max([begin, *heard]) >= within:
                found.setdefault(now // cell, now)
    return sorted(found.values())


@settings(max_examples=60, deadline=None)
@given(
    SPANS,
    st.lists(st.integers(0, 1200), max_size=12, unique=True),
    st.integers(1, 300),
    st.sampled_from([60, 300, 600]),
    st.integers(0, 10**6),
)
def test_it_falls_silent_as_looking_at_every_second(
    bounds: list[int], beats: list[int], within: int, cell: int, seed: int
) -> None:
    spans = [(one, other) for one, other in zip(bounds[::2], bounds[1::2], strict=False)]
    rule = kind_rule(
        "absence", {"within": f"{within}s", "register": "hosts"}, suppression=f"{cell}s"
    )
    rows = [row(begin=begin, end=end) for begin, end in spans]
    assert START % (600 * SECOND) == 0
    expected = _expected(spans, beats, within, cell, 1200)
    found = told([beat(s, offset=s + 1) for s in beats], (-1, rows), rules=ruleset(rule))
    assert [second for second, _ in found] == expected
    events = [beat(s, offset=s + 1, sensor="ab"[s % 2]) for s in beats]
    events += [beat(s + 0.5, "10.9.9.9", offset=5000 + s, sensor="c") for s in (0, 600, 1200)]
    world = World(events, seed, 4, versions=[("hosts", rows, START - SECOND)], end=_time(1200))
    played = world.play(ruleset(rule), partitions=2, crash=0.1).alerts.values()
    assert sorted((one.decided_at - START) // SECOND for one in played) == expected


@given(
    st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 60))), max_size=12),
    st.integers(0, 12),
)
def test_it_goes_on_from_a_snapshot(raw: list, half: int) -> None:
    time, hits = 0, []
    for place, (gap, stay) in enumerate(raw):
        time += gap
        seen: Hit = (time, "s", place, b"x", 1, ())
        hits.append(seen if stay is None else hit_of(time, time + stay))

    def play(one: Silence, some: list[Hit]) -> list[object]:
        out: list[object] = []
        for hit in some:
            while one.due() <= hit[0]:
                one.elapse(one.due())
                out.append(one.findings())
            one.push(hit)
        return out

    one = Silence(10, 7)
    play(one, hits[:half])
    restored, copied = Silence(10, 7).restore(one.dump()), one.copy()
    dumped = one.dump()
    assert play(restored, hits[half:]) == play(copied, hits[half:])
    assert one.dump() == dumped
    assert play(one, hits[half:]) is not None
    assert one.dump() == restored.dump() == copied.dump()
