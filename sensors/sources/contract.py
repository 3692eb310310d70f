"""What every log format promises: framed records in, one map of fields out for each, always."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from schema.event import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Where a source stands."""

    host: str
    """The machine's name, written to ``host.name``."""
    utc_offset_minutes: int
    """Zone of the source's clock, for times written without one."""
    now: Callable[[], int]
    """Microseconds UTC. Gives the year of classic syslog lines, and the time of a record that
    tells none before any other record has; never the time of one that tells its own."""


class Format(Protocol):
    """One log format. An instance belongs to one source and may remember its last time."""

    @property
    def dataset(self) -> str:
        """The ``event.dataset`` of its events."""

    def begins(self, line: bytes) -> bool:
        """Whether the line starts a record; False joins it, with a newline, to the one before.

        To be asked once for each line, in file order: a format may count quotes.
        """

    def parse(self, records: Sequence[bytes], context: Context) -> list[Fields]:
        """The fields of each record, in order; as many as there were records, for any bytes.

        A record that does not parse has the action ``unparsed``, the last known time of the
        source and ``gov.time.assumed``.
        """
