"""What a reader reads: partitions with fixed starts, or whatever its group gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from schema.bus import Place

BEGINNING: Final = -2
"""In place of an offset: the oldest record that is there."""

END: Final = -1
"""In place of an offset: what comes from now on."""

SESSION_SECONDS: Final = 10
"""A member of a group that is not heard of for so long has its partitions given to others."""

HEARTBEAT_SECONDS: Final = 3
"""A third of the session, as the brokers' documentation asks."""

SILENCE_SECONDS: Final = 5.0
"""A reader that found nothing for so long asks the brokers whether they are there."""

FETCH_BYTES: Final = 16 * 1024 * 1024
"""Fetched at once: two of the longest records, so that one never waits for a second fetch."""

PARTITION_BYTES: Final = 4 * 1024 * 1024
"""Of one partition at once, so that a long backlog of one does not starve the others. A single
longer record is given out all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Members of one name share the partitions of the topics and commit what they have stored.

    A partition nobody has committed for is read from its beginning.
    """

    name: str
    topics: tuple[str, ...]


Starts: TypeAlias = Mapping[Place, int]
"""The next offset to read of each partition, or BEGINNING or END; the reader keeps no position."""
