"""Importer: a register's file as drafts of rows, all of it or nothing.

Every cell goes through the sensors' masker, so that a person's number becomes the same ``<<…>>`` as
in events and never lies here in clear; classified text is refused. A column of persons holds the
whole keyed hash, as ``gov.subject.id_hmac`` does.

    FengsuiError
    ├── collector.register.file        cannot be read as a file of this register
    ├── collector.register.too_large   over a limit
    ├── collector.register.column      a column is unknown, missing or named twice
    ├── collector.register.cell        a cell is not what its column holds
    └── collector.register.overlap     two rows say different things of one key and time

Each names file, line and column, and what to do; the value of a cell is never repeated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import re2

from collector.registers.cells import text_of, value_of
from collector.registers.description import VALID_FROM, VALID_TO, Description
from collector.registers.lines import lines_of
from collector.registers.place import Line, Place
from schema.errors import FengsuiError
from schema.event import Fields, Value
from schema.registers import (
    FOREVER,
    STATEMENTS_PER_KEY_MAX,
    Draft,
    pack_fields,
    pack_key,
)
from schema.times import from_written

FILE_BYTES_MAX: Final = 256 * 1024 * 1024
"""A file of a million rows of 250 bytes; it is read as a whole."""
ROWS_MAX: Final = 1_000_000
"""Rows of one register: what loads in seconds and lies in 300 MB."""
KEY_BYTES_MAX: Final = 1024
"""All parts of one key together."""
_CHUNK_ROWS: Final = 1024
_CLASSIFIED: Final = "<<classified>>"

Mask = Callable[[list[Fields]], None]
"""Masks events in place, as the site's sensors do."""

_HMAC: Final = re.compile(r"[0-9a-f]{64}")
_PERSON: Final = "gov.subject.id_hmac"
"""Where the masker puts the whole keyed hash of a citizen's number it found."""


def read_file(
    description: Description, path: Path, *, mask: Mask, valid_from: int | None = None
) -> list[Draft]:
    """The rows of a file; ``valid_from`` is of rows that name none. Raises as drawn above."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise Place(path.name, 0).error(
                "too_large", f"over {FILE_BYTES_MAX} bytes: split the register"
            )
        data = path.read_bytes()
    except OSError as error:
        raise FengsuiError(
            "collector.register.file", f"{path} cannot be read: {error.strerror or error}",
            file=path.name, line=0,
        ) from error  # fmt: skip
    return read(description, data, file=path.name, mask=mask, valid_from=valid_from)


def read(
    description: Description, data: bytes, *, file: str, mask: Mask, valid_from: int | None = None
) -> list[Draft]:
    """As :func:`read_file`, of bytes; the name's end tells JSON lines and XLSX from CSV."""
    lines = lines_of(description, data, file)
    reader = _Reader(description, file, mask=mask, valid_from=valid_from)
    drafts: list[Draft] = []
    chunk: list[Line] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) >= _CHUNK_ROWS:
            drafts += reader.rows(chunk)
            chunk = []
        if len(drafts) > ROWS_MAX:
            raise Place(file, line.number).error("too_large", f"more than {ROWS_MAX} rows")
    drafts += reader.rows(chunk)
    if len(drafts) > ROWS_MAX:
        raise Place(file, drafts[-1].line).error("too_large", f"more than {ROWS_MAX} rows")
    _check_overlaps(drafts, file)
    return drafts


def draft(
    description: Description,
    cells: Mapping[str, object],
    *,
    mask: Mask,
    valid_from: int | None = None,
) -> Draft:
    """One row somebody typed in; raises as for a file."""
    reader = _Reader(description, "-", mask=mask, valid_from=valid_from)
    return next(iter(reader.rows([Line(1, dict(cells))])))


class _Reader:
    """Cells as drafts, a chunk at a time."""

    def __init__(
        self, description: Description, file: str, *, mask: Mask, valid_from: int | None
    ) -> None:
        self._columns = description.columns
        self._key = description.key
        self._required = description.required()
        self._file = file
        self._mask = mask
        self._valid_from = valid_from
        self._persons = [name for name, one in description.columns.items() if one.person]
        self._patterns = {
            name: re2.compile(one.pattern)
            for name, one in description.columns.items()
            if one.pattern
        }

    def rows(self, lines: Sequence[Line]) -> Iterable[Draft]:
        parsed = [self._values(line) for line in lines]
        for name in self._persons:
            self._key_persons(lines, parsed, name)
        events: list[Fields] = [
            {f"labels.{name}": value for name, value in values.items()} for values in parsed
        ]
        self._mask(events)
        for line, event in zip(lines, events, strict=True):
            # The masker adds what it found as fields of its own, which a register has no use for.
            values = {
                name.removeprefix("labels."): value
                for name, value in event.items()
                if name.startswith("labels.")
            }
            yield self._draft(line, values)

    def _key_persons(self, lines: Sequence[Line], rows: Sequence[Fields], name: str) -> None:
        """Put the keyed hash, as events carry it, in the place of a citizen's number."""
        given = [row for row in rows if name in row and not _HMAC.fullmatch(text_of(row[name]))]
        events: list[Fields] = [{f"labels.{name}": row[name]} for row in given]
        self._mask(events)
        for row, event in zip(given, events, strict=True):
            row[name] = event.get(_PERSON, "")
        for line, row in zip(lines, rows, strict=True):
            if row.get(name) == "":
                raise Place(self._file, line.number, name).error(
                    "cell", "is no citizen's number the sensors would find, so no event could ever "
                    "match it: correct the number",
                )  # fmt: skip

    def _values(self, line: Line) -> Fields:
        values: Fields = {}
        for name, cell in line.cells.items():
            if name in (VALID_FROM, VALID_TO):
                continue
            place = Place(self._file, line.number, name)
            column = self._columns.get(name)
            if column is None:
                raise place.error("column", "this register has no such column: take it out")
            value = value_of(column, cell, place)
            if value is not None:
                values[name] = value
        for name in self._required:
            if name not in values:
                raise Place(self._file, line.number, name).error("cell", "must not be empty")
        return values

    def _draft(self, line: Line, values: Fields) -> Draft:
        for name, value in values.items():
            self._check(name, value, Place(self._file, line.number, name))
        key = pack_key(tuple(text_of(values.pop(name)) for name in self._key))
        if len(key) > KEY_BYTES_MAX:
            raise Place(self._file, line.number).error(
                "cell", f"a key of over {KEY_BYTES_MAX} bytes: shorten it"
            )
        since = self._time(line, VALID_FROM)
        until = self._time(line, VALID_TO)
        start = self._valid_from if since is None else since
        end = FOREVER if until is None else until
        if start is not None and start >= end:
            raise Place(self._file, line.number, VALID_TO).error(
                "cell", "the row ends before it begins: correct one of the two dates"
            )
        return Draft(key, pack_fields(values), start, end, line.number)

    def _check(self, name: str, value: Value, place: Place) -> None:
        column = self._columns[name]
        texts = value if isinstance(value, list) else [text_of(value)]
        for text in texts:
            if _CLASSIFIED in text:
                raise place.error("cell", "carries a classified marking: it must not lie here")
            if column.choices and text not in column.choices:
                raise place.error("cell", f"is none of {', '.join(column.choices)}")
            pattern = self._patterns.get(name)
            if pattern is not None and not pattern.fullmatch(text):
                raise place.error("cell", f"does not look like {column.pattern}")

    def _time(self, line: Line, name: str) -> int | None:
        """The microsecond a row begins; of an end the one behind: a date named last still holds."""
        cell = line.cells.get(name)
        if cell is None or cell == "":
            return None
        text = str(cell).strip()
        try:
            time = from_written(text, last=name == VALID_TO)
        except (ValueError, OverflowError):
            raise Place(self._file, line.number, name).error(
                "cell", "is no date or time: write it as 2026-01-31 or 2026-01-31T08:00:00+08:00"
            ) from None
        a_date = len(text) <= len("2026-01-31")
        return time + 1 if name == VALID_TO and a_date else time


def _check_overlaps(drafts: Sequence[Draft], file: str) -> None:
    """Rows of one key follow each other in time; raises ``collector.register.overlap``."""
    seen: dict[bytes, int] = {}
    more: dict[bytes, list[int]] = {}
    for at, one in enumerate(drafts):
        first = seen.setdefault(one.key, at)
        if first != at:
            more.setdefault(one.key, [first]).append(at)
    for places in more.values():
        rows = sorted((drafts[at] for at in places), key=lambda row: row.since)
        if len(rows) > STATEMENTS_PER_KEY_MAX // 2:
            raise Place(file, rows[-1].line).error(
                "too_large", f"more than {STATEMENTS_PER_KEY_MAX // 2} rows of one key"
            )
        for before, after in pairwise(rows):
            undated = before.valid_from is None or after.valid_from is None
            if undated or before.valid_to > after.since:
                raise Place(file, after.line).error(
                    "overlap",
                    f"the key stands on line {before.line} too, for the same time: keep one, or "
                    f"give both {VALID_FROM} and {VALID_TO}",
                )
