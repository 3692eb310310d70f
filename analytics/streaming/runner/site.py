"""Site: where one worker's lanes, state and identity are, and its times, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from analytics.streaming.stage import Lane

READ: Final[tuple[Lane, ...]] = ("accepted", "hits", "hours")
"""Lanes with stages; ``decided`` is the centre's to read."""

CHECKPOINT_SECONDS: Final = 0.25
"""A message is seen by the next lane after its checkpoint: half of this is the mean wait, and the
way from event to alert has two. Shorter ones buy little: a checkpoint costs milliseconds on the
brokers whatever it holds. See docs/operator/workers.md for the figures."""

POLL_SECONDS: Final = 0.05
"""How long the loop waits for a message before it looks at the checkpoint's time."""

SESSION_MS: Final = 6_000
"""A worker that is not heard so long is dead and its partitions go to others: the least that
brokers take as they come."""
HEARTBEAT_MS: Final = 500
"""A worker learns with a heartbeat that partitions are dealt anew, and stands still until all have.
"""
POLL_MS_MAX: Final = 60_000
"""A worker busy with one message so long is stuck; also how long others wait for it when
partitions are dealt anew. The largest batch with every rule takes seconds."""
TRANSACTION_MS: Final = 15_000
"""What a dead worker had begun is undone by the brokers after this, and readers wait for it: not
long, but longer than a worker on a busy machine takes for the largest batch. A worker that starts
again has its own undone at once."""
BROKERS_GONE_SECONDS: Final = 120.0
"""Without any broker so long the worker ends, and starts anew with fresh connections."""

PREFETCH_KB: Final = 32 * 1024
"""Fetched and not yet taken; librdkafka's 64 MB twice over would be half of a small machine."""

STATISTICS_MS: Final = 5_000
"""How often the lag is taken and the metrics are written."""

Config: TypeAlias = Mapping[str, Any]


class Cover(Protocol):
    """Seals values on top of what the brokers do for them, bound to their topic and key."""

    def seal(self, topic: str, key: bytes, value: bytes) -> bytes:
        """The sealed value."""

    def open(self, topic: str, key: bytes, value: bytes) -> bytes:
        """The value; raises ``collector.seal.*`` for one that was not sealed so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What one worker is told."""

    connection: Config
    """Brokers, TLS and SCRAM in librdkafka's names."""
    topics: Mapping[Lane, str]
    group: str
    """All workers of a site: they share its partitions. Also the beginning of changelogs' names."""
    worker: str
    """This worker; a second one of that name stops the first."""
    state: Path
    """The worker's own folder of state; without it everything is read from the changelogs."""
    message_bytes_max: int
    """The longest record with its key and lengths."""
    partitions: int | None = None
    """Of ``accepted`` and ``hits`` by the settings; the brokers must have as many. None for any."""
    replication: int | None = None
    """Copies of each changelog; as many as its lane has where None."""
    changelog: Callable[[int], Mapping[str, str]]
    """How changelogs with so many copies are kept, in Kafka's names; compacted they are anyway."""
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    cover: Cover | None = None
    """Of records and of what stages keep, on the brokers and in the worker's folder."""


def consumer(site: Site) -> dict[str, Any]:
    """Settings of the worker's reader, beside its connection."""
    return {
        "allow.auto.create.topics": False,
        # Records of dropped checkpoints are never seen.
        "isolation.level": "read_committed",
        # A worker that starts again within its session keeps its partitions: nobody waits for the
        # session of its former self to end.
        "group.instance.id": site.worker,
        "session.timeout.ms": SESSION_MS,
        "heartbeat.interval.ms": HEARTBEAT_MS,
        "max.poll.interval.ms": POLL_MS_MAX,
        "queued.max.messages.kbytes": PREFETCH_KB,
        "max.partition.fetch.bytes": site.message_bytes_max,
        # The wait after the local queue was full or empty; the library's 100 ms are half of a
        # checkpoint.
        "fetch.queue.backoff.ms": 10,
        "statistics.interval.ms": STATISTICS_MS,
    }


def producer(site: Site, partitioner: str) -> dict[str, Any]:
    """Settings of the worker's writer, beside its connection."""
    return {
        "acks": "all",
        "compression.type": "lz4",
        "message.max.bytes": site.message_bytes_max,
        "partitioner": partitioner,
        # The same after a restart: the brokers undo at once what the former self had begun.
        "transactional.id": f"{site.group}.{site.worker}",
        "transaction.timeout.ms": TRANSACTION_MS,
    }
