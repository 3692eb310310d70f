"""Logs of Keycloak, slapd and nginx: read with their true times, moved onto the town's."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from district.calendar import SECOND_US, ZONE

from living.logs import Grown

__all__ = ["ConsoleLog", "DirectoryLog", "GatewayLog"]

_CONSOLE: Final = re.compile(r'^\{"timestamp":"([^"]{19,40})"')
_EVENTS: Final = '"loggerName":"org.keycloak.events"'
_UNTIL: Final = re.compile(r'not_before=\\"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\\"')
_STATS: Final = re.compile(r"^([0-9a-f]{8})\.([0-9a-f]{8}) ")
_GATEWAY: Final = re.compile(r'^\{"time":"[^"]{25}"')
_NS: Final = 10**9


class ConsoleLog:
    """Keycloak's console as JSON: the events in it.

    Moved: the line's own timestamp, and in the message of a lock the end of it (``not_before``),
    which comes ``slower`` times as long after the line as it truly came.
    """

    def __init__(
        self,
        path: Path,
        stream: str,
        kept: Callable[[str], bool],
        since: Callable[[], float],
        *,
        slower: int,
    ) -> None:
        """``kept`` says of a line whether it is one of the town's; nothing is before ``since()``."""
        self.stream = stream
        self._grown, self._kept, self._since = Grown(path), kept, since
        self._slower = slower

    def read(self) -> Iterator[tuple[float, str]]:
        """Events only: what other parts of the server say is about its start."""
        for line in self._grown.lines():
            found = _CONSOLE.match(line)
            if found is None or _EVENTS not in line or not self._kept(line):
                continue
            truly = _moment(found[1])
            if truly >= self._since():
                yield truly, line

    def stamped(self, text: str, at: int) -> str:
        """See the class."""
        found = _CONSOLE.match(text)
        if found is None:
            raise ValueError(f"no timestamp in {text[:60]!r}")
        truly = _moment(found[1])

        def until(told: re.Match[str]) -> str:
            lasts = _moment(f"{told[1]}Z") - truly
            return f'not_before=\\"{_second(at + int(lasts * self._slower * SECOND_US))}\\"'

        nanoseconds = found[1][20:].rstrip("Z")[6:]
        fraction = f"{at % SECOND_US:06d}{nanoseconds}"
        stamp = f"{_second(at)}.{fraction.rstrip('0') or '0'}Z"
        return _UNTIL.sub(until, f'{{"timestamp":"{stamp}"{text[found.end() :]}')


class DirectoryLog:
    """slapd's stats with hexadecimal times, which are moved."""

    def __init__(self, path: Path, stream: str, since: Callable[[], float]) -> None:
        """Nothing before ``since()`` is read."""
        self.stream = stream
        self._grown, self._since = Grown(path), since

    def read(self) -> Iterator[tuple[float, str]]:
        """Lines of operations; others are about its start."""
        for line in self._grown.lines():
            found = _STATS.match(line)
            if found is None or " conn=" not in line:
                continue
            truly = int(found[1], 16) + int(found[2], 16) / _NS
            if truly >= self._since():
                yield truly, line

    def stamped(self, text: str, at: int) -> str:
        """Seconds and nanoseconds."""
        found = _STATS.match(text)
        if found is None:
            raise ValueError(f"no time in {text[:60]!r}")
        nanoseconds = at % SECOND_US * 1000 + int(found[2], 16) % 1000
        return f"{at // SECOND_US:08x}.{nanoseconds:08x} {text[found.end() :]}"


class GatewayLog:
    """nginx's JSON, with a second file of true times to the millisecond, line by line."""

    def __init__(self, path: Path, side: Path, stream: str, since: Callable[[], float]) -> None:
        """``side`` has ``$msec`` of the same requests in the same order."""
        self.stream = stream
        self._grown, self._side, self._since = Grown(path), Grown(side), since
        self._waiting: list[str] = []

    def read(self) -> Iterator[tuple[float, str]]:
        """Requests since ``since()``."""
        lines = [*self._waiting, *self._grown.lines()]
        times = [float(one) for one in self._side.lines()]
        self._waiting = lines[len(times) :]
        for truly, line in zip(times, lines, strict=False):
            if truly >= self._since():
                yield truly, line

    def stamped(self, text: str, at: int) -> str:
        """The whole second, as nginx writes it."""
        local = dt.datetime.fromtimestamp(at // SECOND_US, ZONE)
        moved, count = _GATEWAY.subn(f'{{"time":"{local:%Y-%m-%dT%H:%M:%S}+08:00"', text)
        if not count:
            raise ValueError(f"no time in {text[:60]!r}")
        return moved


def _moment(text: str) -> float:
    """``2026-11-26T02:41:24.05028152Z`` as Unix time."""
    whole = dt.datetime.fromisoformat(text[:19]).replace(tzinfo=dt.UTC)
    fraction = text[19:].rstrip("Z")
    return whole.timestamp() + float(f"0{fraction}" if fraction else 0)


def _second(at: int) -> str:
    return f"{dt.datetime.fromtimestamp(at // SECOND_US, dt.UTC):%Y-%m-%dT%H:%M:%S}"
