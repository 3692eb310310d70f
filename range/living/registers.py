"""Registers: the town's rows as files that a site imports."""

from __future__ import annotations

import json
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from district.stream import Statement

from schema.registers import FOREVER
from schema.times import to_text

__all__ = ["write"]

_DESCRIPTIONS: Final = Path(__file__).resolve().parents[2] / "collector" / "registers" / "schemas"
EARLIEST: Final = 0
"""A row that always held begins here: 1970."""


def write(statements: Iterable[Statement], folder: Path) -> dict[str, int]:
    """``<register>.jsonl`` each, by key and time; how many rows each has.

    A later statement on the same key ends the one before it.
    """
    by_register: dict[str, dict[tuple[str, ...], list[Statement]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for one in statements:
        by_register[one.register][one.key].append(one)
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for register, keys in sorted(by_register.items()):
        columns = _key_columns(register)
        rows = [
            _row(columns, one, since, until)
            for key in sorted(keys)
            for one, since, until in _spans(keys[key])
        ]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{register}.jsonl").write_text(text, encoding="utf-8")
        counts[register] = len(rows)
    return counts


def _spans(statements: list[Statement]) -> Iterable[tuple[Statement, int, int]]:
    """Each with the span in which it is the newest word."""
    ordered = sorted(statements, key=lambda one: one.since)
    for place, one in enumerate(ordered):
        after = ordered[place + 1].since if place + 1 < len(ordered) else FOREVER
        since, until = max(one.since, EARLIEST), min(one.until, after)
        if since < until:
            yield one, since, until


def _row(columns: list[str], one: Statement, since: int, until: int) -> Mapping[str, object]:
    row: dict[str, object] = dict(zip(columns, one.key, strict=True)) | dict(one.fields)
    row["valid_from"] = to_text(since)
    if until != FOREVER:
        row["valid_to"] = to_text(until)
    return row


def _key_columns(register: str) -> list[str]:
    found: list[str] = tomllib.loads(
        (_DESCRIPTIONS / f"{register}.toml").read_text(encoding="utf-8")
    )["key"]
    return found
