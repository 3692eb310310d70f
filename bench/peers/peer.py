"""A peer as a child process: a line out, a line back."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

__all__ = ["MissingPeer", "Peer", "Refused"]

# The longest answer is a sealed MiB in hexadecimal; a program that babbles is not a peer.
_LINE_SIZE_MAX = 4 << 20


class MissingPeer(Exception):  # noqa: N818 - a state of the machine, no fault
    """The peer, or what it was asked for, cannot be had here; the message says why."""


class Refused(Exception):  # noqa: N818 - a verdict, as in crypto's engines
    """The peer found its input bad: a wrong signature, a changed ciphertext, a malformed key."""


class Peer:
    """One running peer; ends with the block or with this process."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start the program; raises ``MissingPeer``."""
        try:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise MissingPeer(f"{Path(command[0]).name} does not start: {error}") from error
        self.name = self._line("hello")

    def ask(self, verb: str, *arguments: bytes | str | int) -> tuple[bytes, ...]:
        """Return the values of the answer; raises ``Refused`` or ``MissingPeer``."""
        words = [one.hex() or "-" if isinstance(one, bytes) else str(one) for one in arguments]
        answer = self._line(" ".join([verb, *words]))
        return tuple(b"" if one == "-" else bytes.fromhex(one) for one in answer.split())

    def seconds(self, what: str, count: int) -> float:
        """Return the CPU seconds of ``count`` operations; raises ``MissingPeer``."""
        return float(self._line(f"time {what} {count}"))

    def close(self) -> None:
        """End the program."""
        for pipe in (self._child.stdin, self._child.stdout):
            assert pipe is not None
            pipe.close()
        self._child.wait(timeout=30)

    def _line(self, request: str) -> str:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        try:
            self._child.stdin.write(request.encode() + b"\n")
            self._child.stdin.flush()
        except BrokenPipeError as error:
            raise MissingPeer("the peer's program has ended") from error
        answer = self._child.stdout.readline(_LINE_SIZE_MAX).decode().strip()
        word, _, rest = answer.partition(" ")
        if word == "refused":
            raise Refused(rest)
        if word != "ok":
            raise MissingPeer(rest or f"the peer's program ended at {request.split()[0]}")
        return rest

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the program."""
        self.close()
