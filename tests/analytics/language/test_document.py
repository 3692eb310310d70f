"""A rule file is typed: what is unknown, wrong or too much is refused, with field and line."""

from __future__ import annotations

import pytest
import yaml
from analytics_world import FAILURE, TEXT, detection
from hypothesis import given
from hypothesis import strategies as st

from analytics.language import reading, rulefile
from analytics.language.compiler import compile_file
from schema.errors import FengsuiError
from schema.times import DAY, HOUR, MINUTE, SECOND

GOOD = {
    "format": "fengsui/1",
    "id": "rule",
    "version": "1.2.3",
    "severity": "high",
    "score": 60,
    "entity": "source.ip",
    "logsource": {"product": "linux", "service": "auth"},
    "text": TEXT,
    "detection": detection(**FAILURE),
}
THRESHOLD = {"within": "5m", "count": 3}
STEPS = [
    {"name": "a", "count": 2, "detection": detection(**FAILURE)},
    {"name": "b", "detection": detection(**FAILURE)},
]
MODEL = {
    "name": "entity-hour",
    "dataset": "nginx.access",
    "entity": "source.ip",
    "minimum_history_hours": 6,
    "alert_score": 800,
}
SIGMA = {
    "title": "A title",
    "id": "7d1c9f56-8a35-4e0e-bb6c-2f4f3a9f6d43",
    "description": "About it",
    "status": "test",
    "logsource": {"product": "linux", "service": "auth"},
    "detection": detection(**FAILURE),
    "level": "critical",
    "tags": ["attack.t1110.001", "attack.credential-access"],
    "falsepositives": ["Somebody mistypes"],
}


def compiled(**parts: object):
    rule = {name: part for name, part in {**GOOD, **parts}.items() if part is not None}
    return compile_file(yaml.safe_dump(rule, sort_keys=False).encode(), "host")


def test_each_kind_is_told_by_its_parts() -> None:
    assert compiled().kind == "event"
    assert compiled(threshold=THRESHOLD).pattern.retention_us == 5 * MINUTE
    sequence = compiled(detection=None, sequence={"within": "10m", "steps": STEPS})
    assert [(step.name, step.count) for step in sequence.steps] == [("a", 2), ("b", 1)]
    model = compiled(detection=None, entity=None, logsource=None, model=MODEL)
    assert (model.kind, model.entity, model.datasets()) == ("model", ("source.ip",), set())


def test_a_plain_sigma_rule_is_an_event_rule_in_its_authors_words() -> None:
    rule = compile_file(yaml.safe_dump(SIGMA).encode(), "imported")
    assert (rule.id, rule.kind, rule.severity, rule.score) == (SIGMA["id"], "event", 4, 95)
    assert rule.entity_field == "event.id"
    assert rule.techniques == ("T1110.001",)
    assert (rule.text.title_en, rule.text.triage_en) == ("A title", "About it")
    assert rule.text.title_zh.startswith("T1110.001：")
    assert rule.text.title_zh.endswith("异常（A title）")
    assert [cause.en for cause in rule.false_positives] == ["Somebody mistypes"]


def test_what_we_add_to_a_sigma_rule_counts() -> None:
    ours = {
        "id": "host-rule",
        "version": "2.0.0",
        "score": 42,
        "entity": "source.ip",
        "suppression": "2h",
        "false_positives": [{"zh": "输错", "en": "A slip"}],
        "text": TEXT,
    }
    rule = compile_file(yaml.safe_dump({**SIGMA, "fengsui": ours}).encode(), "host")
    assert (rule.id, rule.major, rule.score, rule.entity_field) == ("host-rule", 2, 42, "source.ip")
    assert rule.suppression_us == 2 * HOUR
    assert rule.false_positives[0].zh == "输错"
    assert rule.listing().system == "host"


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"threshold": {"within": "5m", "count": "many"}}, r"threshold\.count`.*line \d+"),
        ({"threshold": {**THRESHOLD, "window": "5m"}}, r"unknown field `window`.*line \d+"),
        ({"severity": "dire"}, "severity"),
        ({"text": {"title_zh": "只有标题"}}, "text"),
        ({"threshold": {**THRESHOLD, "count": 0}}, "count is 0"),
        ({"threshold": {**THRESHOLD, "count": 10_001}}, "count is 10001"),
        ({"threshold": {**THRESHOLD, "within": "401d"}}, "at most 400d"),
        ({"threshold": {**THRESHOLD, "within": "soon"}}, "within"),
        ({"threshold": {**THRESHOLD, "distinct": "no.such"}}, "no field 'no.such'"),
        ({"threshold": THRESHOLD, "entity": None}, "needs an entity"),
        ({"entity": "no.such"}, "no field 'no.such'"),
        ({"entity": ["*", "source.ip"]}, "an entity of its own"),
        ({"score": 101}, "score"),
        ({"version": "1.0"}, "version"),
        ({"id": "a b"}, "id"),
        ({"suppression": "0h"}, "suppression"),
        ({"logsource": {"product": "windows"}}, "log source windows"),
        ({"logsource": None}, r"log source \(empty\)"),
        ({"detection": None}, "no detection"),
        ({"threshold": THRESHOLD, "sequence": {"within": "1m", "steps": STEPS}}, "one of"),
        ({"sequence": {"within": "1m", "steps": STEPS}}, "stand in its steps"),
        ({"model": MODEL}, "stand in its steps, if anywhere"),
        ({"detection": None, "model": {**MODEL, "alert_score": 1001}}, "alert_score"),
        ({"detection": None, "sequence": {"within": "1m", "steps": STEPS[:1]}}, "2 to 16"),
        (
            {
                "detection": None,
                "sequence": {"within": "1m", "steps": [{**STEPS[0], "count": 64}, STEPS[1]]},
            },
            "64 together",
        ),
        (
            {"detection": None, "sequence": {"within": "1m", "steps": [STEPS[0], STEPS[0]]}},
            "same name",
        ),
    ],
)
def test_what_is_wrong_is_refused(parts: dict, why: str) -> None:
    with pytest.raises(FengsuiError, match=why) as found:
        compiled(**parts)
    assert found.value.code == "analytics.rule.refused"


def test_an_error_names_the_line() -> None:
    raw = yaml.safe_dump({**GOOD, "threshold": {**THRESHOLD, "window": "5m"}}, sort_keys=False)
    line = raw.splitlines().index("  window: 5m") + 1
    with pytest.raises(FengsuiError, match=rf"unknown field `window`.*\(line {line}\)"):
        compile_file(raw.encode(), "host")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"a: [1", "not YAML"),
        (b"\xff\xfe\x00", "."),
        (b"- a list", "one map"),
        (b"1: a", "not a text"),
        (b"a: !!python/object/apply:os.getcwd []", "not YAML"),
        (b"a: " + b"x" * reading.RULE_BYTES_MAX, "over the limit"),
        (b"a: &a [1]\nb: &b [" + b"*a," * 200 + b"]\nc: [" + b"*b," * 200 + b"]", "more than"),
        (b"a: &a [*a]", "levels"),
        (b"a: " + b"[" * 50 + b"]" * 50, "levels"),
        # Each of these would take libyaml to the end of its stack.
        (b"[" * 200_000, "levels"),
        (b"a: 0x" + b"f" * 17, "64 bits"),
        (b"a: 0x" + b"f" * 10_000, "64 bits"),
        (b"- " * 200_000, "levels"),
    ],
)
def test_a_file_that_is_no_rule_is_refused(raw: bytes, why: str) -> None:
    with pytest.raises(FengsuiError, match=why) as found:
        rulefile.read(raw)
    assert "\n" not in str(found.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(FengsuiError, match=r"analytics\.rule\.refused"):
        compile_file(raw, "imported")


@pytest.mark.parametrize(
    ("text", "length"), [("1s", SECOND), ("90m", 90 * MINUTE), ("24h", DAY), ("7d", 7 * DAY)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, length: int) -> None:
    assert reading.duration_us(text, "within") == length


def test_merge_keys_are_refused_before_they_unfold() -> None:
    """Half a kilobyte of them would be hundreds of millions of pairs."""
    lines = ["a0: &a0 {k0: 1, k1: 1}"]
    lines += [f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 3)}]" for n in range(1, 12)]
    with pytest.raises(FengsuiError, match="line 3: merge keys"):
        rulefile.read("\n".join(lines).encode())


def test_a_condition_nested_without_end_is_refused() -> None:
    detection = {"s": {"user.name": "a"}, "condition": "not " * 5000 + "s"}
    with pytest.raises(FengsuiError, match="nested too deeply"):
        compile_file(yaml.safe_dump({**SIGMA, "detection": detection}).encode(), "imported")
