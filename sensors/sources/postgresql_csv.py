"""PostgreSQL's csv log (``log_destination = csvlog``), versions 12 to 18: 23 to 26 columns.

Messages hold line ends inside quotes, so records are framed by counting quotes, never by what a
line looks like: a client may send a statement whose second line looks like a log entry.
"""

from __future__ import annotations

import csv
import re
from typing import Final

from schema.event import Fields
from sensors.sources import postgresql, record
from sensors.sources.contract import Context

_BEGINS: Final = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})? [^\s,]{1,8},")
_COLUMNS_MIN: Final = 23
_CELL: Final = re.compile(r'"((?:[^"]|"")*)"(?:,|\Z)|([^",]*)(?:,|\Z)')
_OPEN_BYTES_MAX: Final = 1024 * 1024
"""A quote open for longer is damage, not a message: the next line that looks like a beginning is
one. As long as the longest record the tail keeps together."""


class PostgresqlCsv(record.LineFormat):
    """PostgreSQL csv log."""

    dataset = "postgresql.log"

    def __init__(self) -> None:
        super().__init__()
        self._open_bytes = 0

    def begins(self, line: bytes) -> bool:
        """Every line outside quotes."""
        odd = line.count(b'"') % 2 == 1
        if self._open_bytes:
            lost = self._open_bytes > _OPEN_BYTES_MAX and _BEGINS.match(line)
            if not lost:
                self._open_bytes = 0 if odd else self._open_bytes + len(line) + 1
                return False
        self._open_bytes = len(line) + 1 if odd else 0
        return True

    def _line(self, line: str, context: Context) -> Fields | None:
        cells = _cells(line)
        if len(cells) < _COLUMNS_MIN:
            return None
        level = postgresql.LEVELS.get(cells[11])
        time = postgresql.time_of_text(cells[0], default=context.utc_offset_minutes)
        if not time or not level:
            return None
        self._last_time = time
        host, _, port = cells[4].rpartition(":")
        entry = postgresql.Entry(
            time=time,
            level=level,
            code=cells[12],
            message=cells[13],
            user=cells[1],
            database=cells[2],
            application=cells[22],
            host=host,
            port=port if host else "",
            pid=cells[3],
            statement=cells[19],
        )
        return postgresql.fields_of(entry, line, context.host)


def _cells(line: str) -> list[str]:
    """The columns of a record; none where it is not csv."""
    if len(line) < csv.field_size_limit():
        try:
            rows = list(csv.reader((line,), strict=True))
        except csv.Error:
            return []
        return rows[0] if len(rows) == 1 else []
    # The csv module's limit belongs to the whole process; longer records are split here.
    return [
        found[1].replace('""', '"') if found[1] is not None else found[2]
        for found in _CELL.finditer(line)
    ]
