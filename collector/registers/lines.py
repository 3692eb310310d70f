"""Lines: the rows of a file as cells by column, whichever form it has.

CSV (UTF-8 with or without BOM, or GBK) and XLSX, whose first line names the columns by name or by
either title, and JSON lines. Raises ``collector.register.file`` and ``.column``.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence

import msgspec

from collector.registers import spreadsheet
from collector.registers.description import VALID_FROM, VALID_TO, Description
from collector.registers.place import Line, Place
from schema.errors import FengsuiError


def _decoded(data: bytes, file: str) -> str:
    """The text of a file: UTF-8 first, then GBK with its extension GB 18030."""
    raw = data.removeprefix(codecs.BOM_UTF8)
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Place(file, 0).error("file", "is neither UTF-8 nor GBK: save it as CSV UTF-8")


def lines_of(description: Description, data: bytes, file: str) -> Iterator[Line]:
    """Every line with something in it; the name's end tells JSON lines and XLSX from CSV."""
    end = file.lower()
    if end.endswith((".jsonl", ".ndjson", ".json")):
        return _json_lines(data, file)
    if end.endswith((".xlsx", ".xlsm")):
        return _sheet_lines(description, data, file)
    return _csv_lines(description, data, file)


def _sheet_lines(description: Description, data: bytes, file: str) -> Iterator[Line]:
    def fault(reason: str, line: int, why: str) -> FengsuiError:
        return Place(file, line).error(reason, why)

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
            yield Line(number, dict(zip(names, cells, strict=False)))
    if not names:
        raise fault("file", 1, "is empty: the first line names the columns")


def _csv_lines(description: Description, data: bytes, file: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(_decoded(data, file), newline=""), strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise Place(file, 1).error("file", "is empty: the first line names the columns")
        names = _names(description, header, file)
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(names):
                raise Place(file, reader.line_num).error(
                    "file", f"{len(cells)} cells where the first line names {len(names)}"
                )
            yield Line(reader.line_num, dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        raise Place(file, reader.line_num).error("file", f"is no CSV: {error}") from error


def _names(description: Description, header: Sequence[str], file: str) -> list[str]:
    known = {VALID_FROM: VALID_FROM, VALID_TO: VALID_TO, "生效时间": VALID_FROM}
    known |= {"失效时间": VALID_TO}
    for name, column in description.columns.items():
        known |= {name: name, column.title.zh: name, column.title.en: name}
    names: list[str] = []
    for title in header:
        name = known.get(title.strip(), "")
        place = Place(file, 1, title.strip()[:80])
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
        raise Place(file, 1).error("column", f"these are missing: {', '.join(sorted(missing))}")
    return names


def _json_lines(data: bytes, file: str) -> Iterator[Line]:
    decoder = msgspec.json.Decoder(dict[str, str | int | bool | list[str] | None])
    for number, line in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield Line(number, dict(decoder.decode(line)))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Place(file, number).error("file", f"is no flat JSON object: {error}") from error
