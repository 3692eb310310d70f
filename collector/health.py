"""Health: when each sensor was last heard, how far its sources are read, and its gaps."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from collector.control import ControlLog
from collector.enrolments import Enrolment
from collector.state.chains import GAPS_SHOWN_MAX, ChainState, Gap
from schema import limits
from schema.heartbeat import Heartbeat
from schema.times import MINUTE, SECOND, to_text

SILENT_US: Final = 60 * SECOND
"""Not heard for this long: a heartbeat comes each second, so this is no hiccup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorStatus:
    """How one sensor stands. Times in microseconds UTC, 0 for never."""

    name: str
    unit: str
    realm: str
    status: Literal["active", "revoked", "silent", "unenrolled"]
    enrolment: int
    key_id: str
    last_batch: int
    last_event_at: int
    last_seen_at: int
    low_watermark: int
    lag_us: int
    """How far behind now its sources are read."""
    events: int
    quarantined: int
    duplicates: int
    late: int
    redacted: int
    unusual: int
    refused: str
    """Why its next batch is not let in; empty while all is well."""
    gaps: tuple[Gap, ...]


@dataclass(slots=True)
class _Pulse:
    seen_at: int = 0
    low_watermark: int = 0
    capped: bool = False
    beat: Heartbeat | None = None
    beat_at: int = 0
    beat_sealed_at: int = 0
    gaps: list[Gap] = field(default_factory=list)


class Health:
    """What is known of every sensor's liveliness; in memory, gaps are handed on to be stored."""

    def __init__(
        self, control: ControlLog, *, gaps: dict[str, list[Gap]], follows_recording: bool
    ) -> None:
        """A clock that follows a recording leaps, so silence means nothing there."""
        self._control = control
        self._follows_recording = follows_recording
        self._lock = threading.Lock()
        self._pulses = {sensor: _Pulse(gaps=known) for sensor, known in gaps.items()}
        self._fresh: list[tuple[str, Gap]] = []

    def seen(self, sensor: str, now: int, *, before: int = 0) -> None:
        """A sensor was heard; ``before`` is when it was last heard, where this start knows not."""
        with self._lock:
            pulse = self._pulse(sensor)
            last = pulse.seen_at or before
            pulse.seen_at = max(now, pulse.seen_at)
            if not last or now - last <= SILENT_US or self._follows_recording:
                return
            gap = Gap(from_at=last, to_at=now, reason="silent")
            pulse.gaps = [*pulse.gaps, gap][-GAPS_SHOWN_MAX:]
            self._fresh.append((sensor, gap))
        self._control.add(
            "gap",
            sensor=sensor,
            reason=gap.reason,
            message=f"{sensor} was silent from {to_text(last)} to {to_text(now)}",
        )

    def watermark(self, sensor: str, signed: int, *, now: int, least: int) -> int:
        """A signed low watermark, capped when it lies too far ahead, and never moving back."""
        latest = now + limits.CLOCK_AHEAD_MAX_US
        with self._lock:
            pulse = self._pulse(sensor)
            capped = signed > latest
            begins, pulse.capped = capped and not pulse.capped, capped
            value = max(min(signed, latest), least)
            pulse.low_watermark = max(value, pulse.low_watermark)
        if begins:
            self._control.add(
                "clock_capped",
                sensor=sensor,
                reason="clock_ahead",
                message=f"{sensor} says it has read up to {to_text(signed)}, which is to come; "
                f"taken as {to_text(value)}: check its clock",
            )
        return value

    def beat(self, beat: Heartbeat, now: int) -> None:
        """Remember a heartbeat; the last one of each minute is sealed."""
        with self._lock:
            pulse = self._pulse(beat.sensor)
            last, last_at = pulse.beat, pulse.beat_at
            pulse.beat, pulse.beat_at = beat, now
            due = last is not None and now // MINUTE > pulse.beat_sealed_at // MINUTE
            if due or last is None:
                pulse.beat_sealed_at = now
        if due and last is not None:
            self._control.add(
                "heartbeat",
                sensor=beat.sensor,
                digest=last.head,
                message=f"{beat.sensor} was alive at {to_text(last_at)}",
                labels={"low_watermark": to_text(last.low_watermark)},
            )

    def take_gaps(self) -> list[tuple[str, Gap]]:
        """Gaps that are not stored yet."""
        with self._lock:
            fresh, self._fresh = self._fresh, []
        return fresh

    def give_back(self, gaps: list[tuple[str, Gap]]) -> None:
        """Storing them failed: they are due again."""
        with self._lock:
            self._fresh = gaps + self._fresh

    def status(
        self, sensor: str, enrolment: Enrolment | None, *, state: ChainState, now: int, refused: str
    ) -> SensorStatus:
        """How the sensor stands."""
        with self._lock:
            pulse = self._pulse(sensor)
            seen_at = pulse.seen_at or state.received_at
            # One that was let in a moment ago is on its way, not silent.
            heard_at = max(seen_at, enrolment.created_at if enrolment else 0)
            low_watermark = max(pulse.low_watermark, state.low_watermark)
            gaps = tuple(pulse.gaps)
        return SensorStatus(
            name=sensor,
            unit=enrolment.unit if enrolment else "",
            realm=enrolment.realm if enrolment else "",
            status=_word(enrolment, silent=now - heard_at > SILENT_US),
            enrolment=enrolment.number if enrolment else 0,
            key_id=enrolment.key.key_id if enrolment else "",
            last_batch=state.number,
            last_event_at=state.last_event_at,
            last_seen_at=seen_at,
            low_watermark=low_watermark,
            lag_us=max(0, now - low_watermark) if low_watermark else 0,
            events=state.events,
            quarantined=state.quarantined,
            duplicates=state.duplicates,
            late=state.late,
            redacted=state.redacted,
            unusual=state.unusual,
            refused=refused,
            gaps=gaps,
        )

    def _pulse(self, sensor: str) -> _Pulse:
        return self._pulses.setdefault(sensor, _Pulse())


def capped(beat: Heartbeat, low_watermark: int) -> Heartbeat:
    """The heartbeat with the watermark the collector lets count."""
    return msgspec.structs.replace(beat, low_watermark=low_watermark)


def _word(
    enrolment: Enrolment | None, *, silent: bool
) -> Literal["active", "revoked", "silent", "unenrolled"]:
    if enrolment is None:
        return "unenrolled"
    if enrolment.status == "revoked":
        return "revoked"
    return "silent" if silent else "active"
