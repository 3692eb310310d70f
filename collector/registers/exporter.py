"""Exporter: the rows of a register as CSV that imports again as what it says.

UTF-8 with a byte-order mark, which spreadsheets need to read Chinese. Persons' numbers leave as the
keyed hashes they lie as. Pure.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from collector.registers.description import NONE, VALID_FROM, VALID_TO, Description
from schema.errors import FengsuiError
from schema.event import Value
from schema.registers import ALWAYS, FOREVER, Row
from schema.times import to_text


def csv_lines(described: Description, rows: Iterable[Row]) -> Iterator[str]:
    """The first line names the columns; then a line for each row."""
    rest = [name for name in described.columns if name not in described.key]
    yield "\ufeff" + _line([*described.key, *rest, VALID_FROM, VALID_TO])
    for row in rows:
        cells = [_cell(row.fields[name]) if name in row.fields else "" for name in rest]
        yield _line([*row.key, *cells, _time(row.valid_from), _time(row.valid_to)])


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _cell(value: Value) -> str:
    if isinstance(value, list):
        return ";".join(value) or NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _time(at: int) -> str:
    """A time somebody could have written; empty for since ever and for good."""
    if at in (ALWAYS, FOREVER):
        return ""
    try:
        return to_text(at)
    except FengsuiError:
        return ""
