"""Sightings: which hosts events have shown, with what belongs to them, first and last when.

Read from the index, a day at a time and by counts, so a look costs as much as a few searches
however many events there are; times are therefore of the day for hosts. Everything is learned from
stored events, so :meth:`Sightings.rebuild` gives it again. Bounded: what is beyond a bound is
counted and told, never silently left out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from collector.assets.details import Details, Kind
from collector.state.database import Database
from schema.filter import Term
from schema.ports import EventReader
from schema.times import DAY, from_text

HOSTS_MAX: Final = 20_000
"""Hosts of one site: a district has some thousand machines."""
PORTS_PER_DAY_MAX: Final = 10_000
"""Changes of listening ports read of one day; a machine that opens ports all day is one alert."""
DAYS_AT_ONCE_MAX: Final = 200
"""Days of one look: as long as logs are kept."""
_PAGE: Final = 500
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - what a listener says, nothing is bound
_LISTENING: Final = Term(field="event.dataset", match="equals", value="host.listening")

Seen: TypeAlias = dict[tuple[str, Kind, str], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Asset:
    """One host as events show it."""

    host: str
    first_at: int
    last_at: int
    ports: Mapping[str, int] = field(default_factory=dict)
    """``tcp/443`` and when it was first seen listening for others than itself."""
    shown: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    """Everything else events said of it, by kind; of its addresses and their names too."""

    def values(self, kind: Kind) -> tuple[str, ...]:
        """What it showed of one kind, sorted."""
        return self.shown.get(kind, ())


class Sightings:
    """What was learned, in the state of record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def learn(self, events: EventReader, *, since: int, now: int, details: bool = True) -> int:
        """Look at the events from ``since`` on; returns how many bounds were met.

        Without ``details`` only for hosts and ports, which is a small part of the work.
        """
        start = max(since, now - DAYS_AT_ONCE_MAX * DAY) // DAY * DAY
        met = 0
        for day in range(start, now + 1, DAY):
            seen: Seen = {}
            met += _hosts(events, day, min(day + DAY, now + 1), seen)
            met += _ports(events, day, day + DAY, seen)
            if details:
                met += _details(events, day, min(day + DAY, now + 1), seen)
            if seen:
                self._keep(seen)
        return met

    def rebuild(self, events: EventReader, *, now: int) -> int:
        """Forget everything and learn it from what is stored."""
        self._database.write(lambda state: state.execute("DELETE FROM asset_sightings"))
        return self.learn(events, since=0, now=now)

    def last_at(self) -> int:
        """Up to when was learned; 0 for never."""
        with self._database.read() as state:
            found: int = state.execute(
                "SELECT coalesce(max(last_at), 0) FROM asset_sightings"
            ).fetchone()[0]
        return found

    def assets(self) -> list[Asset]:
        """Every host seen, by name."""
        hosts: list[tuple[str, int, int]] = []
        ports: dict[str, dict[str, int]] = {}
        shown: dict[str, dict[Kind, list[str]]] = {}
        with self._database.read() as state:
            for row in state.execute("SELECT * FROM asset_sightings ORDER BY host, kind, value"):
                if row["kind"] == "host":
                    hosts.append((row["host"], row["first_at"], row["last_at"]))
                elif row["kind"] == "port":
                    ports.setdefault(row["host"], {})[row["value"]] = row["first_at"]
                else:
                    shown.setdefault(row["host"], {}).setdefault(row["kind"], []).append(
                        row["value"]
                    )
        return [
            Asset(host, first, last, ports.get(host, {}), _joined(host, shown))
            for host, first, last in hosts
        ]

    def _keep(self, seen: Seen) -> None:
        def job(state: sqlite3.Connection) -> None:
            state.executemany(
                "INSERT INTO asset_sightings VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "first_at = min(first_at, excluded.first_at), "
                "last_at = max(last_at, excluded.last_at)",
                [(*what, first, last) for what, (first, last) in seen.items()],
            )

        self._database.write(job)


def _hosts(events: EventReader, start: int, end: int, seen: Seen) -> int:
    found = events.count_by([], "host.name", start=start, end=end, limit=HOSTS_MAX)
    for one in found:
        if one.key:
            seen[str(one.key), "host", ""] = start, end - 1
    return int(len(found) >= HOSTS_MAX)


def _details(events: EventReader, start: int, end: int, seen: Seen) -> int:
    look = Details(events, start=start, end=end)
    for fact in look.facts():
        seen[fact] = start, end - 1
    return int(look.met)


def _joined(
    host: str, shown: Mapping[str, Mapping[Kind, list[str]]]
) -> Mapping[Kind, tuple[str, ...]]:
    """What was said of a host, of its addresses, and of the names these answer for."""
    own = shown.get(host, {})
    names = [host, *own.get("address", ())]
    pages = [page for name in names for page in shown.get(name, {}).get("name", ())]
    found: dict[Kind, set[str]] = {}
    for name in (*names, *pages):
        for kind, values in shown.get(name, {}).items():
            found.setdefault(kind, set()).update(values)
    return {kind: tuple(sorted(values)) for kind, values in found.items()}


def _ports(events: EventReader, start: int, end: int, seen: Seen) -> int:
    met = 0
    for fields in _listening(events, start, end):
        if fields is None:
            met = 1
            break
        host, number = fields.get("host.name"), fields.get("destination.port")
        address = str(fields.get("destination.ip", ""))
        # A port only the machine itself reaches is exposed to nobody.
        if not host or number is None or address.startswith("127.") or address == "::1":
            continue
        at = from_text(str(fields["@timestamp"]))
        what: tuple[str, Kind, str] = (
            str(host), "port", f"{str(fields.get('network.protocol', 'tcp')).rstrip('6')}/{number}",
        )  # fmt: skip
        _widen(seen, what, at)
        if address and address not in _EVERYWHERE:
            _widen(seen, (str(host), "address", address), at)
        if process := fields.get("process.name"):
            _widen(seen, (str(host), "service", f"{process} {what[2]}"), at)
    return met


def _widen(seen: Seen, what: tuple[str, Kind, str], at: int) -> None:
    first, last = seen.get(what, (at, at))
    seen[what] = min(first, at), max(last, at)


def _listening(events: EventReader, start: int, end: int) -> Iterator[Mapping[str, object] | None]:
    """The events of a day, and None where there are more than are read."""
    after, left = "", PORTS_PER_DAY_MAX
    while True:
        page = events.search([_LISTENING], start=start, end=end, limit=_PAGE, after=after)
        for hit in page.hits:
            yield hit.fields
        left -= len(page.hits)
        after = page.next_cursor
        if not after:
            return
        if left <= 0:
            yield None
            return
