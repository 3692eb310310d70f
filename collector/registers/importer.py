"""Importer: a register's file as drafts of rows, all of it or nothing.

CSV (UTF-8 with or without BOM, or GBK) and XLSX, whose first line names the columns by name or by
either title, and JSON lines. Every cell goes through the sensors' masker, so that a person's number
becomes the same ``<<…>>`` as in events and never lies here in clear; classified text is refused.
A column of persons holds the whole keyed hash, as ``gov.subject.id_hmac`` does.

    FengsuiError
    ├── collector.register.file        cannot be read as a file of this register
    ├── collector.register.too_large   over a limit
    ├── collector.register.column      a column is unknown, missing or named twice
    ├── collector.register.cell        a cell is not what its column holds
    └── collector.register.overlap     two rows say different things of one key and time

Each names file, line and column, and what to do; the value of a cell is never repeated.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import re2

from collector.registers import spreadsheet
from collector.registers.description import NONE, VALID_FROM, VALID_TO, Column, Description
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
CELL_CHARS_MAX: Final = 2000
"""One cell: a list of some hundred field names."""
KEY_BYTES_MAX: Final = 1024
"""All parts of one key together."""
LIST_ITEMS_MAX: Final = 1000
"""Items of one list cell."""
FAULTS_MAX: Final = 100
"""Faults told of one file: who has more corrects these first."""
_CHUNK_ROWS: Final = 1024
_CLASSIFIED: Final = "<<classified>>"

Mask = Callable[[list[Fields]], None]
"""Masks events in place, as the site's sensors do."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_HMAC: Final = re.compile(r"[0-9a-f]{64}")
_PERSON: Final = "gov.subject.id_hmac"
"""Where the masker puts the whole keyed hash of a citizen's number it found."""
_SEPARATORS: Final = re.compile(r"[;；|\n]")
_BOOLEANS: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("true", "yes", "1", "是", "有", "y"), True),
    **dict.fromkeys(("false", "no", "0", "否", "无", "n"), False),
}


class _Line(NamedTuple):
    number: int
    cells: dict[str, object]


@dataclass(frozen=True, slots=True)
class _Place:
    file: str
    line: int
    column: str = ""

    def error(self, reason: str, why: str, cause: str = "", allowed: str = "") -> FengsuiError:
        where = f"{self.file} line {self.line}" + (f", column {self.column}" if self.column else "")
        return FengsuiError(
            f"collector.register.{reason}", f"{where}: {why}; nothing was imported",
            file=self.file, line=self.line, column=self.column, why=why, cause=cause,
            allowed=allowed,
        )  # fmt: skip


def read_file(
    description: Description, path: Path, *, mask: Mask, valid_from: int | None = None
) -> list[Draft]:
    """The rows of a file; ``valid_from`` is of rows that name none. Raises as drawn above."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise _Place(path.name, 0).error(
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
    lines = _lines(description, data, file)
    reader = _Reader(description, file, mask=mask, valid_from=valid_from)
    drafts: list[Draft] = []
    chunk: list[_Line] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) >= _CHUNK_ROWS:
            drafts += reader.rows(chunk)
            chunk = []
        if len(drafts) > ROWS_MAX:
            raise _Place(file, line.number).error("too_large", f"more than {ROWS_MAX} rows")
    drafts += reader.rows(chunk)
    if len(drafts) > ROWS_MAX:
        raise _Place(file, drafts[-1].line).error("too_large", f"more than {ROWS_MAX} rows")
    _check_overlaps(drafts, file)
    return drafts


def faults(
    description: Description, data: bytes, *, file: str, mask: Mask, valid_from: int | None = None
) -> list[FengsuiError]:
    """The first faults of a file, at most one of each row; empty where it imports."""
    found: list[FengsuiError] = []
    reader = _Reader(description, file, mask=mask, valid_from=valid_from)
    drafts: list[Draft] = []
    try:
        lines = iter(_lines(description, data, file))
        while chunk := list(islice(lines, _CHUNK_ROWS)):
            # Row by row only where one of many has a fault: each masking has its own cost.
            try:
                drafts += reader.rows(chunk)
            except FengsuiError:
                found += _row_faults(reader, chunk, FAULTS_MAX - len(found))
            if len(found) >= FAULTS_MAX or len(drafts) > ROWS_MAX:
                break
        if len(drafts) > ROWS_MAX:
            raise _Place(file, drafts[-1].line).error("too_large", f"more than {ROWS_MAX} rows")
        if not found:
            _check_overlaps(drafts, file)
    except FengsuiError as error:
        # The file cannot be read on from here.
        found.append(error)
    return found


def _row_faults(reader: _Reader, lines: Iterable[_Line], most: int) -> Iterator[FengsuiError]:
    for line in lines:
        try:
            list(reader.rows([line]))
        except FengsuiError as error:
            yield error
            most -= 1
            if most <= 0:
                return


def draft(
    description: Description,
    cells: Mapping[str, object],
    *,
    mask: Mask,
    valid_from: int | None = None,
) -> Draft:
    """One row somebody typed in; raises as for a file."""
    reader = _Reader(description, "-", mask=mask, valid_from=valid_from)
    return next(iter(reader.rows([_Line(1, dict(cells))])))


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

    def rows(self, lines: Sequence[_Line]) -> Iterable[Draft]:
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

    def _key_persons(self, lines: Sequence[_Line], rows: Sequence[Fields], name: str) -> None:
        """Put the keyed hash, as events carry it, in the place of a citizen's number."""
        given = [row for row in rows if name in row and not _HMAC.fullmatch(_text(row[name]))]
        events: list[Fields] = [{f"labels.{name}": row[name]} for row in given]
        self._mask(events)
        for row, event in zip(given, events, strict=True):
            row[name] = event.get(_PERSON, "")
        for line, row in zip(lines, rows, strict=True):
            if row.get(name) == "":
                raise _Place(self._file, line.number, name).error(
                    "cell", "is no citizen's number the sensors would find, so no event could ever "
                    "match it: correct the number", "citizen",
                )  # fmt: skip

    def _values(self, line: _Line) -> Fields:
        values: Fields = {}
        for name, cell in line.cells.items():
            if name in (VALID_FROM, VALID_TO):
                continue
            place = _Place(self._file, line.number, name)
            column = self._columns.get(name)
            if column is None:
                raise place.error(
                    "column", "this register has no such column: take it out", "column"
                )
            value = _value(column, cell, place)
            if value is not None:
                values[name] = value
        for name in self._required:
            if name not in values:
                raise _Place(self._file, line.number, name).error(
                    "cell", "must not be empty", "empty"
                )
        return values

    def _draft(self, line: _Line, values: Fields) -> Draft:
        for name, value in values.items():
            self._check(name, value, _Place(self._file, line.number, name))
        key = pack_key(tuple(_text(values.pop(name)) for name in self._key))
        if len(key) > KEY_BYTES_MAX:
            raise _Place(self._file, line.number).error(
                "cell", f"a key of over {KEY_BYTES_MAX} bytes: shorten it", "key"
            )
        since = self._time(line, VALID_FROM)
        until = self._time(line, VALID_TO)
        start = self._valid_from if since is None else since
        end = FOREVER if until is None else until
        if start is not None and start >= end:
            raise _Place(self._file, line.number, VALID_TO).error(
                "cell", "the row ends before it begins: correct one of the two dates", "ends"
            )
        return Draft(key, pack_fields(values), start, end, line.number)

    def _check(self, name: str, value: Value, place: _Place) -> None:
        column = self._columns[name]
        texts = value if isinstance(value, list) else [_text(value)]
        for text in texts:
            if _CLASSIFIED in text:
                raise place.error(
                    "cell", "carries a classified marking: it must not lie here", "classified"
                )
            if column.choices and text not in column.choices:
                allowed = ", ".join(column.choices)
                raise place.error("cell", f"is none of {allowed}", "choices", allowed)
            pattern = self._patterns.get(name)
            if pattern is not None and not pattern.fullmatch(text):
                why = f"does not look like {column.pattern}"
                raise place.error("cell", why, "pattern", column.pattern)

    def _time(self, line: _Line, name: str) -> int | None:
        """The microsecond a row begins; of an end the one behind: a date named last still holds."""
        cell = line.cells.get(name)
        if cell is None or cell == "":
            return None
        text = str(cell).strip()
        try:
            time = from_written(text, last=name == VALID_TO)
        except (ValueError, OverflowError):
            raise _Place(self._file, line.number, name).error(
                "cell",
                "is no date or time: write it as 2026-01-31 or 2026-01-31T08:00:00+08:00",
                "time",
            ) from None
        a_date = len(text) <= len("2026-01-31")
        return time + 1 if name == VALID_TO and a_date else time


def _value(column: Column, cell: object, place: _Place) -> Value | None:
    """A cell as its column holds it; None where it is empty."""
    if cell is None:
        return None
    if isinstance(cell, list):
        # An empty list says that there are none; as a table's cell that is a lone separator.
        cell = ";".join(str(item) for item in cell) or NONE
    elif isinstance(cell, bool):
        cell = "true" if cell else "false"
    elif not isinstance(cell, str | int):
        raise place.error(
            "cell", "is neither text, whole number, true, false nor a list of texts", "form"
        )
    text = str(cell).strip()
    if not text:
        return None
    if len(text) > CELL_CHARS_MAX:
        raise place.error("cell", f"has over {CELL_CHARS_MAX} characters: shorten it", "long")
    if not text.isprintable() and any(map(_is_hidden, text)):
        raise place.error("cell", "has control or invisible characters: write it anew", "hidden")
    return _typed(column, text, place)


def _is_hidden(char: str) -> bool:
    """Control, format and half characters; private ones stand for rare characters in names."""
    return char not in "\t\n\r" and unicodedata.category(char) in ("Cc", "Cf", "Cs")


def _typed(column: Column, text: str, place: _Place) -> Value:
    if column.type == "integer":
        if not _INTEGER.fullmatch(text):
            raise place.error("cell", "is no whole number of at most 18 digits", "integer")
        return int(text)
    if column.type == "boolean":
        found = _BOOLEANS.get(text.lower())
        if found is None:
            raise place.error(
                "cell", "is neither yes nor no: write true or false, 是 or 否", "boolean"
            )
        return found
    if column.type == "list":
        items = [item.strip() for item in _SEPARATORS.split(text) if item.strip()]
        if len(items) > LIST_ITEMS_MAX:
            raise place.error("cell", f"has over {LIST_ITEMS_MAX} items", "items")
        return items
    if column.type == "date":
        try:
            from_written(text[:10])
            if len(text) > len("2026-01-31"):
                from_written(text)
        except (ValueError, OverflowError):
            raise place.error("cell", "is no date: write it as 2026-01-31", "date") from None
        return text[:10]
    return text


def _text(value: Value) -> str:
    """A value as part of a key, as rules write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _decoded(data: bytes, file: str) -> str:
    """The text of a file: UTF-8 first, then GBK with its extension GB 18030."""
    raw = data.removeprefix(codecs.BOM_UTF8)
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _Place(file, 0).error("file", "is neither UTF-8 nor GBK: save it as CSV UTF-8")


def _lines(description: Description, data: bytes, file: str) -> Iterator[_Line]:
    end = file.lower()
    if end.endswith((".jsonl", ".ndjson", ".json")):
        return _json_lines(data, file)
    if end.endswith((".xlsx", ".xlsm")):
        return _sheet_lines(description, data, file)
    return _csv_lines(description, data, file)


def _sheet_lines(description: Description, data: bytes, file: str) -> Iterator[_Line]:
    def fault(reason: str, line: int, why: str) -> FengsuiError:
        return _Place(file, line).error(reason, why)

    names: list[str] = []
    for number, cells in spreadsheet.lines(data, fault):
        if not names:
            titles = ["" if cell is None else str(cell) for cell in cells]
            while titles and not titles[-1]:
                titles.pop()
            names = _names(description, titles, file)
        elif any(cell is not None for cell in cells[len(names) :]):
            raise fault("file", number, "has cells beyond the columns the first line names")
        else:
            yield _Line(number, dict(zip(names, cells, strict=False)))
    if not names:
        raise fault("file", 1, "is empty: the first line names the columns")


def _csv_lines(description: Description, data: bytes, file: str) -> Iterator[_Line]:
    reader = csv.reader(io.StringIO(_decoded(data, file), newline=""), strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise _Place(file, 1).error("file", "is empty: the first line names the columns")
        names = _names(description, header, file)
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(names):
                raise _Place(file, reader.line_num).error(
                    "file", f"{len(cells)} cells where the first line names {len(names)}"
                )
            yield _Line(reader.line_num, dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        raise _Place(file, reader.line_num).error("file", f"is no CSV: {error}") from error


def _names(description: Description, header: Sequence[str], file: str) -> list[str]:
    known = {VALID_FROM: VALID_FROM, VALID_TO: VALID_TO, "生效时间": VALID_FROM}
    known |= {"失效时间": VALID_TO}
    for name, column in description.columns.items():
        known |= {name: name, column.title.zh: name, column.title.en: name}
    names: list[str] = []
    for title in header:
        name = known.get(title.strip(), "")
        place = _Place(file, 1, title.strip()[:80])
        if not name:
            raise place.error(
                "column",
                "this register has no such column; it has "
                f"{', '.join(dict.fromkeys(known.values()))}",
            )
        if name in names:
            raise place.error("column", "is named twice: take one out")
        names.append(name)
    if missing := description.required() - set(names):
        raise _Place(file, 1).error("column", f"these are missing: {', '.join(sorted(missing))}")
    return names


def _json_lines(data: bytes, file: str) -> Iterator[_Line]:
    decoder = msgspec.json.Decoder(dict[str, str | int | bool | list[str] | None])
    for number, line in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield _Line(number, dict(decoder.decode(line)))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise _Place(file, number).error("file", f"is no flat JSON object: {error}") from error


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
            raise _Place(file, rows[-1].line).error(
                "too_large", f"more than {STATEMENTS_PER_KEY_MAX // 2} rows of one key"
            )
        for before, after in pairwise(rows):
            undated = before.valid_from is None or after.valid_from is None
            if undated or before.valid_to > after.since:
                raise _Place(file, after.line).error(
                    "overlap",
                    f"the key stands on line {before.line} too, for the same time: keep one, or "
                    f"give both {VALID_FROM} and {VALID_TO}",
                )
