"""Description: what one log's records look like, and which field each of their columns becomes.

    name = "till"
    title = { zh = "收费机日志", en = "Log of the tills" }
    dataset = "payment.till"
    shape = "delimited"                 # json, delimited, fixed, pairs, cef
    encoding = "gb18030"                # utf-8 where it says nothing

    [delimited]
    separator = "|"
    columns = ["time", "till", "amount", "result"]

    [time]
    from = "time"
    form = "%Y%m%d%H%M%S"               # rfc3339, unix, unix_ms, delivery, or a pattern
    zone = "+08:00"

    [[field]]
    to = "gov.pay.amount_fen"
    from = "amount"
    as = "fen_from_yuan"

Shipped descriptions lie in ``sensors/sources/mappings``; a site's own anywhere, named by path.
Errors: ``sensors.mapping.refused`` names file and key, ``sensors.mapping.unknown`` and
``.unreadable`` the file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
import re2

from schema.errors import FengsuiError
from schema.fields import catalogue, is_open

FILE_BYTES_MAX: Final = 256 * 1024
"""One description: thousands of lines more than the longest."""
COLUMNS_MAX: Final = 256
"""Columns of one record; further ones stay in ``event.original`` alone."""
FIELDS_MAX: Final = 128
"""Entries of one description: as many as an event has fields."""
VALUES_MAX: Final = 1000
"""Values one entry translates."""

Shape: TypeAlias = Literal["json", "delimited", "fixed", "pairs", "cef"]
Conversion: TypeAlias = Literal[
    "", "text", "lower", "integer", "boolean", "ip", "list", "fen_from_yuan"
]
_Texts: TypeAlias = str | tuple[str, ...]
_Name: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
_Dataset: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")]
_One: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=8)]
_DELIVERY: Final = "delivery"


class Title(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A name for people, in both languages."""

    zh: str
    en: str


class Delimited(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns with a separator between them."""

    columns: tuple[str, ...]
    separator: _One = ","
    quote: Annotated[str, msgspec.Meta(max_length=1)] = '"'
    """Around a cell that holds separators, doubled inside it; empty where there is none."""


class Fixed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns at fixed places; blanks around them fall."""

    columns: dict[str, tuple[int, int]]
    """First character, and the one behind the last."""
    unit: Literal["characters", "bytes"] = "characters"
    """Bytes of the file's own encoding: a Chinese character is two of them in GB 18030."""


class Pairs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``key=value`` words, as firewalls write."""

    separator: _One = " "
    assign: _One = "="
    quote: Annotated[str, msgspec.Meta(max_length=1)] = '"'


class Time(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a record was written."""

    from_: _Texts = msgspec.field(default=(), name="from")
    """A column, or several joined by a blank."""
    form: str = "rfc3339"
    """``rfc3339``, ``unix``, ``unix_ms``, a pattern of ``strptime``, or ``delivery``: of files that
    come by schedule the time they came; their business date is a field."""
    zone: Annotated[str, msgspec.Meta(pattern=r"^(|[+-](0\d|1[0-4]):[0-5]\d)$")] = ""
    """Of times without one; the source's own where empty."""
    missing: Literal["", "delivery"] = ""
    """``delivery``: a record that tells no time has that of its syslog head, or the one it came at;
    otherwise it is unparsed."""


class FieldMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One field of the event. Of several for one field the first that has a value counts."""

    to: str
    from_: str = msgspec.field(default="", name="from")
    """A column; inside JSON by dots."""
    value: str | int | bool | None = None
    """A constant instead of a column."""
    values: dict[str, str | int | bool] = {}
    """What its values become; one that is not named stays, or becomes ``otherwise``."""
    otherwise: str | int | bool | None = None
    as_: Conversion = msgspec.field(default="", name="as")
    """Else what the catalogue says of the field."""
    pattern: str = ""
    """The part of the value that this expression's one group finds; nothing where it does not."""
    when: dict[str, _Texts] = {}
    """Only where each of these columns has one of the values."""


class Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole mapping file."""

    name: _Name
    title: Title
    dataset: _Dataset
    shape: Shape
    time: Time
    field: tuple[FieldMap, ...] = ()
    encoding: Literal["utf-8", "gb18030"] = "utf-8"
    delimited: Delimited | None = None
    fixed: Fixed | None = None
    pairs: Pairs = Pairs()
    secrets: tuple[str, ...] = ()
    """Columns whose values are hidden wherever they stand: tokens, passwords, one-time codes."""
    remarks: tuple[str, ...] = ()
    """What lines begin with that are no records: a file's header or total, kept as such."""

    @property
    def delivered(self) -> bool:
        """Whether its records have the time they came."""
        return self.time.form == _DELIVERY


def read_file(path: Path) -> Description:
    """A description from a file of the site's own."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise FengsuiError(
            "sensors.mapping.unreadable",
            f"the mapping file {path} cannot be read: {error.strerror or error}",
            path=str(path),
        ) from error
    return read(raw, str(path))


def read(raw: bytes, where: str) -> Description:
    """A description from the bytes of its file."""
    if len(raw) > FILE_BYTES_MAX:
        raise _refused(where, f"it has more than {FILE_BYTES_MAX} bytes")
    try:
        found = msgspec.convert(tomllib.loads(raw.decode()), Description)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise _refused(where, str(error)) from error
    for why in _faults(found):
        raise _refused(where, why)
    return found


def shipped() -> Mapping[str, Description]:
    """The descriptions that come with the product, by name."""
    return _shipped()


@cache
def _shipped() -> dict[str, Description]:
    found: dict[str, Description] = {}
    folder = resources.files("sensors.sources").joinpath("mappings")
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            one = read(entry.read_bytes(), entry.name)
            if entry.name != f"{one.name}.toml":
                raise _refused(entry.name, f"its name is {one.name!r}: call the file so")
            found[one.name] = one
    return found


def _faults(one: Description) -> list[str]:
    """What its parts do not say of each other."""
    return [*_shape_faults(one), *_time_faults(one.time), *_field_faults(one)]


def _shape_faults(one: Description) -> list[str]:
    if one.shape == "delimited" and one.delimited is None:
        return ["a delimited log needs [delimited] with its columns"]
    if one.shape == "fixed" and one.fixed is None:
        return ["a log of fixed places needs [fixed] with its columns"]
    columns = (
        one.delimited.columns if one.delimited else tuple(one.fixed.columns if one.fixed else ())
    )
    if len(columns) > COLUMNS_MAX:
        return [f"it names more than {COLUMNS_MAX} columns"]
    if len(set(columns)) < len(columns):
        return ["it names a column twice"]
    for name, (begin, end) in (one.fixed.columns if one.fixed else {}).items():
        if not 0 <= begin < end:
            return [f"fixed.columns.{name}: the first place, and the one behind the last"]
    return []


def _time_faults(time: Time) -> list[str]:
    if time.form == _DELIVERY:
        return []
    if not time.from_:
        return ["time.from names the column of the time, or time.form is delivery"]
    if time.form not in ("rfc3339", "unix", "unix_ms"):
        try:
            known = datetime(2001, 2, 3, 4, 5, 6)  # noqa: DTZ001 # a form, no moment
            datetime.strptime(known.strftime(time.form), time.form)  # noqa: DTZ007
        except ValueError as error:
            return [f"time.form {time.form!r} is no pattern: {error}"]
        if "%" not in time.form:
            return [f"time.form {time.form!r} is none of rfc3339, unix, unix_ms, delivery"]
    return []


def _field_faults(one: Description) -> list[str]:
    if len(one.field) > FIELDS_MAX:
        return [f"it has more than {FIELDS_MAX} fields"]
    for entry in one.field:
        if entry.to not in catalogue() and not is_open(entry.to):
            return [f"field.to {entry.to!r} is not in the catalogue; labels.NAME is free"]
        if (entry.value is None) == (not entry.from_):
            return [f"the field {entry.to} has either from or value"]
        if len(entry.values) > VALUES_MAX:
            return [f"the field {entry.to} has more than {VALUES_MAX} values"]
        if entry.pattern:
            try:
                groups = re2.compile(entry.pattern).groups
            except re2.error as error:
                return [f"the pattern of {entry.to} is none: {error}"]
            if groups != 1:
                return [f"the pattern of {entry.to} has {groups} groups: mark the one part meant"]
    return []


def _refused(where: str, why: str) -> FengsuiError:
    return FengsuiError("sensors.mapping.refused", f"mapping file {where}: {why}", path=where)
