"""The field catalogue (``fields.toml``): which fields exist, their types, which are columns."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Literal, TypeAlias, cast

FieldType: TypeAlias = Literal["keyword", "keywords", "text", "integer", "boolean", "ip", "time"]


OPEN: Final = ("labels.", "winlog.event_data.")
"""Before names that no list can hold: unknown fields of a source, and what a Windows log writes of
its own, as Winlogbeat names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the catalogue."""

    name: str
    type: FieldType
    column: bool
    keyed: bool = False
    """Whether the sensor replaces a plain value by its HMAC-SM3 under the subject key."""


@cache
def catalogue() -> dict[str, Field]:
    """All fields by name. Unknown fields of a source go under ``labels.``."""
    raw = tomllib.loads(resources.files("schema").joinpath("fields.toml").read_text("utf-8"))
    return {
        name: Field(
            name=name,
            type=cast(FieldType, entry["type"]),
            column=bool(entry.get("column", False)),
            keyed=bool(entry.get("keyed", False)),
        )
        for name, entry in raw.items()
    }


def columns() -> tuple[Field, ...]:
    """The fields with a column of their own, in catalogue order."""
    return tuple(field for field in catalogue().values() if field.column)


def is_open(name: str) -> bool:
    """Whether the field needs no entry in the catalogue: it is a text under an open name."""
    return name.startswith(OPEN)
