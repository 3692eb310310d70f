"""Sources: which sensors the rules wait for, and since when; every change is sealed.

Alerts must not depend on which sensor is read first. So the watermark waits for every enrolled
sensor, heard or not, from the event time its record names; whoever reads the log again waits for
the same sensors from the same times. What a sensor sends of before its time is late by that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from analytics.engine import BEGINNING
from analytics.judge import Waiting
from analytics.memory import NEVER
from collector.control import SENSOR as CONTROL
from collector.control import Action, ControlLog
from collector.enrolments import Enrolments, is_own
from collector.health import SensorStatus
from schema.event import AcceptedBatch
from schema.times import from_text, to_text

EFFECTIVE_AT: Final = "effective_at"
_READ_BATCHES: Final = 64


class Sources:
    """Tells the engine whom to wait for. For the pipeline's thread only."""

    def __init__(self, engine: Waiting, *, control: ControlLog, enrolments: Enrolments) -> None:
        self._engine = engine
        self._control = control
        self._enrolments = enrolments
        self._version: int | None = None
        self._recorded: dict[tuple[str, int], int] = {}
        """Since when, by sensor and its last batch before, where the log is read again."""

    def resume(self, read: Callable[[str, int, int], Sequence[AcceptedBatch]]) -> None:
        """Before the log is read: as the sealed records say, where the engine begins anew.

        Of several records behind the same batch the last counts: a crash may have undone those
        before it. ``read`` gives a sensor's batches behind a number.
        """
        number = 0
        while not self._engine.cursors and (batches := read(CONTROL, number, _READ_BATCHES)):
            number = batches[-1].number
            for event in (one for batch in batches for one in batch.events):
                if event.get("event.action") in ("sensor_enrolled", "source_readmitted"):
                    sensor, last = event["gov.batch.sensor"], event.get("gov.batch.number", 0)
                    text = event.get(f"labels.{EFFECTIVE_AT}")
                    since = from_text(str(text)) if text else BEGINNING
                    self._recorded[str(sensor), int(str(last))] = since
        for sensor, _ in self._recorded:
            self._engine.require(sensor, self._recorded.get((sensor, 0), BEGINNING))
        self._admit()

    def follow(self) -> None:
        """Wait for sensors enrolled since last asked, and no longer for those revoked."""
        if self._enrolments.version == self._version:
            return
        self._version = self._enrolments.version
        gone = {name for name in self._engine.required if not is_own(name)} - self._admit()
        for sensor in sorted(gone):
            self._engine.release(sensor)
            self._note("sensor_revoked", sensor)

    def before(self, batch: AcceptedBatch) -> None:
        """A batch comes: its sensor is back, or is a chain of our own that has begun."""
        sensor, engine = batch.sensor, self._engine
        since = self._recorded.pop((sensor, batch.number - 1), None)
        if since is not None:
            engine.require(sensor, since)
        elif sensor not in engine.required:
            self._require(sensor)
        elif sensor in engine.excluded:
            self._readmit(sensor)

    def listen(self, statuses: Sequence[SensorStatus], *, give_up: bool) -> None:
        """Wait no longer for a sensor that is silent, and again for one that is heard.

        One whose next batch is refused is given up at once: it could hold up all the others.
        """
        for one in statuses:
            if one.name not in self._engine.required or is_own(one.name):
                continue
            excluded = one.name in self._engine.excluded
            heard = one.status == "active" and not one.refused
            if heard and excluded:
                self._readmit(one.name)
            elif not heard and not excluded and (give_up or one.refused):
                self._engine.exclude(one.name)
                self._note("source_excluded", one.name, reason=one.refused or one.status)

    def _admit(self) -> set[str]:
        """Require every active sensor; the chains sealed here are waited for once they begin."""
        active = {
            one.sensor
            for one in self._enrolments.all()
            if one.status == "active" and not is_own(one.sensor)
        }
        for sensor in sorted(active - self._engine.required):
            self._require(sensor)
        return active

    def _require(self, sensor: str) -> None:
        self._engine.require(sensor, self._engine.watermark)
        self._note("sensor_enrolled", sensor)

    def _readmit(self, sensor: str) -> None:
        self._engine.readmit(sensor, self._engine.watermark)
        self._note("source_readmitted", sensor)

    def _note(self, action: Action, sensor: str, *, reason: str = "") -> None:
        """Have sealed what changed: behind which batch of the sensor, and at which event time."""
        at = self._engine.watermark
        self._control.add(
            action,
            sensor=sensor,
            number=self._engine.cursors.get(sensor, 0),
            reason=reason,
            labels={EFFECTIVE_AT: to_text(at)} if abs(at) < NEVER else {},
        )
