"""What the cases of a rule say about it: they fail, they miss a weaker rule, they explain."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from analytics_world import SUCCESS, compiled, detection, sequence_rule

from analytics.authoring import casework
from analytics.authoring.cases import Case, moments, run, run_moments
from analytics.authoring.weaken import mutants
from analytics.models.artefact import Artefact, TrainingRequest
from schema.errors import FengsuiError

RULE = """\
title: somebody logs in as root
id: 0e1bb0f6-5a1c-4d0b-9a51-0c7d0a7a1d11
logsource: {product: linux, service: sshd}
detection:
  login: {event.action: ssh_login, user.name: root}
  condition: login
level: high
"""
EVENT = {
    "event.dataset": "system.auth",
    "process.name": "sshd",
    "event.action": "ssh_login",
    "user.name": "root",
}


def line(name: str, kind: str, **fields: str) -> str:
    alerts = [{"entity": "event.id", "count": 1, "events": 1}] if kind == "fires" else []
    events = [{"at": "+0s", **EVENT, **{key.replace("__", "."): fields[key] for key in fields}}]
    return json.dumps({"name": name, "kind": kind, "events": events, "alerts": alerts})


FIRED = {"entity": "root", "count": 1, "events": 1}
CASES = (
    line("root", "fires"),
    line("another program", "near_miss", process__name="vsftpd"),
    line("another event", "near_miss", event__action="ssh_session"),
    line("another account", "near_miss", user__name="li.na"),
)


def untrained(request: TrainingRequest) -> Artefact:
    raise AssertionError(request)


def report(folder: Path, *lines: str, rule: str = RULE) -> casework.Report:
    (folder / "rule.yml").write_text(rule, "utf-8")
    if lines:
        (folder / "cases.jsonl").write_text("\n".join(lines), "utf-8")
    (tried,) = casework.found([folder])
    return casework.check(tried, train=untrained, mutate=True)


def test_cases_that_tell_every_weaker_rule_pass(tmp_path: Path) -> None:
    told = report(tmp_path, *CASES)
    assert told.passed
    assert (told.cases, told.mutants) == (4, 3)


def test_a_missing_near_miss_is_named_by_the_condition_nobody_noticed(tmp_path: Path) -> None:
    told = report(tmp_path, *CASES[:3])
    assert told.survivors == ("event: drop user.name equals 'root'",)
    assert not told.passed


def test_a_case_that_ends_otherwise_says_what_came(tmp_path: Path) -> None:
    told = report(tmp_path, line("li.na", "fires", user__name="li.na"))
    (failure,) = told.failures
    assert failure.case == "li.na"
    assert "expected [('event.id', 1, 1)]" in failure.why
    assert told.mutants is None


def test_a_rule_without_cases_fails(tmp_path: Path) -> None:
    assert "no cases" in report(tmp_path).failures[0].why


def test_a_mutant_that_changes_nothing_is_excused_by_a_reason(tmp_path: Path) -> None:
    named = tmp_path / "mutants.toml"
    one = "[[equivalent]]\nmutant = \"event: drop user.name equals 'root'\"\nreason = {!r}\n"
    named.write_text(one.format("only root may log in here"), "utf-8")
    assert report(tmp_path, *CASES[:3]).passed
    assert report(tmp_path, *CASES).stale == ("event: drop user.name equals 'root'",)
    named.write_text(one.format(" "), "utf-8")
    assert not report(tmp_path, *CASES[:3]).passed


def test_a_file_of_equivalents_with_another_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mutants.toml").write_text("[[equal]]\n", "utf-8")
    with pytest.raises(FengsuiError, match=r"mutants\.toml"):
        report(tmp_path, *CASES)


def test_cases_of_several_rules_in_one_folder_bear_their_names(tmp_path: Path) -> None:
    (tmp_path / "root.yml").write_text(RULE, "utf-8")
    (tmp_path / "root.cases.jsonl").write_text("\n".join(CASES), "utf-8")
    (tried,) = casework.found([tmp_path])
    assert len(tried.cases) == 4


def test_a_refused_rule_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(FengsuiError, match="holds none"):
        list(casework.found([tmp_path]))
    (tmp_path / "rule.yml").write_text("title: nothing\n", "utf-8")
    with pytest.raises(FengsuiError, match=r"rule\.yml: "):
        list(casework.found([tmp_path]))


def case() -> Case:
    def at(second: int, **fields: str) -> dict[str, object]:
        return {"at": f"+{second}s", **EVENT, "source.ip": "10.0.0.1", **fields}

    failures = [at(n, **{"event.outcome": "failure"}) for n in range(3)]
    return msgspec.convert(
        {
            "name": "guessed",
            "kind": "fires",
            "events": [*failures, at(9, **SUCCESS)],
            "alerts": [{"entity": "10.0.0.1", "count": 4, "events": 4}],
        },
        Case,
    )


def test_a_least_set_fires_alone_and_not_without_one_of_it() -> None:
    rule = sequence_rule()
    ran = run(rule, case(), train=untrained)
    assert len(ran.alerts) == 1
    assert list(casework.unexplained(rule, case(), ran, train=untrained)) == []


def test_a_least_set_with_an_event_too_many_or_too_few_is_told() -> None:
    rule = sequence_rule()
    ran = run(rule, case(), train=untrained)
    looser = next(one.rule for one in mutants(rule) if one.name == "failures: count 3 → 2")
    (told, *_) = casework.unexplained(looser, case(), ran, train=untrained)
    assert "still fires without" in told
    stricter = sequence_rule(failures=4)
    told = next(iter(casework.unexplained(stricter, case(), ran, train=untrained)))
    assert "alone does not fire" in told


def test_kinds_that_judge_by_a_past_say_so() -> None:
    assert all(zh and en for zh, en in casework.HISTORY.values())
    assert casework.leans_on(sequence_rule()) == ("", "")
    term = {"history": "7d", "learn": "3d", "fields": ["source.ip"]}
    new = compiled(entity="user.name", detection=A, new_term=term, suppression="7d")
    assert "past" in casework.leans_on(new)[1]
    states = {"within": "1h", "field": "event.reason", "initial": "x", "forbidden": {"x": ["y"]}}
    waits = compiled(entity="user.name", detection=A, states=states, suppression="1h")
    assert "watched" in casework.leans_on(waits)[1]


A, B = detection(**{"event.action": "a"}), detection(**{"event.action": "b"})
PART = {"name": "part", "detection": detection(**{"event.reason": "part"})}
STEPS = [{"name": "x", "detection": A}, {"name": "y", "detection": B}]
SAME = [{"left": "x.source.port", "op": "eq", "right": "y.source.port"}]


def of(action: str, *seconds: int, **fields: object) -> list[dict[str, object]]:
    named = {key.replace("__", "."): value for key, value in fields.items()}
    return [{"at": f"+{at}s", **EVENT, "event.action": action, **named} for at in seconds]


@pytest.mark.parametrize(
    ("part", "events"),
    [
        (
            {"together": {"within": "10m", "condition": "x and y", "steps": STEPS}},
            [*of("a", 0), *of("b", 5, 7)],
        ),
        (
            {"unique": {"within": "10m", "field": "source.ip"}, "detection": A},
            [*of("a", 0, 3, source__ip="10.0.0.1"), *of("a", 5, source__ip="10.0.0.2")],
        ),
        (
            {"join": {"within": "10m", "steps": STEPS, "where": SAME}},
            [*of("a", 0, 1, source__port=5), *of("b", 2, source__port=5)],
        ),
        (
            {"sum": {"within": "10m", "field": "source.port", "levels": [10]}, "detection": A},
            of("a", *range(5), source__port=4),
        ),
        (
            {
                "ratio": {"within": "10m", "count": 5, "permille": 500, "part": PART},
                "detection": A,
            },
            [*of("a", *range(5)), *of("a", *range(5, 10), event__reason="part")],
        ),
        (
            {"regularity": {"within": "1h", "count": 6, "permille": 100}, "detection": A},
            of("a", *range(0, 480, 60)),
        ),
        (
            {
                "states": {"within": "1h", "field": "event.reason", "forbidden": {"x": ["y"]}},
                "detection": A,
            },
            [*of("a", 0, event__reason="x"), *of("a", 5, event__reason="y")],
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_every_other_kind_is_proven_by_its_least_set_alone(
    part: dict[str, object], events: list[dict[str, object]]
) -> None:
    rule = compiled(entity="user.name", suppression="3h", **part)
    told = {"name": "told", "kind": "fires", "events": events, "alerts": [FIRED]}
    one = msgspec.convert(told, Case)
    ran = run(rule, one, train=untrained)
    assert len(ran.alerts) == 1
    assert casework.leans_on(rule) == ("", "")
    assert list(casework.unexplained(rule, one, ran, train=untrained)) == []


def test_events_alone_give_what_they_give_in_a_case() -> None:
    rule = sequence_rule()
    alone = run_moments(rule, case(), moments(case()), train=untrained)
    assert alone.alerts == run(rule, case(), train=untrained).alerts
