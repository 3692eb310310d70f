"""ReceiveSource: what devices send, as a source of the sensor.

Ids come from a counter that is dense and lies in the sealed position, so that it goes on after a
restart. No transport of syslog acknowledges a message: what stood in memory when the sensor was
killed is gone, at most what :mod:`sensors.receive.waiting` holds. Over TCP a sender waits while
there is no room; over UDP what finds none is counted, sealed and told.
"""

from __future__ import annotations

from typing import Final

from schema.batch import Position
from schema.times import SECOND
from sensors.receive.listener import Listener
from sensors.receive.reading import Reader, read_all
from sensors.receive.terms import Listening
from sensors.receive.waiting import Waiting
from sensors.source import Polled
from sensors.sources import Context

POLL_BYTES_MAX: Final = 256 * 1024
"""As of a file, see :mod:`sensors.tail`: the sensor counts on it."""
LATENESS_US: Final = 2 * SECOND
"""How much later than its time a message may come; devices write whole seconds."""
GENERATION: Final = "stream"


class ReceiveSource:
    """Listens from when it is made, reads from its first poll on.

    Raises what :mod:`sensors.receive.listener` and opening its formats raise.
    """

    def __init__(
        self, terms: Listening, context: Context, *, waiting: Waiting | None = None
    ) -> None:
        self._terms = terms
        self._now = context.now
        self._waiting = waiting or Waiting()
        self._reader = Reader(terms, context)
        self._listener = Listener(terms, self._waiting, context.now)
        self._is_started = False
        self._next = 0
        self._watermark = 0

    @property
    def name(self) -> str:
        return self._terms.name

    @property
    def kind(self) -> str:
        return f"syslog_{self._terms.transport}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._listener.port

    def restore(self, position: Position) -> None:
        """Count on from a sealed place."""
        self._next = position.offset

    def poll(self, limit: int) -> Polled:
        if not self._is_started:
            self._listener.start()
            self._is_started = True
        now = self._now()
        messages = self._waiting.take(limit, POLL_BYTES_MAX)
        oldest = self._waiting.oldest()
        reached = now if oldest is None else min(now, oldest)
        self._watermark = max(self._watermark, reached - LATENESS_US)
        places = [(GENERATION, self._next + at) for at in range(len(messages))]
        self._next += len(messages)
        troubles = self._waiting.counts()
        return Polled(
            events=read_all(self._reader, messages),
            places=places,
            position=Position(generation=GENERATION, offset=self._next),
            watermark=self._watermark,
            at_end=oldest is None,
            troubles=troubles,
            problem="the receiver's network" if troubles else "",
        )

    def stop(self) -> None:
        """Listen no more; what was taken in can still be polled."""
        self._listener.close()
