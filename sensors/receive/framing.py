"""Framing: messages out of a byte stream, after RFC 6587, both ways in one stream.

A message that begins with a number and a blank is counted in octets (RFC 5425 too); any other ends
with a line feed, or a NUL as some devices send. What is longer than a message may be is cut, and
its rest skipped and told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

MESSAGE_BYTES_MAX: Final = 64 * 1024
"""One message; RFC 5425 asks receivers for 2048 and advises 8192, devices send up to 64 KiB."""
_COUNT: Final = re.compile(rb"([1-9][0-9]{0,6}) (?=<)")
_COUNT_BEGUN: Final = re.compile(rb"[1-9][0-9]{0,6}(?: |\Z)")
_ENDS: Final = re.compile(rb"[\n\0]")


class Framing:
    """The framing of one connection."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._skip = 0
        """Octets of a counted message still to be skipped."""
        self._skips_line = False
        self.cut = 0
        """Messages cut since the beginning."""

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole with this data; empty ones are left out."""
        self._waiting += data
        return [message for message in self._taken() if message]

    def end(self) -> list[bytes]:
        """What was left when the connection ended, if it is something."""
        left = bytes(self._waiting).strip(b"\r\n\0 ")
        self._waiting.clear()
        return [left] if left and not (self._skip or self._skips_line) else []

    def _taken(self) -> Iterator[bytes]:
        while self._waiting:
            if self._skip or self._skips_line:
                if not self._skipped():
                    return
                continue
            if self._waiting[0] in b"\r\n\0 ":
                del self._waiting[0]
                continue
            counted = _COUNT.match(self._waiting)
            if counted:
                message = self._counted(counted.end(), int(counted[1]))
            elif len(self._waiting) < 9 and _COUNT_BEGUN.match(self._waiting):
                return
            else:
                message = self._line()
            if message is None:
                return
            yield message

    def _counted(self, begin: int, size: int) -> bytes | None:
        kept = min(size, MESSAGE_BYTES_MAX)
        if len(self._waiting) < begin + kept:
            return None
        message = bytes(self._waiting[begin : begin + kept])
        del self._waiting[: begin + kept]
        if size > kept:
            self.cut += 1
            self._skip = size - kept
        return message.rstrip(b"\r\n\0")

    def _line(self) -> bytes | None:
        end = _ENDS.search(self._waiting, 0, MESSAGE_BYTES_MAX + 1)
        if end:
            message = bytes(self._waiting[: end.start()])
            del self._waiting[: end.end()]
            return message.rstrip(b"\r")
        if len(self._waiting) <= MESSAGE_BYTES_MAX:
            return None
        message = bytes(self._waiting[:MESSAGE_BYTES_MAX])
        del self._waiting[:MESSAGE_BYTES_MAX]
        self.cut += 1
        self._skips_line = True
        return message

    def _skipped(self) -> bool:
        """Skip what is there of a long message; whether it is over."""
        if self._skip:
            taken = min(self._skip, len(self._waiting))
            del self._waiting[:taken]
            self._skip -= taken
            return not self._skip
        end = _ENDS.search(self._waiting)
        if end is None:
            self._waiting.clear()
            return False
        del self._waiting[: end.end()]
        self._skips_line = False
        return True
