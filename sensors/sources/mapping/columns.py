"""Columns: a record's text taken apart by its shape; None where it is not of the shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from sensors.sources.mapping.cef import cef_columns
from sensors.sources.mapping.description import (
    COLUMNS_MAX,
    Delimited,
    Description,
    Fixed,
    Pairs,
)

Cell: TypeAlias = str | int | bool | list[str]
Columns: TypeAlias = dict[str, Cell]
Splitter: TypeAlias = Callable[[str], Columns | None]

DEPTH_MAX: Final = 8
"""Levels of objects inside a JSON record; what lies deeper is one text."""
_INTEGERS: Final = range(-(2**63), 2**63)


def splitter(description: Description) -> Splitter:
    """How records of this description are taken apart."""
    if description.shape == "json":
        return json_columns
    if description.shape == "cef":
        return lambda text: _widened(cef_columns(text))
    if description.shape == "pairs":
        pairs = description.pairs
        return lambda text: pair_columns(text, pairs)
    if description.shape == "fixed":
        fixed, encoding = description.fixed, description.encoding
        assert fixed is not None
        return lambda text: fixed_columns(text, fixed, encoding)
    delimited = description.delimited
    assert delimited is not None
    return lambda text: delimited_columns(text, delimited)


def _widened(found: dict[str, str] | None) -> Columns | None:
    return None if found is None else {**found}


def json_columns(text: str) -> Columns | None:
    """The members of an object, those of objects in it by dots."""
    try:
        told = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    found: Columns = {}
    _flatten(told, "", found, 1)
    return found


def _flatten(members: dict[str, object], before: str, found: Columns, depth: int) -> None:
    for name, value in members.items():
        if len(found) >= COLUMNS_MAX:
            return
        if isinstance(value, dict) and depth < DEPTH_MAX:
            _flatten(value, f"{before}{name}.", found, depth + 1)
        elif value is not None:
            found[f"{before}{name}"] = _cell(value)


def _cell(value: object) -> Cell:
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if value in _INTEGERS else str(value)
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return [item if isinstance(item, str) else str(item) for item in value]
    if isinstance(value, float):
        return repr(value)
    return msgspec.json.encode(value).decode()


def delimited_columns(text: str, form: Delimited) -> Columns | None:
    """The cells by the columns' names; None for another number of cells."""
    cells = (
        _cells(text, form.separator, form.quote)
        if form.quote and form.quote in text
        else text.split(form.separator)
    )
    if cells is None or len(cells) != len(form.columns):
        return None
    return dict(zip(form.columns, map(str.strip, cells), strict=True))


def _cells(text: str, separator: str, quote: str) -> list[str] | None:
    """Cells of which some are quoted; None where a quote is never closed."""
    cells: list[str] = []
    at, size = 0, len(separator)
    while True:
        if text.startswith(quote, at):
            cell, at = _quoted(text, at + 1, quote)
            if at < 0 or not (at == len(text) or text.startswith(separator, at)):
                return None
        else:
            end = text.find(separator, at)
            end = len(text) if end < 0 else end
            cell, at = text[at:end], end
        cells.append(cell)
        if at == len(text) or len(cells) > COLUMNS_MAX:
            return cells
        at += size


def _quoted(text: str, at: int, quote: str) -> tuple[str, int]:
    """The cell that began with a quote before ``at``, and the place behind its end or -1."""
    parts: list[str] = []
    while (end := text.find(quote, at)) >= 0:
        parts.append(text[at:end])
        if not text.startswith(quote, end + 1):
            return "".join(parts), end + 1
        parts.append(quote)
        at = end + 2
    return "", -1


def fixed_columns(text: str, form: Fixed, encoding: str) -> Columns | None:
    """The texts at the columns' places; None for a record that ends before the last begins."""
    last = max(begin for begin, _ in form.columns.values())
    if form.unit == "characters":
        if len(text) <= last:
            return None
        return {name: text[begin:end].strip() for name, (begin, end) in form.columns.items()}
    raw = text.encode(encoding, "replace")
    if len(raw) <= last:
        return None
    return {
        name: raw[begin:end].decode(encoding, "replace").strip()
        for name, (begin, end) in form.columns.items()
    }


def pair_columns(text: str, form: Pairs) -> Columns | None:
    """The words that have an assignment; None where there is none. Others are left out."""
    found: Columns = {}
    at, end = 0, len(text)
    while at < end and len(found) < COLUMNS_MAX:
        middle = text.find(form.assign, at)
        if middle < 0:
            break
        # Words without an assignment may stand before the name.
        name = text[at:middle].rpartition(form.separator)[2].strip()
        at = middle + len(form.assign)
        if form.quote and text.startswith(form.quote, at):
            value, behind = _quoted(text, at + 1, form.quote)
            if behind < 0:
                return found or None
            at = behind
        else:
            stop = text.find(form.separator, at)
            stop = end if stop < 0 else stop
            value, at = text[at:stop], stop
        if name:
            found.setdefault(name, value.strip())
    return found or None
