"""Laws that every shipped rule keeps; a new rule is held to them without anybody's memory."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import pytest
import yaml
from rule_cases import cases, rule, rule_folders, rule_set, run

from analytics.authoring.cases import START, moments
from analytics.expression import ANY_FIELD, atoms
from analytics.patterns import EntityHours, Sequence
from schema.fields import catalogue, is_open
from schema.times import DAY

_FOLDERS = rule_folders()
_HAN = re.compile(r"[\u4e00-\u9fff]")
_SCORES = ((0, 19), (20, 39), (40, 64), (65, 84), (85, 100))
"""Scores of each severity, informational to critical."""
_SYSTEMS = {
    *("certificate", "identity", "payment", "sharing", "cross"),
    *("host", "gateway", "database", "network", "windows"),
}
_COUNTED = {"event", "threshold", "sequence"}
"""Kinds whose least set is as many events as the rule asks for."""
_SHORT_US = DAY
"""A longer window looks at a past, which may be told of more than once."""
_TIMING = {"at", "repeat", "every", "late"}

every_rule = pytest.mark.parametrize("folder", _FOLDERS, ids=lambda folder: folder.name)


def _document(folder: Path) -> dict[str, object]:
    found = yaml.safe_load((folder / "rule.yml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def _is_sigma(folder: Path) -> bool:
    return "format" not in _document(folder)


def test_no_shipped_rule_is_refused_and_none_is_twice() -> None:
    assert len(_FOLDERS) >= 25
    assert {found.id for found in rule_set().rules} == {folder.name for folder in _FOLDERS}


def test_every_system_has_rules_and_no_other_is_named() -> None:
    assert {found.system for found in rule_set().rules} == _SYSTEMS


def test_sigma_ids_are_different_uuids() -> None:
    names = [uuid.UUID(str(_document(folder)["id"])) for folder in _FOLDERS if _is_sigma(folder)]
    assert len(names) == len(set(names)) > 0


@every_rule
def test_the_id_is_the_folder_and_begins_with_its_system(folder: Path) -> None:
    found = rule(folder.name)
    assert found.system == folder.parent.name
    assert found.id.startswith(f"{found.system}-")


@every_rule
def test_a_rule_of_one_event_is_plain_sigma(folder: Path) -> None:
    assert _is_sigma(folder) == (rule(folder.name).kind == "event")


@every_rule
def test_text_stands_in_both_languages(folder: Path) -> None:
    text = rule(folder.name).text
    for chinese in (text.title_zh, text.triage_zh):
        assert _HAN.search(chinese)
    for english in (text.title_en, text.triage_en):
        assert english.strip()
        assert not _HAN.search(english)
    assert len(text.title_zh) <= 24
    assert len(text.title_en) <= 64


@every_rule
def test_triage_is_as_many_steps_in_both_languages(folder: Path) -> None:
    text = rule(folder.name).text
    chinese, english = text.triage_zh.splitlines(), text.triage_en.splitlines()
    assert 3 <= len(chinese) <= 6
    assert len(chinese) == len(english)
    assert all(line.endswith("。") for line in chinese)
    assert all(line.endswith((".", "?")) for line in english)


@every_rule
def test_false_positives_are_named_in_both_languages(folder: Path) -> None:
    causes = rule(folder.name).false_positives
    assert causes
    for cause in causes:
        assert _HAN.search(cause.zh)
        assert cause.en.strip()
        assert not _HAN.search(cause.en)


@every_rule
def test_sigma_and_own_part_name_the_same_false_positives(folder: Path) -> None:
    if _is_sigma(folder):
        english = [cause.en for cause in rule(folder.name).false_positives]
        assert _document(folder)["falsepositives"] == english


@every_rule
def test_severity_and_score_agree(folder: Path) -> None:
    found = rule(folder.name)
    low, high = _SCORES[found.severity]
    assert low <= found.score <= high


@every_rule
def test_techniques_are_well_formed(folder: Path) -> None:
    techniques = rule(folder.name).techniques
    assert techniques
    assert len(techniques) == len(set(techniques))
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", technique) for technique in techniques)


@every_rule
def test_the_version_is_three_numbers(folder: Path) -> None:
    assert re.fullmatch(r"[1-9]\d*\.\d+\.\d+", rule(folder.name).version)


@every_rule
def test_an_alert_silences_its_rule_for_at_least_its_window(folder: Path) -> None:
    found = rule(folder.name)
    assert found.suppression_us >= min(found.pattern.retention_us, _SHORT_US)


@every_rule
def test_every_field_a_rule_reads_is_in_the_catalogue(folder: Path) -> None:
    found = rule(folder.name)
    names = set(found.fields())
    assert ANY_FIELD not in names, "a keyword is asked of every field: name the field"
    assert {name for name in names if not is_open(name)} <= set(catalogue())


@every_rule
def test_event_original_is_not_read(folder: Path) -> None:
    """It differs in every event, so that nothing asked of it is asked once for a repeated value."""
    steps = rule(folder.name).steps
    assert "event.original" not in {a.field for step in steps for a in atoms(step.condition)}


@every_rule
def test_there_is_a_case_of_each_kind(folder: Path) -> None:
    found = cases(folder)
    assert {case.kind for case in found} == {"fires", "near_miss", "late"}
    assert len({case.name for case in found}) == len(found)


@every_rule
def test_cases_say_what_their_kind_promises(folder: Path) -> None:
    for case in cases(folder):
        if case.kind == "fires":
            assert case.alerts
        if case.kind == "near_miss":
            assert not case.alerts
        assert (case.kind == "late") == any("late" in event for event in case.events)


@every_rule
def test_events_of_cases_have_fields_of_the_catalogue_and_belong_to_the_rule(folder: Path) -> None:
    found = rule(folder.name)
    pattern = found.pattern
    own = {pattern.dataset} if isinstance(pattern, EntityHours) else found.datasets()
    for case in cases(folder):
        for event in case.events:
            named = {name for name in event if not is_open(name)}
            assert named - _TIMING <= set(catalogue())
            assert event["event.dataset"] in own
        assert all(moment.time >= START for moment in moments(case))


@every_rule
def test_the_least_set_needs_as_many_events_as_the_rule_asks_for(folder: Path) -> None:
    found = rule(folder.name)
    # What must not come is in no least set.
    absent = found.pattern.absent if isinstance(found.pattern, Sequence) else ()
    asked = sum(step.count for place, step in enumerate(found.steps) if place not in absent)
    for case in cases(folder):
        if found.kind in _COUNTED:
            assert all(len(alert.events) == asked for alert in run(found.id, case))
