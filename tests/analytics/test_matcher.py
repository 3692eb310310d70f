"""A rule set asks an event only the questions of its dataset, and names the steps that match."""

from __future__ import annotations

from analytics_world import FAILURE, SUCCESS, compiled, detection, event_rule, sequence_rule
from analytics_world import ruleset as rules


def test_only_the_rules_of_the_dataset_are_asked() -> None:
    web = compiled(
        id="web",
        logsource={"product": "nginx", "service": "access"},
        detection=detection(**FAILURE),
    )
    plans = rules(event_rule(), web).matcher()
    assert set(plans) == {"system.auth", "nginx.access"}
    assert plans["system.auth"].match([FAILURE]) == [(0, 0, 1)]
    assert plans["nginx.access"].match([SUCCESS, FAILURE]) == [(1, 1, 1)]


def test_each_step_of_a_sequence_has_its_bit() -> None:
    (plan,) = rules(sequence_rule()).matcher().values()
    assert plan.match([FAILURE, SUCCESS]) == [(0, 0, 1), (1, 0, 2)]


def test_the_answer_is_the_same_the_second_time() -> None:
    (plan,) = rules(event_rule(), sequence_rule()).matcher().values()
    for _ in range(3):
        assert plan.match([FAILURE]) == [(0, 0, 1), (0, 1, 1)]
        assert plan.match([SUCCESS]) == [(0, 1, 2)]
