"""Enrichment: what stands beside an event's signed fields, worked out when asked for.

It follows from the event and its receipt alone, so nothing of it is stored but the unusual:
fields the catalogue does not know, or of another type than it says, as ``labels.<name>``, and what
a geo file tells of an event's addresses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, overload

from schema.event import ADDED, PLACES, Fields, Value
from schema.times import to_text

RELATED_IP: Final = ("source.ip", "destination.ip")
_FOLLOWS: Final = ADDED - PLACES
"""What can be worked out again from an event and its receipt."""
RELATED_USER: Final = ("user.name", "user.target.name", "user.effective.name")
_SEVERITY_BY_LEVEL: Final[Mapping[str, int]] = {
    "emerg": 3, "emergency": 3, "alert": 3, "crit": 3, "critical": 3, "fatal": 3, "panic": 3,
    "err": 2, "error": 2, "warn": 1, "warning": 1,
}  # fmt: skip


@lru_cache(maxsize=1024)
def severity(level: str | None, outcome: str | None) -> int:
    """0 to 3 of a log level and an outcome: what broke, what failed, what warns, the rest."""
    by_level = _SEVERITY_BY_LEVEL.get(level.lower(), 0) if level else 0
    return max(by_level, 1 if outcome == "failure" else 0)


def severity_of(fields: Fields) -> int:
    """The event's own severity, or the one that follows from it."""
    own = fields.get("event.severity")
    if type(own) is int:
        return own
    level, outcome = fields.get("log.level"), fields.get("event.outcome")
    return severity(
        level if isinstance(level, str) else None, outcome if isinstance(outcome, str) else None
    )


def derived(fields: Fields, *, event_id: bytes, received_at: int) -> Fields:
    """What follows from one event and the time its batch was received (microseconds UTC)."""
    added: Fields = {"event.id": event_id.hex()}
    if received_at:
        added["event.ingested"] = to_text(received_at)
    if "event.severity" not in fields:
        added["event.severity"] = severity_of(fields)
    for name, sources in (("related.ip", RELATED_IP), ("related.user", RELATED_USER)):
        values = {fields[source] for source in sources if isinstance(fields.get(source), str)}
        if values:
            added[name] = sorted(str(value) for value in values)
    return added


class Enrichment(Sequence[Fields]):
    """The enrichment of a batch's events, each made when it is looked at."""

    __slots__ = ("_events", "_ids", "_received_at", "unusual")

    def __init__(
        self,
        events: Sequence[Fields],
        ids: Sequence[bytes],
        *,
        received_at: int,
        unusual: Mapping[int, Mapping[str, Value]],
    ) -> None:
        self._events = events
        self._ids = ids
        self._received_at = received_at
        self.unusual = unusual
        """Labels and places of addresses, by place in the columns, for events that have any."""

    def __len__(self) -> int:
        return len(self._events)

    @overload
    def __getitem__(self, place: int) -> Fields: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Fields]: ...
    def __getitem__(self, place: int | slice) -> Fields | Sequence[Fields]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        at = place if place >= 0 else len(self) + place
        added = derived(self._events[at], event_id=self._ids[at], received_at=self._received_at)
        return {**added, **self.unusual.get(at, {})}


def unusual_of(batch_enrichment: Sequence[Fields]) -> Mapping[int, Mapping[str, Value]]:
    """The part of an enrichment that cannot be worked out again, by place."""
    if isinstance(batch_enrichment, Enrichment):
        return batch_enrichment.unusual
    kept = {
        place: {name: value for name, value in added.items() if name not in _FOLLOWS}
        for place, added in enumerate(batch_enrichment)
    }
    return {place: labels for place, labels in kept.items() if labels}
