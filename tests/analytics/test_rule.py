"""A rule's stamp tells what it judges by, not what people read of it."""

from __future__ import annotations

from msgspec.structs import replace

from analytics.rule import Rule
from analytics.ruleset import SHIPPED, load

RULES = load([SHIPPED]).require_all().rules


def _renamed(rule: Rule) -> Rule:
    return replace(rule, steps=tuple(replace(step, zh="别的名称") for step in rule.steps))


def test_what_people_read_of_a_rule_does_not_begin_its_state_anew() -> None:
    for rule in RULES:
        titled = replace(rule, text=replace(rule.text, title_zh="别的标题"), techniques=("T1",))
        assert titled.stamp == _renamed(rule).stamp == rule.stamp


def test_whatever_else_changes_does() -> None:
    rule = RULES[0]
    step = rule.steps[0]
    others = (
        replace(rule, score=rule.score + 1),
        replace(rule, suppression_us=rule.suppression_us + 1),
        replace(rule, steps=(replace(step, count=step.count + 1), *rule.steps[1:])),
        replace(rule, steps=(replace(step, name="other"), *rule.steps[1:])),
    )
    assert len({rule.stamp, *(other.stamp for other in others)}) == 1 + len(others)
