"""CSV lists: a line an indicator. Columns: value; kind, confidence, valid_from, valid_until,
labels (with ``;``), note, subdomains. Without a heading each line is one value.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final

from collector.indicators.entry import Entry, Found, time_of
from schema.errors import FengsuiError
from schema.indicators import KINDS, Kind

CELL_CHARS_MAX: Final = 4096
_COLUMNS: Final[Mapping[str, str]] = {
    **{name: name for name in ("value", "kind", "confidence", "valid_from", "valid_until")},
    **{name: name for name in ("labels", "note", "subdomains")},
    "indicator": "value", "type": "kind", "comment": "note", "expires": "valid_until",
    "指标": "value", "类别": "kind", "可信度": "confidence", "失效时间": "valid_until",
    "生效时间": "valid_from", "标签": "labels", "说明": "note", "含子域": "subdomains",
}  # fmt: skip
_KINDS: Final[Mapping[str, Kind]] = {
    **{kind: kind for kind in KINDS},
    "ip": "address", "ipv4": "address", "ipv6": "address", "cidr": "network",
    "hostname": "domain", "md5": "hash", "sha1": "hash", "sha256": "hash", "sm3": "hash",
}  # fmt: skip
_TRUE: Final = frozenset({"true", "yes", "1", "是"})


def entries(data: bytes, found: Found, file: str) -> Iterator[Entry]:
    """The entries of a list; raises ``collector.indicator.file``."""
    raw = data.removeprefix(b"\xef\xbb\xbf")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        try:
            text = raw.decode("gb18030")
        except UnicodeDecodeError as error:
            raise FengsuiError(
                "collector.indicator.file",
                f"{file} is neither JSON nor text in UTF-8 or GBK: export it anew",
            ) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from _rows(reader, found)
    except csv.Error as error:
        raise FengsuiError(
            "collector.indicator.file",
            f"{file} line {reader.line_num} is no CSV: {error}",
            file=file, line=reader.line_num,
        ) from error  # fmt: skip


def _rows(reader: Iterator[list[str]], found: Found) -> Iterator[Entry]:
    names: list[str] | None = None
    for cells in reader:
        if not any(cells) or cells[0].lstrip().startswith("#"):
            continue
        if names is None:
            heading = [_COLUMNS.get(cell.strip().lower(), "") for cell in cells]
            names = heading if "value" in heading else ["value"]
            if names is heading:
                continue
        if any(len(cell) > CELL_CHARS_MAX for cell in cells):
            found.refuse("cell too long")
            continue
        row = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name}
        kind = row.get("kind", "").lower()
        if kind and kind not in _KINDS:
            found.refuse("unknown kind")
            continue
        digits = row.get("confidence", "")
        yield Entry(
            kind=_KINDS.get(kind),
            value=row.get("value", ""),
            confidence=int(digits) if digits.isascii() and digits[:4].isdigit() and len(digits) < 4
            else None,
            valid_from=time_of(row.get("valid_from")),
            valid_until=time_of(row.get("valid_until")),
            labels=tuple(one.strip() for one in row.get("labels", "").split(";") if one.strip()),
            note=row.get("note", ""),
            subdomains=row.get("subdomains", "").lower() in _TRUE,
        )  # fmt: skip
