"""The matcher asks only the rules of the event's dataset, and names the steps that match."""

from __future__ import annotations

from analytics_world import FAILURE, SUCCESS, compiled, detection, event_rule, sequence_rule

from analytics.matching.routing import Matcher


def test_only_the_rules_of_the_dataset_are_asked() -> None:
    web = compiled(
        id="web",
        logsource={"product": "nginx", "service": "access"},
        detection=detection(**FAILURE),
    )
    matcher = Matcher((event_rule(), web))
    assert matcher.match({"event.dataset": "system.auth", **FAILURE}) == ((0, 1),)
    assert matcher.match({"event.dataset": "nginx.access", **FAILURE}) == ((1, 1),)
    assert matcher.match({"event.dataset": "other", **FAILURE}) == ()
    assert matcher.match(dict(FAILURE)) == ()


def test_each_step_of_a_sequence_has_its_bit() -> None:
    matcher = Matcher((sequence_rule(),))
    assert matcher.match({"event.dataset": "system.auth", **FAILURE}) == ((0, 1),)
    assert matcher.match({"event.dataset": "system.auth", **SUCCESS}) == ((0, 2),)


def test_the_answer_is_the_same_the_second_time() -> None:
    matcher = Matcher((event_rule(), sequence_rule()))
    for _ in range(3):
        assert matcher.match({"event.dataset": "system.auth", **FAILURE}) == ((0, 1), (1, 1))
        assert matcher.match({"event.dataset": "system.auth", **SUCCESS}) == ((1, 2),)
