"""Stages on Quix Streams: one loop over all lanes of a worker, each checkpoint one transaction.

Promise: what a stage sent, its entries and its place in its partition become visible together or
not at all, whichever of worker or brokers fails; several workers share the partitions of a site.
Limits: one thread a process (start more workers); a message is seen by the next lane only after
its checkpoint. Whatever is unsure ends the loop: nothing in memory outlives that, and a new loop
begins from what was written, a few times; then it is for whoever started the process.

FengsuiError
├── analytics.stream.unreachable   no broker answers, at the start or for two minutes
├── analytics.stream.lane_absent   a lane's topic is not there
├── analytics.stream.changelog     a changelog could not be made
└── analytics.stream.stopped       loop after loop ended: brokers that fail for long, a second
                                   worker of that name
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from confluent_kafka import KafkaException, TopicPartition
from quixstreams import Application, State, message_context
from quixstreams.error_callbacks import ProducerErrorCallback
from quixstreams.exceptions import QuixException
from quixstreams.internal_producer import InternalProducer
from quixstreams.kafka import ConnectionConfig
from quixstreams.models import Serializer, Topic
from quixstreams.models.topics.exceptions import TopicNotFoundError
from quixstreams.sinks import BaseSink

from analytics.streaming.runner import changelogs, partitioner, stale
from analytics.streaming.runner import site as sites
from analytics.streaming.runner.gauges import Gauges, LaneGauges
from analytics.streaming.runner.keeper import Keeper
from analytics.streaming.runner.producer import TimelyProducer
from analytics.streaming.runner.quix_state import QuixShelf
from analytics.streaming.runner.shelf import Shelf
from analytics.streaming.runner.site import READ, Site
from analytics.streaming.stage import Lane, Sent, Stages
from schema.errors import FengsuiError
from schema.times import SECOND

_logger = logging.getLogger(__name__)

MALFORMED: Final = "analytics.stream.malformed"
LEFT_OUT: Final = (MALFORMED, "collector.seal.")
"""A record that is none of ours is left out, counted and named in the log, never the rest."""

RESTARTS_MAX: Final = 5
STEADY_SECONDS: Final = 60.0
"""A loop that ran so long is no failure of the one before."""
PAUSE_SECONDS: Final = 1.0
"""Before the second loop, doubled each time: half a minute in all, which a broker needs to start
again or to be given up by the others."""

_State: TypeAlias = State[Any, Any]


class _Written(Serializer):
    """The value of a sent message's record."""

    def __init__(self, site: Site, topic: str) -> None:
        super().__init__()
        self._cover = site.cover
        self._topic = topic
        self.keys: Sequence[bytes] = ()

    def __call__(self, value: Sent, **_: object) -> bytes:
        if self._cover is None:
            return value.message
        return self._cover.seal(self._topic, self.keys[value.partition], value.message)


class _AtCheckpoint(BaseSink):
    """Runs first in every checkpoint, while its entries can still be written."""

    def __init__(self, store: Callable[[], None]) -> None:
        super().__init__()
        self._store = store

    def flush(self) -> None:
        self._store()

    def add(
        self,
        value: object,
        key: object,
        timestamp: int,
        headers: object,
        topic: str,
        partition: int,
        offset: int,
    ) -> None:
        """Nothing: what was sent went to its topic."""


class PartitionsLost(QuixException):
    """The worker was not heard for too long, and its partitions were given to others."""


class _Application(Application):
    """An application that knows when its partitions were given away without it.

    The library forgets the partitions' state there, but goes on with the open transaction and may
    commit it: what was sent for partitions another worker reads by now would be there twice.
    """

    lost = False

    before_assigned: Callable[[Sequence[TopicPartition]], None] | None = None
    """Told of partitions before their state is opened."""

    def _get_internal_producer(
        self, on_error: ProducerErrorCallback | None = None, transactional: bool | None = None
    ) -> InternalProducer:
        config = self._config
        if transactional is False or not config.exactly_once:
            return super()._get_internal_producer(on_error, transactional)
        return TimelyProducer(
            config.broker_address, config.producer_extra_config, config.flush_timeout, on_error
        )

    def _on_assign(self, consumer: object, topic_partitions: list[TopicPartition]) -> None:
        if self.before_assigned is not None:
            self.before_assigned(topic_partitions)
        super()._on_assign(consumer, topic_partitions)

    def _on_lost(self, consumer: object, topic_partitions: list[TopicPartition]) -> None:
        # Not raised here: the client calls this, and loses the exception at times.
        self.lost = True
        super()._on_lost(consumer, topic_partitions)

    def refuse_if_lost(self) -> None:
        """Raise before anything of a checkpoint that began before the loss is written."""
        if self.lost:
            raise PartitionsLost("its partitions were given to other workers")


class QuixRunner:
    """Runs the stages of one worker until stopped."""

    def __init__(
        self, stages: Stages, *, site: Site, gauges: Gauges, clock: Callable[[], int]
    ) -> None:
        self._stages = stages
        self._site = site
        self._clock = clock
        self._told: Callable[[], None] = lambda: None
        self._gauges = LaneGauges(site, gauges)
        self._keeper = self._new_keeper()
        self._stopping = threading.Event()

    def run(self, told: Callable[[], None] = lambda: None) -> None:
        """Run until SIGTERM or SIGINT; the last checkpoint is written then.

        In the main thread only: the library takes the signals there. ``told`` is called each time
        the gauges have been set. Raises the errors of this module and of the stages.
        """
        self._told = told
        self._hear_signals()
        changelogs.make(self._site)
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._loop()
            except (QuixException, KafkaException) as error:
                if time.monotonic() - began > STEADY_SECONDS:
                    failures = 0
                if failures == RESTARTS_MAX:
                    raise FengsuiError(
                        "analytics.stream.stopped",
                        f"the worker stops after {failures + 1} failures, the last of them: "
                        f"{_reason(error)}",
                    ) from error
                # What it had not written is undone; see the module's promise.
                _logger.warning("the worker begins anew from what was written: %s", _reason(error))
                self._gauges.began_anew()
                # The library put its own in their place.
                self._hear_signals()
                self._stopping.wait(2.0**failures * PAUSE_SECONDS)
                failures += 1
            else:
                return

    def _loop(self) -> None:
        self._keeper = self._new_keeper()
        try:
            self._assemble().run()
        except TopicNotFoundError as error:
            raise FengsuiError("analytics.stream.lane_absent", str(error)) from error

    def _new_keeper(self) -> Keeper:
        return Keeper(self._stages, clock=self._clock, opened=self._gauges.opened)

    def _hear_signals(self) -> None:
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda *_: self._stopping.set())

    def _assemble(self) -> _Application:
        site = self._site
        connection, others = _connection(site.connection)
        application = _Application(
            connection,
            consumer_group=site.group,
            auto_offset_reset="earliest",
            processing_guarantee="exactly-once",
            commit_interval=site.checkpoint_seconds,
            consumer_poll_timeout=min(sites.POLL_SECONDS, site.checkpoint_seconds),
            consumer_extra_config={
                **others,
                **sites.consumer(site),
                "stats_cb": self._statistics,
            },
            producer_extra_config={**others, **sites.producer(site, partitioner.NAME)},
            state_dir=site.state,
            # Logs are the process's to configure, and an error is told once, where it is caught.
            loglevel=None,
            on_consumer_error=_raised,
            on_processing_error=_raised,
            on_producer_error=_raised,
            auto_create_topics=False,
            # A hole in a lane is told, not skipped with the state thrown away.
            auto_recover_from_source_offset_out_of_range=False,
            broker_availability_timeout=sites.BROKERS_GONE_SECONDS,
        )
        application.before_assigned = self._forget_stale
        topics: dict[Lane, Topic] = {}
        keys: dict[Lane, Sequence[bytes]] = {}
        for lane, name in site.topics.items():
            written = _Written(site, name)
            topics[lane] = _topic(application, name, written)
            keys[lane] = written.keys = partitioner.keys(_partitions(topics[lane]))
        sink = _AtCheckpoint(lambda: self._checkpoint(application))
        for lane in READ:
            self._add_lane(application, lane, topics, keys, sink)
        return application

    def _forget_stale(self, assigned: Sequence[TopicPartition]) -> None:
        now = self._clock() / SECOND
        for one in assigned:
            if stale.forget(
                changelogs.copy_of(self._site, one.topic, one.partition), now_seconds=now
            ):
                _logger.warning(
                    "a copy of state was too old and is read anew",
                    extra={"topic": one.topic, "partition": one.partition},
                )

    def _add_lane(
        self,
        application: _Application,
        lane: Lane,
        topics: Mapping[Lane, Topic],
        keys: Mapping[Lane, Sequence[bytes]],
        sink: BaseSink,
    ) -> None:
        changelog = changelogs.name(self._site, lane)

        def take(
            value: bytes | None, key: bytes | None, _at: int, _headers: object, state: _State
        ) -> Sequence[Sent]:
            application.refuse_if_lost()
            shelf = QuixShelf(state, changelog, self._site.cover)
            return self._take(lane, key or b"", value, shelf)

        def where(sent: Sent, *_: object) -> Topic:
            self._gauges.sent(sent.lane)
            return topics[sent.lane]

        frame = application.dataframe(topics[lane])
        frame = frame.apply(take, stateful=True, expand=True, metadata=True)
        frame = frame.to_topic(where, key=lambda sent: keys[sent.lane][sent.partition])
        frame.sink(sink)

    def _take(self, lane: Lane, key: bytes, value: bytes | None, shelf: Shelf) -> Sequence[Sent]:
        context = message_context()
        self._gauges.took(lane)
        try:
            if value is None:
                raise FengsuiError(MALFORMED, "a record without a value")
            if self._site.cover is not None:
                value = self._site.cover.open(context.topic, key, value)
            return self._keeper.take(lane, context.partition, shelf, value)
        except FengsuiError as error:
            if not error.code.startswith(LEFT_OUT):
                raise
            # Read again it would be no better: a worker that stopped here would never go on.
            self._gauges.malformed(lane)
            _logger.error(  # noqa: TRY400
                "a record was left out: nobody of ours writes such",
                extra={
                    "topic": context.topic,
                    "partition": context.partition,
                    "offset": context.offset,
                    "why": str(error),
                },
            )
            return ()

    def _checkpoint(self, application: _Application) -> None:
        application.refuse_if_lost()
        self._gauges.wrote(self._keeper.store())

    def _statistics(self, statistics: str) -> None:
        self._gauges.state(
            statistics,
            now=self._clock(),
            marks=self._keeper.watermarks(),
            stages=self._keeper.count,
        )
        self._told()


def _topic(application: Application, name: str, written: Serializer) -> Topic:
    return application.topic(
        name,
        value_deserializer="bytes",
        key_deserializer="bytes",
        value_serializer=written,
        key_serializer="bytes",
    )


def _partitions(topic: Topic) -> int:
    count = topic.broker_config.num_partitions
    assert count is not None
    return count


def _connection(config: Mapping[str, Any]) -> tuple[ConnectionConfig, dict[str, Any]]:
    """What the library knows as its connection, and the rest."""
    known = {
        name: value
        for name, value in config.items()
        if name.replace(".", "_") in ConnectionConfig.model_fields
    }
    return ConnectionConfig.from_librdkafka_dict(known), {
        name: value for name, value in config.items() if name not in known
    }


def _raised(*_: object) -> bool:
    return False


def _reason(error: BaseException) -> str:
    return str(error.__cause__ or error)
