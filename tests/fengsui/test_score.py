"""An alert counts for an attack by its time and by an address or user of its evidence."""

from fengsui.score import GRACE_US, Attack, score
from schema.alert import Alert, Condition
from schema.event import Fields

ATTACK = Attack(id="A1", kind="guessing", start=1000, end=2000, entities=frozenset({"192.0.2.1"}))


def _alert(
    name: str, *, at: int, entity: str = "192.0.2.1", by: str = "source.ip", rule: str = "r"
) -> Alert:
    return Alert(
        id=name,
        rule_id=rule,
        rule_version=1,
        entity_field=by,
        entity=entity,
        cell=0,
        decided_at=at,
        severity=2,
        score=50,
        conditions=(Condition(name="event_count", value=1, threshold=1, comparison="gte"),),
        events=("e1",),
        count=1,
        state="final",
    )


def _nothing(event_id: str) -> Fields | None:
    return None


def test_an_alert_inside_the_attack_finds_it() -> None:
    judged = score([_alert("a", at=1500)], [ATTACK], _nothing)
    assert (judged.labelled, judged.found, judged.missed, judged.false) == (1, 1, (), ())


def test_an_alert_up_to_a_minute_after_the_end_still_counts() -> None:
    assert score([_alert("a", at=2000 + GRACE_US)], [ATTACK], _nothing).found == 1
    late = score([_alert("a", at=2001 + GRACE_US)], [ATTACK], _nothing)
    assert (late.missed, late.false) == (("A1",), ("a",))


def test_an_alert_of_somebody_else_at_the_same_time_is_false() -> None:
    judged = score([_alert("a", at=1500, entity="192.0.2.9")], [ATTACK], _nothing)
    assert (judged.found, judged.false) == (0, ("a",))


def test_an_alert_behind_the_recordings_end_tells_only_that_it_ended() -> None:
    alerts = [_alert("before", at=2999, entity="a"), _alert("after", at=3000, entity="a")]
    assert score(alerts, [ATTACK], _nothing, ends=3000).false == ("before",)


def test_an_address_in_the_evidence_counts_too() -> None:
    alert = _alert("a", at=1500, entity="li.na")
    assert score([alert], [ATTACK], lambda event_id: {"source.ip": "192.0.2.1"}).found == 1


def test_two_alerts_of_one_attack_find_it_once() -> None:
    judged = score([_alert("a", at=1500), _alert("b", at=1600)], [ATTACK], _nothing)
    assert (judged.found, judged.false) == (1, ())


def test_an_attack_of_a_use_case_is_found_by_that_use_case_s_rules_alone() -> None:
    alert = _alert("a", at=1500, rule="other")
    judged = score([alert], [ATTACK], _nothing, use_case_of={"r": "guessing", "other": "X"}.get)
    assert (judged.found, judged.false) == (0, ())
    assert score([_alert("a", at=1500)], [ATTACK], _nothing, use_case_of=lambda _: "guessing").found


def test_what_stayed_below_its_threshold_is_neither_missed_nor_are_alerts_on_it_false() -> None:
    below = Attack(id="B", kind="x", start=0, end=9, entities=frozenset({"li.na"}), below=True)
    judged = score([_alert("a", at=5, entity="li.na")], [below], _nothing)
    assert (judged.labelled, judged.missed, judged.false) == (0, (), ())


def test_each_part_of_an_entity_counts() -> None:
    alert = _alert("a", at=1500, entity="app+192.0.2.1", by="gov.app.id+source.ip")
    assert score([alert], [ATTACK], _nothing).found == 1


def test_an_alert_without_an_entity_counts_by_its_events() -> None:
    alert = _alert("a", at=1500, entity="e1", by="event.id")
    assert score([alert], [ATTACK], lambda _: {"destination.ip": "192.0.2.1"}).found == 1
    assert score([alert], [ATTACK], lambda _: {"destination.ip": "192.0.2.2"}).false == ("a",)
