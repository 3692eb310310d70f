"""Normalise: hold every event against the field catalogue, shape by shape rather than one by one.

The signed bytes are never changed. A field the catalogue does not know, or whose value is of
another type, is shown as ``labels.<name>`` beside them and counted.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, cast

from schema.event import Fields, Value
from schema.fields import catalogue, is_open
from schema.shapes import Shape, shapes

_TYPES: Final[Mapping[str, type]] = {
    "keyword": str,
    "text": str,
    "ip": str,
    "time": str,
    "integer": int,
    "boolean": bool,
    "keywords": list,
}
INTEGER_MAX: Final = 2**63 - 1


@lru_cache(maxsize=1)
def _expected() -> dict[str, tuple[type, bool]]:
    """Type by field name, and whether the values themselves want a look."""
    return {
        name: (_TYPES[field.type], field.type in ("ip", "integer"))
        for name, field in catalogue().items()
    }


@lru_cache(maxsize=65536)
def is_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def fits(name: str, value: Value) -> bool:
    """Whether the value is of the catalogue's type for this field."""
    expected = _expected().get(name)
    if expected is None or type(value) is not expected[0]:
        return False
    if not expected[1]:
        return True
    if isinstance(value, int):
        return -INTEGER_MAX <= value <= INTEGER_MAX
    return isinstance(value, str) and is_address(value)


def unusual(events: Sequence[Fields]) -> dict[int, dict[str, Value]]:
    """Labels for what the catalogue does not know or types otherwise, by place; mostly empty."""
    return unusual_in(shapes(events))


def unusual_in(found: Sequence[Shape]) -> dict[int, dict[str, Value]]:
    """As :func:`unusual`, of events that stand as columns already."""
    labels: dict[int, dict[str, Value]] = {}
    for shape in found:
        for name, column in shape.columns.items():
            if not _column_fits(name, column):
                _label(labels, name, shape.places, column)
    return labels


def _column_fits(name: str, column: tuple[Value, ...]) -> bool:
    expected = _expected().get(name)
    if expected is None:
        return is_open(name)
    kind, look = expected
    if set(map(type, column)) != {kind}:
        return False
    if not look:
        return True
    if kind is int:
        whole = cast("tuple[int, ...]", column)
        return min(whole) >= -INTEGER_MAX and max(whole) <= INTEGER_MAX
    return all(map(is_address, cast("set[str]", set(column))))


def _label(
    labels: dict[int, dict[str, Value]],
    name: str,
    places: Sequence[int],
    column: Sequence[Value],
) -> None:
    for place, value in zip(places, column, strict=True):
        if not fits(name, value):
            # Labels are texts, so that one label never has two types in the index.
            text = value if isinstance(value, str | list) else str(value)
            labels.setdefault(place, {})[f"labels.{name}"] = text
