"""Topics: the layout of the bus, one table that documents and ``fengsui cluster`` share.

Every topic stamps records with the broker's time on arrival, never elects a replica that lacks
acknowledged records, and never drops what a reader has not read before its retention is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schema import bus, ids

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

FOREVER: Final = -1

MESSAGE_BYTES_MAX: Final = bus.RECORD_BYTES_MAX + 64 * 1024
"""What a topic takes in one batch of records: the longest record with its key and lengths."""

REPLICATION: Final = 3
"""Copies of each partition where there are so many brokers: one may fail while one is repaired."""

BUS_RETENTION_MS: Final = 7 * DAY_MS
"""How long a record stays: the bus is a buffer, evidence lies in segment files. A week bridges
the longest holiday closure but one; a redacted event's copy on the bus is gone after it."""

HEARTBEAT_RETENTION_MS: Final = HOUR_MS
"""An old heartbeat says nothing a newer one does not; the shortest that survives a restart."""

COMPACTED_ROLL_MS: Final = HOUR_MS
"""Only closed log files are compacted: an hour of receipts is what a restart reads twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic without its prefix; ``partitions`` None means those of the settings."""

    name: str
    partitions: int | None
    retention_ms: int
    key: str
    what: str

    @property
    def compacted(self) -> bool:
        """Whether the newest record of each key is kept, and older ones are not."""
        return self.retention_ms == FOREVER

    @property
    def roll_ms(self) -> int:
        """After how long a log file is closed: retention and compaction see closed files only."""
        return COMPACTED_ROLL_MS if self.compacted else max(self.retention_ms // 7, HOUR_MS // 6)

    @property
    def kept_ms_max(self) -> int:
        """The longest a record stays: retention begins once its log file is closed."""
        return FOREVER if self.compacted else self.retention_ms + self.roll_ms

    def full_name(self, prefix: str) -> str:
        """The name on the brokers."""
        return f"{prefix}.{self.name}"

    def partition_count(self, partitions: int) -> int:
        """How many partitions it has where data topics have that many."""
        return partitions if self.partitions is None else self.partitions

    def config(self, replication: int) -> dict[str, str]:
        """Its settings on the brokers, by Kafka's names."""
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "max.message.bytes": str(MESSAGE_BYTES_MAX),
            "message.timestamp.type": "LogAppendTime",
            "min.insync.replicas": str(min_in_sync(replication)),
            "retention.bytes": str(FOREVER),
            "retention.ms": str(self.retention_ms),
            "segment.ms": str(self.roll_ms),
            "unclean.leader.election.enable": "false",
        }


BATCHES: Final = Topic(
    name="batches",
    partitions=None,
    retention_ms=BUS_RETENTION_MS,
    key="sensor",
    what="sealed batches in wire form, one record each, as the sensor sealed them",
)
HEARTBEATS: Final = Topic(
    name="heartbeats",
    partitions=None,
    retention_ms=HEARTBEAT_RETENTION_MS,
    key="sensor",
    what="signed heartbeats of idle sensors",
)
RECEIPTS: Final = Topic(
    name="receipts",
    partitions=None,
    retention_ms=FOREVER,
    key="sensor",
    what="the platform's newest receipt for each sensor",
)
ACCEPTED: Final = Topic(
    name="accepted",
    partitions=None,
    retention_ms=BUS_RETENTION_MS,
    key="sensor; none for control",
    what="batches the collector let in, heartbeats and control, in the words of schema/feed.py",
)
HITS: Final = Topic(
    name="hits",
    partitions=None,
    retention_ms=BUS_RETENTION_MS,
    key="division of the state's buckets",
    what="hits of rules re-keyed by entity, and watermarks",
)
HOURS: Final = Topic(
    name="hours",
    partitions=1,
    retention_ms=BUS_RETENTION_MS,
    key="division of the state's buckets",
    what="what model rules count by the hour",
)
DECIDED: Final = Topic(
    name="decided",
    partitions=1,
    retention_ms=BUS_RETENTION_MS,
    key="division of the state's buckets",
    what="alerts, closings, coverage and misses on their way to the state of record",
)
ARTEFACTS: Final = Topic(
    name="artefacts",
    partitions=1,
    retention_ms=FOREVER,
    key="SM3 of the content",
    what="rule sets, register versions and indicator lists that control names",
)
CLOCKS: Final = Topic(
    name="clocks",
    partitions=None,
    retention_ms=HEARTBEAT_RETENTION_MS,
    key="none",
    what="what `cluster check` writes to compare clocks; nothing else reads it",
)

TOPICS: Final = (
    BATCHES,
    HEARTBEATS,
    RECEIPTS,
    ACCEPTED,
    HITS,
    HOURS,
    DECIDED,
    ARTEFACTS,
    CLOCKS,
)

PARTITION_COUNTS: Final = tuple(n for n in range(1, ids.BUCKETS + 1) if ids.BUCKETS % n == 0)
"""What data topics may have: a bucket of state then lies in one partition of every topic."""


def min_in_sync(replication: int) -> int:
    """Replicas that must have a record before it is acknowledged: two of three, else one.

    Two of two would stop at the first failure; one of one or two is what there is.
    """
    return 2 if replication >= REPLICATION else 1
