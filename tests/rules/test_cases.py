"""Every case of every rule gives exactly the alerts it says, however the work is divided."""

from __future__ import annotations

import pytest
from rule_cases import RuleCase, all_cases, run

from analytics.authoring.cases import expected, outcome
from schema.alert import canonical

_CASES = all_cases()
_LATE = [one for one in _CASES if one.case.kind == "late"]


@pytest.mark.parametrize("one", _CASES, ids=str)
def test_a_case_gives_exactly_the_alerts_it_says(one: RuleCase) -> None:
    alone = run(one.rule, one.case, 1)
    assert outcome(alone) == expected(one.case)
    divided = run(one.rule, one.case, 4)
    assert sorted(map(canonical, divided)) == sorted(map(canonical, alone))


@pytest.mark.parametrize("one", _LATE, ids=str)
def test_what_came_late_ends_as_if_it_had_come_in_order(one: RuleCase) -> None:
    assert outcome(run(one.rule, one.case, 1, in_order=True)) == expected(one.case)
