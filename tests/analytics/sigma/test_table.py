"""The table in the docs names a test for every row, and has a row for all there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from analytics.sigma import SPECIFICATION_COMMIT, SPECIFICATION_VERSION
from analytics.sigma.correlation import COMPARATORS, KINDS
from analytics.sigma.modifiers import MODIFIERS

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "contributor" / "sigma.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in TEXT.split("\n")
    if line.startswith("| ") and "::" in line
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_row_names_a_test_that_exists(row: list[str]) -> None:
    found = re.fullmatch(r"`([\w/.]+)::(\w+)`", row[3])
    assert found is not None
    tree = ast.parse((ROOT / found[1]).read_text("utf-8"))
    assert found[2] in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_nothing_is_without_a_row() -> None:
    described = set(re.findall(r"`([a-z0-9_-]+)`", " ".join(f"{row[0]} {row[1]}" for row in ROWS)))
    assert described >= {*MODIFIERS, "expand", *KINDS, *COMPARATORS}


def test_the_page_names_the_pinned_specification() -> None:
    assert SPECIFICATION_COMMIT in TEXT
    assert f"sigma-specification {SPECIFICATION_VERSION}" in TEXT
