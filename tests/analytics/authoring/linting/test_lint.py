"""Each check of a rule file names what is wrong, with its line, and passes what is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from analytics.authoring.linting import Finding, lint
from analytics.authoring.linting.twins import COMPARED_MAX
from analytics.ruleset import SHIPPED
from schema.errors import FengsuiError

GOOD: dict[str, object] = {
    "format": "fengsui/1",
    "id": "good",
    "version": "1.0.0",
    "severity": "low",
    "score": 30,
    "entity": "source.ip",
    "suppression": "1h",
    "techniques": ["T1110.001"],
    "false_positives": [{"zh": "本人输错口令", "en": "The owner mistypes"}],
    "logsource": {"product": "nginx", "service": "access"},
    "detection": {"a": {"url.path|contains": "login"}, "condition": "a"},
    "text": {
        "title_zh": "标题",
        "title_en": "Title",
        "triage_zh": "先看来源。",
        "triage_en": "Look at the source.",
    },
}


def write(folder: Path, name: str = "one", **parts: object) -> Path:
    rule = folder / "gateway" / name
    rule.mkdir(parents=True, exist_ok=True)
    written = {key: value for key, value in {**GOOD, **parts}.items() if value is not None}
    text = yaml.safe_dump(written, allow_unicode=True, sort_keys=False)
    (rule / "rule.yml").write_text(text, "utf-8")
    event = {"at": "+0s", "event.dataset": "nginx.access"}
    alert = {"entity": "x", "count": 1, "events": 1}
    told = [
        {"name": kind, "kind": kind, "events": [event], "alerts": alerts}
        for kind, alerts in (("fires", [alert]), ("near_miss", []), ("late", []))
    ]
    (rule / "cases.jsonl").write_text("\n".join(map(json.dumps, told)), "utf-8")
    return rule


def found(folder: Path, **parts: object) -> list[Finding]:
    write(folder, **parts)
    return lint([folder])


def detection(condition: str = "a", **fields: object) -> dict[str, object]:
    written = {key.replace("__", ".").replace("--", "|"): fields[key] for key in fields}
    return {"a": written, "condition": condition}


def asked(*selections: dict[str, object], condition: str) -> dict[str, object]:
    named = {"abcdef"[place]: one for place, one in enumerate(selections)}
    return {**named, "condition": condition}


def line(folder: Path, number: int) -> str:
    return (folder / "gateway" / "one" / "rule.yml").read_text("utf-8").splitlines()[number - 1]


def test_a_good_rule_has_no_finding(tmp_path: Path) -> None:
    assert found(tmp_path) == []


def test_shipped_rules_have_no_finding() -> None:
    assert lint([SHIPPED]) == []


@pytest.mark.parametrize(
    "bad",
    [
        asked({"url.path": "/a"}, {"url.path": "/b"}, condition="a and b"),
        asked({"url.path|startswith": "/a"}, {"url.path|startswith": "/b"}, condition="a and b"),
        asked({"url.path|endswith": ".a"}, {"url.path|endswith": ".b"}, condition="a and b"),
        asked({"url.path|contains": "abc"}, {"url.path|contains": "b"}, condition="a and not b"),
        asked({"url.path": "/a"}, {"url.path|startswith": "/b"}, condition="a and b"),
        asked({"url.path": "/a"}, {"url.path": None}, condition="a and b"),
        asked({"url.path": "/a"}, condition="a and not a"),
        asked(
            {"http.response.status_code|gte": 500},
            {"http.response.status_code|lt": 500},
            condition="a and b",
        ),
        asked(
            {"http.response.status_code|gte": 598},
            {"http.response.status_code": [598, 599]},
            condition="a and not b",
        ),
        asked({"process.command_line": "id"}, condition="a"),
        asked({"event.dataset": "system.auth"}, condition="a"),
    ],
)
def test_a_condition_that_contradicts_itself_is_an_error(
    tmp_path: Path, bad: dict[str, object]
) -> None:
    (finding,) = found(tmp_path, detection=bad)
    assert (finding.check, finding.severity) == ("unreachable", "error")
    assert finding.line > 1
    assert finding.zh
    assert finding.en


@pytest.mark.parametrize(
    "good",
    [
        asked({"url.path": "/a"}, {"url.path": "/b"}, condition="a or b"),
        asked({"url.path|contains": "a"}, {"url.path|contains": "b"}, condition="a and b"),
        asked({"url.path|contains": "b"}, {"url.path|contains": "abc"}, condition="a and not b"),
        asked({"url.path|startswith": "/a"}, {"url.path|startswith": "/ab"}, condition="a and b"),
        asked(
            {"http.response.status_code|gt": 500},
            {"http.response.status_code|lt": 502},
            condition="a and b",
        ),
        asked({"url.path": "/A"}, {"url.path|cased": "/a"}, condition="a and not b"),
        asked({"url.path": "/a"}, {"url.path|re": "^/A"}, condition="a and not b"),
    ],
)
def test_a_condition_that_may_hold_has_no_finding(tmp_path: Path, good: dict[str, object]) -> None:
    assert [one for one in found(tmp_path, detection=good) if one.check == "unreachable"] == []


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ({"http.response.status_code": 99}, "99"),
        ({"http.response.status_code|gt": 599}, "599"),
        ({"http.response.status_code": "ok"}, "ok"),
        ({"@timestamp|hour": 24}, "24"),
    ],
)
def test_a_number_no_value_can_be_is_named_on_its_line(
    tmp_path: Path, fields: dict[str, object], written: str
) -> None:
    findings = found(tmp_path, detection={"a": fields, "condition": "a"})
    finding = next(one for one in findings if "can never hold" in one.en)
    assert written in line(tmp_path, finding.line)


def test_one_of_nothing_is_refused_with_its_line(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, detection=detection("1 of nothing_*", url__path="/a"))
    assert (finding.check, finding.severity) == ("refused", "error")
    assert finding.line > 1


def test_an_entity_the_events_do_not_carry_is_an_error(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, entity="user.target.name")
    assert finding.check == "uncarried"
    assert "user.target.name" in line(tmp_path, finding.line)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (asked({"url.path|re": r"\d{4}"}, condition="a"), "cannot do without"),
        ({"words": ["*passwd*"], "condition": "words"}, "name the field"),
        (asked({"url.path": "/a"}, condition="not a"), "asked of each event"),
    ],
)
def test_what_costs_much_is_a_warning(tmp_path: Path, bad: dict[str, object], why: str) -> None:
    costly = [one for one in found(tmp_path, detection=bad) if one.check == "costly"]
    assert any(why in one.en and one.severity == "warning" for one in costly)


def test_an_expression_with_a_text_to_look_for_costs_little(tmp_path: Path) -> None:
    assert found(tmp_path, detection=asked({"url.path|re": r"/admin\d"}, condition="a")) == []


@pytest.mark.parametrize(
    ("part", "value", "check"),
    [
        ("false_positives", None, "no-false-positives"),
        ("techniques", None, "no-technique"),
        ("techniques", ["T1562.001"], "renamed-technique"),
        ("techniques", ["X1"], "unknown-technique"),
        ("text", {**GOOD["text"], "triage_zh": ""}, "no-triage"),  # type: ignore[dict-item] # a map
        ("text", {**GOOD["text"], "title_zh": "Title"}, "no-title"),  # type: ignore[dict-item] # a map
    ],
)
def test_what_officers_need_is_missed(tmp_path: Path, part: str, value: object, check: str) -> None:
    assert check in {one.check for one in found(tmp_path, **{part: value})}


def test_a_rule_that_is_silent_for_less_than_it_looks_back_is_named(tmp_path: Path) -> None:
    threshold = {"within": "2h", "count": 3}
    (finding,) = found(tmp_path, threshold=threshold, suppression="1h")
    assert finding.check == "short-suppression"
    assert found(tmp_path, threshold=threshold, suppression="2h") == []


def test_missing_and_malformed_cases_are_named(tmp_path: Path) -> None:
    listed = write(tmp_path) / "cases.jsonl"
    listed.write_text(listed.read_text("utf-8").splitlines()[0], "utf-8")
    (finding,) = lint([tmp_path])
    assert (finding.check, "near_miss, late" in finding.en) == ("no-cases", True)
    listed.write_text("{}\n", "utf-8")
    (finding,) = lint([tmp_path])
    assert (finding.check, finding.path) == ("malformed-case", str(listed))


def test_a_rule_written_twice_is_named_once(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "two", id="two", version="2.0.0", score=50)
    (finding,) = lint([tmp_path])
    assert (finding.check, "rule good" in finding.en) == ("duplicate", True)
    assert finding.path.endswith("two/rule.yml")


def test_a_rule_inside_another_is_a_note(tmp_path: Path) -> None:
    write(tmp_path)
    narrow = {"url.path|contains": "login", "http.request.method": "POST"}
    write(tmp_path, "two", id="two", detection={"a": narrow, "condition": "a"})
    (finding,) = lint([tmp_path])
    assert (finding.check, finding.severity) == ("subset", "note")
    assert "rule good finds too" in finding.en


def test_among_very_many_rules_twins_are_still_found(tmp_path: Path) -> None:
    for number in range(COMPARED_MAX + 1):
        path = {"url.path": f"/{number}", "http.request.method": "POST"}
        write(
            tmp_path, f"r{number:03}", id=f"r{number:03}", detection={"a": path, "condition": "a"}
        )
    write(tmp_path, "s1", id="s1", detection=asked({"url.path": "/7"}, condition="a"))
    write(tmp_path, "s2", id="s2", detection=asked({"url.path": "/7"}, condition="a"))
    checks = [(one.check, Path(one.path).parent.name) for one in lint([tmp_path])]
    assert checks == [("subset", "r007"), ("subset", "r007"), ("duplicate", "s2")]


def test_rules_with_another_window_are_no_twins(tmp_path: Path) -> None:
    write(tmp_path, threshold={"within": "5m", "count": 3})
    write(tmp_path, "two", id="two", threshold={"within": "10m", "count": 3})
    assert lint([tmp_path]) == []


def test_a_changed_rule_needs_a_new_version(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    write(before)
    write(after, text={**GOOD["text"], "title_en": "Other words"})  # type: ignore[dict-item] # a map
    assert lint([after], against=before) == []
    changed = {"a": {"url.path|contains": "logon"}, "condition": "a"}
    write(after, detection=changed)
    (finding,) = lint([after], against=before)
    assert (finding.check, finding.severity) == ("same-version", "error")
    assert finding.line == 3
    write(after, detection=changed, version="1.0.1")
    assert lint([after], against=before) == []
    write(after, version="0.9.0")
    assert [one.check for one in lint([after], against=before)] == ["same-version"]


def test_a_place_without_rules_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FengsuiError, match="holds none"):
        lint([tmp_path])
