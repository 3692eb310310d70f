"""Description: what one register's rows look like, read from a TOML file.

    name = "payees"
    title = { zh = "收款账户台账", en = "Payee accounts" }
    key = ["dept", "payee"]

    [columns.dept]
    type = "text"            # text, integer, boolean, list, date
    title = { zh = "部门编码", en = "Department code" }
    pattern = "[0-9A-Z]{1,20}"   # optional; a whole-cell pattern in linear time
    required = true          # key columns always are

Shipped descriptions lie in ``schemas/``; a site's own in ``DIR/registers/`` and may add registers,
never change a shipped one. The columns ``valid_from`` and ``valid_to`` every register has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
import re2

from schema.errors import FengsuiError

OWN_FOLDER: Final = "registers"
"""A site's own descriptions, below its data folder."""
VALID_FROM: Final = "valid_from"
VALID_TO: Final = "valid_to"
NONE: Final = ";"
"""A list cell that says there are none; an empty cell says nothing."""
COLUMNS_MAX: Final = 64
"""Columns of one register: half of what an event may have."""
DESCRIPTIONS_MAX: Final = 256
"""Registers of one site: ten times what is shipped."""
_FILE_BYTES_MAX: Final = 256 * 1024
_OWN: Final = frozenset({VALID_FROM, VALID_TO})

Type: TypeAlias = Literal["text", "integer", "boolean", "list", "date"]
_Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class Title(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name for people, in both languages."""

    zh: str
    en: str


class Column(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One column: its type, its titles, and what a cell must look like."""

    title: Title
    type: Type = "text"
    pattern: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    person: bool = False
    """Holds citizens' numbers: kept as events' ``gov.subject.id_hmac`` has them, else refused."""


class Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One register."""

    name: _Name
    title: Title
    key: tuple[_Name, ...]
    columns: dict[_Name, Column]
    purpose: Title | None = None
    """What it is for: which use cases look it up."""

    def required(self) -> frozenset[str]:
        """Columns a file must have."""
        return frozenset(self.key) | {name for name, one in self.columns.items() if one.required}


@dataclass(frozen=True, slots=True)
class Descriptions:
    """The registers a site knows."""

    by_name: Mapping[str, Description]

    def get(self, name: str) -> Description:
        """One of them; raises ``collector.register.unknown``."""
        found = self.by_name.get(name)
        if found is None:
            known = ", ".join(sorted(self.by_name))
            raise FengsuiError(
                "collector.register.unknown",
                f"there is no register {name[:80]!r}; there are: {known}; one of your own is "
                "described by a TOML file in the folder registers/ of the data folder",
            )
        return found


def load(own: Path | None = None) -> Descriptions:
    """The shipped descriptions and the site's own; raises ``collector.register.description``."""
    found: dict[str, Description] = {}
    shipped = resources.files("collector.registers").joinpath("schemas")
    entries: list[Traversable] = sorted(shipped.iterdir(), key=lambda entry: entry.name)
    if own is not None and own.is_dir():
        entries += sorted(own.iterdir())
    for entry in entries:
        if not entry.name.endswith(".toml"):
            continue
        one = parse(entry.read_bytes(), entry.name)
        if one.name in found:
            raise _wrong(entry.name, f"the register {one.name} is described already; rename it")
        found[one.name] = one
        if len(found) > DESCRIPTIONS_MAX:
            raise _wrong(entry.name, f"at most {DESCRIPTIONS_MAX} registers")
    return Descriptions(found)


def parse(data: bytes, file: str) -> Description:
    """A description of its file's bytes; raises ``collector.register.description``."""
    if len(data) > _FILE_BYTES_MAX:
        raise _wrong(file, f"it is over {_FILE_BYTES_MAX} bytes")
    try:
        one = msgspec.toml.decode(data, type=Description)
    except (msgspec.MsgspecError, ValueError) as error:
        raise _wrong(file, str(error)) from error
    for why in _faults(one):
        raise _wrong(file, why)
    return one


def _faults(one: Description) -> Iterable[str]:
    if not one.key or len(set(one.key)) < len(one.key):
        yield "key names at least one column, each once"
    if missing := set(one.key) - set(one.columns):
        yield f"key names columns that are not described: {', '.join(sorted(missing))}"
    if taken := _OWN & set(one.columns):
        yield f"every register has {', '.join(sorted(taken))}: do not describe it"
    if len(one.columns) > COLUMNS_MAX:
        yield f"at most {COLUMNS_MAX} columns"
    for name, column in one.columns.items():
        if name in one.key and column.type == "list":
            yield f"{name}: a key is no list"
        if column.person and column.type != "text":
            yield f"{name}: a person's number is text"
        if column.pattern:
            try:
                re2.compile(column.pattern)
            except re2.error as error:
                yield f"{name}: the pattern cannot be used: {error}"


def _wrong(file: str, why: str) -> FengsuiError:
    return FengsuiError(
        "collector.register.description", f"{file}: not a register's description: {why}", file=file
    )
