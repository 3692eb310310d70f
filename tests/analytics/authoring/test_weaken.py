"""Mutants: each weakens one thing, none is the rule itself, and every condition has one."""

from __future__ import annotations

import pytest
from analytics_world import compiled, detection, sequence_rule, threshold_rule

from analytics.authoring.weaken import mutants
from analytics.expression import Atom, atoms
from analytics.rule import Rule


def names(rule: Rule) -> list[str]:
    return [mutant.name for mutant in mutants(rule)]


def test_a_threshold_loses_each_atom_its_count_its_time_and_what_is_distinct() -> None:
    rule = threshold_rule(distinct="user.name")
    found = {mutant.name.split(": ")[-1]: mutant.rule for mutant in mutants(rule)}
    assert {
        "drop event.action equals 'ssh_login'",
        "drop event.outcome equals 'failure'",
        "count 3 → 2",
        "within × 2",
        "count events, not distinct user.name",
    } <= found.keys()
    kept = found["drop event.outcome equals 'failure'"].steps[0].condition
    assert Atom("event.outcome", "equals", "failure") not in set(atoms(kept))
    assert not found["count events, not distinct user.name"].steps[0].values


def test_a_sequence_loses_each_step_and_each_count() -> None:
    found = names(sequence_rule())
    assert {"drop step failures", "drop step success", "within × 2"} <= set(found)
    assert "failures: count 3 → 2" in found


def test_a_step_that_must_not_come_may_be_dropped_but_never_the_last_other_one() -> None:
    steps = [
        {"name": "in", "detection": detection(**{"event.action": "ssh_login"})},
        {"name": "out", "absent": True, "detection": detection(**{"event.action": "gone"})},
    ]
    rule = compiled(entity="user.name", suppression="1h", sequence={"within": "1m", "steps": steps})
    found = {mutant.name: mutant.rule for mutant in mutants(rule)}
    assert "drop step in" not in found
    assert found["drop step out"].pattern.absent == ()  # type: ignore[union-attr] # a sequence


@pytest.mark.parametrize(
    ("fields", "condition", "expected"),
    [
        ({"network.bytes|gt": 5}, "a", "network.bytes gt '5' → network.bytes gte '5'"),
        ({"network.bytes|lte": 5}, "a", "network.bytes lte '5' → network.bytes lte '6'"),
        ({"user.name|cased": "Root"}, "a", "user.name equals 'Root' in any case"),
        ({"user.name": ["a", "b"]}, "a", "drop user.name equals 'b'"),
        ({"user.name": ["a", "b"]}, "not a", "drop user.name equals 'b' under not"),
    ],
)
def test_comparisons_cases_and_lists_become_looser(
    fields: dict[str, object], condition: str, expected: str
) -> None:
    rule = compiled(detection={"a": fields, "condition": condition})
    assert any(name.endswith(expected) for name in names(rule)), names(rule)


def test_a_guard_is_dropped() -> None:
    guard = {"compare": {"left": "user.name", "op": "ne", "right": "user.target.name"}}
    rule = compiled(detection=detection(**{"event.action": "sudo"}), where=[guard])
    assert any(name.startswith("event: drop guard") for name in names(rule))


def test_no_mutant_is_the_rule_itself_and_no_two_have_one_name() -> None:
    for rule in (threshold_rule(), sequence_rule()):
        found = list(mutants(rule))
        assert all(mutant.rule.stamp != rule.stamp for mutant in found)
        assert len({mutant.name for mutant in found}) == len(found)
