"""The bus by confluent-kafka: the faster client, optional, with the same promises."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from collector.bus import reading
from collector.bus.access import Access
from collector.bus.confluent_codes import FORBIDDEN, LOST, NO_PLACE, told
from collector.bus.reading import BEGINNING, END, Group, Starts
from collector.bus.topics import MESSAGE_BYTES_MAX
from collector.bus.writing import (
    ACKNOWLEDGE_SECONDS,
    ANSWER_SECONDS,
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

WAIT_SECONDS: Final = 0.5
"""How long a flush waits before it looks whether waiting on makes sense."""

_logger = logging.getLogger(__name__)

# The library's own log goes to standard error; what matters of it comes back as errors.
_QUIET: Final = {"log_level": 0}


class ConfluentWriter:
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
        self._queue_bytes_max = queue_bytes_max
        self._producer: Producer | None = None
        self._denied: BaseException | None = None

    def send(self, place: Place, *, key: bytes, value: bytes) -> None:
        mark = self._outstanding.hand_over(place, key=key, value=value)

        def settle(error: KafkaError | None, _: Message) -> None:
            self._outstanding.settle(mark, None if error is None else told(error, place))

        if self._outstanding.failure is not None:
            # The flush must fail and everything be sent again: waiting once more helps nobody.
            self._outstanding.settle(mark)
            return
        try:
            producer = self._producer or self._connect()
            producer.produce(place.topic, value, key, partition=place.partition, on_delivery=settle)
        except FengsuiError as error:
            self._outstanding.settle(mark, error)
        except KafkaException as error:
            self._outstanding.settle(mark, told(error.args[0], place))
        else:
            producer.poll(0)

    def flush(self) -> None:
        self._wait()
        failure = self._outstanding.failure or self._denied
        if failure is None and not self._outstanding.empty:
            failure = TimeoutError(f"nothing came for {self._acknowledge_seconds:.0f} s")
        self._outstanding.begin()
        if failure is None:
            return
        self._let_go()
        found = failure if isinstance(failure, FengsuiError) else self._access.unreachable(failure)
        if found.code == "schema.bus.unreachable":
            raise unacknowledged(found) from failure
        raise found from failure

    def _wait(self) -> None:
        if self._producer is None:
            return
        end = time.monotonic() + self._acknowledge_seconds + CONNECT_SECONDS
        while self._producer.flush(WAIT_SECONDS) and time.monotonic() < end:
            if self._denied is not None:
                # The library goes on trying; a password does not become right by that.
                return

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self._let_go()

    def _connect(self) -> Producer:
        self._access.knock()
        self._producer = Producer(
            {
                **_QUIET,
                **self._access.confluent(),
                "acks": "all",
                "allow.auto.create.topics": False,
                "batch.size": BATCH_BYTES,
                "compression.type": "zstd" if self._compress else "none",
                "delivery.timeout.ms": _ms(self._acknowledge_seconds),
                "enable.idempotence": True,
                "error_cb": self._said,
                "linger.ms": LINGER_MS,
                "message.max.bytes": MESSAGE_BYTES_MAX,
                # Bounded by our own count; the library's count of records would come first.
                "queue.buffering.max.kbytes": 2 * self._queue_bytes_max // 1024 + 1,
                "queue.buffering.max.messages": 0,
                "request.timeout.ms": _ms(min(CONNECT_SECONDS, self._acknowledge_seconds / 2)),
                "socket.timeout.ms": _ms(ANSWER_SECONDS),
                # Unknown topics fail at once: they are made by `cluster init`, not on the way.
                "topic.metadata.propagation.max.ms": 0,
            }
        )
        return self._producer

    def _said(self, error: KafkaError) -> None:
        if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001
            self._denied = KafkaException(error)

    def _let_go(self) -> None:
        """Drop the client with what it still holds: the next send makes a new one."""
        producer, self._producer, self._denied = self._producer, None, None
        if producer is not None:
            producer.purge()
            producer.flush(0)


class ConfluentReader:
    """Reads committed records only; commits where a group reads. For one thread."""

    def __init__(self, access: Access, source: Group | Starts) -> None:
        self._access = access
        self._group = source if isinstance(source, Group) else None
        self._starts: Starts = {} if isinstance(source, Group) else source
        self._consumer: Consumer | None = None
        self._next: dict[Place, int] = {}
        """Behind the last record given out, by partition."""
        self._given: dict[Place, int] = {}
        """Where each partition began that is ours."""
        self._heard = time.monotonic()
        self._trouble: FengsuiError | None = None
        """Met while records were on hand: told by the next read."""

    def read(self, *, records_max: int, wait_seconds: float) -> Sequence[Record]:
        if self._trouble is not None:
            waiting, self._trouble = self._trouble, None
            raise waiting
        consumer = self._consumer or self._connect()
        end = time.monotonic() + wait_seconds
        records: list[Record] = []
        while not records:
            messages = self._polled(consumer, records_max, max(0.0, end - time.monotonic()))
            if not messages:
                self._ask(consumer)
                return ()
            records, trouble = self._sorted_out(consumer, messages)
            if trouble is not None and not records:
                raise trouble
            self._trouble = trouble
        for record in records:
            self._next[record.place] = record.offset + 1
        self._heard = time.monotonic()
        return records

    def _sorted_out(
        self, consumer: Consumer, messages: Sequence[Message]
    ) -> tuple[list[Record], FengsuiError | None]:
        """The records among what came, and the first of what else came and matters."""
        records: list[Record] = []
        trouble: FengsuiError | None = None
        for message in messages:
            met = message.error()
            if met is None:
                records.append(_record(message))
            elif trouble is None:
                trouble = self._met(consumer, message, met)
        return records, trouble

    def commit(self) -> None:
        if self._group is None or self._consumer is None or not self._next:
            return
        offsets = [TopicPartition(*place, offset) for place, offset in self._next.items()]
        try:
            done = self._consumer.commit(offsets=offsets, asynchronous=False)
            failed = [one.error for one in done or () if one.error is not None]
        except KafkaException as error:
            failed = [error.args[0]]
        for why in failed:
            if why.code() not in LOST:
                raise self._failed(why)
            # Another member has the partitions now: it reads again what is stored here already.
            _logger.warning("partitions went to another reader", extra={"why": str(why)})

    def lag(self) -> Mapping[Place, int]:
        consumer = self._consumer or self._connect()
        lags: dict[Place, int] = {}
        try:
            for place, start in self._given.items():
                _, end = _bounds(consumer, place)
                lags[place] = max(0, end - self._next.get(place, start))
        except KafkaException as error:
            raise self._failed(error.args[0]) from error
        return lags

    def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._next.clear()
        self._given.clear()
        if consumer is not None:
            with contextlib.suppress(KafkaException):
                consumer.close()

    def _polled(self, consumer: Consumer, records_max: int, wait_seconds: float) -> list[Message]:
        try:
            # consume() alone would wait until that many records are there.
            first = consumer.poll(wait_seconds)
            if first is None:
                return []
            more = consumer.consume(records_max - 1, 0) if records_max > 1 else []
        except KafkaException as error:
            raise self._failed(error.args[0]) from error
        return [first, *more]

    def _connect(self) -> Consumer:
        self._access.knock()
        # Without a group of ours the client still asks for one, of a name we have rights to.
        group = f"{_prefix(self._starts)}.fixed" if self._group is None else self._group.name
        consumer = Consumer(
            {
                **_QUIET,
                **self._access.confluent(),
                "allow.auto.create.topics": False,
                "auto.offset.reset": "error",
                "check.crcs": True,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "error_cb": lambda _: None,
                "fetch.max.bytes": reading.FETCH_BYTES,
                "group.id": group,
                "heartbeat.interval.ms": _ms(reading.HEARTBEAT_SECONDS),
                "isolation.level": "read_committed",
                "max.partition.fetch.bytes": reading.PARTITION_BYTES,
                "partition.assignment.strategy": "range",
                "queued.max.messages.kbytes": reading.FETCH_BYTES // 1024,
                "session.timeout.ms": _ms(reading.SESSION_SECONDS),
                "socket.timeout.ms": _ms(ANSWER_SECONDS),
            }
        )
        try:
            self._begin(consumer)
        except KafkaException as error:
            consumer.close()
            raise self._failed(error.args[0]) from error
        except BaseException:
            consumer.close()
            raise
        self._consumer = consumer
        self._heard = time.monotonic()
        return consumer

    def _begin(self, consumer: Consumer) -> None:
        if self._group is not None:
            consumer.list_topics(timeout=CONNECT_SECONDS)
            consumer.subscribe(
                list(self._group.topics),
                on_assign=self._assigned,
                on_revoke=self._revoked,
                on_lost=self._revoked,
            )
            return
        # What was given out before a failure is not read again: fixed starts have no commit.
        starts = {**self._starts, **self._next}
        for topic in {place.topic for place in starts}:
            known = consumer.list_topics(topic, timeout=CONNECT_SECONDS).topics[topic]
            if known.error is not None and known.error.code() not in NO_PLACE:
                raise KafkaException(known.error)
            for place in starts:
                if place.topic == topic and place.partition not in known.partitions:
                    raise no_place(place)
        self._given = {place: _start(consumer, place, at) for place, at in starts.items()}
        consumer.assign([TopicPartition(*place, at) for place, at in self._given.items()])

    def _assigned(self, consumer: Consumer, given: list[TopicPartition]) -> None:
        committed = consumer.committed(given, timeout=CONNECT_SECONDS)
        for one in committed:
            place = Place(one.topic, one.partition)
            if one.offset == OFFSET_INVALID:
                one.offset = _start(consumer, place, BEGINNING)
            self._next.pop(place, None)
            self._given[place] = one.offset
        consumer.assign(committed)

    def _revoked(self, _: Consumer, taken: list[TopicPartition]) -> None:
        for one in taken:
            self._next.pop(Place(one.topic, one.partition), None)
            self._given.pop(Place(one.topic, one.partition), None)

    def _ask(self, consumer: Consumer) -> None:
        """Nothing came: is that because there is nothing, or nobody?"""
        if time.monotonic() - self._heard < reading.SILENCE_SECONDS:
            return
        try:
            place = next(iter(self._given), None)
            if place is not None:
                _bounds(consumer, place)
            else:
                consumer.list_topics(timeout=CONNECT_SECONDS)
        except KafkaException as error:
            raise self._failed(error.args[0]) from error
        self._heard = time.monotonic()

    def _met(self, consumer: Consumer, message: Message, error: KafkaError) -> FengsuiError | None:
        """What an error in place of a record means; None where the library goes on by itself."""
        place = Place(message.topic() or "", message.partition() or 0)
        if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            wanted = self._next.pop(place, self._given.get(place, 0))
            first, _ = _bounds(consumer, place)
            self._given[place] = first
            # Not seek(): the library has stopped reading the partition and refuses it.
            ours = {**self._given, **self._next}
            consumer.assign([TopicPartition(*one, at) for one, at in ours.items()])
            return gone(place, wanted, first)
        if error.code() in NO_PLACE:
            return no_place(place)
        if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED and self._group is None:
            # The library asks for the group it must be given, though nothing is committed there.
            return None
        if error.code() in FORBIDDEN:
            return self._failed(error)
        return None

    def _failed(self, error: KafkaError) -> FengsuiError:
        if error.code() in FORBIDDEN:
            return refused(error.str(), doing="read")
        return self._access.unreachable(error.str())


def _prefix(starts: Starts) -> str:
    return next(iter(starts)).topic.partition(".")[0]


def _record(message: Message) -> Record:
    place = Place(message.topic() or "", message.partition() or 0)
    return Record(place, message.offset() or 0, message.key() or b"", message.value() or b"")


def _bounds(consumer: Consumer, place: Place) -> tuple[int, int]:
    found = consumer.get_watermark_offsets(TopicPartition(*place), timeout=CONNECT_SECONDS)
    if found is None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001
    first, end = found
    return int(first), int(end)


def _start(consumer: Consumer, place: Place, at: int) -> int:
    if at >= 0:
        return at
    first, end = _bounds(consumer, place)
    # Asked for now, not on the first read: what is written meanwhile counts as "from now on".
    return end if at == END else first


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
