"""A tree of Sigma files is compiled together; what cannot be is listed with file, line, reason."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma_world import HEAD, collected, public_files, rule, true

from analytics.language.pipeline import IDENTITY, pipeline
from analytics.sigma.collection import compile_files
from schema.errors import FengsuiError

SECURITY = {"Channel": "Security"}
FILTER = {
    "title": "A filter",
    "logsource": {"product": "windows"},
    "filter": {
        "rules": ["one"],
        "selection": {"User|startswith": "adm_"},
        "condition": "not selection",
    },
}


def test_documents_of_one_file_are_read_in_order() -> None:
    found = collected(rule("one"), "# nothing here\n", rule("two"), "...\n")
    assert [one.name for one in found.rules] == ["one", "two"]
    assert not found.refused


def test_author_and_licence_go_with_a_rule() -> None:
    (one,) = collected(rule("one", author="Li", license="DRL-1.1", level="high")).rules
    assert (one.author, one.license, one.level, one.title) == ("Li", "DRL-1.1", "high", "A rule")


def test_a_rule_asks_only_events_of_its_log_source() -> None:
    (one,) = collected(rule("one")).rules
    assert true(one.condition, {**SECURITY, "Word": "one"})
    assert not true(one.condition, {"Channel": "System", "Word": "one"})


REFUSED = """\
title: A rule
logsource:
  product: windows
  service: security
detection:
  selection:
    A: 1
    B|re:
      - good
      - (?=bad)
  other:
    - C: 1
    - D|nearly: 2
  condition: {condition}
level: {level}
"""


@pytest.mark.parametrize(
    ("condition", "level", "line", "why"),
    [
        ("selection", "high", 8, "linear"),
        ("selection", "dreadful", 15, "level"),
    ],
)
def test_a_refusal_names_file_and_line(condition: str, level: str, line: int, why: str) -> None:
    text = REFUSED.format(condition=condition, level=level)
    (refusal,) = collected(text).refused
    assert (refusal.path, refusal.line) == ("file.yml", line)
    assert why in refusal.reason


def test_lines_are_those_of_the_file_behind_other_documents() -> None:
    text = REFUSED.format(condition="selection", level="high").replace("(?=bad)", "fine")
    found = collected(rule("one"), text)
    assert [one.name for one in found.rules] == ["one"]
    (refusal,) = found.refused
    before = yaml.safe_dump(rule("one"), sort_keys=False).count("\n") + 1
    assert refusal.line == before + 13
    assert "'nearly'" in refusal.reason


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({**HEAD}, "detection"),
        ({**HEAD, "detection": []}, "detection"),
        ({**HEAD, "detection": {"selection": {"A": 1}}}, "condition"),
        ({**HEAD, "detection": {"condition": "x"}}, "selection"),
        (rule("x", logsource="windows"), "logsource"),
        (rule("x", logsource={"product": 1}), "product"),
        (rule("x", taxonomy="ocsf"), "taxonomy"),
        (rule("x", status="unknown"), "status"),
        ({"action": "global", **HEAD}, "action"),
        ("- a\n- b\n", "map"),
        ("a: {\n", "YAML"),
        ("a: *b\n", "YAML"),
        ("a: &a\n  b: *a\n", "."),
    ],
)
def test_what_is_no_rule_is_refused(document: object, why: str) -> None:
    (refusal,) = collected(document).refused
    assert why in refusal.reason or why == "."
    assert refusal.line >= 1


def test_a_fault_outside_of_the_detection_is_found_by_its_key() -> None:
    documents = [rule("x", logsource="windows"), rule("x", level="dreadful"), rule("x", id="1")]
    lines = [one.line for one in collected(*documents).refused]
    text = "---\n".join(yaml.safe_dump(one, sort_keys=False) for one in documents).split("\n")
    assert [text[line - 1].split(":")[0] for line in lines] == ["logsource", "level", "id"]


def test_a_log_source_nobody_delivers_is_refused_by_its_name() -> None:
    raw = yaml.safe_dump(rule("x", logsource={"product": "zeek", "service": "dns"})).encode()
    (refusal,) = compile_files([("a/b.yml", raw)]).refused
    assert "zeek/dns" in refusal.reason
    assert refusal.path == "a/b.yml"


def test_a_key_that_stands_twice_is_refused() -> None:
    text = yaml.safe_dump(rule("x"), sort_keys=False).replace(
        "  condition:", "  selection: 1\n  condition:"
    )
    (refusal,) = collected(text).refused
    assert "'selection' stands there twice" in refusal.reason
    assert text.split("\n")[refusal.line - 1] == "  selection: 1"


def test_the_definition_of_a_log_source_is_for_people() -> None:
    source = {"product": "windows", "service": "security", "definition": "Turn auditing on"}
    assert collected(rule("x", logsource=source)).rules[0].datasets == ("identity",)


def test_a_filter_narrows_the_rules_it_names() -> None:
    found = collected(rule("one"), rule("two"), FILTER)
    one, two = found.rules
    assert not found.refused
    assert (one.filtered_by, two.filtered_by) == (("A filter",), ())
    event = {**SECURITY, "Word": "one", "User": "adm_li"}
    assert not true(one.condition, event)
    assert true(one.condition, {**event, "User": "li"})
    assert true(two.condition, {**event, "Word": "two"})


def test_a_filter_of_any_rule_narrows_all_of_its_log_source() -> None:
    everyone = {**FILTER, "filter": {**FILTER["filter"], "rules": "any"}}
    other = rule("other", logsource={"product": "linux", "service": "auth"})
    one, two, other_found = collected(everyone, rule("one"), rule("two"), other).rules
    assert one.filtered_by
    assert two.filtered_by
    assert not other_found.filtered_by


def test_a_filter_names_rules_by_id_as_well() -> None:
    identity = "6f3e2987-db24-4c78-a860-b4f4095a7095"
    by_id = {**FILTER, "filter": {**FILTER["filter"], "rules": [identity]}}
    (one,) = collected(by_id, rule("one", id=identity)).rules
    assert one.filtered_by


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"rules": ["nobody"]}, "narrow nothing"),
        ({"rules": None}, "names its rules"),
        ({"condition": None}, "condition"),
        ({"selection": {"User|re": "(?=a)"}}, "linear"),
    ],
)
def test_a_wrong_filter_is_refused_and_narrows_nothing(change: dict, why: str) -> None:
    document = {**FILTER, "filter": {**FILTER["filter"], **change}}
    found = collected(rule("one"), document)
    assert why in found.refused[0].reason
    assert not found.rules[0].filtered_by


def test_a_filter_of_another_log_source_is_not_for_the_rule() -> None:
    other = {**FILTER, "logsource": {"product": "linux"}}
    assert "narrow nothing" in collected(rule("one"), other).refused[0].reason


_TEXT = st.text(max_size=8) | st.sampled_from(
    ["selection", "1 of them", "a|re", "|all", "f|expand", "%x%", "*", "\\", "f|windash", "-a"]
)
_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_KEYS = st.sampled_from(
    ["title", "id", "name", "logsource", "detection", "filter", "correlation", "tags", "level"]
)


@given(st.dictionaries(_KEYS, _VALUE, max_size=6))
@settings(deadline=None)
def test_no_document_does_anything_but_compile_or_be_refused(document: dict) -> None:
    found = collected(document)
    assert len(found.rules) + len(found.correlations) + len(found.refused) <= 1


@given(st.dictionaries(_TEXT, _VALUE, min_size=1, max_size=4))
@settings(deadline=None)
def test_no_detection_does_anything_but_compile_or_be_refused(detection: dict) -> None:
    found = collected(rule("x", detection={"condition": "selection", **detection}))
    assert len(found.rules) + len(found.refused) == 1


@given(
    st.dictionaries(
        st.sampled_from(
            ["type", "rules", "group-by", "timespan", "condition", "aliases", "generate", "other"]
        ),
        _VALUE | st.sampled_from(["temporal", "event_count", "one", "5m", "one and one"]),
    )
)
@settings(deadline=None)
def test_no_correlation_does_anything_but_compile_or_be_refused(section: dict) -> None:
    found = collected(rule("one"), {"title": "c", "id": "c", "correlation": section})
    assert len(found.correlations) + len(found.refused) == 1


@given(st.binary(max_size=64))
def test_no_bytes_do_anything_but_compile_or_be_refused(raw: bytes) -> None:
    try:
        compile_files([("a.yml", raw)], sources=pipeline(IDENTITY))
    except FengsuiError:  # pragma: no cover
        pytest.fail("refusals are listed, not raised")


def test_every_public_rule_compiles_under_the_identity_pipeline() -> None:
    found = compile_files(public_files(), sources=pipeline(IDENTITY))
    assert not found.refused
    assert len(found.rules) == 3148
