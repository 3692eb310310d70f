"""Work list: the register of assets held against what events show. Pure.

Unknown: seen, not declared. Vanished: declared, and silent for so many days. Orphan: declared
without a unit or an owner. Newly exposed: listens on a port its row does not approve. A declared
asset is the host of its key, of its name, or of one of its addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from collector.assets.sightings import Asset
from schema.event import Fields
from schema.registers import Row
from schema.times import DAY

REGISTER: Final = "assets"
SILENT_DAYS: Final = 30
"""After so long a machine that should speak is looked for."""

Finding: TypeAlias = Literal["unknown", "vanished", "orphan", "newly_exposed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing to be done about one asset."""

    finding: Finding
    asset: str
    first_at: int
    """0 where it was never seen."""
    last_at: int
    ports: tuple[str, ...] = ()
    """Of a newly exposed asset: those nobody approved."""


def entries(
    rows: Iterable[Row], seen: Iterable[Asset], *, now: int, silent_days: int = SILENT_DAYS
) -> Iterator[Entry]:
    """Everything to be done, unknown ones first, then by asset."""
    declared = list(rows)
    by_name: dict[str, Row] = {}
    for row in declared:
        for name in _names(row):
            by_name.setdefault(name, row)
    shown: dict[tuple[str, ...], Asset] = {}
    later: list[Entry] = []
    for one in seen:
        known = by_name.get(one.host)
        if known is None:
            yield Entry(
                finding="unknown", asset=one.host, first_at=one.first_at, last_at=one.last_at
            )
            continue
        before = shown.get(known.key)
        if before is None or before.last_at < one.last_at:
            shown[known.key] = one
        ports = tuple(sorted(set(one.ports) - set(_texts(known.fields, "ports"))))
        if ports:
            later.append(
                Entry(
                    finding="newly_exposed", asset=known.key[0], ports=ports,
                    first_at=min(one.ports[port] for port in ports), last_at=one.last_at,
                )
            )  # fmt: skip
    for row in declared:
        at = shown.get(row.key)
        first, last = (at.first_at, at.last_at) if at else (0, 0)
        # What was declared only now has had no time to be heard of.
        if now - max(last, row.known_from) >= silent_days * DAY:
            later.append(Entry(finding="vanished", asset=row.key[0], first_at=first, last_at=last))
        if not row.fields.get("unit") or not row.fields.get("owner"):
            later.append(Entry(finding="orphan", asset=row.key[0], first_at=first, last_at=last))
    yield from sorted(later, key=lambda one: (one.asset, one.finding))


def accepted(entry: Entry, row: Row | None) -> Fields:
    """The cells of the row that accepting an unknown or newly exposed asset proposes."""
    fields: Fields = dict(row.fields) if row else {}
    if entry.ports:
        fields["ports"] = sorted({*_texts(fields, "ports"), *entry.ports})
    return fields


def _names(row: Row) -> Iterator[str]:
    yield row.key[0]
    name = row.fields.get("name")
    if isinstance(name, str) and name:
        yield name
    yield from _texts(row.fields, "addresses")


def _texts(fields: Fields, name: str) -> list[str]:
    value = fields.get(name)
    return value if isinstance(value, list) else []
