"""Every case of every rule gives exactly the alerts it says, however the work is divided."""

from __future__ import annotations

import pytest
from rule_cases import Case, all_cases, expected, outcome, run

from schema.alert import canonical

_CASES = all_cases()


def _name(case: Case) -> str:
    return f"{case.rule}: {case.kind}: {case.name}"


@pytest.mark.parametrize("case", _CASES, ids=_name)
def test_a_case_gives_exactly_the_alerts_it_says(case: Case) -> None:
    alone = run(case, 1)
    assert outcome(alone) == expected(case)
    divided = run(case, 4)
    assert sorted(map(canonical, divided)) == sorted(map(canonical, alone))


@pytest.mark.parametrize("case", [case for case in _CASES if case.kind == "late"], ids=_name)
def test_what_came_late_ends_as_if_it_had_come_in_order(case: Case) -> None:
    assert outcome(run(case, 1, in_order=True)) == expected(case)
