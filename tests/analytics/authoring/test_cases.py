"""Cases of rules: read strictly, run as a site would, with what is known and with time going on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from analytics_world import TEXT

from analytics.authoring import cases
from analytics.language.compiler import compile_file
from analytics.models.artefact import Artefact, TrainingRequest
from analytics.rule import Rule
from schema.errors import FengsuiError
from schema.times import HOUR, SECOND

LOGIN = {
    "event.dataset": "system.auth",
    "process.name": "sshd",
    "event.action": "ssh_login",
    "user.name": "li.na",
}
FIRES = {"name": "a login", "kind": "fires", "events": [{"at": "+0s", **LOGIN}]}
ALERT = {"entity": "li.na", "count": 1, "events": 1}


def untrained(request: TrainingRequest) -> Artefact:
    raise AssertionError(request)


def rule(**parts: object) -> Rule:
    written = {
        "format": "fengsui/1",
        "id": "case",
        "version": "1.0.0",
        "severity": "low",
        "score": 30,
        "entity": "user.name",
        "suppression": "2h",
        "text": TEXT,
        "logsource": {"product": "linux", "service": "sshd"},
        "detection": {"login": {"event.action": "ssh_login"}, "condition": "login"},
        **parts,
    }
    return compile_file(yaml.safe_dump(written).encode(), "host")


def write(folder: Path, *lines: object) -> Path:
    path = folder / "cases.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts), "utf-8")
    return path


def ran(tried: Rule, folder: Path, **case: object) -> cases.Outcome:
    (read,) = cases.read(write(folder, {**FIRES, "kind": "late", "alerts": [], **case}))
    return cases.outcome(cases.run(tried, read, train=untrained).alerts)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "truncated"),
        ({**FIRES, "alerts": [], "extra": 1}, "unknown field"),
        ({**FIRES, "alerts": []}, "a case that fires has alerts"),
        ({**FIRES, "kind": "near_miss", "alerts": [ALERT]}, "a near miss has none"),
        ({**FIRES, "events": [LOGIN], "alerts": [ALERT]}, "when it is"),
        ({**FIRES, "events": [{"at": "soon", **LOGIN}], "alerts": [ALERT]}, "no.* offset|offset"),
        ({**FIRES, "events": [{"at": "+0s"}], "alerts": [ALERT]}, "event.dataset"),
        ({**FIRES, "events": [], "alerts": [ALERT]}, "until when"),
        (
            {**FIRES, "events": [{"at": "+0s", "repeat": 60_000, **LOGIN}], "alerts": [ALERT]},
            "at most 50000 events",
        ),
        (
            {**FIRES, "events": [{"at": "+0s", "repeat": 0, **LOGIN}], "alerts": [ALERT]},
            "repeat",
        ),
        ("x" * (cases.LINE_BYTES_MAX + 1), "bytes"),
    ],
)
def test_a_case_that_says_nothing_clear_is_refused_with_its_line(
    tmp_path: Path, line: object, why: str
) -> None:
    path = write(tmp_path, {**FIRES, "name": "first", "alerts": [ALERT]}, line)
    with pytest.raises(FengsuiError, match=why) as caught:
        cases.read(path)
    assert f"{path}:2: " in str(caught.value)


def test_two_cases_of_one_name_are_refused(tmp_path: Path) -> None:
    one = {**FIRES, "alerts": [ALERT]}
    with pytest.raises(FengsuiError, match="another case"):
        cases.read(write(tmp_path, one, one))


def test_more_cases_than_a_file_may_have_are_refused(tmp_path: Path) -> None:
    lines = [{**FIRES, "name": str(n), "alerts": [ALERT]} for n in range(cases.CASES_MAX + 1)]
    with pytest.raises(FengsuiError, match="more than 1000 cases"):
        cases.read(write(tmp_path, *lines))


def test_a_row_of_events_counts_and_goes_round(tmp_path: Path) -> None:
    template = {"at": "+1m", **LOGIN, "user.name": "u{n%2}", "repeat": 3, "every": "10s"}
    (case,) = cases.read(write(tmp_path, {**FIRES, "events": [template], "alerts": [ALERT]}))
    found = cases.moments(case)
    assert [(one.time - cases.START) // SECOND for one in found] == [60, 70, 80]
    assert [one.fields["user.name"] for one in found] == ["u1", "u0", "u1"]


def test_a_late_event_beyond_the_lateness_is_an_error_of_the_case(tmp_path: Path) -> None:
    events = [{"at": "+0s", "late": True, **LOGIN}, {"at": "+2h", **LOGIN}]
    with pytest.raises(FengsuiError, match="a late event comes"):
        ran(rule(), tmp_path, events=events)


def test_time_goes_on_until_the_case_says_so_that_a_deadline_falls(tmp_path: Path) -> None:
    steps = [
        {"name": "login", "detection": {"a": {"event.action": "ssh_login"}, "condition": "a"}},
        {
            "name": "logout",
            "absent": True,
            "detection": {"a": {"event.action": "ssh_logout"}, "condition": "a"},
        },
    ]
    tried = rule(detection=None, sequence={"within": "10m", "steps": steps})
    assert ran(tried, tmp_path) == []
    assert ran(tried, tmp_path, until="+11m") == [("li.na", 1, 1)]
    gone = {"at": "+5m", **LOGIN, "event.action": "ssh_logout"}
    assert ran(tried, tmp_path, events=[*FIRES["events"], gone], until="+11m") == []


def test_whom_a_register_holds_is_missed(tmp_path: Path) -> None:
    tried = rule(
        detection={"a": {"event.action": "ssh_login"}, "condition": "a"},
        entity="host.name",
        absence={"within": "1h", "register": "hosts"},
    )
    registers = {"hosts": [{"key": ["app-01"]}, {"key": ["app-02"], "to": "+30m"}]}
    seen = ran(tried, tmp_path, events=[], registers=registers, until="+90m")
    assert [entity for entity, _, _ in seen] == ["app-01"]


def test_registers_and_indicators_of_a_case_are_what_guards_are_asked(tmp_path: Path) -> None:
    lookup = {"register": "leavers", "key": ["user.name"], "expect": "present"}
    left = rule(where=[{"lookup": lookup}])
    row = {"key": ["li.na"], "from": "+1h"}
    assert ran(left, tmp_path, registers={"leavers": [row]}) == []
    later = [{"at": "+2h", **LOGIN}]
    assert ran(left, tmp_path, events=later, registers={"leavers": [row]}) == [("li.na", 1, 1)]
    bad = rule(where=[{"indicator": {"fields": ["source.ip"], "confidence": 50}}])
    events = [{"at": "+0s", **LOGIN, "source.ip": "198.51.100.7"}]
    known = [{"value": "198.51.100.7", "confidence": 60}]
    assert ran(bad, tmp_path, events=events, indicators=known) == [("li.na", 1, 1)]
    assert ran(bad, tmp_path, events=events) == []


def test_offsets_have_four_units() -> None:
    assert [cases.seconds(text) for text in ("+90s", "2h")] == [90 * SECOND, 2 * HOUR]
