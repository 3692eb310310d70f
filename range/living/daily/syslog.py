"""Syslog: what a machine's programs send to their ``/dev/log``, as rsyslog's file format writes it.

One socket a machine, received in this process: so each line has its true time to the microsecond,
and whoever did something can wait until it is told.
"""

from __future__ import annotations

import re
import selectors
import socket
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from district.calendar import SECOND_US

from living.daily.stamp import head, rfc3339

__all__ = ["AuthLog", "Receiver", "line_of"]

_PACKET: Final = re.compile(
    rb"<(\d{1,3})>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (.*)", re.DOTALL | re.ASCII
)
_AUTH: Final = frozenset((4, 10))
"""Facilities auth and authpriv: what Debian's rsyslog writes to ``auth.log``."""
_LONGEST: Final = 65_536
WAIT_S: Final = 3.0
"""What a program has for its last line; it comes within milliseconds."""


def line_of(packet: bytes, host: str, at: int) -> str | None:
    """The line in ``auth.log``, None for what goes to another file.

    Raises ValueError where it is no local syslog packet.
    """
    found = _PACKET.fullmatch(packet.rstrip(b"\n\0"))
    if found is None:
        raise ValueError(f"not a local syslog packet: {packet[:80]!r}")
    if int(found[1]) >> 3 not in _AUTH:
        return None
    text = found[2].replace(b"\n", b"#012").decode("utf-8", "replace")
    return f"{head(at)} {host} {text}"


class AuthLog:
    """The ``auth.log`` of one machine; see :class:`living.logs.RealLog`."""

    def __init__(self, stream: str, host: str, path: Path) -> None:
        self.stream, self.host = stream, host
        self._lines: list[tuple[float, str]] = []
        self._told = threading.Condition()
        self._count = 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        path.chmod(0o666)

    def receive(self) -> None:
        """Take one packet."""
        packet, now = self.socket.recv(_LONGEST), time.time()
        line = line_of(packet, self.host, int(now * SECOND_US))
        if line is None:
            return
        with self._told:
            self._lines.append((now, line))
            self._count += 1
            self._told.notify_all()

    def mark(self) -> int:
        """How many lines there were so far."""
        with self._told:
            return self._count

    def until(self, mark: int, *wanted: str) -> list[str]:
        """Wait until a line after the mark holds all words; the lines since then.

        Raises RuntimeError where none comes in time.
        """
        ends = time.monotonic() + WAIT_S
        with self._told:
            while True:
                since = self._count - mark
                lines = [line for _, line in self._lines[-since:]] if since else []
                if any(all(word in line for word in wanted) for line in lines):
                    return lines
                left = ends - time.monotonic()
                if left <= 0:
                    raise RuntimeError(f"{self.host} did not tell {wanted}, but {lines}")
                self._told.wait(left)

    def read(self) -> Iterable[tuple[float, str]]:
        """See :class:`living.logs.RealLog`."""
        with self._told:
            taken, self._lines = self._lines, []
        return taken

    def stamped(self, text: str, at: int) -> str:
        """See :class:`living.logs.RealLog`."""
        return rfc3339(text, at)


class Receiver:
    """Takes the packets of all machines, in a thread."""

    def __init__(self, logs: Iterable[AuthLog]) -> None:
        self._waiting = selectors.DefaultSelector()
        for log in logs:
            self._waiting.register(log.socket, selectors.EVENT_READ, log)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            for key, _ in self._waiting.select():
                log: AuthLog = key.data
                log.receive()
