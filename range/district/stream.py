"""Stream: one log of the town, and the lines that deeds leave in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from schema.alert import Vantage
from schema.event import Fields
from schema.registers import FOREVER
from schema.times import to_text

__all__ = ["EVENTS", "Line", "Sink", "Statement", "Stream"]

EVENTS: Final = "events"
"""``form`` of a stream whose lines are events themselves: what the platform seals of itself, and
what our own sensors see without any line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One log file or feed."""

    name: str
    """Unique; the recorded file's name."""
    form: str
    """A format of :mod:`sensors.sources`, ``mapping:<name>``, or :data:`EVENTS`."""
    host: str
    view: Vantage
    """Whose record it is."""
    encoding: str = "utf-8"
    """Of its lines: files of banks come in GBK."""


class Line(NamedTuple):
    """One record of a stream."""

    at: int
    """When it was written, microseconds UTC: the order of lines in a stream."""
    stream: str
    text: str | Fields
    episode: str


class Statement(NamedTuple):
    """A row of a register that holds from some time on: said the moment it becomes known."""

    register: str
    key: tuple[str, ...]
    fields: Mapping[str, str | int | bool | list[str]]
    since: int
    until: int = FOREVER


@dataclass(slots=True)
class Sink:
    """Takes what deeds leave behind; the runner empties it day by day."""

    lines: list[Line] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    episode: str = ""
    """Of the deed that is being done."""

    def write(self, stream: str, at: int, text: str) -> None:
        """A record of a log."""
        self.lines.append(Line(at, stream, text, self.episode))

    def event(self, stream: str, at: int, fields: Fields) -> None:
        """An event of a stream of form :data:`EVENTS`; its time is added."""
        self.lines.append(Line(at, stream, {"@timestamp": to_text(at), **fields}, self.episode))

    def say(self, row: Statement) -> None:
        """A row of a register, known from this day on (a revocation, a case that was opened)."""
        self.statements.append(row)
