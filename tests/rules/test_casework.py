"""Every shipped rule explains its alerts, and its cases notice whatever condition is weakened."""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_cases import rule_folders, trained

from analytics.authoring import casework

_FOLDERS = rule_folders()
_HISTORY = {"absence", "balance", "baseline", "graph", "model", "new_term", "peers"}
"""Kinds that lean on a past, or on what did not come: their least set does not stand alone."""


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
    leans = tried.rule.kind in _HISTORY or tried.rule.pattern.warm_up_us > 0
    assert (report.history != ("", "")) == leans
