"""UploadSource: asks and answers on a Unix socket; each answer is an event ``upload.scan``.

The answer goes out once its event waits to be sealed. What waits lies in memory: gone when the
sensor is killed, at most ``EVENTS_MAX``. Ids come from a dense counter in the sealed position.
"""

from __future__ import annotations

import contextlib
import socket
import stat
import threading
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from schema import times
from schema.batch import Position
from schema.errors import FengsuiError
from schema.event import Fields
from sensors.proc import shown
from sensors.source import Polled
from sensors.upload.check import Checker, Verdict
from sensors.upload.protocol import LINE_BYTES_MAX, Answer, Question, parse, write

EVENTS_MAX: Final = 10_000
"""Answers that wait to be sealed: some twenty megabytes."""
ROOM_SECONDS: Final = 5.0
"""An answer waits so long for room; then the check counts as not done."""
CONNECTIONS_MAX: Final = 32
"""At once; one more is closed, which its application takes for no answer."""
IDLE_SECONDS: Final = 60.0
"""A connection that asks nothing is closed."""
SOCKET_MODE: Final = 0o660
"""Its folder's group may ask: a folder with the set-group bit gives its own."""
DATASET: Final = "upload.scan"
GENERATION: Final = "stream"


class UploadSource:
    """Listens from when it is made, answers from its first poll on.

    Raises ``sensors.upload.refused`` where it cannot listen.
    """

    kind = "upload"

    def __init__(
        self,
        name: str,
        path: Path,
        checker: Checker,
        *,
        host: str,
        now: Callable[[], int],
        events_max: int = EVENTS_MAX,
        room_seconds: float = ROOM_SECONDS,
    ) -> None:
        self._name = name
        self._path = path
        self._checker = checker
        self._host = host
        self._now = now
        self._events_max = events_max
        self._room_seconds = room_seconds
        self._waiting: deque[tuple[int, Fields]] = deque()
        self._room = threading.Condition()
        self._troubles: Counter[str] = Counter()
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._is_started = False
        self._is_stopped = False
        self._next = 0
        self._watermark = 0
        self._listener = _listen(path)

    @property
    def name(self) -> str:
        return self._name

    def restore(self, position: Position) -> None:
        """Count on from a sealed place."""
        self._next = position.offset

    def poll(self, limit: int) -> Polled:
        if not self._is_started and not self._is_stopped:
            self._is_started = True
            self._start(self._accept, self._listener)
        with self._room:
            # Stamped under the same lock: what comes later is not earlier than this.
            now = self._now()
            taken = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
            at_end = not self._waiting
            reached = now if at_end else min(now, self._waiting[0][0])
            troubles = dict(self._troubles)
            self._room.notify_all()
        self._watermark = max(self._watermark, reached)
        places = [(GENERATION, self._next + at) for at in range(len(taken))]
        self._next += len(taken)
        return Polled(
            events=[fields for _, fields in taken],
            places=places,
            position=Position(generation=GENERATION, offset=self._next),
            watermark=self._watermark,
            at_end=at_end,
            troubles=troubles,
            problem="the upload service" if troubles else "",
        )

    def stop(self) -> None:
        """Answer no more; what was answered can still be polled."""
        with self._room:
            if self._is_stopped:
                return  # The path may be another's by now.
            self._is_stopped = True
            asking = list(self._connections)
            self._room.notify_all()
        for one in [self._listener, *asking]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _start(self, work: Callable[[socket.socket], None], one: socket.socket) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=work, args=(one,), daemon=True, name="upload")
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._room:
                if self._is_stopped or len(self._connections) >= CONNECTIONS_MAX:
                    self._troubles["connections_refused"] += 1
                    connection.close()
                    continue
                self._connections.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(IDLE_SECONDS)
            with connection.makefile("rb") as lines:
                while line := lines.readline(LINE_BYTES_MAX + 1):
                    if self._is_stopped:
                        return
                    answer = self._answer(line)
                    connection.sendall(write(answer))
                    if answer.error:
                        return
        except OSError:
            pass  # It went, or asked nothing for too long.
        finally:
            with self._room:
                self._connections.discard(connection)
            connection.close()

    def _answer(self, line: bytes) -> Answer:
        try:
            if not line.endswith(b"\n") or len(line) > LINE_BYTES_MAX:
                raise FengsuiError("sensors.upload.question", "no whole line", why="no whole line")
            question = parse(line)
        except FengsuiError as error:
            with self._room:
                self._troubles["questions_refused"] += 1
            return Answer(allow=False, error=str(error.params["why"]))
        path = Path(question.file)
        verdict = self._checker.check(path, question.name or path.name)
        if not self._tell(question, verdict):
            unsealed = self._checker.failed("not_recorded")
            verdict = unsealed if verdict.allow else verdict
        return Answer(allow=verdict.allow, reason=verdict.reason, sm3=verdict.sm3)

    def _tell(self, question: Question, verdict: Verdict) -> bool:
        """Put the event where it waits to be sealed; False where there is no room for it."""
        with self._room:
            self._room.wait_for(
                lambda: self._is_stopped or len(self._waiting) < self._events_max,
                self._room_seconds,
            )
            if len(self._waiting) >= self._events_max:
                self._troubles["events_lost"] += 1
                return False
            now = self._now()
            self._waiting.append((now, event(question, verdict, host=self._host, now=now)))
        return True


def event(question: Question, verdict: Verdict, *, host: str, now: int) -> Fields:
    """The event of an answer. What is marked stands in ``message``: the masker hides it whole."""
    path = Path(question.file)
    fields: Fields = {
        "@timestamp": times.to_text(now),
        "event.action": "file_uploaded" if verdict.allow else "file_refused",
        "event.dataset": DATASET,
        "event.outcome": "success" if verdict.allow else "failure",
        # First of the texts that can be hidden: length and HMAC are of this one.
        "message": verdict.marked,
        "event.reason": verdict.reason,
        "file.hash.sm3": verdict.sm3,
        "file.name": shown(question.name or path.name),
        "file.path": shown(verdict.isolated or question.file),
        "gov.app.id": shown(question.app),
        "gov.matter.code": shown(question.matter),
        "host.name": host,
        "organization.id": shown(question.unit),
        "user.id": shown(question.user),
    }
    told = {name: value for name, value in fields.items() if value != ""}
    if verdict.sm3:
        told["file.size"] = verdict.size
    return told


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    try:
        _make_way(path)
        listener.bind(str(path))
        # Nobody can connect before it listens.
        path.chmod(SOCKET_MODE)
        listener.listen(CONNECTIONS_MAX)
    except OSError as error:
        listener.close()
        raise FengsuiError(
            "sensors.upload.refused",
            f"the upload service cannot listen at {path}: {error}",
            path=str(path),
        ) from error
    return listener


def _make_way(path: Path) -> None:
    """Remove the socket of a sensor that was killed; never anything else."""
    try:
        told = path.lstat()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return
    if not stat.S_ISSOCK(told.st_mode):
        raise FileExistsError(f"{path} is no socket")
    with socket.socket(socket.AF_UNIX) as other:
        try:
            other.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise FileExistsError("another service listens there")
