"""The field catalogue (``fields.toml``): which fields exist, their types, which are columns."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, TypeAlias, cast

FieldType: TypeAlias = Literal["keyword", "keywords", "text", "integer", "boolean", "ip", "time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the catalogue."""

    name: str
    type: FieldType
    column: bool


@cache
def catalogue() -> dict[str, Field]:
    """All fields by name. Unknown fields of a source go under ``labels.``."""
    raw = tomllib.loads(resources.files("schema").joinpath("fields.toml").read_text("utf-8"))
    return {
        name: Field(
            name=name,
            type=cast(FieldType, entry["type"]),
            column=bool(entry.get("column", False)),
        )
        for name, entry in raw.items()
    }


def columns() -> tuple[Field, ...]:
    """The fields with a column of their own, in catalogue order."""
    return tuple(field for field in catalogue().values() if field.column)
