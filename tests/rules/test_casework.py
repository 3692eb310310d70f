"""Every shipped rule explains its alerts, and its cases notice whatever condition is weakened."""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_cases import rule_folders, trained

from analytics.authoring import casework

_FOLDERS = rule_folders()
_ALONE = {"event", "threshold", "unique", "sum", "ratio", "regularity", "together", "join"}
"""Kinds whose least set must fire alone."""


@pytest.mark.parametrize("folder", _FOLDERS, ids=lambda folder: folder.name)
def test_a_rule_explains_itself_and_no_weaker_rule_passes_its_cases(folder: Path) -> None:
    (tried,) = casework.found([folder])
    report = casework.check(tried, train=trained, mutate=True)
    assert report.failures == ()
    assert report.unexplained == ()
    assert report.survivors == (), "add a near miss, or say in mutants.toml why nothing changes"
    assert report.stale == ()
    assert report.mutants
    assert any(case.kind == "fires" for case in tried.cases)
    if tried.rule.kind in _ALONE:
        assert report.history == ("", "")
