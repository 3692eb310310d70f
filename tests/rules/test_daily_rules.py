"""The thirty rules of daily work: each use case has its rules, and the page says so."""

from __future__ import annotations

import re
from pathlib import Path

from rule_cases import rule_set

_PAGE = (Path(__file__).parents[2] / "docs" / "officer" / "daily-rules.md").read_text("utf-8")
_ROW = re.compile(r"^\| ([DX]\d\d) \|.*?((?:<br>`[a-z0-9-]+`)+) \|", re.MULTILINE)


def _shipped() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for rule in rule_set().rules:
        if rule.use_case and (rule.use_case.id.startswith("D") or rule.use_case.id == "X03"):
            found.setdefault(rule.use_case.id, set()).add(rule.id)
    return {case: rules for case, rules in found.items() if not case.startswith("DX")}


def test_there_are_thirty_use_cases_of_daily_work() -> None:
    assert set(_shipped()) == {*(f"D{number:02d}" for number in range(1, 31)), "X03"}


def test_the_page_names_the_rules_of_each_use_case() -> None:
    told = {case: set(re.findall(r"`([a-z0-9-]+)`", names)) for case, names in _ROW.findall(_PAGE)}
    assert told == _shipped()


def test_every_register_a_daily_rule_asks_is_described() -> None:
    names = {name for rules in _shipped().values() for name in rules}
    asked = {
        guard.register
        for rule in rule_set().rules
        if rule.id in names
        for step in rule.steps
        for given in step.where
        if (guard := given.lookup or given.network)
    }
    assert asked == set(re.findall(r"^\| `(\w+)` \| \S", _PAGE, re.MULTILINE))
