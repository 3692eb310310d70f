"""Store: where the e-certificate platform keeps its records; here, in memory.

The other adapter is a database: :mod:`living.certificates.postgres`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Protocol

from district.certificates.records import Case, Certificate, Consent, UseCode

__all__ = ["MemoryStore", "Record", "Store"]

Record = Certificate | Case | UseCode | Consent


class Store(Protocol):
    """What the platform asks of a database."""

    def certificate(self, licence: str) -> Certificate | None:
        """The certificate of that code."""

    def held(self, holder: str, item: str) -> Certificate | None:
        """The certificate of that kind that a person holds."""

    def find(self, kind: type[Record], number: str) -> Record | None:
        """A case, use code or consent by its number."""

    def cases_of(self, operator: str) -> list[Case]:
        """A clerk's cases, the newest last."""

    def save(self, record: Record) -> None:
        """Write a new record, or an old one that changed."""

    def next_number(self) -> int:
        """The next of the running numbers, which all kinds of records share: 1, 2, 3 …"""


class MemoryStore:
    """The store of a made-up district."""

    def __init__(self) -> None:
        self._certificates: dict[str, Certificate] = {}
        self._held: dict[tuple[str, str], str] = {}
        self._others: dict[tuple[type[Record], str], Record] = {}
        self._cases: dict[str, dict[str, Case]] = defaultdict(dict)
        self.numbers = 0
        """The last running number that was given out."""

    def certificate(self, licence: str) -> Certificate | None:
        return self._certificates.get(licence)

    def held(self, holder: str, item: str) -> Certificate | None:
        return self._certificates.get(self._held.get((holder, item), ""))

    def find(self, kind: type[Record], number: str) -> Record | None:
        return self._others.get((kind, number))

    def cases_of(self, operator: str) -> list[Case]:
        return list(self._cases[operator].values())

    def save(self, record: Record) -> None:
        if isinstance(record, Certificate):
            self._certificates[record.licence] = record
            self._held[record.holder, record.item] = record.licence
        elif isinstance(record, Case):
            self._others[Case, record.no] = record
            self._cases[record.operator][record.no] = record
        elif isinstance(record, UseCode):
            self._others[UseCode, record.code] = record
        else:
            self._others[Consent, record.id] = record

    def next_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def records(self) -> Iterator[Record]:
        """All of them; a clerk's cases in the order they were opened."""
        yield from self._certificates.values()
        yield from self._others.values()
