"""Spreadsheet: the first visible sheet of an XLSX file as lines of cells, within limits.

The file is an archive anybody may have made: every part is unpacked here under a limit of its own
and handed on stored, so the reader never meets more bytes than were counted. Formulas are refused,
not computed: what they show was computed elsewhere and may be of another day. Dates become
``2026-01-31``, whole numbers lose their ``.0``; numbers too long to be exact are refused.

Raises ``collector.register.file``, ``.too_large`` and ``.cell`` with file, sheet line and column.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from schema.errors import FengsuiError

UNPACKED_BYTES_MAX: Final = 256 * 1024 * 1024
"""All parts together: as much as a CSV file may have."""
PARTS_MAX: Final = 2000
"""Parts of one file; an ordinary one has about a dozen."""
_READ_BYTES: Final = 1024 * 1024
_EXACT: Final = 10**15
"""A sheet's numbers are floats of 15 exact digits: an account or a citizen's number has more."""
_FORMULA: Final = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?f[\s>/]")
_SHEET: Final = re.compile(r"/?xl/worksheets/[^/]+\.xml", re.IGNORECASE)
_TAIL: Final = 64
"""Bytes kept of the piece before, so that a tag cut in two is seen."""

Cell: TypeAlias = str | int | bool | None
Fault: TypeAlias = Callable[[str, int, str], FengsuiError]
"""The error of (reason, line, why)."""


def lines(data: bytes, fault: Fault) -> Iterator[tuple[int, Sequence[Cell]]]:
    """Each line of the first visible sheet with its number; empty ones left out."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum
    except ImportError:
        raise fault(
            "file", 0, "XLSX is read on the platform only (extra `platform`): save it as CSV UTF-8"
        ) from None
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(_unpacked(data, fault)))
        names = [
            one.name for one in book.sheets_metadata if one.visible == SheetVisibleEnum.Visible
        ]
        if not names:
            return
        rows = book.get_sheet_by_name(names[0]).to_python(skip_empty_area=False)
    except (CalamineError, ValueError, OSError) as error:
        raise fault("file", 0, f"is no XLSX that can be read: {str(error)[:200]}") from error
    for number, row in enumerate(rows, 1):
        cells = [_cell(cell, number, fault) for cell in row]
        if any(cell is not None for cell in cells):
            yield number, cells


def _cell(value: object, line: int, fault: Fault) -> Cell:
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        if not abs(value) < _EXACT:
            raise fault(
                "cell", line, "a number of over 15 digits is not exact in a sheet: format the "
                "column as text and type it anew",
            )  # fmt: skip
        return int(value) if value.is_integer() else repr(value)
    if isinstance(value, dt.datetime):
        whole_day = value.time() == dt.time()
        return value.date().isoformat() if whole_day else value.isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dt.time):
        return value.isoformat("minutes")
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return value or None
    raise fault("cell", line, "is neither text, number, date, true nor false")


def _unpacked(data: bytes, fault: Fault) -> bytes:
    """The same archive with every part stored as it is, counted while it was unpacked."""
    out = io.BytesIO()
    left = UNPACKED_BYTES_MAX
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed, zipfile.ZipFile(out, "w") as stored:
            parts = packed.infolist()
            if len(parts) > PARTS_MAX or len({one.filename for one in parts}) < len(parts):
                raise fault("too_large", 0, f"has over {PARTS_MAX} parts, or two of one name")
            for one in parts:
                body = _part(packed, one, left, fault)
                left -= len(body)
                stored.writestr(one.filename, body)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError) as error:
        raise fault("file", 0, f"is no XLSX that can be read: {error}") from error
    return out.getvalue()


def _part(packed: zipfile.ZipFile, one: zipfile.ZipInfo, left: int, fault: Fault) -> bytes:
    body = bytearray()
    sheet = _SHEET.fullmatch(one.filename) is not None
    with packed.open(one) as reading:
        while piece := reading.read(_READ_BYTES):
            since = max(0, len(body) - _TAIL)
            body += piece
            if len(body) > left:
                raise fault(
                    "too_large",
                    0,
                    f"unpacks to over {UNPACKED_BYTES_MAX} bytes: split the register",
                )
            if sheet and _FORMULA.search(body, since):
                raise fault(
                    "cell", 0, "holds formulas, which are not computed here: paste the values only"
                )
    return bytes(body)
