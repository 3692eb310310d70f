"""Follower: reads what is new in every sensor's log, fairly, and stops at what cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from collector.control import ControlLog
from collector.door import known_sensors
from collector.enrolments import Enrolments
from schema import log
from schema.batch import Batch
from schema.errors import FengsuiError
from schema.log import Cursor

UNREADABLE: Final = "collector.log.unreadable"
"""Why a sensor stands still whose segments the system does not give out."""

_logger = logging.getLogger(__name__)


class Follower:
    """Cursors over the log. A stopped sensor is tried again once an enrolment changed."""

    def __init__(
        self,
        segments: Path,
        *,
        enrolments: Enrolments,
        control: ControlLog,
        taken: Callable[[str], int],
    ) -> None:
        """``taken`` gives the number of the last batch taken in of a sensor."""
        self._segments = segments
        self._enrolments = enrolments
        self._control = control
        self._taken = taken
        self._readers: dict[str, log.Reader] = {}
        self._stopped: dict[str, tuple[str, int]] = {}
        self._failing: dict[str, str] = {}
        """Sensors whose log the system does not let us read now, and why."""
        self._turn = 0

    def stopped(self, sensor: str) -> str:
        """Why the sensor's next batch is not let in; empty while it goes on."""
        return self._stopped.get(sensor, ("", 0))[0] or self._failing.get(sensor, "")

    def stop(self, sensor: str, error: FengsuiError) -> None:
        """Read no further in this sensor's log for now."""
        _logger.warning("a sensor stopped", extra={"sensor": sensor, "code": error.code})
        self._stopped[sensor] = (error.code, self._enrolments.version)
        self._readers.pop(sensor, None)

    def rewind(self, sensor: str = "") -> None:
        """Begin again behind what was taken in, of one sensor or of all."""
        if sensor:
            self._readers.pop(sensor, None)
        else:
            self._readers.clear()

    def rewritten(self, sensor: str) -> None:
        """A segment was swapped: places in it are not where they were."""
        reader = self._readers.get(sensor)
        if reader:
            self._begin(sensor, reader.cursor.number)

    def read(self, batches_max: int) -> dict[str, list[Batch]]:
        """New batches by sensor: a share each, then what is left to those that have more."""
        ready = [sensor for sensor in known_sensors(self._segments) if self._runs(sensor)]
        self._turn += 1
        turn = self._turn % max(1, len(ready))
        ready = ready[turn:] + ready[:turn]
        found: dict[str, list[Batch]] = {sensor: [] for sensor in ready}
        share, left = max(1, batches_max // max(1, len(ready))), batches_max
        while left > 0 and ready:
            for sensor in list(ready):
                wanted = min(share, left)
                got = self._read_sensor(sensor, wanted)
                found[sensor] += got
                left -= len(got)
                if len(got) < wanted or left == 0:
                    ready.remove(sensor)
            share = left
        return found

    def _runs(self, sensor: str) -> bool:
        """Whether the sensor is not stopped, or something changed since it was."""
        stopped = self._stopped.get(sensor)
        if stopped and stopped[1] == self._enrolments.version:
            return False
        self._stopped.pop(sensor, None)
        return True

    def _read_sensor(self, sensor: str, wanted: int) -> list[Batch]:
        if wanted < 1:
            return []
        reader = self._readers.get(sensor)
        if reader is None:
            reader = self._begin(sensor, self._taken(sensor))
        before = reader.cursor
        try:
            found = reader.read(wanted)
        except FengsuiError as error:
            return self._read_up_to_damage(sensor, before.number, wanted, error)
        except OSError as error:
            self._failed(sensor, error)
            return []
        self._failing.pop(sensor, None)
        return found

    def _failed(self, sensor: str, error: OSError) -> None:
        """Nothing was read: it is tried again with each step, and the others go on meanwhile."""
        if sensor not in self._failing:
            _logger.warning("a log is unreadable", extra={"sensor": sensor, "why": str(error)})
            self._control.add(
                "gap",
                sensor=sensor,
                reason=UNREADABLE,
                message=f"the log of {sensor} cannot be read: {error.strerror}; it is tried again",
            )
        self._failing[sensor] = UNREADABLE

    def _read_up_to_damage(
        self, sensor: str, after: int, wanted: int, error: FengsuiError
    ) -> list[Batch]:
        """The batches before the damage, one by one; at the damage the sensor stops."""
        reader = self._begin(sensor, after)
        found: list[Batch] = []
        try:
            while len(found) < wanted and (one := reader.read(1)):
                found += one
        except FengsuiError:
            self._begin(sensor, found[-1].header.number if found else after)
        if not found:
            self.stop(sensor, error)
            self._control.add(
                "batch_refused",
                sensor=sensor,
                number=after + 1,
                reason=error.code,
                message=str(error.args[0]),
            )
        return found

    def _begin(self, sensor: str, number: int) -> log.Reader:
        reader = log.Reader(self._segments / sensor, Cursor(number=number))
        self._readers[sensor] = reader
        return reader
