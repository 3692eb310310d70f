"""Ports: the small Protocols through which the tiers reach the outside and each other.

Every adapter of a port passes the same contract tests in ``tests/contracts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from schema.alert import Alert, Closing
from schema.coverage import CoverageRow, Missed
from schema.event import AcceptedBatch, Fields
from schema.filter import Term
from schema.registers import Draft, RegisterVersion, RegisterView


class Clock(Protocol):
    """Where time comes from; a replay's clock follows recorded time."""

    def now(self) -> int:
        """Microseconds UTC."""


class Entropy(Protocol):
    """Where randomness comes from."""

    def take(self, size: int) -> bytes:
        """Fresh random bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHit:
    """A stored event and where its proof lies."""

    id: str
    sensor: str
    number: int
    index: int
    fields: Fields
    """Signed fields, then enrichment under its own names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Newest first; ``next_cursor`` is empty on the last page."""

    hits: Sequence[EventHit]
    next_cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucketed:
    """One row of an aggregation."""

    key: str
    count: int


class EventReader(Protocol):
    """Finding stored events."""

    def search(
        self,
        terms: Sequence[Term],
        *,
        start: int,
        end: int,
        limit: int,
        after: str = "",
        sensors: Sequence[str] | None = None,
    ) -> EventPage:
        """Events with start <= @timestamp < end (microseconds UTC), newest first.

        Of these sensors only, where given.
        """

    def count_by(
        self,
        terms: Sequence[Term],
        field: str,
        *,
        start: int,
        end: int,
        limit: int,
        sensors: Sequence[str] | None = None,
    ) -> Sequence[Bucketed]:
        """The most frequent values of a field; ``@timestamp/3600`` counts by hour in time order."""

    def get(self, event_id: str) -> EventHit | None:
        """One event by its id (hex), or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """The batches of a sensor up to ``number`` are gone from the log.

    Events of those that went just now lie between these times, both included.
    """

    sensor: str
    number: int
    first_at: int
    last_at: int


class EventIndex(EventReader, Protocol):
    """The searchable projection of the log; its rows and its cursor are committed together."""

    def insert(self, batches: Sequence[AcceptedBatch]) -> None:
        """Store the events of these batches; a batch already stored changes nothing."""

    def cursor(self, sensor: str) -> int:
        """Number of the sensor's last stored batch, 0 for none."""

    def expire(self, gone: Sequence[Expired]) -> None:
        """Forget the events of these batches; again changes nothing. Cursors never move back."""


class AlertStore(Protocol):
    """Alerts as the analytics tier decided them, with every revision kept."""

    def commit(
        self,
        alerts: Sequence[Alert],
        closings: Sequence[Closing],
        *,
        snapshot: dict[str, bytes],
        coverage: Sequence[CoverageRow] = (),
        missed: Sequence[Missed] = (),
        received_at: int,
        reason: str = "",
    ) -> None:
        """Store alerts (new, revised, withdrawn), coverage, misses and snapshot together.

        ``snapshot`` maps names to bytes; an empty value deletes the name. ``reason`` says why
        alerts change that were decided before.
        """

    def snapshot(self) -> Mapping[str, bytes]:
        """The engine's snapshot as last committed."""

    def final(self) -> Sequence[Alert]:
        """All final alerts in id order."""


class Registers(Protocol):
    """Registers with every version kept; what is approved is never changed again."""

    def view(self) -> RegisterView:
        """All that is approved so far; ``view().as_of(time)`` is what was known at a time."""

    def versions(self, register: str) -> Sequence[RegisterVersion]:
        """The versions of a register, newest first."""

    def propose(
        self, register: str, drafts: Sequence[Draft], *, whole: bool, source: str, by: str
    ) -> RegisterVersion:
        """Keep what the drafts change as the register's one proposal, in place of the one before.

        ``whole`` lists the whole register: rows left out end. Raises where nothing would change.
        """

    def apply(self, register: str, number: int, *, by: str) -> RegisterVersion:
        """Approve a proposal: from now on the view has it, and the control log says so."""
