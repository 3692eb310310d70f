"""Reading: one indicator file of any form, with what was refused named and counted.

A file that cannot be read at all raises ``collector.indicator.file`` or ``.too_large``; of one
that can, entries nobody could match are left out, by reason. Values are never repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from collector.indicators import csv_list, misp, stix
from collector.indicators.entry import Entry, Found, plain
from schema.errors import FengsuiError
from schema.indicators import (
    CONFIDENCE_MAX,
    LABELS_MAX,
    Indicator,
    Kind,
    kind_of,
    normal,
)
from schema.times import DAY

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
"""A file of a quarter of a million STIX objects; it is read as a whole."""
INDICATORS_MAX: Final = 500_000
"""Indicators of one file: five times what must load without a restart."""
CONFIDENCE: Final = 50
"""Where neither file nor person says one."""
LIFE_US: Final[Mapping[Kind, int]] = {
    "address": 90 * DAY,
    "network": 90 * DAY,
    "domain": 180 * DAY,
    "url": 180 * DAY,
    "hash": 1825 * DAY,
    "certificate": 730 * DAY,
}
"""How long an indicator counts that names no end: addresses change hands, a hash stays true."""
_PREFIX_MIN: Final = {4: 8, 6: 16}
"""Wider networks are whole providers or countries: a mistake in the list."""
_LABEL_CHARS_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What is said of entries that do not say it themselves."""

    source: str
    now: int
    confidence: int | None = None
    valid_until: int | None = None


def read_file(path: Path, origin: Origin) -> Found:
    """The indicators of a file, its form told from its content; raises as the module says."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise FengsuiError(
                "collector.indicator.too_large",
                f"{path.name} is over {FILE_BYTES_MAX} bytes: split it into several sources",
            )
        data = path.read_bytes()
    except OSError as error:
        raise FengsuiError(
            "collector.indicator.file", f"{path} cannot be read: {error.strerror or error}"
        ) from error
    return read(data, origin, file=path.name)


def read(data: bytes, origin: Origin, *, file: str) -> Found:
    """As :func:`read_file`, of bytes."""
    found = Found()
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start in (b"{", b"["):
        content = _json(data, file)
        bundle = isinstance(content, dict) and content.get("type") == "bundle"
        entries = stix.entries(content, found) if bundle else misp.entries(content, found, file)
    else:
        entries = csv_list.entries(data, found, file)
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        one = _indicator(entry, origin, found)
        if one is None:
            continue
        if (one.kind, one.value) in seen:
            found.refuse("listed twice")
            continue
        seen.add((one.kind, one.value))
        found.indicators.append(one)
        if len(found.indicators) > INDICATORS_MAX:
            raise FengsuiError(
                "collector.indicator.too_large",
                f"{file} has more than {INDICATORS_MAX} indicators: split it into several sources",
            )
    return found


def _json(data: bytes, file: str) -> object:
    try:
        content: object = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise FengsuiError(
            "collector.indicator.file", f"{file} is no JSON: {error}; export it anew", file=file
        ) from error
    return content


def _indicator(entry: Entry, origin: Origin, found: Found) -> Indicator | None:
    """The entry in normal form; None where it was refused."""
    value = entry.value.strip()
    try:
        wide = entry.subdomains or value.startswith("*.")
        value = value.removeprefix("*.")
        kind = entry.kind or kind_of(value)
        if kind in ("address", "network"):
            kind = "network" if "/" in value else "address"
        value = normal(kind, value)
    except FengsuiError:
        found.refuse(f"malformed {entry.kind or 'value'}")
        return None
    if kind == "network":
        address, _, size = value.partition("/")
        if int(size) < _PREFIX_MIN[6 if ":" in address else 4]:
            found.refuse("network too wide")
            return None
    since = origin.now if entry.valid_from is None else entry.valid_from
    until = entry.valid_until
    if until is None:
        until = origin.valid_until if origin.valid_until is not None else since + LIFE_US[kind]
    if since >= until:
        found.refuse("ends before it begins")
        return None
    given = origin.confidence if entry.confidence is None else entry.confidence
    confidence = CONFIDENCE if given is None else max(0, min(given, CONFIDENCE_MAX))
    return Indicator(
        kind=kind,
        value=value,
        source=origin.source,
        confidence=confidence,
        valid_from=since,
        valid_until=until,
        labels=tuple(label[:_LABEL_CHARS_MAX] for label in entry.labels[:LABELS_MAX]),
        note=plain(entry.note),
        subdomains=wide and kind == "domain",
    )
