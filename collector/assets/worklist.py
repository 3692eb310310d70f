"""Work list: the register of assets held against what events show. Pure.

Unknown: seen, not declared. Vanished: declared, and silent for so many days. Orphan: declared
without a unit or an owner. Newly exposed: listens on a port its row does not approve. A declared
asset is the host of its key, of its name, or of one of its addresses; a host seen under a name that
nobody declared is known by an address it was seen with. Whose an unknown one is, the register of
address ranges suggests: the narrowest range with a unit that one of its addresses lies in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from collector.assets.sightings import Asset
from schema.event import Fields
from schema.registers import Row
from schema.times import DAY

REGISTER: Final = "assets"
RANGES: Final = "ip_ranges"
SILENT_DAYS: Final = 30
"""After so long a machine that should speak is looked for."""

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
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
    unit: str = ""
    """As declared."""
    owner: str = ""
    suggested_unit: str = ""
    """By the ranges, where none is declared."""
    seen: Asset | None = None
    """All that events show of it; None where it was never seen."""


def entries(
    rows: Iterable[Row],
    seen: Iterable[Asset],
    *,
    now: int,
    ranges: Iterable[Row] = (),
    silent_days: int = SILENT_DAYS,
) -> Iterator[Entry]:
    """Everything to be done, unknown ones first, then by asset."""
    networks = _networks(ranges)
    declared = list(rows)
    by_name: dict[str, Row] = {}
    for row in declared:
        for name in _names(row):
            by_name.setdefault(name, row)
    shown: dict[tuple[str, ...], Asset] = {}
    later: list[Entry] = []
    for one in seen:
        known = _known(one, by_name)
        if known is None:
            yield Entry(
                finding="unknown",
                asset=one.host,
                first_at=one.first_at,
                last_at=one.last_at,
                suggested_unit=_unit_of((one.host, *one.values("address")), networks),
                seen=one,
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
                    unit=_text(known, "unit"), owner=_text(known, "owner"), seen=one,
                )
            )  # fmt: skip
    for row in declared:
        at = shown.get(row.key)
        first, last = (at.first_at, at.last_at) if at else (0, 0)
        told = Entry(
            finding="vanished", asset=row.key[0], first_at=first, last_at=last,
            unit=_text(row, "unit"), owner=_text(row, "owner"), seen=at,
        )  # fmt: skip
        # What was declared only now has had no time to be heard of.
        if now - max(last, row.known_from) >= silent_days * DAY:
            later.append(told)
        if not told.unit or not told.owner:
            addresses = (*_names(row), *(at.values("address") if at else ()))
            unit = "" if told.unit else _unit_of(addresses, networks)
            later.append(replace(told, finding="orphan", suggested_unit=unit))
    yield from sorted(later, key=lambda one: (one.asset, one.finding))


def accepted(found: Sequence[Entry], row: Row | None, *, unit: str = "", owner: str = "") -> Fields:
    """The cells of the row that accepting what was found of one asset proposes.

    ``unit`` and ``owner`` are what a person says; without a word the suggested unit is taken.
    """
    fields: Fields = dict(row.fields) if row else {}
    ports = {port for one in found for port in one.ports}
    if ports:
        fields["ports"] = sorted({*_texts(fields, "ports"), *ports})
    addresses = [
        address for one in found if one.finding == "unknown" and one.seen
        for address in one.seen.values("address")
    ]  # fmt: skip
    if addresses:
        fields["addresses"] = sorted({*_texts(fields, "addresses"), *addresses})
    unit = unit or next((one.suggested_unit for one in found if one.suggested_unit), "")
    return fields | ({"unit": unit} if unit else {}) | ({"owner": owner} if owner else {})


def _known(one: Asset, by_name: dict[str, Row]) -> Row | None:
    for name in (one.host, *one.values("id"), *one.values("address")):
        if name in by_name:
            return by_name[name]
    return None


def _networks(ranges: Iterable[Row]) -> list[tuple[Network, str]]:
    """Ranges with a unit, the narrowest first; what is no network is left out."""
    found: list[tuple[Network, str]] = []
    for row in ranges:
        try:
            network = ipaddress.ip_network(row.key[0], strict=False)
        except ValueError:
            continue
        if unit := _text(row, "unit"):
            found.append((network, unit))
    return sorted(found, key=lambda one: (-one[0].prefixlen, str(one[0])))


def _unit_of(names: Iterable[str], networks: Sequence[tuple[Network, str]]) -> str:
    for name in names:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            continue
        for network, unit in networks:
            if address in network:
                return unit
    return ""


def _text(row: Row, name: str) -> str:
    value = row.fields.get(name)
    return value if isinstance(value, str) else ""


def _names(row: Row) -> Iterator[str]:
    yield row.key[0]
    name = row.fields.get("name")
    if isinstance(name, str) and name:
        yield name
    yield from _texts(row.fields, "addresses")


def _texts(fields: Fields, name: str) -> list[str]:
    value = fields.get(name)
    return value if isinstance(value, list) else []
