"""Cells: what a cell of a file says, as its column holds it.

The value of a cell is never repeated in an error: it may be a person's number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from collector.registers.description import Column
from collector.registers.place import Place
from schema.event import Value
from schema.times import from_written

CELL_CHARS_MAX: Final = 2000
"""One cell: a list of some hundred field names."""
LIST_ITEMS_MAX: Final = 1000
"""Items of one list cell."""
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_SEPARATORS: Final = re.compile(r"[;；|\n]")
_BOOLEANS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("true", "yes", "1", "是", "有", "y"), True),
    **dict.fromkeys(("false", "no", "0", "否", "无", "n"), False),
}


def value_of(column: Column, cell: object, place: Place) -> Value | None:
    """A cell as its column holds it; None where it is empty."""
    if cell is None:
        return None
    if isinstance(cell, list):
        cell = ";".join(str(item) for item in cell)
    elif isinstance(cell, bool):
        cell = "true" if cell else "false"
    elif not isinstance(cell, str | int):
        raise place.error("cell", "is neither text, whole number, true, false nor a list of texts")
    text = str(cell).strip()
    if not text:
        return None
    if len(text) > CELL_CHARS_MAX:
        raise place.error("cell", f"has over {CELL_CHARS_MAX} characters: shorten it")
    if not text.isprintable() and any(map(_is_hidden, text)):
        raise place.error("cell", "has control or invisible characters: write it anew")
    return _typed(column, text, place)


def _is_hidden(char: str) -> bool:
    """Control, format and half characters; private ones stand for rare characters in names."""
    return char not in "\t\n\r" and unicodedata.category(char) in ("Cc", "Cf", "Cs")


def _typed(column: Column, text: str, place: Place) -> Value:
    if column.type == "integer":
        if not _INTEGER.fullmatch(text):
            raise place.error("cell", "is no whole number of at most 18 digits")
        return int(text)
    if column.type == "boolean":
        found = _BOOLEANS.get(text.lower())
        if found is None:
            raise place.error("cell", "is neither yes nor no: write true or false, 是 or 否")
        return found
    if column.type == "list":
        items = [item.strip() for item in _SEPARATORS.split(text) if item.strip()]
        if len(items) > LIST_ITEMS_MAX:
            raise place.error("cell", f"has over {LIST_ITEMS_MAX} items")
        return items
    if column.type == "date":
        try:
            from_written(text[:10])
            if len(text) > len("2026-01-31"):
                from_written(text)
        except (ValueError, OverflowError):
            raise place.error("cell", "is no date: write it as 2026-01-31") from None
        return text[:10]
    return text


def text_of(value: Value) -> str:
    """A value as part of a key, as rules write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
