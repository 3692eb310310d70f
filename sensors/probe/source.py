"""ProbeSource: asks registered pages in a thread of its own; answers become ``probe.http`` events.

Pages are asked one after the other. The first question comes a minute after the start, so that the
least interval holds over restarts too. What waited in memory when the sensor was killed is gone:
that time then counts as one in which nobody looked.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Final

from schema import times
from schema.batch import Position
from schema.errors import FengsuiError
from schema.event import Fields
from sensors.probe.fetch import Answer, Fetch
from sensors.probe.page import Normaliser, dark_links
from sensors.probe.target import INTERVAL_MIN_US, Target
from sensors.source import Polled

_logger = logging.getLogger(__name__)

TARGETS_MAX: Final = 32
"""Pages of one sensor: if none of them answers in time, a round still ends within 11 minutes."""
WAITING_MAX: Final = 1024
"""Events not polled yet; past it nothing is asked."""
PAUSE_SECONDS: Final = 1.0
GENERATION: Final = "probe"
_DAY_US: Final = times.DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the prober has of the world."""

    fetch: Fetch
    now: Callable[[], int]
    """Microseconds UTC."""
    elapsed: Callable[[], float]
    """Seconds that no setting of the clock moves."""
    host: str


class Prober:
    """Asks each page when it is due; raises ``sensors.probe.targets`` for too many or twins."""

    def __init__(self, targets: Sequence[Target], ports: Ports) -> None:
        if len(targets) > TARGETS_MAX or len({one.url for one in targets}) < len(targets):
            raise FengsuiError(
                "sensors.probe.targets",
                f"at most {TARGETS_MAX} probed pages, each address once",
                count=len(targets),
            )
        self._ports = ports
        self._domains = sorted({one.domain for one in targets})
        self._normalisers = {one.url: Normaliser(one.volatile) for one in targets}
        self._targets = tuple(targets)
        first = ports.elapsed() + INTERVAL_MIN_US / times.SECOND
        self._due = {one.url: first for one in targets}

    def due(self) -> list[Target]:
        """Pages that may be asked now."""
        now, elapsed = self._ports.now(), self._ports.elapsed()
        return [one for one in self._targets if self._due[one.url] <= elapsed and one.is_open(now)]

    def ask(self, target: Target) -> Fields:
        """Ask one page; the event without its time."""
        begin, started = self._ports.now(), self._ports.elapsed()
        # Before the question: one that fails unforeseen is not put again any sooner.
        self._due[target.url] = started + target.every_us / times.SECOND
        answer = self._ports.fetch(target)
        ended = self._ports.elapsed()
        self._due[target.url] = ended + target.every_us / times.SECOND
        fields: Fields = {
            "event.action": "page_probe",
            "event.dataset": "probe.http",
            "event.duration": int((ended - started) * 1_000_000_000),
            "event.outcome": "success" if _is_there(answer) else "failure",
            "event.start": times.to_text(begin),
            "host.name": self._ports.host,
            "labels.probe": target.name,
            "url.domain": target.domain,
            "url.full": target.url,
            "url.path": target.parts.path or "/",
        }
        if answer.reason:
            fields["event.reason"] = answer.reason
        if answer.status is not None:
            fields["http.response.status_code"] = answer.status
            fields["http.response.body.bytes"] = len(answer.body)
        if answer.not_after_us is not None:
            fields["tls.server.not_after"] = times.to_text(answer.not_after_us)
            fields["labels.certificate_days_left"] = str((answer.not_after_us - begin) // _DAY_US)
        if answer.is_whole:
            fields["event.hash"] = self._normalisers[target.url].fingerprint(answer.body)
            dark = dark_links(answer.body, self._domains, elapsed=self._ports.elapsed)
            if dark.domains:
                fields["labels.dark_links"] = " ".join(dark.domains)
            if not dark.is_read:
                fields["labels.links_unread"] = "yes"
        return fields


def _is_there(answer: Answer) -> bool:
    """A page too large or packed to be compared is there all the same."""
    return answer.is_whole or answer.reason in ("page_too_large", "page_packed")


class ProbeSource:
    """The prober as a source; its thread begins with the first poll and ends with ``stop``."""

    kind = "probe"

    def __init__(self, name: str, prober: Prober, now: Callable[[], int]) -> None:
        self.name = name
        self._prober = prober
        self._now = now
        self._lock = Lock()
        self._waiting: deque[tuple[int, Fields]] = deque()
        self._stopped = Event()
        self._thread: Thread | None = None
        self._next = 0
        self._watermark = 0
        self._failed = 0

    def restore(self, position: Position) -> None:
        """Count on from a sealed place."""
        self._next = position.offset

    def poll(self, limit: int) -> Polled:
        if self._thread is None and not self._stopped.is_set():
            self._thread = Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()
        with self._lock:
            count = min(limit, len(self._waiting))
            events = [self._waiting.popleft()[1] for _ in range(count)]
            oldest = self._waiting[0][0] if self._waiting else self._now()
            self._watermark = max(self._watermark, oldest)
            is_empty = not self._waiting
        first, self._next = self._next, self._next + count
        return Polled(
            events=events,
            places=[(GENERATION, at) for at in range(first, self._next)],
            position=Position(generation=GENERATION, offset=self._next),
            watermark=self._watermark,
            at_end=is_empty,
            troubles={"probe_failed": self._failed},
        )

    def turn(self) -> None:
        """Ask every page that is due, once."""
        for target in self._prober.due():
            if self._stopped.is_set() or len(self._waiting) >= WAITING_MAX:
                return
            fields = self._prober.ask(target)
            with self._lock:
                if self._stopped.is_set():
                    return
                # Its time is when the answer was there: never before what was told as complete.
                latest = self._waiting[-1][0] if self._waiting else self._watermark
                at = max(self._now(), latest)
                fields["@timestamp"] = times.to_text(at)
                self._waiting.append((at, fields))

    def stop(self) -> None:
        """Ask nothing more; a question under way ends by itself, what it brings is not taken."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(PAUSE_SECONDS):
            try:
                self.turn()
            except Exception:
                # The outermost loop of the thread: told as trouble, and the looking goes on.
                _logger.exception("a page could not be probed")
                self._failed += 1
