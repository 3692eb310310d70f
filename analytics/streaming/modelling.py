"""Modelling: the one stage that reads the hours, with all books of all model rules.

A model is trained where its hours ask for it, while messages go on: no hour of its rule closes
before it is there, so every hour is scored by the model that was due for it, however long the
training takes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from analytics.coverage import Coverage
from analytics.foreseen import in_time_order
from analytics.memory import NEVER
from analytics.models.artefact import Artefact, TrainingRequest
from analytics.models.runs import ModelRuns
from analytics.streaming.artefacts import Library
from analytics.streaming.layout import Layout
from analytics.streaming.messages import Hours, Trained, hours_of, malformed
from analytics.streaming.origins import Origins, OriginsDump
from analytics.streaming.outbox import Telling
from analytics.streaming.ruling import Ruling, RulingDump
from analytics.streaming.stage import Sent
from analytics.tide import BEGINNING
from schema.alert import Alert
from schema.errors import FengsuiError
from schema.feed import Adopt

_logger = logging.getLogger(__name__)

HEAD: Final = "head"


class Trainer(Protocol):
    """Trains a model."""

    def train(self, request: TrainingRequest, *, wait: bool) -> Artefact | None:
        """The trained model; None while it is being trained, unless told to wait for it.

        Asked again with each message. Raises ``FengsuiError`` when training fails.
        """


class _Head(msgspec.Struct, frozen=True, array_like=True):
    origins: OriginsDump
    ruling: RulingDump
    told: list[int]


class Modelling:
    """Reads the one partition of the hours."""

    def __init__(
        self, *, layout: Layout, library: Library, trainer: Trainer, lateness_us: int
    ) -> None:
        self._lateness = lateness_us
        self._library = library
        self._trainer = trainer
        self._origins = Origins(layout.accepted)
        self._ruling = Ruling(library, lateness_us=lateness_us, datasets=frozenset())
        self._models = ModelRuns()
        self._coverage = Coverage()
        self._telling = Telling("hours/0")
        self._training: list[TrainingRequest] = []
        """What is being trained; hours that wait for it ask again after a restart."""

    def take(self, message: bytes) -> Sequence[Sent]:
        read = hours_of(message)
        unheard = self._origins.unheard(read.controls)
        self._library.fetch(one for one in unheard if isinstance(one, Adopt))
        fresh = self._origins.hear(read.origin, read.number, read.low, read.controls)
        if fresh is None:
            return ()
        for control in fresh:
            if isinstance(control, Adopt):
                self._models.begin(self._ruling.adopt(control))
        self._count(read)
        before = self._origins.watermark
        over = self._origins.rise() >= NEVER > before
        settled = self._origins.settled(self._lateness)
        alerts: dict[str, Alert] = {}
        trained: list[Trained] = []
        while True:
            self._training = [
                one for one in self._training if not self._train(one, trained, wait=over)
            ]
            requests = self._models.close(settled, alerts, self._coverage)
            if not requests:
                break
            self._training += requests
        if not self._training:
            # A rule whose hours wait for a model has not judged them all yet.
            for gone in self._ruling.succession.retire(settled):
                self._models.retire(gone)
        if alerts or trained or self._coverage or over:
            self._telling.tell(
                self._origins.watermark,
                alerts=in_time_order(alerts.values()),
                coverage=self._coverage,
                trained=trained,
            )
        return self._telling.take()

    def _count(self, read: Hours) -> None:
        for rule, entity, event, time, sequence, event_id in read.events:
            if rule >= len(read.rules):
                raise malformed("an event is of no model rule")
            self._models.add(
                read.rules[rule], entity, event, (time, read.sensor, sequence, event_id)
            )

    def _train(self, request: TrainingRequest, trained: list[Trained], *, wait: bool) -> bool:
        """Install a model, False while there is none yet; without one the hours go on with the
        model before.
        """
        try:
            artefact = self._trainer.train(request, wait=wait)
        except FengsuiError as error:
            _logger.warning("a model was not trained", extra={"why": str(error)})
            self._models.skip(request)
            return True
        if artefact is None:
            return False
        self._models.install(artefact)
        rows = len(request.rows)
        trained.append(Trained(request.model, artefact.id, rows, request.effective_at))
        return True

    def watermark(self) -> int | None:
        """Nothing older is waited for; None before the first word of it."""
        found = self._origins.watermark
        return None if found <= BEGINNING else found

    def look(self, now: int) -> Sequence[Sent]:
        del now
        return ()

    def snapshot(self) -> Mapping[str, bytes]:
        entries = self._ruling.succession.snapshot()
        entries.update(self._models.snapshot())
        head = _Head(self._origins.dump(), self._ruling.dump(), list(self._telling.numbers))
        entries[HEAD] = msgspec.msgpack.encode(head)
        return entries

    def restore(self, entries: Mapping[str, bytes]) -> None:
        """Take over a snapshot; raises ``msgspec.DecodeError`` and ``ValueError``."""
        if HEAD not in entries:
            return
        head = msgspec.msgpack.decode(entries[HEAD], type=_Head)
        self._origins.restore(head.origins)
        self._ruling.restore(head.ruling, entries)
        self._telling.numbers = list(head.told)
        self._models.begin(self._ruling.succession.evaluators)
        for name, raw in entries.items():
            self._models.restore(name, raw)
