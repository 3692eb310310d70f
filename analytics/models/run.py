"""Run: one model rule over all partitions: closes hours, asks for training, raises alerts.

Hours close in order once they are settled, so nothing here is ever revised. At each boundary of
training no further hour closes until the artefact is installed: whether the trainer takes a
second or a day, every hour is scored by the artefact that was due for it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from analytics.keys.state import alert_id
from analytics.models.artefact import Artefact, TrainingRequest, check
from analytics.models.features import FEATURES
from analytics.models.forest import Scorer
from analytics.models.hours import ClosedHour, HourBook
from analytics.patterns import EntityHours
from analytics.rule import Rule
from schema.alert import Alert, Condition
from schema.errors import FengsuiError
from schema.times import DAY, HOUR

ROWS_MAX: Final = 20_000
"""Newest rows trained on: 700 entities around the clock; each tree samples 256 of them anyway."""

ROWS_MIN: Final = 256
"""What each tree samples: with fewer rows there is too little to learn from, so it waits."""

RETRAIN_US: Final = DAY

RISE_MIN: Final = 32
"""Requests, distinct values or bytes must be at least four times the entity's own normal (two
doublings in sixteenths): a rare mixture of small deviations is no finding for an officer."""

_RISING: Final = (0, 1, 3)
"""Positions of the features RISE_MIN asks for."""

REASONS_MAX: Final = 3
PREFIX: Final = "model"


def part_of(rule: Rule) -> str:
    """How a model rule is named in the snapshot: what another version learnt is not its own."""
    return f"{rule.id}@{rule.stamp}"


class RunDump(msgspec.Struct, frozen=True, array_like=True):
    """A run as it lies in a snapshot; the rows have entries of their own, one for each hour."""

    start: int | None
    trained_at: int | None
    artefact: Artefact | None


class ModelRun:
    """The part of a model rule's state that is not an entity's."""

    def __init__(self, rule: Rule, spec: EntityHours, books: list[HourBook]) -> None:
        self.rule = rule
        self.spec = spec
        self._books = books
        self._start: int | None = None
        self._trained_at: int | None = None
        """From when on the artefact in force, or the one that failed, was due."""
        self._awaiting: TrainingRequest | None = None
        self._asked = False
        self._forgotten_at: int | None = None
        self._scorer: Scorer | None = None
        self._rows: dict[int, tuple[tuple[int, ...], ...]] = {}
        self._row_count = 0
        self._changed_hours: dict[int, None] = {}
        self._changed = False

    @property
    def waits(self) -> bool:
        """Whether no hour closes before an artefact is installed or its training skipped."""
        return self._awaiting is not None

    def close(self, settled: int, alerts: dict[str, Alert]) -> TrainingRequest | None:
        """Close the hours that are settled; a request stops it until :meth:`install`."""
        while not self._awaiting:
            begin = min(
                (hour for book in self._books if (hour := book.first_open()) is not None),
                default=None,
            )
            if begin is None or begin + HOUR > settled:
                return None
            self._plan(begin)
            if not self._awaiting:
                self._close_hour(begin, alerts)
        if self._asked:
            return None
        self._asked = True
        return self._awaiting

    def _plan(self, begin: int) -> None:
        """Ask for training where this hour is the first with enough history, or a day after."""
        self._changed = True
        if self._start is None:
            self._start = begin
        due = self._start + self.spec.minimum_history_hours * HOUR
        if self._trained_at is not None:
            due = self._trained_at + RETRAIN_US
        if begin < due or self._row_count < ROWS_MIN:
            return
        rows = tuple(row for hour in sorted(self._rows) for row in self._rows[hour])
        self._awaiting = TrainingRequest(
            model=self.rule.id, features=FEATURES, rows=rows[-ROWS_MAX:], effective_at=begin
        )
        self._asked = False

    def install(self, artefact: Artefact) -> None:
        """Score with this artefact from its event time on.

        Raises ``analytics.model.refused`` for one that is not sound or not the one asked for.
        """
        check(artefact)
        awaiting = self._awaiting
        if awaiting is not None and artefact.effective_at < awaiting.effective_at:
            raise FengsuiError(
                "analytics.model.refused",
                f"model {artefact.model} was asked for hours from {awaiting.effective_at} on, "
                f"this one is of {artefact.effective_at}",
                model=artefact.model,
            )
        self._scorer = Scorer(artefact)
        self._trained(artefact.effective_at)

    def skip(self) -> None:
        """Go on with the artefact before: training at this boundary failed."""
        if self._awaiting is not None:
            self._trained(self._awaiting.effective_at)

    def _trained(self, at: int) -> None:
        self._trained_at = at
        self._awaiting = None
        self._changed = True

    def _close_hour(self, begin: int, alerts: dict[str, Alert]) -> None:
        rows: list[tuple[str, tuple[int, ...]]] = []
        for book in self._books:
            for closed in book.close(begin):
                if closed.row is None:
                    continue
                rows.append((closed.entity, closed.row))
                alert = self._judge(closed, closed.row, book)
                if alert:
                    alerts[alert.id] = alert
        if self._forgotten_at is None or begin - self._forgotten_at >= DAY:
            self._forgotten_at = begin
            for book in self._books:
                book.forget(begin)
        for book in self._books:
            book.trim(begin)
        if rows:
            # By entity, so that the order of the partitions does not show in the training.
            self._keep(begin, tuple(row for _, row in sorted(rows)))

    def _keep(self, begin: int, rows: tuple[tuple[int, ...], ...]) -> None:
        self._rows[begin] = rows
        self._changed_hours[begin] = None
        self._row_count += len(rows)
        while len(self._rows) > 1:
            oldest = min(self._rows)
            if self._row_count - len(self._rows[oldest]) < ROWS_MAX:
                return
            self._row_count -= len(self._rows.pop(oldest))
            self._changed_hours[oldest] = None

    def _judge(self, closed: ClosedHour, row: tuple[int, ...], book: HourBook) -> Alert | None:
        if self._scorer is None or closed.hour.hour < self._scorer.artefact.effective_at:
            return None
        if max(row[place] for place in _RISING) < RISE_MIN:
            return None
        score = self._scorer.score(row)
        if score < self.spec.alert_score:
            return None
        # The hour's last event: the hour is complete with it, and it lies inside the hour.
        decided_at = closed.hour.last_at
        cell = decided_at - decided_at % self.rule.suppression_us
        if not book.claim(closed.entity, cell):
            return None
        rule = self.rule
        return Alert(
            id=alert_id(rule, closed.entity, cell),
            rule_id=rule.id,
            rule_version=rule.major,
            entity_field=rule.entity_field,
            entity=closed.entity,
            cell=cell,
            decided_at=decided_at,
            severity=rule.severity,
            score=rule.score,
            conditions=self._conditions(closed, row, score),
            events=tuple(sorted(order[3].hex() for order in closed.hour.first)),
            count=closed.hour.count,
            state="final",
        )

    def _conditions(
        self, closed: ClosedHour, row: tuple[int, ...], score: int
    ) -> tuple[Condition, ...]:
        """The score, then the features furthest above the entity's own normal."""
        anomaly = Condition(
            name="anomaly_score",
            value=score,
            threshold=self.spec.alert_score,
            comparison="gte",
        )
        normals = closed.history.normals()
        loudest = sorted(range(len(row)), key=lambda place: (-row[place], place))
        reasons = (
            Condition(
                name=FEATURES[place],
                value=closed.values[place],
                threshold=normals[place],
                comparison="gt",
            )
            for place in loudest[:REASONS_MAX]
            if row[place]
        )
        return (anomaly, *reasons)

    def snapshot(self) -> dict[str, bytes]:
        """Entries changed since last asked."""
        parts: dict[str, bytes] = {}
        prefix = f"{PREFIX}/{part_of(self.rule)}"
        for hour in self._changed_hours:
            rows = self._rows.get(hour)
            parts[f"{prefix}/rows/{hour}"] = msgspec.msgpack.encode(rows) if rows else b""
        if self._changed:
            dump = RunDump(
                start=self._start,
                trained_at=self._trained_at,
                artefact=self._scorer.artefact if self._scorer else None,
            )
            parts[f"{prefix}/state"] = msgspec.msgpack.encode(dump)
        self._changed_hours.clear()
        self._changed = False
        return parts

    def names(self) -> list[str]:
        """Its entries in the snapshot."""
        prefix = f"{PREFIX}/{part_of(self.rule)}"
        return [f"{prefix}/state", *(f"{prefix}/rows/{hour}" for hour in self._rows)]

    def restore(self, name: str, raw: bytes) -> None:
        """Take over one entry; a request that was open is asked again by the next close."""
        if name == "state":
            dump = msgspec.msgpack.decode(raw, type=RunDump)
            self._start, self._trained_at = dump.start, dump.trained_at
            self._scorer = Scorer(dump.artefact) if dump.artefact else None
            return
        rows = msgspec.msgpack.decode(raw, type=tuple[tuple[int, ...], ...])
        self._rows[int(name.removeprefix("rows/"))] = rows
        self._row_count += len(rows)
