"""The source of a packet view: takes frames within its rate, and tells what it had to leave."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from schema import times
from schema.batch import Position
from schema.event import Fields
from sensors.packets.frame import Frames
from sensors.packets.terms import View
from sensors.packets.view import Reader
from sensors.source import Polled

FRAMES_A_POLL_MAX: Final = 4096
"""Taken from the socket at one poll, so that other sources are not kept waiting."""
OPEN_AGAIN_US: Final = times.MINUTE
"""An interface may come up later, and a right may be granted."""
BURST_SECONDS: Final = 5
"""So much of the rate may be saved up: hellos come in bursts."""

_log: Final = logging.getLogger(__name__)


class Bucket:
    """Tokens that grow with time; a clock set back grows none."""

    def __init__(self, rate: int, now: int) -> None:
        self._rate = rate
        self._most = rate * BURST_SECONDS * times.SECOND
        self._tokens = self._most
        self._at = now

    def grow(self, now: int) -> None:
        """Let tokens grow until now."""
        self._tokens = min(self._most, self._tokens + max(now - self._at, 0) * self._rate)
        self._at = now

    def take(self) -> bool:
        """Whether there was a token."""
        if self._tokens < times.SECOND:
            return False
        self._tokens -= times.SECOND
        return True


class PacketSource:
    """See :class:`sensors.source.Source`. Where it cannot open it says so and tries again.

    ``opened`` gives the frames and raises OSError. Connections under way at a stop are forgotten.
    """

    kind = "packets"

    def __init__(
        self, terms: View, opened: Callable[[], Frames], *, boot_id: str, now: Callable[[], int]
    ) -> None:
        self.name = terms.name
        self._opened = opened
        self._boot_id = boot_id
        self._now = now
        self._reader = Reader(terms)
        self._bucket = Bucket(terms.packets_per_second, now())
        self._frames: Frames | None = None
        self._stopped = False
        self._tried_at: int | None = None
        self._queue: deque[Fields] = deque()
        self._counter = 0
        self._looked_at = 0
        self._problem = ""
        self._over_rate = 0
        self._dropped_before = 0
        self._dropped_now = 0

    def restore(self, position: Position) -> None:
        """Carry on counting if the machine has not booted since."""
        if position.generation == self._boot_id:
            self._counter = position.offset

    def stop(self) -> None:
        """Give the socket back for good; see :class:`sensors.source.Receiving`."""
        self._stopped = True
        self._close()

    def _close(self) -> None:
        if self._frames is not None:
            self._frames.close()
            self._frames = None

    def poll(self, limit: int) -> Polled:
        """See :class:`sensors.source.Source`."""
        now = self._now()
        if self._frames is None and not self._stopped:
            self._open(now)
        full = False
        if not self._queue:
            # First what is over by now: frames are taken later, and times must not go back.
            self._queue.extend(self._reader.expire(now))
            full = self._take(now)
            self._looked_at = now
        taken = [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]
        first = self._counter
        self._counter += len(taken)
        waiting = self._queue[0]["@timestamp"] if self._queue else None
        return Polled(
            events=taken,
            places=[(self._boot_id, first + index) for index in range(len(taken))],
            position=Position(self._boot_id, self._counter),
            watermark=self._looked_at if waiting is None else times.from_text(str(waiting)),
            at_end=not self._queue and not full,
            troubles={
                "not_opened": int(self._frames is None and not self._stopped),
                "over_rate": self._over_rate,
                "kernel_dropped": self._dropped_before + self._dropped_now,
                "connections_forgotten": self._reader.flows.lost,
            },
            problem=self._problem,
        )

    def _open(self, now: int) -> None:
        if self._tried_at is not None and 0 <= now - self._tried_at < OPEN_AGAIN_US:
            return
        self._tried_at = now
        try:
            self._frames = self._opened()
        except OSError as error:
            self._tell(error)
        else:
            self._problem = ""

    def _take(self, now: int) -> bool:
        """Queue the events of what waits; whether there may be more."""
        if self._frames is None:
            return False
        self._bucket.grow(now)
        try:
            frames = self._frames.take(FRAMES_A_POLL_MAX)
            self._dropped_now = self._frames.dropped
        except OSError as error:
            # The interface went down, or away.
            self._dropped_before += self._dropped_now
            self._dropped_now = 0
            self._close()
            self._tried_at = now
            self._tell(error)
            return False
        for frame in frames:
            if self._bucket.take():
                self._queue.extend(self._reader.read(frame))
            else:
                self._over_rate += 1
        return len(frames) == FRAMES_A_POLL_MAX

    def _tell(self, error: OSError) -> None:
        need = "; it needs CAP_NET_RAW" if isinstance(error, PermissionError) else ""
        problem = f"packets cannot be read: {error.strerror or error}{need}"
        if problem != self._problem:
            _log.warning("%s: %s", self.name, problem)
        self._problem = problem
