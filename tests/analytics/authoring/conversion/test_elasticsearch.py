"""Rules as searches of Elasticsearch: golden files of our own, and refusals by name.

``python tests/analytics/authoring/conversion/test_elasticsearch.py`` writes the golden files anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from analytics.authoring.conversion.elasticsearch import mapping, query, search
from analytics.expression import Atom
from analytics.language.compiler import compile_file
from analytics.rule import Rule
from analytics.ruleset import SHIPPED, load
from schema.errors import FengsuiError
from schema.fields import catalogue

GOLDEN = Path(__file__).parent / "golden"
CONVERTED = (
    "database-catalogue-enumeration",
    "database-password-guessing",
    "gateway-path-probing",
    "gateway-path-traversal",
    "gateway-scanner-agent",
    "host-ssh-distributed-guessing",
    "host-ssh-root-password-login",
)


def shipped() -> dict[str, Rule]:
    return {rule.id: rule for rule in load([SHIPPED]).rules}


def text(rule: Rule) -> str:
    return json.dumps(search(rule), indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", CONVERTED)
def test_a_rule_is_written_as_its_golden_file(name: str) -> None:
    assert text(shipped()[name]) == (GOLDEN / f"{name}.json").read_text("utf-8")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("host-ssh-guess-then-success", "kind sequence"),
        ("gateway-bulk-download", "kind model"),
        ("host-sudo-takeover", "word boundary"),
    ],
)
def test_what_one_search_cannot_say_is_refused_by_name(name: str, why: str) -> None:
    with pytest.raises(FengsuiError, match=why):
        search(shipped()[name])


def compiled(**parts: object) -> Rule:
    written = {
        "format": "fengsui/1",
        "id": "tried",
        "version": "1.0.0",
        "severity": "low",
        "score": 30,
        "entity": ["user.name", "source.ip"],
        "logsource": {"product": "linux", "service": "sshd"},
        "detection": {"a": {"event.action": "ssh_login"}, "condition": "a"},
        "text": {"title_zh": "标题", "title_en": "T", "triage_zh": "看", "triage_en": "Look"},
        **parts,
    }
    return compile_file(yaml.safe_dump(written).encode(), "host")


def test_guards_and_each_at_most_are_refused_by_name() -> None:
    guard = {"compare": {"left": "user.name", "op": "ne", "right": "user.target.name"}}
    with pytest.raises(FengsuiError, match="guards"):
        search(compiled(where=[guard]))
    few = {"within": "1h", "count": 3, "distinct": "source.port", "each_at_most": 2}
    with pytest.raises(FengsuiError, match="each_at_most"):
        search(compiled(threshold=few))


def test_two_fields_of_an_entity_are_two_levels_of_buckets() -> None:
    body = json.loads(text(compiled(threshold={"within": "5m", "count": 8})))
    outer = body["aggs"]["entity"]
    inner = outer["aggs"]["entity"]
    assert (outer["terms"]["field"], inner["terms"]["field"]) == ("user.name", "source.ip")
    assert inner["meta"] == {"fires_at": 8, "counted": "doc_count"}
    assert {"range": {"@timestamp": {"gt": "now-300s"}}} in body["query"]["bool"]["filter"]


@pytest.mark.parametrize(
    ("atom", "expected"),
    [
        (
            Atom("user.name", "equals", "Root"),
            {"term": {"user.name": {"value": "Root", "case_insensitive": True}}},
        ),
        (
            Atom("user.name", "equals", "Root", True),
            {"term": {"user.name": {"value": "Root"}}},
        ),
        (
            Atom("url.path", "contains", "a*b\\"),
            {"wildcard": {"url.path": {"value": "*a\\*b\\\\*", "case_insensitive": True}}},
        ),
        (
            Atom("url.path", "endswith", "?x"),
            {"wildcard": {"url.path": {"value": "*\\?x", "case_insensitive": True}}},
        ),
        (
            Atom("url.path", "wildcard", "a*\\*?"),
            {"wildcard": {"url.path": {"value": "a*\\*?", "case_insensitive": True}}},
        ),
        (Atom("source.port", "equals", "22"), {"term": {"source.port": {"value": 22}}}),
        (Atom("source.port", "equals", "022"), {"match_none": {}}),
        (Atom("source.port", "gte", 1024), {"range": {"source.port": {"gte": 1024}}}),
        (
            Atom("source.ip", "cidr", "10.1.2.3/8"),
            {"term": {"source.ip": {"value": "10.0.0.0/8"}}},
        ),
        (Atom("source.ip", "equals", "nobody"), {"match_none": {}}),
        (Atom("user.name", "exists"), {"exists": {"field": "user.name"}}),
    ],
)
def test_each_question_has_its_query(atom: Atom, expected: object) -> None:
    assert query(atom) == expected


@pytest.mark.parametrize(
    ("atom", "why"),
    [
        (Atom("", "contains", "x"), "every field"),
        (Atom("user.name", "same_as", "user.target.name"), "another field"),
        (Atom("@timestamp", "gte", 22, False, "hour"), "hour of a time"),
        (Atom("user.name", "gt", 5), "kept as keyword"),
        (Atom("source.port", "contains", "2"), "kept as long"),
        (Atom("source.ip", "startswith", "10."), "write a network"),
        (Atom("user.name", "equals", "Ärger"), "letter 'Ä'"),
        (Atom("user.name", "cidr", "10.0.0.0/8"), "kept as keyword"),
    ],
)
def test_each_question_without_a_query_is_refused_by_name(atom: Atom, why: str) -> None:
    with pytest.raises(FengsuiError, match=why):
        query(atom)


def test_every_field_of_the_catalogue_is_mapped() -> None:
    found = mapping()["properties"]
    assert isinstance(found, dict)
    assert found.keys() == catalogue().keys()


if __name__ == "__main__":
    for name in CONVERTED:
        (GOLDEN / f"{name}.json").write_text(text(shipped()[name]), "utf-8")
