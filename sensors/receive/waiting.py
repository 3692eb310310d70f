"""Waiting: messages between the network and the sensor's next batch, bounded in count and bytes.

A stream waits for room, so that its sender does; a datagram that finds none is lost and counted.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Final, NamedTuple

MESSAGES_MAX: Final = 20_000
"""A second of the highest rate taken in."""
BYTES_MAX: Final = 32 * 1024 * 1024
"""As many bytes of them: what stands here is in memory alone, and gone with it."""


class Message(NamedTuple):
    """One message as it came."""

    raw: bytes
    peer: str
    """Address it came from."""
    received_at: int


class Waiting:
    """The queue of one receiver; for any thread."""

    def __init__(self, *, messages_max: int = MESSAGES_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._messages_max = messages_max
        self._bytes_max = bytes_max
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._change = threading.Condition()
        self._is_closed = False
        self._counts: dict[str, int] = {}

    def offer(self, message: Message) -> bool:
        """Take the message if there is room now; else count it as lost."""
        with self._change:
            if self._is_full():
                self._counts["messages_lost"] = self._counts.get("messages_lost", 0) + 1
                return False
            self._add(message)
            return True

    def put(self, message: Message) -> None:
        """Take the message once there is room, or at once where the queue was closed: its sender
        believes it taken."""
        with self._change:
            self._change.wait_for(lambda: self._is_closed or not self._is_full())
            self._add(message)

    def take(self, count_max: int, bytes_max: int) -> list[Message]:
        """The oldest messages; at least one if there is any."""
        taken: list[Message] = []
        size = 0
        with self._change:
            while self._messages and len(taken) < count_max:
                size += len(self._messages[0].raw)
                if taken and size > bytes_max:
                    break
                taken.append(self._messages.popleft())
                self._bytes -= len(taken[-1].raw)
            self._change.notify_all()
        return taken

    def oldest(self) -> int | None:
        """When the oldest message came that was not taken."""
        with self._change:
            return self._messages[0].received_at if self._messages else None

    def count(self, kind: str, more: int = 1) -> None:
        """Note what was lost, cut or refused."""
        with self._change:
            self._counts[kind] = self._counts.get(kind, 0) + more

    def counts(self) -> dict[str, int]:
        """What was noted since the start."""
        with self._change:
            return dict(self._counts)

    def close(self) -> None:
        """Let nobody wait for room any longer."""
        with self._change:
            self._is_closed = True
            self._change.notify_all()

    def _is_full(self) -> bool:
        return len(self._messages) >= self._messages_max or self._bytes >= self._bytes_max

    def _add(self, message: Message) -> None:
        self._messages.append(message)
        self._bytes += len(message.raw)
