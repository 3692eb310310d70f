"""Sigma semantics, one line a case; what cannot be evaluated is refused."""

from __future__ import annotations

import pytest
import yaml
from analytics_world import TEXT

from analytics.language.compiler import compile_file
from analytics.ruleset import RuleSet
from schema.errors import FengsuiError

_HEAD = {
    "format": "fengsui/1",
    "id": "rule",
    "version": "1.0.0",
    "severity": "low",
    "score": 20,
    "text": TEXT,
}


def matches(
    detection: dict, fields: dict, *, service: str = "auth", product: str = "linux"
) -> bool:
    """Whether an event with these fields meets the detection (``condition: selection`` if none)."""
    body = {"condition": "selection", **detection}
    if "selection" not in body and body["condition"] == "selection":
        body = {"selection": detection, "condition": "selection"}
    document = {**_HEAD, "logsource": {"product": product, "service": service}, "detection": body}
    rule = compile_file(yaml.safe_dump(document, allow_unicode=True).encode(), "host")
    found = RuleSet(rules=(rule,), refused=(), digest="")
    (questions,) = found.questions([0]).values()
    return bool(found.plan(questions).match([fields]))


@pytest.mark.parametrize(
    ("selection", "fields", "expected"),
    [
        # Strings: no regard to case, whole value, wildcards and escapes.
        ({"user.name": "Root"}, {"user.name": "rOOT"}, True),
        ({"user.name": "roo"}, {"user.name": "root"}, False),
        ({"user.name": "r*t"}, {"user.name": "RabbiT"}, True),
        ({"user.name": "r?t"}, {"user.name": "root"}, False),
        ({"user.name": "r??t"}, {"user.name": "root"}, True),
        ({"user.name": r"r\*t"}, {"user.name": "root"}, False),
        ({"user.name": r"r\*t"}, {"user.name": "R*T"}, True),
        ({"user.name": r"a\\*"}, {"user.name": r"a\b"}, True),
        ({"user.name": r"a\b"}, {"user.name": r"A\B"}, True),
        ({"user.name": "a.c*e+f"}, {"user.name": "a.c--e+f"}, True),
        ({"user.name": "a.c*e+f"}, {"user.name": "abc--e+f"}, False),
        ({"user.name": "a*c"}, {"user.name": "a\nc"}, True),
        ({"user.name": "口令*"}, {"user.name": "口令错误"}, True),
        ({"user.name": ""}, {"user.name": ""}, True),
        ({"user.name": ""}, {}, False),
        ({"user.name": "*"}, {"user.name": "x"}, True),
        ({"user.name": "*"}, {}, False),
        # Lists: any; all.
        ({"user.name": ["a", "b"]}, {"user.name": "B"}, True),
        ({"user.name|contains": ["ab", "cd"]}, {"user.name": "xxCDxx"}, True),
        ({"user.name|contains|all": ["ab", "cd"]}, {"user.name": "xxCDxx"}, False),
        ({"user.name|contains|all": ["ab", "cd"]}, {"user.name": "abxxCD"}, True),
        ({"user.name|startswith": "ab"}, {"user.name": "ABc"}, True),
        ({"user.name|startswith": "b*d"}, {"user.name": "bcdef"}, True),
        ({"user.name|endswith": "bc"}, {"user.name": "aBC"}, True),
        ({"user.name|endswith": "bc"}, {"user.name": "bcd"}, False),
        ({"user.name|cased": "Root"}, {"user.name": "root"}, False),
        ({"user.name|cased": "R*t"}, {"user.name": "Root"}, True),
        ({"user.name|contains|cased": "oo"}, {"user.name": "rOOt"}, False),
        ({"user.name|neq": "root"}, {"user.name": "root"}, False),
        ({"user.name|neq": "root"}, {}, True),
        # A field with several values matches with any of them.
        ({"event.category": "b"}, {"event.category": ["a", "B"]}, True),
        ({"event.category": "c"}, {"event.category": ["a", "B"]}, False),
        # Expressions: case counts unless said, found anywhere.
        ({"user.name|re": "o{2}t$"}, {"user.name": "root"}, True),
        ({"user.name|re": "O{2}"}, {"user.name": "root"}, False),
        ({"user.name|re|i": "O{2}"}, {"user.name": "root"}, True),
        ({"user.name|re|m": "^b$"}, {"user.name": "a\nb\nc"}, True),
        ({"user.name|re|s": "a.b"}, {"user.name": "a\nb"}, True),
        # Networks.
        ({"source.ip|cidr": "10.0.0.0/8"}, {"source.ip": "10.2.3.4"}, True),
        ({"source.ip|cidr": "10.0.0.0/8"}, {"source.ip": "11.2.3.4"}, False),
        ({"source.ip|cidr": ["fd00::/8", "127.0.0.0/8"]}, {"source.ip": "fd12::1"}, True),
        ({"source.ip|cidr": "10.0.0.0/8"}, {"source.ip": "no address"}, False),
        # Numbers and truth.
        ({"source.port": 22}, {"source.port": 22}, True),
        ({"source.port": 22}, {"source.port": "22"}, True),
        ({"source.port": "22"}, {"source.port": 22}, True),
        ({"source.port": 1}, {"gov.line.partial": True}, False),
        ({"source.port|gte": 22}, {"source.port": 22}, True),
        ({"source.port|gt": 22}, {"source.port": 22}, False),
        ({"source.port|lt": 22}, {"source.port": 9}, True),
        ({"source.port|lte": 22}, {"source.port": "x"}, False),
        ({"gov.line.partial": True}, {"gov.line.partial": True}, True),
        ({"gov.line.partial": True}, {"gov.line.partial": False}, False),
        ({"gov.line.partial": False}, {}, False),
        # Absent and null.
        ({"user.name": None}, {}, True),
        ({"user.name": None}, {"user.name": "x"}, False),
        ({"user.name": [None, "root"]}, {"user.name": "root"}, True),
        ({"user.name|exists": True}, {"user.name": ""}, True),
        ({"user.name|exists": False}, {}, True),
        # Other fields.
        (
            {"user.name|fieldref": "user.target.name"},
            {"user.name": "a", "user.target.name": "A"},
            True,
        ),
        ({"user.name|fieldref": "user.target.name"}, {"user.name": "a"}, False),
        (
            {"user.name|fieldref|startswith": "user.target.name"},
            {"user.name": "ab", "user.target.name": "a"},
            True,
        ),
        (
            {"user.name|fieldref|endswith": "user.target.name"},
            {"user.name": "ab", "user.target.name": "a"},
            False,
        ),
        # Encodings.
        ({"process.command_line|windash|contains": " -s"}, {"process.command_line": "x /s"}, True),
        (
            {"process.command_line|base64offset|contains": "http://"},
            {"process.command_line": "echo aHR0cDovL2V4YW1wbGU="},
            True,
        ),
        ({"labels.room": "12"}, {"labels.room": 12}, True),
    ],
)
def test_a_selection(selection: dict, fields: dict, expected: bool) -> None:
    assert matches(selection, fields) is expected


A, B = {"user.name": "a"}, {"source.port": 1}


@pytest.mark.parametrize(
    ("condition", "fields", "expected"),
    [
        ("one and two", {**A, **B}, True),
        ("one and two", A, False),
        ("one or two", B, True),
        ("one and not two", A, True),
        ("not one", {}, True),
        ("not one", A, False),
        ("not (one and two)", A, True),
        ("not one and not two", {}, True),
        ("one or two and not one", A, True),
        ("1 of them", A, True),
        ("all of them", A, False),
        ("all of them", {**A, **B}, True),
        ("1 of t*", A, False),
        ("1 of t*", B, True),
        ("not 1 of them", {}, True),
        ("not all of them", A, True),
    ],
)
def test_a_condition(condition: str, fields: dict, expected: bool) -> None:
    assert matches({"one": A, "two": B, "condition": condition}, fields) is expected


def test_maps_of_a_list_are_any_and_the_fields_of_a_map_all() -> None:
    detection = {"selection": [{"user.name": "a", "source.port": 1}, {"user.name": "b"}]}
    assert matches(detection, {"user.name": "b"})
    assert matches(detection, {"user.name": "a", "source.port": 1})
    assert not matches(detection, {"user.name": "a"})


@pytest.mark.parametrize(
    ("words", "fields", "expected"),
    [
        (["panic", "oops"], {"event.original": "kernel: OOPS at 0"}, True),
        (["panic"], {"message": "no", "event.original": "calm"}, False),
        ([404], {"message": "got 404"}, True),
        (["a*z"], {"message": "1 a to z 2"}, True),
        ({"|all": ["one", "two"]}, {"message": "one", "event.original": "and two"}, True),
        ({"|re": "o+ps$"}, {"message": "ooops"}, True),
    ],
)
def test_keywords_are_looked_for_in_every_value(
    words: object, fields: dict, expected: bool
) -> None:
    assert matches({"selection": words}, fields) is expected


def test_a_service_of_a_dataset_restricts_the_rule_to_its_program() -> None:
    selection = {"user.name": "a"}
    assert matches(selection, {"user.name": "a", "process.name": "sshd"}, service="sshd")
    assert not matches(selection, {"user.name": "a", "process.name": "sudo"}, service="sshd")


def test_the_taxonomy_of_web_servers_means_our_fields() -> None:
    fields = {"url.query": "a=1' or 1", "http.response.status_code": 200, "source.ip": "10.0.0.1"}
    selection = {"cs-uri-query|contains": "' or", "sc-status": 200, "c-ip": "10.0.0.1"}
    assert matches(selection, fields, product="nginx", service="access")


@pytest.mark.parametrize(
    ("detection", "why"),
    [
        ({"selection": {"user.name|re": "(?=a)b"}, "condition": "selection"}, "linear"),
        ({"selection": {"user.name|re": r"(a)\1"}, "condition": "selection"}, "linear"),
        ({"selection": {"user.name|re": "("}, "condition": "selection"}, "linear"),
        ({"selection": {"Nonsense": "a"}, "condition": "selection"}, "no field 'Nonsense'"),
        ({"selection": {"user.name|fieldref": "No"}, "condition": "selection"}, "no field 'No'"),
        ({"selection": {"user.name|what": "a"}, "condition": "selection"}, "modifier"),
        ({"selection": {"user.name|expand": "%x%"}, "condition": "selection"}, "placeholder"),
        ({"selection": {"source.ip|cidr": "10.0.0.0/99"}, "condition": "selection"}, "."),
        ({"selection": {"user.name": "a"}, "condition": "other"}, "."),
        ({"selection": {"user.name": "a"}, "condition": "selection and"}, "."),
        ({"selection": {"user.name": "a"}, "condition": "selection | count() > 3"}, "pipe"),
        ({"selection": {"user.name": "a"}, "condition": "1 of x*"}, "match any"),
        ({"selection": {"user.name": "a"}}, "."),
        ({"condition": "selection"}, "."),
    ],
)
def test_what_cannot_be_evaluated_is_refused_with_its_reason(detection: dict, why: str) -> None:
    document = {
        **_HEAD,
        "logsource": {"product": "linux", "service": "auth"},
        "detection": detection,
    }
    with pytest.raises(FengsuiError, match=why) as found:
        compile_file(yaml.safe_dump(document).encode(), "host")
    assert found.value.code == "analytics.rule.refused"
