"""Values: a cell as the value of a field, or None where it is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from schema.event import Value
from schema.fields import catalogue
from sensors.sources import record
from sensors.sources.mapping.columns import Cell

FEN_MAX: Final = 10**17
"""More than any budget: past it a text that looks like an amount is none."""
LIST_ITEMS_MAX: Final = 256
"""Items of one list; more stand in ``event.original``."""
_SEPARATORS: Final = re.compile(r"[,;|、，；]")
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "1", "yes", "y", "是"), True),
    **dict.fromkeys(("false", "0", "no", "n", "否"), False),
}
_INTEGERS: Final = range(-(2**63), 2**63)

Converter = Callable[[Cell], Value | None]


def converter(name: str, wanted: str) -> Converter:
    """By the description's word, else by what the catalogue says of the field."""
    if wanted:
        return _BY_WORD[wanted]
    known = catalogue().get(name)
    return _BY_TYPE.get(known.type, text) if known else text


def text(cell: Cell) -> Value | None:
    """As it came; nothing where it is empty."""
    if isinstance(cell, list):
        return ",".join(cell) or None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell) or None


def _lower(cell: Cell) -> Value | None:
    found = text(cell)
    return found.lower() if isinstance(found, str) else None


def integer(cell: Cell) -> Value | None:
    """A whole number of 64 bits."""
    if isinstance(cell, bool | list):
        return None
    if isinstance(cell, str):
        digits = cell.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 20):
            return None
        cell = int(cell)
    return cell if cell in _INTEGERS else None


def boolean(cell: Cell) -> Value | None:
    """True or false in the usual words."""
    return cell if isinstance(cell, bool) else _BOOLEANS.get(str(cell).lower())


def _address(cell: Cell) -> Value | None:
    found = str(cell)
    return found if record.is_address(found) else None


def _items(cell: Cell) -> Value | None:
    items = cell if isinstance(cell, list) else _SEPARATORS.split(str(cell))
    return [item for item in map(str.strip, items) if item][:LIST_ITEMS_MAX] or None


def fen_from_yuan(cell: Cell) -> Value | None:
    """``12.30`` as 1230; exact, and nothing where a part of a fen would be lost."""
    try:
        amount = Decimal(str(cell).replace(",", "")) * 100
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount) > FEN_MAX or amount != amount.to_integral_value():
        return None
    return int(amount)


_BY_WORD: Final[Mapping[str, Converter]] = {
    "text": text,
    "lower": _lower,
    "integer": integer,
    "boolean": boolean,
    "ip": _address,
    "list": _items,
    "fen_from_yuan": fen_from_yuan,
}
_BY_TYPE: Final[Mapping[str, Converter]] = {
    "integer": integer,
    "boolean": boolean,
    "ip": _address,
    "keywords": _items,
}
