"""Intake: lets only good events in. From the log through every check into the index, once.

The index commits its rows with its own cursor, then the state of record commits chain, marks and
counts in one transaction. A crash between the two repeats the step, and the index passes over
what it has. A batch that fails stops its own sensor, is named and kept; the others go on.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from collector import columns, notes, opening
from collector.columns import Columns
from collector.control import SENSOR as CONTROL_SENSOR
from collector.control import ControlLog
from collector.door import Door, head_of, known_sensors
from collector.enrolments import Enrolments
from collector.follower import Follower
from collector.geo.geography import FOLDER as GEO
from collector.geo.geography import Geography
from collector.health import Health, SensorStatus, capped
from collector.idfile import Block
from collector.idindex import IdIndex
from collector.quarantine import Quarantine
from collector.redaction import Redaction
from collector.rereading import Rereader
from collector.state import chains
from collector.state.chains import BatchRow, ChainState, Progress
from collector.state.database import Database
from collector.vouched import Vouched
from crypto import sm2
from schema import batch as batches
from schema import heartbeat
from schema.batch import Batch
from schema.errors import FengsuiError
from schema.event import TROUBLE, AcceptedBatch
from schema.heartbeat import Heartbeat
from schema.ports import Clock, EventIndex
from schema.receipt import Head, Receipt, sign_receipt
from schema.times import DAY, to_text

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
        self._geography = Geography(folder / GEO)
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
        self._follower = Follower(
            self._segments,
            enrolments=enrolments,
            control=control,
            taken=lambda sensor: self._state(sensor).number,
        )
        self._quarantine = Quarantine(folder / "quarantine")
        self._health = Health(
            control, gaps=chains.load_gaps(database), follows_recording=realm == DEMONSTRATION
        )
        self._redaction = Redaction(
            self._segments, control, settle=self._settle, rewritten=self._rewritten
        )
        self.vouched = Vouched()
        self._door = Door(
            self._segments,
            enrolments=enrolments,
            receipt_key=receipt_key,
            control=control,
            quarantine=self._quarantine,
            clock=clock,
            taken=self._state,
            vouched=self.vouched,
            written_here=closers,
        )
        self.accept = self._door.accept
        self.standing = self._door.standing
        self.put_aside = self._quarantine.note
        self._beats: dict[str, tuple[int, str]] = {}
        """When each sensor's newest heartbeat was signed, and over which head."""
        self._beats_lock = threading.Lock()
        self.beats_refused = 0
        self.troubles: Mapping[str, int] = {}
        """Times each sensor has told of something it lost or could not read, since the start."""
        self.to_close: queue.SimpleQueue[str] = queue.SimpleQueue()
        """Chains whose open segment the next step closes; from any thread."""
        self._rereader = Rereader(self._segments, database, self._state)
        self.read_again = self._rereader.read
        self._for_index = Rereader(self._segments, database, self._state)
        self._unindexed: dict[str, int] | None = None
        """Where the index stands of each sensor it is behind of; asked by the first round, for
        search nodes may be away at the start."""
        for state in self._states.values():
            ids.resume(state.sensor, state.number)
        for sensor in set(self._states) - {CONTROL_SENSOR}:
            notes.lost_receipts(control, database, sensor=sensor, folder=self._segments / sensor)

    def sensors(self) -> list[str]:
        """Sensors with a chain in the log."""
        return known_sensors(self._segments)

    def reindex(self, batches_max: int) -> bool:
        """Carry the index on over batches taken in before that it does not hold: it was lost, or
        had another form. True while there may be more: new batches are taken in after that.

        Raises the index's error while it cannot be asked.
        """
        if self._unindexed is None:
            cursors = {name: self._index.cursor(name) for name in self._states}
            self._unindexed = {
                name: cursor
                for name, cursor in cursors.items()
                if cursor < self._states[name].number
            }
        for sensor, after in list(self._unindexed.items()):
            found = self._for_index.read(sensor, after, batches_max)
            if found:
                self._index.insert(found)
                self._unindexed[sensor] = found[-1].number
                return True
            del self._unindexed[sensor]
        return False

    def step(self, batches_max: int) -> list[AcceptedBatch]:
        """Take in at most that many new batches, fairly among sensors.

        What is returned is committed. Raises ``OSError`` or the index's error when nothing could
        be stored; the step can be tried again.
        """
        try:
            # First what the index lacks: its cursor tells of everything up to it.
            return [] if self.reindex(batches_max) else self._step(batches_max)
        except BaseException:
            # Nothing was taken in: the next step reads the same batches again.
            self._follower.rewind()
            raise

    def _step(self, batches_max: int) -> list[AcceptedBatch]:
        while not self.to_close.empty():
            self._settle(self.to_close.get())
        taken: list[_Taken] = []
        for sensor, found in self._follower.read(batches_max).items():
            state, marks = self._state(sensor), dict(self._marks.get(sensor, {}))
            for batch in found:
                try:
                    one = self._take(batch, state, marks)
                except FengsuiError as error:
                    self._refuse(sensor, batch, error)
                    break
                except OSError as error:
                    _logger.warning("the log cannot be rewritten", extra={"why": str(error)})
                    self._follower.rewind(sensor)
                    break
                taken.append(one)
                state = one.state
                marks.update(one.columns.marks)
        self._commit(taken)
        return [one.accepted for one in taken]

    def heartbeat(self, signed: heartbeat.Signed) -> Heartbeat:
        """The verified heartbeat, its watermark cut to what counts here.

        It counts once everything up to the head it names was taken in. Raises ``CryptoError`` for
        a wrong signature, ``collector.batch.*`` for a sensor that is not enrolled here,
        ``collector.heartbeat.repeated`` and ``schema.heartbeat.malformed``.
        """
        claimed = heartbeat.claimed(signed)
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
        self._check_newer(beat)
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

    def _check_newer(self, beat: Heartbeat) -> None:
        """Raise ``collector.heartbeat.repeated`` unless it is newer than all heard before it.

        Newer by its time, or by a head that was not the last one then, where a clock was set back.
        A sensor of this process hands its own in, and its clock may follow a recording.
        """
        if beat.sensor in self._closers:
            return
        state = self._state(beat.sensor)
        with self._beats_lock:
            time, head = self._beats.get(beat.sensor, (state.received_at - DAY, ""))
            if beat.time > time or (beat.head == state.hash and beat.head != head):
                self._beats[beat.sensor] = (beat.time, beat.head)
                return
            self.beats_refused += 1
        raise FengsuiError(
            "collector.heartbeat.repeated",
            f"a heartbeat of {beat.sensor} from {to_text(beat.time)} came after a later one: it is "
            "sent again by somebody, or the clock of its machine was set back",
            sensor=beat.sensor,
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
                refused=self._follower.stopped(sensor),
            )
            for sensor in sorted({*enrolled, *self.sensors()})
        ]

    def heads(self) -> list[Head]:
        """The head of every chain as far as it was taken in, by sensor."""
        return [head_of(state) for _, state in sorted(self._states.items()) if state.number]

    def forget(self, sensor: str, files: Iterable[tuple[str, str]]) -> None:
        """Let go of marks (source, generation) whose events have all expired; from any thread."""
        for file in files:
            self._marks.get(sensor, {}).pop(file, None)

    def receipt(self, sensor: str) -> Receipt | None:
        """A fresh counter-signature over the sensor's head, None before its first batch."""
        state = self._state(sensor)
        if not state.number:
            return None
        return sign_receipt(head_of(state), state.received_at, self._receipt_key)

    def _state(self, sensor: str) -> ChainState:
        return self._states.get(sensor) or ChainState(sensor=sensor)

    def _take(self, batch: Batch, state: ChainState, marks: columns.Marks) -> _Taken:
        """Carry out every check on one batch; raises what is wrong with it."""
        sensor, header = state.sensor, batch.header
        enrolment = opening.admitted(batch, sensor, self._enrolments)
        batches.verify_link(batch, opening.expected_chain(enrolment, state))
        known = self.vouched.take(batch)
        body, leaves = (known.body, known.leaves) if known else batches.verify_leaves(batch)
        found = columns.first_read(batch, body, marks, clean=known is not None)
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
            accepted=columns.accepted(
                found,
                batch,
                received_at=now,
                low_watermark=low_watermark,
                geography=self._geography,
            ),
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
            self._health.give_back(gaps)
            raise
        for one in taken:
            before = self._state(one.state.sensor).received_at
            self._states[one.state.sensor] = one.state
            self._marks.setdefault(one.state.sensor, {}).update(one.columns.marks)
            self._note(one, before)

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

    def _note(self, one: _Taken, before: int) -> None:
        """Have sealed what came of a batch; ``before`` is when the one before it was received.

        The collector gives itself no receipts.
        """
        sensor = one.state.sensor
        if sensor != CONTROL_SENSOR:
            notes.received(self._control, one.batch, one.state.received_at)
            self._health.seen(sensor, one.state.received_at, before=before)
        notes.set_aside(self._control, one.batch, one.columns.set_aside)
        if any(source == TROUBLE for source, _ in one.columns.marks):
            told = notes.troubles(self._control, one.batch, one.accepted.events)
            self.troubles = {**self.troubles, sensor: self.troubles.get(sensor, 0) + told}
        if one.late and sensor != CONTROL_SENSOR:
            # A record of a late record would itself be late, without end, after a clock set back.
            self._control.add("late_event", sensor=sensor, number=one.state.number, events=one.late)

    def _refuse(self, sensor: str, batch: Batch, error: FengsuiError) -> None:
        self._follower.stop(sensor, error)
        if self._quarantine.keep(batch, error.code):
            notes.refused(self._control, batch, error)

    def _settle(self, sensor: str) -> None:
        if sensor == CONTROL_SENSOR:
            self._control.close_segment()
        self._door.close_segment(sensor)
        closer = self._closers.get(sensor)
        if closer:
            closer()

    def _rewritten(self, sensor: str, segment: str) -> None:
        self._ids.rewritten(sensor, segment)
        self._follower.rewritten(sensor)
        self._rereader.rewritten(sensor)
        self._for_index.rewritten(sensor)
