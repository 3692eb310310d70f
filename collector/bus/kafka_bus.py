"""The bus by kafka-python: pure Python, nothing to build.

Clients are made on first use and anew after a failure, so that neither a start nor a long night
without brokers needs a restart here.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable, Mapping, Sequence

import kafka
from kafka import errors
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.structs import OffsetAndMetadata, TopicPartition

from collector.bus import reading
from collector.bus.access import Access
from collector.bus.kafka_client import Network, forbidden, stop
from collector.bus.reading import BEGINNING, END, Group, Starts
from collector.bus.topics import MESSAGE_BYTES_MAX
from collector.bus.writing import (
    ACKNOWLEDGE_SECONDS,
    BATCH_BYTES,
    CONNECT_SECONDS,
    LINGER_MS,
    QUEUE_BYTES_MAX,
    Outstanding,
    gone,
    no_place,
    refused,
    unacknowledged,
)
from schema.bus import Place, Record
from schema.errors import FengsuiError

_logger = logging.getLogger(__name__)


class KafkaPythonWriter:
    """Idempotent, acknowledged by all replicas in sync; for one thread."""

    def __init__(
        self,
        access: Access,
        *,
        compress: bool = False,
        acknowledge_seconds: float = ACKNOWLEDGE_SECONDS,
        queue_bytes_max: int = QUEUE_BYTES_MAX,
    ) -> None:
        """``compress`` is for topics whose records are not compressed or sealed already."""
        self._access = access
        self._compress = compress
        self._acknowledge_seconds = acknowledge_seconds
        self._outstanding = Outstanding(queue_bytes_max)
        self._producer: kafka.KafkaProducer | None = None
        self._network = Network()

    def send(self, place: Place, *, key: bytes, value: bytes) -> None:
        mark = self._outstanding.hand_over(place, key=key, value=value)
        if self._outstanding.failure is not None:
            # The flush must fail and everything be sent again: waiting once more helps nobody.
            self._outstanding.settle(mark)
            return
        try:
            producer = self._producer or self._connect()
            if place.partition not in self._partitions(producer, place):
                raise no_place(place)
            future = producer.send(place.topic, value, key, partition=place.partition)
        except (errors.KafkaError, FengsuiError) as error:
            self._outstanding.settle(mark, _told(error, place))
        else:
            future.add_callback(lambda _: self._outstanding.settle(mark))
            future.add_errback(lambda error: self._outstanding.settle(mark, _told(error, place)))

    def flush(self) -> None:
        if self._producer is not None and not self._outstanding.empty:
            with contextlib.suppress(errors.KafkaTimeoutError):
                self._producer.flush(self._acknowledge_seconds + CONNECT_SECONDS)
        failure = self._outstanding.failure
        if failure is None and not self._outstanding.empty:
            failure = TimeoutError(f"nothing came for {self._acknowledge_seconds:.0f} s")
        self._outstanding.begin()
        if failure is None:
            return
        self._let_go()
        if isinstance(failure, FengsuiError) and failure.code != "schema.bus.unreachable":
            raise failure
        raise unacknowledged(failure) from failure

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self._let_go()

    def _connect(self) -> kafka.KafkaProducer:
        self._access.knock()
        try:
            self._producer = kafka.KafkaProducer(
                **self._access.kafka_python(),
                kafka_client=self._network,
                acks="all",
                allow_auto_create_topics=False,
                batch_size=BATCH_BYTES,
                bootstrap_timeout_ms=_ms(CONNECT_SECONDS),
                compression_type="zstd" if self._compress else None,
                delivery_timeout_ms=_ms(self._acknowledge_seconds),
                enable_idempotence=True,
                linger_ms=LINGER_MS,
                max_block_ms=_ms(CONNECT_SECONDS),
                max_request_size=MESSAGE_BYTES_MAX,
                metrics_enabled=False,
                request_timeout_ms=_ms(min(CONNECT_SECONDS, self._acknowledge_seconds / 2)),
            )
        except errors.KafkaError as error:
            self._network.close()
            raise self._access.unreachable(error) from error
        return self._producer

    def _partitions(self, producer: kafka.KafkaProducer, place: Place) -> set[int]:
        try:
            return set(producer.partitions_for(place.topic))
        except errors.KafkaTimeoutError as error:
            # The library waits for a topic that is not there as for a broker that is not.
            self._access.knock()
            raise no_place(place) from error

    def _let_go(self) -> None:
        """Drop the client with what it still holds: the next send makes a new one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            stop(producer, self._network)


class KafkaPythonReader:
    """Reads committed records only; commits where a group reads. For one thread."""

    def __init__(self, access: Access, source: Group | Starts) -> None:
        self._access = access
        self._source = source
        self._consumer: kafka.KafkaConsumer | None = None
        self._network = Network()
        self._next: dict[Place, int] = {}
        """Behind the last record given out, by partition."""
        self._heard = time.monotonic()

    def read(self, *, records_max: int, wait_seconds: float) -> Sequence[Record]:
        try:
            consumer = self._consumer or self._connect()
            try:
                polled = consumer.poll(timeout_ms=_ms(wait_seconds), max_records=records_max)
            except errors.NoOffsetForPartitionError as error:
                # What the group has never committed begins at its beginning.
                _seek(consumer, dict.fromkeys(error.args[0], BEGINNING))
                polled = consumer.poll(timeout_ms=_ms(wait_seconds), max_records=records_max)
            if not polled:
                self._ask(consumer)
                return ()
        except errors.OffsetOutOfRangeError as error:
            raise self._gone(error) from error
        except errors.KafkaError as error:
            raise self._failed(error) from error
        self._heard = time.monotonic()
        records = [
            Record(Place(one.topic, one.partition), one.offset, one.key or b"", one.value or b"")
            for batch in polled.values()
            for one in batch
        ]
        for record in records:
            self._next[record.place] = record.offset + 1
        return records

    def commit(self) -> None:
        if not isinstance(self._source, Group) or self._consumer is None:
            return
        offsets = {
            TopicPartition(*place): OffsetAndMetadata(offset, "", -1)
            for place, offset in self._next.items()
        }
        if not offsets:
            return
        try:
            self._consumer.commit(offsets, timeout_ms=_ms(CONNECT_SECONDS))
        except (errors.CommitFailedError, errors.RebalanceInProgressError) as error:
            # Another member has the partitions now: it reads again what is stored here already.
            _logger.warning("partitions went to another reader", extra={"why": str(error)})
        except errors.KafkaError as error:
            raise self._failed(error) from error

    def lag(self) -> Mapping[Place, int]:
        try:
            consumer = self._consumer or self._connect()
            given = list(consumer.assignment())
            ends = consumer.end_offsets(given, timeout_ms=_ms(CONNECT_SECONDS)) if given else {}
            return {
                Place(one.topic, one.partition): max(0, end - self._position(consumer, one))
                for one, end in ends.items()
            }
        except errors.KafkaError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._next.clear()
        if consumer is not None:
            with contextlib.suppress(errors.KafkaError):
                consumer.close(autocommit=False, timeout_ms=_ms(CONNECT_SECONDS))
            self._network.close()

    def _connect(self) -> kafka.KafkaConsumer:
        self._access.knock()
        group = self._source.name if isinstance(self._source, Group) else None
        try:
            consumer = kafka.KafkaConsumer(
                **self._access.kafka_python(),
                kafka_client=self._network,
                allow_auto_create_topics=False,
                auto_offset_reset="none",
                bootstrap_timeout_ms=_ms(CONNECT_SECONDS),
                enable_auto_commit=False,
                fetch_max_bytes=reading.FETCH_BYTES,
                group_id=group,
                heartbeat_interval_ms=_ms(reading.HEARTBEAT_SECONDS),
                isolation_level="read_committed",
                max_partition_fetch_bytes=reading.PARTITION_BYTES,
                metrics_enabled=False,
                partition_assignment_strategy=[RangePartitionAssignor],
                session_timeout_ms=_ms(reading.SESSION_SECONDS),
            )
        except errors.KafkaError as error:
            self._network.close()
            raise self._access.unreachable(error) from error
        try:
            self._begin(consumer)
        except BaseException:
            consumer.close(autocommit=False, timeout_ms=0)
            self._network.close()
            raise
        self._consumer = consumer
        self._heard = time.monotonic()
        return consumer

    def _begin(self, consumer: kafka.KafkaConsumer) -> None:
        if isinstance(self._source, Group):
            topics = list(self._source.topics)
            consumer.subscribe(topics, listener=_Given(self._next))
            return
        # What was given out before a failure is not read again: fixed starts have no commit.
        starts = {**self._source, **self._next}
        for topic in {place.topic for place in starts}:
            known = consumer.partitions_for_topic(topic) or set()
            if not known and forbidden(self._access.kafka_python(), topic):
                raise refused(topic, doing="read")
            for place in starts:
                if place.topic == topic and place.partition not in known:
                    raise no_place(place)
        consumer.assign([TopicPartition(*place) for place in starts])
        _seek(consumer, {TopicPartition(*place): offset for place, offset in starts.items()})

    def _ask(self, consumer: kafka.KafkaConsumer) -> None:
        """Nothing came: is that because there is nothing, or nobody?"""
        if time.monotonic() - self._heard < reading.SILENCE_SECONDS:
            return
        given = list(consumer.assignment())
        if given:
            consumer.end_offsets(given[:1], timeout_ms=_ms(CONNECT_SECONDS))
        elif all(self._access.reach().values()):
            raise errors.KafkaConnectionError("no broker answers")
        self._heard = time.monotonic()

    def _position(self, consumer: kafka.KafkaConsumer, one: TopicPartition) -> int:
        given_out = self._next.get(Place(one.topic, one.partition))
        if given_out is not None:
            return given_out
        return int(consumer.position(one, timeout_ms=_ms(CONNECT_SECONDS)) or 0)

    def _gone(self, error: errors.OffsetOutOfRangeError) -> FengsuiError:
        consumer = self._consumer
        assert consumer is not None
        lost = {Place(*one): int(offset) for one, offset in dict(error.args[0]).items()}
        place, wanted = min(lost.items())
        firsts = consumer.beginning_offsets([TopicPartition(*one) for one in lost])
        for one, first in firsts.items():
            self._next.pop(Place(*one), None)
            consumer.seek(one, first)
        return gone(place, wanted, firsts[TopicPartition(*place)])

    def _failed(self, error: errors.KafkaError) -> FengsuiError:
        if isinstance(error, errors.TopicAuthorizationFailedError):
            return refused(str(error), doing="read")
        if isinstance(error, errors.GroupAuthorizationFailedError):
            return refused(f"of group {error}", doing="read")
        return self._access.unreachable(error)


class _Given(kafka.ConsumerRebalanceListener):  # type: ignore[misc] # kafka-python has no types
    """Forgets how far a partition was read once it is another's: its group's commit counts."""

    def __init__(self, following: dict[Place, int]) -> None:
        self._next = following

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        for one in revoked:
            self._next.pop(Place(*one), None)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        for one in assigned:
            self._next.pop(Place(*one), None)


def _seek(consumer: kafka.KafkaConsumer, starts: Mapping[TopicPartition, int]) -> None:
    beginning = [one for one, offset in starts.items() if offset == BEGINNING]
    end = [one for one, offset in starts.items() if offset == END]
    # Asked for now, not on the first read: what is written meanwhile counts as "from now on".
    firsts = consumer.beginning_offsets(beginning) if beginning else {}
    lasts = consumer.end_offsets(end) if end else {}
    for one, offset in {**starts, **firsts, **lasts}.items():
        consumer.seek(one, offset)


def _told(error: BaseException, place: Place) -> BaseException:
    if isinstance(error, errors.TopicAuthorizationFailedError):
        return refused(place.topic, doing="write to")
    if isinstance(error, errors.UnknownTopicOrPartitionError):
        return no_place(place)
    return error


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
