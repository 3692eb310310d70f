"""Logs: what real servers wrote, each line with the true time it was written at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

__all__ = ["Grown", "RealLog"]


class RealLog(Protocol):
    """A log of a real server: read while it grows, moved onto the town's time."""

    stream: str
    """Name of the town's stream it is."""

    def read(self) -> Iterable[tuple[float, str]]:
        """The whole lines since the last call, each with its true Unix time."""

    def stamped(self, text: str, at: int) -> str:
        """The line as if written at ``at`` (microseconds UTC): only timestamps differ.

        Raises ValueError where it has no timestamp in its place.
        """


class Grown:
    """The whole lines that came to a file since the last look."""

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        self._path, self._encoding = path, encoding
        self._offset = 0

    def lines(self) -> Iterator[str]:
        """Those with an end; a line that is still being written waits."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            read = file.read()
        whole = read[: read.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.split(b"\n")[:-1]:
            yield line.decode(self._encoding)
