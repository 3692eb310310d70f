"""Writes ``docs/integrator/fields.md``: ``python tests/schema/field_table.py``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from schema.fields import OPEN, Field, FieldType, catalogue

DOCUMENT = Path(__file__).parents[2] / "docs" / "integrator" / "fields.md"

TYPES: Final[dict[FieldType, tuple[str, str]]] = {
    "keyword": ("词", "one word or line"),
    "keywords": ("词表", "a list of words"),
    "text": ("文本", "a longer text"),
    "integer": ("整数", "a whole number; ranges are `5..9`"),
    "boolean": ("是否", "`true` or `false`"),
    "ip": ("地址", "an IPv4 or IPv6 address"),
    "time": ("时间", "RFC 3339, UTC, six digits: `2026-11-25T08:00:00.000000Z`"),
}
_BEFORE: Final = """# 字段 · Fields

本页由 `schema/fields.toml` 生成，改后运行 `python tests/schema/field_table.py` 重写。
This page is made from `schema/fields.toml`; `python tests/schema/field_table.py` writes it anew.

An event is a flat map of these names. Names outside `gov.*` are those of the Elastic Common \
Schema release the catalogue pins; `gov.*` is ours. Filters, rules and pushed events know these \
fields; those marked quick have a column of their own in the index, the others are found all the \
same, only slower over long times.

A field of a source that is not in the list is kept as a text under {opened} and found there. A \
filter may also name `sensor` and `number`: the chain an event came in, and its batch.

| type | 类型 | what |
|---|---|---|
"""


def document() -> str:
    """The whole page."""
    types = "".join(f"| {name} | {zh} | {en} |\n" for name, (zh, en) in TYPES.items())
    opened = " or ".join(f"`{name}NAME`" for name in OPEN)
    return _BEFORE.format(opened=opened) + types + "".join(_sections())


def _sections() -> Iterator[str]:
    fields = sorted(catalogue().values(), key=lambda field: (_group(field), field.name))
    for group, found in groupby(fields, key=_group):
        yield f"\n## {group}\n\n| field 字段 | type 类型 | quick 快 |\n|---|---|---|\n"
        for field in found:
            yield f"| `{field.name}` | {field.type} | {'✓' if field.column else ''} |\n"


def _group(field: Field) -> str:
    """The first word of the name, of ours the first two."""
    words = field.name.split(".")
    return ".".join(words[: 2 if words[0] == "gov" else 1])


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
