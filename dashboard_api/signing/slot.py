"""Slot: one place for a signing process, and the calls that wait for whoever is in it.

A process is started at the first call. Where it dies, the calls in its hands are told that they may
or may not have been carried out; those it had not been given wait for its successor. No successor
is started before the one before is gone for certain.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from dashboard_api.signing import frames, refusal
from dashboard_api.signing.call import Call, Reply
from dashboard_api.signing.frames import Ready, Stopped, Told
from dashboard_api.signing.heads import Head
from schema.errors import FengsuiError

_logger = logging.getLogger(__name__)

WAITING_MAX: Final = 2048
"""Calls of one process that wait: a third of a second of its work. More would wait in vain."""
HEADS_MAX: Final = 16
"""Heads that wait to be signed, one a second; what a lost one counted is read from the journal."""
BUSY_SECONDS: Final = 1
RESTARTED_SECONDS: Final = 1
STOPPED_SECONDS: Final = 5
"""When to come again; also when a process that cannot write its entries is opened anew."""
START_SECONDS_MAX: Final = 20.0
"""Reading what the process before left takes a second; one that takes this long hangs."""
CLOSE_SECONDS_MAX: Final = 2.0
"""A group takes some milliseconds, and its disk perhaps a second."""
YOUNG_SECONDS: Final = 10.0
"""A process that lived longer than this did not die of its start: the next waits for nothing."""
BACKOFF_SECONDS: Final = (0.0, 0.1, 0.3, 1.0, 3.0, 5.0)
"""Before each start after one of a short life; the last for all further ones."""
STARTS_MAX: Final = 2
"""So many starts in a row that came to nothing, and nobody waits for the next: one may be killed
while it starts, and the next be well."""
DEATHS_TOLD: Final = 3
"""So many short lives in a row are told of at /readyz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A signing process as its parent holds it: its end of the line is this process's own."""

    process: subprocess.Popen[bytes]
    line: socket.socket


class _Line(asyncio.Protocol):
    """The line to one process, as long as it lives."""

    def __init__(self, told: Callable[[Told], None], loop: asyncio.AbstractEventLoop) -> None:
        self.transport: asyncio.Transport | None = None
        self.ready = loop.create_future()
        """Whether it became ready: False for one that ended before."""
        self.lost = loop.create_future()
        self._told = told
        self._incoming = frames.told()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for told in self._incoming.take(data):
                if isinstance(told, Ready) and not self.ready.done():
                    self.ready.set_result(True)
                self._told(told)
        except FengsuiError:
            _logger.exception("a signing process wrote what is no frame")
            assert self.transport is not None
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc  # an end is an end
        for future, value in ((self.ready, False), (self.lost, None)):
            if not future.done():
                future.set_result(value)


class _Queued(NamedTuple):
    """A call that was not given to a process yet."""

    id: int
    languages: str
    frame: bytearray
    future: asyncio.Future[Reply]


class Slot:
    """One place for a signing process, whoever is in it now."""

    def __init__(
        self, number: int, start: Callable[[int], Child], sign: Callable[[int, Head], object]
    ) -> None:
        self._number = number
        self._start = start
        self._sign = sign
        self._line: _Line | None = None
        """Set while calls may be written."""
        self._given: dict[int, tuple[asyncio.Future[Reply], str]] = {}
        """Calls in the hands of the process."""
        self._queue: deque[_Queued] = deque()
        """Calls it was not given yet."""
        self._running: asyncio.Task[None] | None = None
        self._closing: asyncio.Event | None = None
        self._heads: deque[Head] = deque(maxlen=HEADS_MAX)
        self._signing: asyncio.Task[None] | None = None
        self._failed_starts = 0
        """In a row."""
        self._down = False
        """The last starts failed, so nobody waits for the next."""
        self._stopped = False
        self._deaths = 0
        """Short lives in a row."""
        self.restarts = 0

    @property
    def failure(self) -> str:
        """The code of what stands still here; empty where nothing does."""
        if self._stopped or self._down:
            return refusal.STOPPED
        return refusal.RESTARTED if self._deaths >= DEATHS_TOLD else ""

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return len(self._given) + len(self._queue)

    async def answer(self, call: Call) -> Reply:
        if self._stopped or self._down:
            return self._refuse(call.id, call.languages, refusal.stopped(STOPPED_SECONDS))
        if len(self._given) + len(self._queue) >= WAITING_MAX:
            return self._refuse(call.id, call.languages, refusal.busy(BUSY_SECONDS))
        loop = asyncio.get_running_loop()
        if self._running is None:
            self._closing = asyncio.Event()
            self._running = loop.create_task(self._run(self._closing))
        elif self._closing is not None and self._closing.is_set():
            return self._refuse(call.id, call.languages, refusal.stopped(STOPPED_SECONDS))
        try:
            frame = frames.pack([call])
        except ValueError as error:
            return self._refuse(call.id, call.languages, refusal.failed(error))
        if not self._queue and self._line is not None:
            # All calls of this turn of the loop go in one writing.
            loop.call_soon(self._flush)
        future: asyncio.Future[Reply] = loop.create_future()
        self._queue.append(_Queued(call.id, call.languages, frame, future))
        return await future

    async def close(self) -> None:
        if self._running is None or self._closing is None:
            return
        self._closing.set()
        await self._running
        if self._signing is not None:
            await self._signing

    def _flush(self) -> None:
        line = self._line
        if line is None or line.transport is None or line.lost.done() or not self._queue:
            return
        queue, self._queue = self._queue, deque()
        for one in queue:
            self._given[one.id] = one.future, one.languages
        line.transport.write(b"".join([one.frame for one in queue]))

    def _told(self, told: Told) -> None:
        if isinstance(told, Reply):
            found = self._given.pop(told.id, None)
            if found is not None and not found[0].done():
                found[0].set_result(told)
        elif isinstance(told, Head):
            self._heads.append(told)
            if self._signing is None or self._signing.done():
                self._signing = asyncio.get_running_loop().create_task(self._sign_heads())
        elif isinstance(told, Stopped) and not self._stopped:
            self._stopped = True
            _logger.error("signing has stopped", extra={"reason": told.cause})

    async def _sign_heads(self) -> None:
        """One after the other; what is not signed stands in the journal for the next one."""
        while self._heads:
            head = self._heads.popleft()
            try:
                await asyncio.to_thread(self._sign, self._number, head)
            except (FengsuiError, OSError):
                _logger.exception("the head of a signing journal was not signed")

    async def _run(self, closing: asyncio.Event) -> None:
        """Keep a process in this place until the hall closes."""
        while not closing.is_set():
            begun = time.monotonic()
            await self._live_once(closing)
            if closing.is_set():
                break
            self.restarts += 1
            lived = time.monotonic() - begun
            self._deaths = self._deaths + 1 if lived < YOUNG_SECONDS or self._down else 0
            pause = BACKOFF_SECONDS[min(self._deaths, len(BACKOFF_SECONDS) - 1)]
            if pause:
                with suppress(TimeoutError):
                    await asyncio.wait_for(closing.wait(), pause)
        self._refuse_queue()

    async def _live_once(self, closing: asyncio.Event) -> None:
        """One process from its start to its end; returns once it is gone for certain."""
        loop = asyncio.get_running_loop()
        line = _Line(self._told, loop)
        try:
            if self._signing is not None:
                # The process before may have told a last head.
                await self._signing
            child = await asyncio.to_thread(self._start, self._number)
        except Exception:
            # Whatever it was, no process is there: callers are told so, and it is tried again.
            _logger.exception("a signing process could not be started")
            self._start_failed()
            return
        await loop.create_connection(lambda: line, sock=child.line)
        ready = await self._until_ready(line, closing)
        try:
            if ready:
                self._failed_starts = 0
                self._down = self._stopped = False
                self._line = line
                self._flush()
                await self._until_end(line, closing)
            else:
                self._start_failed()
        finally:
            self._line = None
            if line.transport is not None:
                line.transport.abort()
            await asyncio.to_thread(_reap, child.process)
            self._lose_given()

    async def _until_ready(self, line: _Line, closing: asyncio.Event) -> bool:
        """Whether it became ready in time; nobody waits for it once the hall closes."""
        wait_closing = asyncio.ensure_future(closing.wait())
        await asyncio.wait(
            (line.ready, wait_closing),
            timeout=START_SECONDS_MAX,
            return_when=asyncio.FIRST_COMPLETED,
        )
        wait_closing.cancel()
        if line.ready.done():
            return bool(line.ready.result())
        # Nobody is made to wait that long twice.
        self._failed_starts = STARTS_MAX
        return False

    async def _until_end(self, line: _Line, closing: asyncio.Event) -> None:
        """Wait for its end; bring it about where the hall closes or entries cannot be written."""
        wait_closing = asyncio.ensure_future(closing.wait())
        try:
            while not line.lost.done() and not closing.is_set() and not self._stopped:
                await asyncio.wait(
                    (line.lost, wait_closing), timeout=1.0, return_when=asyncio.FIRST_COMPLETED
                )
            if self._stopped and not closing.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(closing.wait(), STOPPED_SECONDS)
            if not line.lost.done():
                self._flush()
                self._line = None
                assert line.transport is not None
                if not line.transport.is_closing():
                    line.transport.write_eof()
                await asyncio.wait((line.lost,), timeout=CLOSE_SECONDS_MAX)
        finally:
            wait_closing.cancel()

    def _start_failed(self) -> None:
        self._failed_starts += 1
        if self._failed_starts >= STARTS_MAX:
            self._down = True
            self._refuse_queue()

    def _lose_given(self) -> None:
        given, self._given = self._given, {}
        for number, (future, languages) in given.items():
            if not future.done():
                error = refusal.restarted(RESTARTED_SECONDS)
                future.set_result(self._refuse(number, languages, error))

    def _refuse_queue(self) -> None:
        queue, self._queue = self._queue, deque()
        for one in queue:
            if not one.future.done():
                error = refusal.stopped(STOPPED_SECONDS)
                one.future.set_result(self._refuse(one.id, one.languages, error))

    @staticmethod
    def _refuse(number: int, languages: str, error: FengsuiError) -> Reply:
        return refusal.reply_to(number, error, languages)


def _reap(process: subprocess.Popen[bytes]) -> None:
    """Return once the process is gone, so that its successor finds its files let go of."""
    try:
        process.wait(CLOSE_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
