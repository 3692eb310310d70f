"""Intake: lets only good events in. From the log through every check into the index, once.

The index commits its rows with its own cursor, then the state of record commits chain, marks and
counts in one transaction. A crash between the two repeats the step, and the index passes over
what it has. A batch that fails stops its own sensor, is named and kept; the others go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from collector import columns, opening
from collector.columns import Columns
from collector.control import SENSOR as CONTROL_SENSOR
from collector.control import ControlLog
from collector.door import Door, head_of, known_sensors, note_refusal
from collector.enrolments import Enrolments
from collector.health import Health, SensorStatus, capped, claimed_beat
from collector.idfile import Block
from collector.idindex import IdIndex
from collector.quarantine import Quarantine
from collector.redaction import Redaction, places
from collector.state import chains
from collector.state.chains import BatchRow, ChainState, Progress
from collector.state.database import Database
from crypto import sm2
from schema import batch as batches
from schema import heartbeat, log
from schema.batch import Batch
from schema.errors import FengsuiError
from schema.event import AcceptedBatch
from schema.heartbeat import Heartbeat
from schema.log import Cursor
from schema.ports import Clock, EventIndex
from schema.receipt import Head, Receipt, sign_receipt

_logger = logging.getLogger(__name__)

DEMONSTRATION: Final = "demonstration"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A batch that passed every check, and where its chain stands behind it."""

    batch: Batch
    state: ChainState
    accepted: AcceptedBatch
    columns: Columns
    block: Block
    late: int


class Intake:
    """The way of sealed batches from the log into index and rules. One thread steps it."""

    def __init__(
        self,
        folder: Path,
        *,
        database: Database,
        index: EventIndex,
        ids: IdIndex,
        enrolments: Enrolments,
        receipt_key: sm2.PrivateKey,
        control: ControlLog,
        clock: Clock,
        realm: str,
        closers: Mapping[str, Callable[[], None]],
    ) -> None:
        """``closers`` close the open segment of chains this process writes, by sensor.

        Each writer beside the control log and the door must be there before a batch of it may
        be redacted.
        """
        self._segments = folder / "segments"
        self._database = database
        self._index = index
        self._ids = ids
        self._enrolments = enrolments
        self._receipt_key = receipt_key
        self._control = control
        self._clock = clock
        self._closers = closers
        self._states = chains.load(database)
        self._marks = chains.load_marks(database)
        self._readers: dict[str, log.Reader] = {}
        self._again: dict[str, log.Reader] = {}
        self._stopped: dict[str, tuple[str, int]] = {}
        self._turn = 0
        self._quarantine = Quarantine(folder / "quarantine")
        self._health = Health(
            control, gaps=chains.load_gaps(database), follows_recording=realm == DEMONSTRATION
        )
        self._redaction = Redaction(
            self._segments, control, settle=self._settle, rewritten=self._rewritten
        )
        self._door = Door(
            self._segments,
            enrolments=enrolments,
            receipt_key=receipt_key,
            control=control,
            quarantine=self._quarantine,
            clock=clock,
            taken=self._state,
        )
        self.accept = self._door.accept
        for state in self._states.values():
            ids.resume(state.sensor, state.number)
        self._seal_lost_receipts()

    def sensors(self) -> list[str]:
        """Sensors with a chain in the log."""
        return known_sensors(self._segments)

    def step(self, batches_max: int) -> list[AcceptedBatch]:
        """Take in at most that many new batches, fairly among sensors.

        What is returned is committed. Raises ``OSError`` or the index's error when nothing could
        be stored; the step can be tried again.
        """
        taken: list[_Taken] = []
        for sensor, found in self._read(batches_max).items():
            state, marks = self._state(sensor), dict(self._marks.get(sensor, {}))
            for batch in found:
                try:
                    one = self._take(batch, state, marks)
                except FengsuiError as error:
                    self._refuse(sensor, batch, error)
                    break
                except OSError as error:
                    _logger.warning("the log cannot be rewritten", extra={"why": str(error)})
                    break
                taken.append(one)
                state = one.state
                marks.update(one.columns.marks)
        self._commit(taken)
        return [one.accepted for one in taken]

    def read_again(self, sensor: str, after_number: int, count_max: int) -> list[AcceptedBatch]:
        """Batches already taken in behind that number, column for column as they were."""
        last = self._state(sensor).number
        reader = self._again.get(sensor)
        if reader is None or reader.cursor.number != after_number:
            reader = log.Reader(self._segments / sensor, Cursor(number=after_number))
        self._again[sensor] = reader
        rows = chains.load_batches(self._database, sensor, after=after_number, count_max=count_max)
        if not rows:
            del self._again[sensor]
            return []
        found = [batch for batch in reader.read(count_max) if batch.header.number <= last]
        return [_again(batch, rows[batch.header.number]) for batch in found]

    def heartbeat(self, signed: heartbeat.Signed) -> Heartbeat:
        """The verified heartbeat, its watermark cut to what counts here.

        It counts once everything up to the head it names was taken in. Raises ``CryptoError`` for
        a wrong signature and ``collector.batch.*`` for a sensor that is not enrolled here.
        """
        claimed = claimed_beat(signed)
        enrolment = self._enrolments.of_batch(claimed.sensor, claimed.enrolment)
        if not enrolment.current or enrolment.status != "active":
            raise FengsuiError(
                "collector.batch.revoked",
                f"{claimed.sensor} may not seal under enrolment {claimed.enrolment} any more",
                sensor=claimed.sensor,
            )
        beat = heartbeat.verify(signed, enrolment.key)
        if beat.realm != enrolment.realm:
            raise FengsuiError(
                "schema.batch.foreign", f"{beat.sensor} is not of {beat.realm}", sensor=beat.sensor
            )
        now = self._clock.now()
        state = self._state(beat.sensor)
        self._health.seen(beat.sensor, now, before=state.received_at)
        self._health.beat(beat, now)
        least = state.low_watermark
        if beat.head != state.hash:
            return capped(beat, least)
        return capped(
            beat, self._health.watermark(beat.sensor, beat.low_watermark, now=now, least=least)
        )

    def status(self) -> list[SensorStatus]:
        """How every sensor stands, enrolled or only found in the log, by name."""
        now = self._clock.now()
        enrolled = {one.sensor: one for one in self._enrolments.all()}
        return [
            self._health.status(
                sensor,
                enrolled.get(sensor),
                state=self._state(sensor),
                now=now,
                refused=self._stopped.get(sensor, ("", 0))[0],
            )
            for sensor in sorted({*enrolled, *self.sensors()})
        ]

    def heads(self) -> list[Head]:
        """The head of every chain as far as it was taken in, by sensor."""
        return [head_of(state) for _, state in sorted(self._states.items()) if state.number]

    def receipt(self, sensor: str) -> Receipt | None:
        """A fresh counter-signature over the sensor's head, None before its first batch."""
        state = self._state(sensor)
        if not state.number:
            return None
        return sign_receipt(head_of(state), state.received_at, self._receipt_key)

    def _state(self, sensor: str) -> ChainState:
        return self._states.get(sensor) or ChainState(sensor=sensor)

    def _read(self, batches_max: int) -> dict[str, list[Batch]]:
        """New batches by sensor: a share each, then what is left to those that have more."""
        ready = [sensor for sensor in self.sensors() if self._runs(sensor)]
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
            reader = self._rewind(sensor, self._state(sensor).number)
        before = reader.cursor
        try:
            return reader.read(wanted)
        except FengsuiError as error:
            return self._read_up_to_damage(sensor, before.number, wanted, error)

    def _read_up_to_damage(
        self, sensor: str, after: int, wanted: int, error: FengsuiError
    ) -> list[Batch]:
        """The batches before the damage, one by one; at the damage the sensor stops."""
        reader = self._rewind(sensor, after)
        found: list[Batch] = []
        try:
            while len(found) < wanted and (one := reader.read(1)):
                found += one
        except FengsuiError:
            self._rewind(sensor, found[-1].header.number if found else after)
        if not found:
            self._stop(sensor, error)
            self._control.add(
                "batch_refused",
                sensor=sensor,
                number=after + 1,
                reason=error.code,
                message=str(error.args[0]),
            )
        return found

    def _rewind(self, sensor: str, number: int) -> log.Reader:
        reader = log.Reader(self._segments / sensor, Cursor(number=number))
        self._readers[sensor] = reader
        return reader

    def _take(self, batch: Batch, state: ChainState, marks: columns.Marks) -> _Taken:
        """Carry out every check on one batch; raises what is wrong with it."""
        sensor, header = state.sensor, batch.header
        enrolment = opening.admitted(batch, sensor, self._enrolments)
        batches.verify_link(batch, opening.expected_chain(enrolment, state))
        body, leaves = batches.verify_leaves(batch)
        found = columns.first_read(batch, body, marks)
        if found.dirty:
            self._redaction.redact(sensor, header.number, found=found.dirty)
        now = self._clock.now()
        low_watermark = self._health.watermark(
            sensor, header.low_watermark, now=now, least=state.low_watermark
        )
        late = sum(time < state.low_watermark for time in found.times)
        after = replace(
            state,
            enrolment=header.enrolment,
            number=header.number,
            next_sequence=header.first_sequence + header.count,
            hash=batch.hash,
            events=state.events + header.count,
            received_at=now,
            low_watermark=low_watermark,
            last_event_at=max(state.last_event_at, max(found.times, default=0)),
            quarantined=state.quarantined + len(found.set_aside),
            duplicates=state.duplicates + len(found.duplicates),
            late=state.late + late,
            redacted=state.redacted + len(found.dirty) + len(body.leaves),
            unusual=state.unusual + len(found.unusual),
        )
        return _Taken(
            batch=batch,
            state=after,
            accepted=columns.accepted(found, batch, received_at=now, low_watermark=low_watermark),
            columns=found,
            block=Block(
                number=header.number,
                received_at=now,
                leaves=leaves,
                ids=found.ids,
                indexes=found.indexes,
            ),
            late=late,
        )

    def _commit(self, taken: Sequence[_Taken]) -> None:
        """Index first, then chain, marks and counts in one transaction, then the records."""
        gaps = self._health.take_gaps()
        if not taken and not gaps:
            return
        try:
            self._index.insert([one.accepted for one in taken])
            for one in taken:
                self._ids.add(one.batch, one.block)
            chains.save(self._database, self._progress(taken, gaps))
        except BaseException:
            # Nothing was taken in: the next step reads the same batches again.
            self._readers.clear()
            self._health.give_back(gaps)
            raise
        for one in taken:
            self._states[one.state.sensor] = one.state
            self._marks.setdefault(one.state.sensor, {}).update(one.columns.marks)
            self._note(one)

    def _progress(
        self, taken: Sequence[_Taken], gaps: Sequence[tuple[str, chains.Gap]]
    ) -> Progress:
        newest = {one.state.sensor: one.state for one in taken}
        return Progress(
            chains=list(newest.values()),
            batches=[
                BatchRow(
                    sensor=one.state.sensor,
                    number=one.state.number,
                    received_at=one.state.received_at,
                    low_watermark=one.state.low_watermark,
                    control=self._control.number,
                    dropped=tuple(one.columns.dropped),
                )
                for one in taken
            ],
            marks={
                (one.state.sensor, *file): offset
                for one in taken
                for file, offset in one.columns.marks.items()
            },
            gaps=gaps,
        )

    def _note(self, one: _Taken) -> None:
        """Have sealed what came of a batch; the collector gives itself no receipts."""
        sensor, number = one.state.sensor, one.state.number
        if sensor != CONTROL_SENSOR:
            # What the door had seen before was heard when it was handed in.
            self._note_received(sensor, one.batch, one.state.received_at)
            self._health.seen(sensor, one.state.received_at)
        reasons: dict[str, list[int]] = {}
        for item in one.columns.set_aside:
            reasons.setdefault(item.code, []).append(item.index)
        for code, indexes in reasons.items():
            first = next(item for item in one.columns.set_aside if item.code == code)
            self._control.add(
                "event_quarantined",
                sensor=sensor,
                number=number,
                events=len(indexes),
                reason=code,
                message=f"events {places(indexes)} of the batch were set aside: {first.message}",
            )
        if one.late:
            self._control.add("late_event", sensor=sensor, number=number, events=one.late)

    def _note_received(self, sensor: str, batch: Batch, received_at: int) -> None:
        self._control.add(
            "batch_received",
            sensor=sensor,
            number=batch.header.number,
            events=batch.header.count,
            digest=batch.hash,
            at=received_at,
        )

    def _seal_lost_receipts(self) -> None:
        """Records of the last step before a crash were never sealed: give them again."""
        for sensor in self._states:
            if sensor == CONTROL_SENSOR:
                continue
            rows = chains.newest_batches(self._database, sensor, self._control.number)
            if rows:
                reader = log.Reader(self._segments / sensor, Cursor(number=rows[0].number - 1))
                received = {row.number: row.received_at for row in rows}
                for batch in reader.read(len(rows)):
                    self._note_received(sensor, batch, received[batch.header.number])

    def _refuse(self, sensor: str, batch: Batch, error: FengsuiError) -> None:
        self._stop(sensor, error)
        if self._quarantine.keep(batch, error.code):
            note_refusal(self._control, batch, error)

    def _stop(self, sensor: str, error: FengsuiError) -> None:
        _logger.warning("a sensor stopped", extra={"sensor": sensor, "code": error.code})
        self._stopped[sensor] = (error.code, self._enrolments.version)
        self._readers.pop(sensor, None)

    def _settle(self, sensor: str) -> None:
        if sensor == CONTROL_SENSOR:
            self._control.close_segment()
        self._door.close_segment(sensor)
        closer = self._closers.get(sensor)
        if closer:
            closer()

    def _rewritten(self, sensor: str, segment: str) -> None:
        self._ids.rewritten(sensor, segment)
        reader = self._readers.get(sensor)
        if reader:
            self._rewind(sensor, reader.cursor.number)


def _again(batch: Batch, row: BatchRow) -> AcceptedBatch:
    found = columns.read_again(batch, batches.verify_body(batch), frozenset(row.dropped))
    return columns.accepted(
        found, batch, received_at=row.received_at, low_watermark=row.low_watermark
    )
