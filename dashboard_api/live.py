"""LiveStream: alerts as they change and the site's status, to every open page.

One task reads the alert desk while anybody listens and keeps the newest changes; each reader
follows with a cursor of its own, so a slow one costs nothing and is told to start anew.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool

from dashboard_api.metrics import Metrics
from dashboard_api.services import AlertDesk, SensorDesk, Visible
from dashboard_api.troubles import Trouble, nothing
from dashboard_api.views import AlertRow, SensorRow, StreamStatus
from schema.errors import FengsuiError

_logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.25
STATUS_SECONDS: Final = 1.0
RATE_SECONDS: Final = 10.0
"""Events per second are the mean of this long."""
BEHIND_MAX: Final = 1000
"""Changes a reader may lie behind; past it the lists are faster to read anew."""
READERS_MAX: Final = 64
"""Open streams of one site: officers' pages, a wall screen, some forgotten tabs."""
_STEP: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    at: float
    events: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What one reading of the desks gave."""

    sensors: Sequence[SensorRow]
    watermark: int
    rates: dict[str, float]
    exceptions_changed_at: int = 0
    troubles: Sequence[Trouble] = ()

    def status(self, visible: Visible) -> StreamStatus:
        """The status over the sensors a reader may see."""
        rows = [row for row in self.sensors if visible is None or row.name in visible]
        current = [row for row in rows if row.status in ("active", "finished")]
        return StreamStatus(
            events=sum(row.events for row in rows),
            events_per_second=round(sum(self.rates.get(row.name, 0.0) for row in rows)),
            lag_seconds=max((row.lag_seconds for row in current), default=0),
            sensors=len(current),
            quarantined=sum(row.quarantined for row in rows),
            watermark=self.watermark or None,
            exceptions_changed_at=self.exceptions_changed_at or None,
            troubles=self.troubles,
        )


class LiveStream:
    """The live stream of one site. Made anywhere; its task runs in the API's own event loop."""

    def __init__(
        self,
        alerts: AlertDesk,
        sensors: SensorDesk,
        *,
        troubles: Callable[[], Sequence[Trouble]] = nothing,
        monotonic: Callable[[], float] = time.monotonic,
        metrics: Metrics | None = None,
    ) -> None:
        self._alerts = alerts
        self._sensors = sensors
        self._troubles = troubles
        self._monotonic = monotonic
        self.metrics = metrics or Metrics()
        self._recent: list[AlertRow] = []
        self._floor = 0
        """Changes up to this number are no longer kept."""
        self.newest = 0
        self._exceptions_changed_at = 0
        self.snapshot: Snapshot | None = None
        self._samples: list[_Sample] = []
        self._readers = 0
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._poke = asyncio.Event()
        self._lock = threading.Lock()
        self.closed = False

    def notify(self) -> None:
        """Say that alerts may have changed; from any thread, never waits."""
        with self._lock:
            loop = self._loop
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._poke.set)

    def close(self) -> None:
        """End every stream; from any thread."""
        self.closed = True
        with self._lock:
            loop = self._loop
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._changed.set)
                loop.call_soon_threadsafe(self._poke.set)

    def join(self) -> None:
        """Count one more reader, in the API's event loop; raises ``dashboard_api.stream.full``."""
        if self._readers >= READERS_MAX or self.closed:
            raise FengsuiError(
                "dashboard_api.stream.full",
                f"{self._readers} live streams are open: close pages that nobody reads",
            )
        self._readers += 1
        self.metrics.set("fengsui_dashboard_api_stream_clients", self._readers)
        if self._task is None or self._task.done():
            self._start()

    def leave(self) -> None:
        """Count one reader less; the task stops with the last."""
        self._readers -= 1
        self.metrics.set("fengsui_dashboard_api_stream_clients", self._readers)
        if not self._readers:
            with self._lock:
                task, self._task, self._loop = self._task, None, None
            if task is not None:
                task.cancel()

    def _start(self) -> None:
        self._changed, self._poke = asyncio.Event(), asyncio.Event()
        self.snapshot, self._samples = None, []
        with self._lock:
            self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="live-stream")

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.closed or self._task is None or self._task.done()

    def ticket(self) -> asyncio.Event:
        """What to wait on; taken before looking, so that no change falls in between."""
        return self._changed

    async def wait(self, ticket: asyncio.Event) -> None:
        """Return at the next change after the ticket was taken, or soon, to look around."""
        try:
            async with asyncio.timeout(STATUS_SECONDS):
                await ticket.wait()
        except TimeoutError:
            return

    def after(self, seq: int) -> list[AlertRow] | None:
        """The kept changes after a number; None when some of them are no longer kept."""
        if seq < self._floor or seq > self.newest:
            return None
        return [row for row in self._recent if row.seq > seq]

    async def prime(self) -> None:
        """Return once the desks have been read for the first time."""
        while self.snapshot is None and not self.ended:
            await self.wait(self.ticket())

    async def _run(self) -> None:
        try:
            await self._follow()
        except Exception:  # the task's outer loop: logged, and every reader comes back by itself
            _logger.exception("the live stream stopped; its readers will reconnect")
        finally:
            self._wake()

    async def _follow(self) -> None:
        first = await run_in_threadpool(self._alerts.since, 0, 0)
        self._recent = []
        # From the newest on; a reader who was here before goes on if little happened since.
        self._floor = self.newest = max(0, first.newest - BEHIND_MAX)
        self._exceptions_changed_at = first.exceptions_changed_at
        status_due = 0.0
        while not self.closed:
            moved = await self._read_alerts()
            now = self._monotonic()
            if now >= status_due:
                await self._read_status(now)
                status_due = now + STATUS_SECONDS
                moved = True
            if moved:
                self._wake()
            self._poke.clear()
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._poke.wait()
            except TimeoutError:
                continue

    def _wake(self) -> None:
        woken, self._changed = self._changed, asyncio.Event()
        woken.set()

    async def _read_alerts(self) -> bool:
        moved = False
        while True:
            found = await run_in_threadpool(self._alerts.since, self.newest, _STEP)
            if found.exceptions_changed_at != self._exceptions_changed_at:
                # What is kept says of each alert whether it was hidden then.
                self._exceptions_changed_at = found.exceptions_changed_at
                self._recent, self._floor = [], self.newest
            if not found.rows:
                return moved
            moved = True
            self.newest = found.rows[-1].seq
            changed = {row.id for row in found.rows}
            self._recent = [row for row in self._recent if row.id not in changed]
            self._recent.extend(found.rows)
            surplus = len(self._recent) - BEHIND_MAX
            if surplus > 0:
                self._floor = self._recent[surplus - 1].seq
                del self._recent[:surplus]

    async def _read_status(self, now: float) -> None:
        rows = await run_in_threadpool(self._sensors.rows)
        watermark = await run_in_threadpool(self._sensors.watermark)
        self._samples.append(_Sample(at=now, events={row.name: row.events for row in rows}))
        while len(self._samples) > 2 and now - self._samples[1].at >= RATE_SECONDS:
            del self._samples[0]
        first, last = self._samples[0], self._samples[-1]
        passed = last.at - first.at
        rates = {
            name: max(0, count - first.events.get(name, count)) / passed if passed > 0 else 0.0
            for name, count in last.events.items()
        }
        self.snapshot = Snapshot(
            sensors=rows,
            watermark=watermark,
            rates=rates,
            exceptions_changed_at=self._exceptions_changed_at,
            troubles=self._troubles(),
        )
