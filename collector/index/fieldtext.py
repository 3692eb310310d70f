"""Fields as every index compares them: the text, number or list a filter sees of a stored value.

DuckDB works these out in SQL (:mod:`collector.index.conditions`); here is the same for an index
that is told them on the way in, and for values looked at one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final, Literal

import msgspec

from schema.errors import FengsuiError
from schema.event import Value
from schema.fields import catalogue, is_open

NAME_CHARS_MAX: Final = 256
INTEGER_MAX: Final = 2**63 - 1
_NUMBER: Final = re.compile(
    r"\s*([+-]?(?:\d(?:_?\d)*\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*", re.ASCII
)
_HEX: Final = re.compile(r"\s*(0[xX][0-9a-fA-F]{1,16})\s*", re.ASCII)

Kind = Literal["text", "integer", "time", "list"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A field somebody asks for: its name, what kind of value it has, where it stands."""

    name: str
    kind: Kind
    place: Literal["sensor", "number", "received", "column", "rest", "open"]
    """Of the row's own; with a column; in the catalogue only; or under an open name."""


@lru_cache(maxsize=4096)
def asked(name: str) -> Asked:
    """The field of that name; raises ``collector.index.field`` for one nobody could have."""
    if name == "sensor":
        return Asked(name, "text", "sensor")
    if name == "number":
        return Asked(name, "integer", "number")
    if name == "event.ingested":
        return Asked(name, "time", "received")
    known = catalogue().get(name)
    if known is None:
        label = is_open(name) and len(name) <= NAME_CHARS_MAX
        if not label or '"' in name or "\\" in name:
            raise FengsuiError(
                "collector.index.field",
                f"there is no field {name[:80]!r}: docs/integrator/fields.md lists them; what is "
                "not in the list is called labels.<name>",
                field=name[:80],
            )
        return Asked(name, "text", "open")
    kinds: dict[str, Kind] = {"time": "time", "integer": "integer", "keywords": "list"}
    return Asked(name, kinds.get(known.type, "text"), "column" if known.column else "rest")


def text_of(value: Value) -> str:
    """A value as a filter compares it with a text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return list_text(tuple(value))


@lru_cache(maxsize=4096)
def list_text(values: tuple[str, ...]) -> str:
    """A list as the text it is counted under where it has no field of its own."""
    return msgspec.json.encode(values).decode()


def whole_of(text: str) -> int | None:
    """The whole number a text means to DuckDB's TRY_CAST, None for no number or one too large."""
    hexadecimal = _HEX.fullmatch(text)
    if hexadecimal:
        number = int(hexadecimal[1], 16)
    else:
        found = _NUMBER.fullmatch(text)
        if not found:
            return None
        number = int(Decimal(found[1]).to_integral_value(ROUND_HALF_UP))
    return number if -INTEGER_MAX - 1 <= number <= INTEGER_MAX else None
