"""Setting up and looking at brokers: topics, rights, who is in sync, whose clock is off.

Creates and tells; changes and deletes nothing that is there.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

import kafka
from kafka import errors
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)

from collector.bus.access import Access
from collector.bus.kafka_client import Network, stop
from collector.bus.rights import Right
from collector.bus.writing import CONNECT_SECONDS
from schema.bus import Place
from schema.errors import FengsuiError
from schema.ports import Clock

ANSWER_SECONDS: Final = 15.0
"""Making sixteen partitions on three loaded brokers takes some seconds."""

TRIES: Final = 10
RETRY_SECONDS: Final = 0.5
"""Together as long as a dead broker is still named by the others, at their usual session."""

_UNANSWERED: Final = (
    errors.KafkaConnectionError,
    errors.KafkaTimeoutError,
    errors.NodeNotReadyError,
    errors.RequestTimedOutError,
)

_CONFIG_OF_BROKER: Final = "auto.create.topics.enable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """Who has a partition's records; ids of brokers."""

    number: int
    leader: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A topic as the brokers have it."""

    partitions: tuple[Partition, ...]
    config: Mapping[str, str]

    @property
    def replication(self) -> int:
        """Copies of its least copied partition."""
        return min(len(one.replicas) for one in self.partitions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker the others know as up."""

    id: int
    address: str
    answers: bool
    """The others miss one that died only after its session."""
    creates_topics: bool
    """Whether it makes topics that somebody merely asks for, with settings of its own."""


class Admin:
    """Use as a context manager; raises what :class:`Access` raises, and ``schema.bus.refused``."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._network = Network()
        self._client: Any = None

    def __enter__(self) -> Admin:
        self._access.knock()
        try:
            self._client = kafka.KafkaAdminClient(
                **self._access.kafka_python(),
                bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
                kafka_client=self._network,
                request_timeout_ms=int(ANSWER_SECONDS * 1000),
            )
        except errors.KafkaError as error:
            self._network.close()
            raise self._access.unreachable(error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(errors.KafkaError):
            self._client.close()
        self._network.close()
        if isinstance(error, errors.AuthorizationError):
            raise FengsuiError(
                "schema.bus.refused",
                f"the brokers do not let this user look at or set them up ({error}): run this as "
                "one of their super users",
            ) from error
        if isinstance(error, errors.KafkaError):
            raise self._access.unreachable(error) from error

    def brokers(self) -> Sequence[Broker]:
        """The brokers that are up, by id."""
        return sorted(
            (
                self._broker(int(one["broker_id"]), f"{one['host']}:{one['port']}")
                for one in self._again(self._client.describe_cluster)["brokers"]
            ),
            key=lambda one: one.id,
        )

    def _broker(self, number: int, address: str) -> Broker:
        resource = ConfigResource(ConfigResourceType.BROKER, str(number))
        try:
            configs = self._client.describe_configs([resource], config_filter="all")
        except _UNANSWERED:
            return Broker(id=number, address=address, answers=False, creates_topics=False)
        value = configs["broker"][str(number)][_CONFIG_OF_BROKER]["value"]
        return Broker(id=number, address=address, answers=True, creates_topics=value == "true")

    def _again(self, ask: Callable[..., Any], *given: object, **named: object) -> Any:  # noqa: ANN401
        """Ask until a broker answers: the library asks one that has just died, too."""
        for _ in range(TRIES - 1):
            with contextlib.suppress(*_UNANSWERED):
                return ask(*given, **named)
            time.sleep(RETRY_SECONDS)
        return ask(*given, **named)

    def topics(self, names: Iterable[str]) -> Mapping[str, Found]:
        """Those of the topics that are there."""
        present = sorted(set(names) & set(self._again(self._client.list_topics)))
        if not present:
            return {}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in present]
        configs = self._again(self._client.describe_configs, resources, config_filter="all")[
            "topic"
        ]
        return {
            one["name"]: Found(
                partitions=tuple(
                    Partition(
                        number=part["partition_index"],
                        leader=part["leader_id"],
                        replicas=tuple(part["replica_nodes"]),
                        in_sync=tuple(part["isr_nodes"]),
                    )
                    for part in sorted(one["partitions"], key=lambda part: part["partition_index"])
                ),
                config={key: one["value"] for key, one in configs[one["name"]].items()},
            )
            for one in self._again(self._client.describe_topics, present)
        }

    def create(
        self, name: str, *, partitions: int, replication: int, config: Mapping[str, str]
    ) -> None:
        """Make a topic; one made meanwhile by another is left as it is."""
        wanted = {
            "num_partitions": partitions,
            "replication_factor": replication,
            "configs": dict(config),
        }
        with contextlib.suppress(errors.TopicAlreadyExistsError):
            self._again(self._client.create_topics, {name: wanted}, wait_for_metadata=True)

    def rights(self) -> frozenset[Right] | None:
        """Every right granted to anybody from anywhere; None where the brokers keep no rights."""
        everything = ACLFilter(
            None,
            None,
            ACLOperation.ANY,
            ACLPermissionType.ANY,
            ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
        )
        try:
            found, _ = self._again(self._client.describe_acls, everything)
        except errors.SecurityDisabledError:
            return None
        return frozenset(
            Right(
                one.principal,
                one.resource_pattern.resource_type.name.lower(),
                one.resource_pattern.resource_name,
                one.resource_pattern.pattern_type is ACLResourcePatternType.PREFIXED,
                one.operation.name,
            )
            for one in found
            if one.permission_type is ACLPermissionType.ALLOW
        )

    def grant(self, rights: Iterable[Right]) -> None:
        """Grant rights; one that is granted already changes nothing."""
        wanted = [
            ACL(
                one.principal,
                "*",
                ACLOperation[one.operation],
                ACLPermissionType.ALLOW,
                ResourcePattern(
                    ResourceType[one.kind.upper()],
                    one.name,
                    ACLResourcePatternType.PREFIXED
                    if one.prefixed
                    else ACLResourcePatternType.LITERAL,
                ),
            )
            for one in sorted(rights)
        ]
        failed = self._again(self._client.create_acls, wanted)["failed"] if wanted else ()
        for error in failed:
            raise error(f"{len(failed)} of {len(wanted)} rights were not granted")

    def clock_differences(self, topic: str, found: Found, clock: Clock) -> Mapping[int, int]:
        """Microseconds each broker's clock is ahead of ours, by broker, to a round trip's half.

        Writes two records to a partition that the broker leads; one that does not answer is left
        out.
        """
        leads = {one.leader: one.number for one in reversed(found.partitions) if one.leader >= 0}
        network = Network()
        producer = kafka.KafkaProducer(
            **self._access.kafka_python(),
            acks="all",
            allow_auto_create_topics=False,
            kafka_client=network,
            max_block_ms=int(CONNECT_SECONDS * 1000),
            metrics_enabled=False,
        )
        try:
            ahead: dict[int, int] = {}
            for broker, partition in sorted(leads.items()):
                place = Place(topic, partition)
                # The first record learns the way and says nothing about the clock.
                with contextlib.suppress(*_UNANSWERED):
                    _stamped(producer, place, clock)
                    ahead[broker] = _stamped(producer, place, clock)
            return ahead
        finally:
            stop(producer, network)


def _stamped(producer: kafka.KafkaProducer, place: Place, clock: Clock) -> int:
    before = clock.now()
    future = producer.send(place.topic, b"clock", partition=place.partition)
    stamped: int = future.get(timeout=ANSWER_SECONDS).timestamp * 1000
    return stamped - (before + clock.now()) // 2
