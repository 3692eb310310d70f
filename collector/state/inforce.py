"""InForce: which exception hides an alert, answered inside a statement over the alert table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

import msgspec

EVERY: Final = "*"
_REMEMBERED_MAX: Final = 100_000
"""Rules with entities whose answer is kept: about twenty megabytes, a month of alerts."""

_EXPRESSION: Final = (
    "CASE WHEN exception_may(a.rule_id, a.entity) THEN exception_of(a.rule_id, a.entity, "
    "(SELECT group_concat(sensor) FROM alert_sensors s WHERE s.alert_id = a.id)) END"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredException:
    """An exception with who made it and who ended it. Times in microseconds UTC."""

    id: str
    rule_id: str
    entity: str
    units: tuple[str, ...]
    reason: str
    owner: str
    created_by: str
    created_at: int
    expires_at: int
    revoked_by: str | None
    revoked_at: int | None

    @classmethod
    def of(cls, row: sqlite3.Row) -> StoredException:
        """The exception of a row; its units come as a JSON list."""
        values = dict(row)
        values["units"] = msgspec.json.decode(values["units"], type=tuple[str, ...])
        return cls(**values)

    def in_force(self, at: int) -> bool:
        """Whether it hides anything at that time."""
        return self.revoked_at is None and self.created_at <= at < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionMark:
    """What is shown at a hidden alert. Time in microseconds UTC."""

    id: str
    reason: str
    owner: str
    expires_at: int


class InForce:
    """Exceptions that hide alerts now, and the unit of each sensor.

    Where several fit, the one that ends last is told: until then the alert stays hidden.
    """

    def __init__(self, rows: Sequence[StoredException], units: Mapping[str, str]) -> None:
        self.rows = tuple(rows)
        self.units = dict(units)
        self._by_id = {one.id: one for one in rows}
        self._exact: dict[tuple[str, str], list[StoredException]] = {}
        self._networks: dict[tuple[str, int, int], dict[int, list[StoredException]]] = {}
        self._remembered: dict[tuple[str, str], tuple[StoredException, ...]] = {}
        for one in rows:
            self._index(one)

    def _index(self, one: StoredException) -> None:
        if "/" in one.entity:
            try:
                network = ip_network(one.entity)
            except ValueError:
                pass
            else:
                # Bits that are not compared are shifted out, so that a lookup is one number.
                place = (one.rule_id, network.version, network.max_prefixlen - network.prefixlen)
                number = int(network.network_address) >> place[2]
                self._networks.setdefault(place, {}).setdefault(number, []).append(one)
                return
        self._exact.setdefault((one.rule_id, one.entity), []).append(one)

    def __getitem__(self, exception_id: str) -> StoredException:
        """The exception of an id a statement gave."""
        return self._by_id[exception_id]

    def asked_by(self, state: sqlite3.Connection) -> str:
        """SQL over ``alerts a``: the id of the exception that hides the alert, or NULL.

        It holds until this connection is given to another.
        """
        if not self.rows:
            return "NULL"
        state.create_function("exception_may", 2, self._may)
        state.create_function("exception_of", 3, self._of)
        return _EXPRESSION

    def hiding(self, rule_id: str, entity: str, sensors: frozenset[str]) -> StoredException | None:
        """The exception that hides such an alert."""
        for one in self._fitting(rule_id, entity):
            if EVERY in one.units:
                return one
            if sensors and all(self.units.get(sensor) in one.units for sensor in sensors):
                return one
        return None

    def _may(self, rule_id: str, entity: str) -> bool:
        return bool(self._fitting(rule_id, entity))

    def _of(self, rule_id: str, entity: str, sensors: str | None) -> str | None:
        found = self.hiding(rule_id, entity, frozenset((sensors or "").split(",")) - {""})
        return found.id if found else None

    def _fitting(self, rule_id: str, entity: str) -> tuple[StoredException, ...]:
        key = (rule_id, entity)
        found = self._remembered.get(key)
        if found is None:
            found = tuple(self._found(rule_id, entity))
            if len(found) > 1:
                found = tuple(sorted(found, key=lambda one: (-one.expires_at, one.id)))
            if len(self._remembered) >= _REMEMBERED_MAX:
                self._remembered.clear()
            self._remembered[key] = found
        return found

    def _found(self, rule_id: str, entity: str) -> Iterator[StoredException]:
        for rule in (rule_id, EVERY):
            for value in (entity, EVERY):
                yield from self._exact.get((rule, value), ())
        address = _address(entity) if self._networks else None
        if address is None:
            return
        number = int(address)
        for (rule, kind, bits), networks in self._networks.items():
            if kind == address.version and rule in (rule_id, EVERY):
                yield from networks.get(number >> bits, ())


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
