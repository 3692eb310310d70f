"""Changelogs: the compacted topics that hold what stages keep, named as the engine looks for them.

They are made by us, not by the engine: with our replication, the least in-sync replicas of the
lanes, and compaction alone. The engine checks that they are there and have a lane's partitions.
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic, TopicMetadata

from analytics.streaming.runner import stale
from analytics.streaming.runner.site import READ, Site
from analytics.streaming.stage import Lane
from schema.errors import FengsuiError

LOOK_SECONDS: Final = 0.1
ANSWER_SECONDS: Final = 30.0
"""A broker under load takes seconds to make 16 partitions of 3 replicas."""

SPREAD_SECONDS: Final = 5.0
"""A topic that was just made is not known to every broker at once."""

STORE: Final = "default"
"""The engine's name of the one store a lane has."""

CLEANUP: Final = {
    "cleanup.policy": "compact",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "delete.retention.ms": str(stale.TOMBSTONES_MS),
}
"""Whatever else is set, the newest of each entry stays."""


def name(site: Site, lane: Lane) -> str:
    """The changelog of a lane's stages."""
    return f"changelog__{site.group}--{site.topics[lane]}--{STORE}"


def copy_of(site: Site, topic: str, partition: int) -> Path:
    """Where the engine keeps a worker's copy of a partition's entries."""
    return site.state / site.group / STORE / topic / str(partition)


def make(site: Site) -> tuple[str, ...]:
    """Make those that are missing, and return the names of those made here.

    Raises ``analytics.stream.changelog``, ``analytics.stream.unreachable`` where no broker answers,
    ``analytics.stream.lane_absent`` where a lane's topic is not there and
    ``analytics.stream.partitions`` where it has other partitions than the settings say.
    """
    admin = AdminClient(dict(site.connection))
    known = _topics(admin, site)
    new: list[NewTopic] = []
    for lane in READ:
        topic = known.get(site.topics[lane])
        if topic is None or topic.error is not None:
            raise FengsuiError(
                "analytics.stream.lane_absent",
                f"the brokers have no topic {site.topics[lane]}: run `fengsui cluster init`",
                topic=site.topics[lane],
            )
        if lane != "hours" and site.partitions not in (None, len(topic.partitions)):
            raise FengsuiError(
                "analytics.stream.partitions",
                f"{site.topics[lane]} has {len(topic.partitions)} partitions and bus.partitions is "
                f"{site.partitions}: set it back; the count is fixed once `fengsui cluster init` "
                "has run, another one needs another bus.prefix and `fengsui migrate`",
                topic=site.topics[lane],
            )
        if name(site, lane) not in known:
            lane_copies = len(next(iter(topic.partitions.values())).replicas)
            copies = site.replication or lane_copies
            new.append(
                NewTopic(
                    name(site, lane),
                    num_partitions=len(topic.partitions),
                    replication_factor=copies,
                    config={**site.changelog(copies), **CLEANUP},
                )
            )
    if not new:
        return ()
    made: list[str] = []
    answers: dict[str, Future[Any]] = admin.create_topics(new, operation_timeout=ANSWER_SECONDS)
    for topic_name, answer in answers.items():
        try:
            answer.result()
            made.append(topic_name)
        except KafkaException as error:
            # Two workers that start at once: the other was first.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise _unmade(topic_name, error.args[0].str()) from error
    _await(admin, set(answers))
    return tuple(made)


def _await(admin: AdminClient, wanted: set[str]) -> None:
    """Until the brokers tell of them: a topic just made is not known to all at once."""
    until = time.monotonic() + ANSWER_SECONDS
    while missing := wanted - admin.list_topics(timeout=ANSWER_SECONDS).topics.keys():
        if time.monotonic() > until:
            raise _unmade(min(missing), "the brokers do not tell of it")
        time.sleep(LOOK_SECONDS)


def _unmade(topic: str, why: str) -> FengsuiError:
    return FengsuiError(
        "analytics.stream.changelog",
        f"{topic} could not be made ({why}): the worker's user needs the right to create it, or "
        "run `fengsui cluster init`",
        topic=topic,
    )


def _topics(admin: AdminClient, site: Site) -> dict[str, TopicMetadata]:
    """What the brokers have, once all lanes are among it or some seconds have passed."""
    until = time.monotonic() + SPREAD_SECONDS
    while True:
        try:
            known: dict[str, TopicMetadata] = admin.list_topics(timeout=ANSWER_SECONDS).topics
        except KafkaException as error:
            raise unreachable(site, error) from error
        absent = [lane for lane in READ if site.topics[lane] not in known]
        if not absent or time.monotonic() > until:
            return known
        time.sleep(SPREAD_SECONDS / 10)


def unreachable(site: Site, error: Exception) -> FengsuiError:
    """The error for brokers that do not answer."""
    first = error.args[0] if error.args else error
    why = first.str() if isinstance(first, KafkaError) else str(error)
    return FengsuiError(
        "analytics.stream.unreachable",
        f"the brokers {site.connection.get('bootstrap.servers')} do not answer ({why}): look at "
        "bus.brokers, the network and the brokers themselves",
    )
