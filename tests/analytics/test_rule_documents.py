"""What the officers' pages say of rules is so: examples compile, the table names what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from analytics_world import FAILURE, TEXT, detection

from analytics import kinds
from analytics.language import document
from analytics.language.compiler import compile_file
from schema.fields import catalogue

OFFICER = Path(__file__).resolve().parents[2] / "docs" / "officer"
FORMAT = (OFFICER / "rule-format.md").read_text("utf-8")
DETECTIONS = (OFFICER / "detections.md").read_text("utf-8")

IDS = [
    f"{system}{number:02d}"
    for system, count in (("EC", 14), ("ID", 22), ("PAY", 13), ("DX", 20), ("X", 5))
    for number in range(1, count + 1)
]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in DETECTIONS.splitlines()
    if re.match(r"\| [A-Z]+\d\d \|", line)
]


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", FORMAT, re.DOTALL))
def test_every_example_of_the_format_compiles(example: str) -> None:
    head = {
        "format": "fengsui/1",
        "id": "example",
        "version": "1.0.0",
        "severity": "low",
        "score": 10,
        "logsource": {"category": "application"},
        "text": TEXT,
    }
    part = yaml.safe_load(example)
    steps = any(isinstance(one, dict) and {"steps", "edges"} & one.keys() for one in part.values())
    asked = {} if steps else {"detection": detection(**FAILURE)}
    rule = compile_file(yaml.safe_dump({**head, **asked, **part}).encode(), "host")
    assert rule.kind in {"event", *part}
    assert all(kinds.of(rule.pattern).describe(rule))


def test_the_format_describes_kinds_that_exist_each_once() -> None:
    named = re.findall(r"^## `(\w+)`", FORMAT, re.MULTILINE)
    assert len(set(named)) == len(named)
    assert set(named) <= {*document.PARTS}
    assert set(named) == {*document.PARTS} - {"model"}


def test_the_table_has_every_use_case_once_in_order() -> None:
    assert len(IDS) == 74
    assert [row[0] for row in ROWS] == IDS
    assert {len(row) for row in ROWS} == {6}


def test_the_table_names_only_kinds_that_exist() -> None:
    known = {"event", *document.PARTS}
    for name, _, kind, *_ in ROWS:
        found = re.findall(r"`(\w+)`", kind)
        assert found or kind == "—", name
        assert set(found) <= known, name


def test_every_field_of_the_table_is_in_the_catalogue_or_marked() -> None:
    known = set(catalogue())
    for name, *_, fields, _ in ROWS:
        for field, mark in re.findall(r"`([@\w.]+\.[\w.]+|@timestamp)`(†?)", fields):
            assert mark or field in known, (name, field)
