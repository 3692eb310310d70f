"""A rule set asks an event only the questions of its dataset, and names the steps that match."""

from __future__ import annotations

from analytics_world import (
    FAILURE,
    SUCCESS,
    compiled,
    detection,
    event_rule,
    ruleset,
    sequence_rule,
)

from analytics.matching.layers import LAYERS_MAX, Layers
from analytics.matching.port import Plan, Question
from analytics.rule import Rule


def plans_of(*rules: Rule) -> dict[str, Plan]:
    """A matcher for each dataset."""
    found = ruleset(*rules)
    asked = found.questions(range(len(rules)))
    return {dataset: found.plan(questions) for dataset, questions in asked.items()}


def test_only_the_rules_of_the_dataset_are_asked() -> None:
    web = compiled(
        id="web",
        logsource={"product": "nginx", "service": "access"},
        detection=detection(**FAILURE),
    )
    plans = plans_of(event_rule(), web)
    assert set(plans) == {"system.auth", "nginx.access"}
    assert plans["system.auth"].match([FAILURE]) == [(0, 0, 1)]
    assert plans["nginx.access"].match([SUCCESS, FAILURE]) == [(1, 1, 1)]


def test_each_step_of_a_sequence_has_its_bit() -> None:
    (plan,) = plans_of(sequence_rule()).values()
    assert plan.match([FAILURE, SUCCESS]) == [(0, 0, 1), (1, 0, 2)]


def test_the_answer_is_the_same_the_second_time() -> None:
    (plan,) = plans_of(event_rule(), sequence_rule()).values()
    for _ in range(3):
        assert plan.match([FAILURE]) == [(0, 0, 1), (0, 1, 1)]
        assert plan.match([SUCCESS]) == [(0, 1, 2)]


def test_added_rules_are_asked_beside_the_others_and_gone_ones_are_not() -> None:
    found = ruleset(event_rule(id="a"))
    condition = found.rules[0].steps[0].condition
    compiled_at: list[int] = []

    def compile_plan(questions: list[Question]) -> Plan:
        compiled_at.append(len(questions))
        return found.plan(questions)

    layers = None
    for number in range(12):
        wanted = [Question(rule, 1, condition) for rule in range(1, number + 2)]
        layers = Layers.of(wanted, layers, compile_plan)
        expected = [(0, rule, 1) for rule in range(1, number + 2)]
        assert sorted(layers.match([FAILURE])) == expected
    # One new question a time, until there are so many layers that all is compiled anew.
    assert compiled_at == [1] * LAYERS_MAX + [LAYERS_MAX + 1] + [1] * 3
    layers = Layers.of([Question(7, 1, condition)], layers, compile_plan)
    assert list(layers.match([SUCCESS, FAILURE])) == [(1, 7, 1)]
