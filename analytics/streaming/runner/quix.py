"""Stages on Quix Streams: one loop over all lanes of a worker, each checkpoint one transaction.

Promise: what a stage sent, its entries and its place in its partition become visible together or
not at all, whichever of worker or brokers fails; several workers share the partitions of a site.
Limits: one thread a process (start more workers); a message is seen by the next lane only after
its checkpoint. Whatever is unsure ends the loop with an error, for whoever started the process to
start it again: nothing in memory outlives that.

FengsuiError
├── analytics.stream.unreachable   no broker answers, at the start or for two minutes
├── analytics.stream.lane_absent   a lane's topic is not there
├── analytics.stream.changelog     a changelog could not be made
└── analytics.stream.stopped       the checkpoint was refused: partitions lost, a second worker of
                                   that name, an error of the brokers
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn, TypeAlias

from confluent_kafka import KafkaException
from quixstreams import Application, State, message_context
from quixstreams.exceptions import QuixException
from quixstreams.kafka import ConnectionConfig
from quixstreams.models import Serializer, Topic
from quixstreams.models.topics.exceptions import TopicNotFoundError
from quixstreams.sinks import BaseSink

from analytics.streaming.runner import changelogs, partitioner
from analytics.streaming.runner import site as sites
from analytics.streaming.runner.gauges import Gauges, LaneGauges
from analytics.streaming.runner.keeper import Keeper
from analytics.streaming.runner.quix_state import QuixShelf
from analytics.streaming.runner.shelf import Shelf
from analytics.streaming.runner.site import READ, Site
from analytics.streaming.stage import Lane, Sent, Stages
from schema.errors import FengsuiError

_logger = logging.getLogger(__name__)

MALFORMED: Final = "analytics.stream.malformed"
LEFT_OUT: Final = (MALFORMED, "collector.seal.")
"""A record that is none of ours is left out, counted and named in the log, never the rest."""

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


class _Application(Application):
    """An application that ends when its partitions were given away without it.

    The library forgets the partitions' state there, but goes on with the open transaction and may
    commit it: what was sent for partitions another worker reads by now would be there twice.
    """

    def _on_lost(self, _: object, topic_partitions: Sequence[object]) -> NoReturn:
        raise PartitionsLost(f"{len(topic_partitions)} partitions were given to other workers")


class PartitionsLost(QuixException):
    """The worker was not heard for too long."""


class QuixRunner:
    """Runs the stages of one worker until stopped."""

    def __init__(
        self, stages: Stages, *, site: Site, gauges: Gauges, clock: Callable[[], int]
    ) -> None:
        self._site = site
        self._clock = clock
        self._told: Callable[[], None] = lambda: None
        self._gauges = LaneGauges(site, gauges)
        self._keeper = Keeper(stages, clock=clock, opened=self._gauges.opened)
        self._application: Application | None = None

    def run(self, told: Callable[[], None] = lambda: None) -> None:
        """Run until SIGTERM, SIGINT or :meth:`stop`; the last checkpoint is written then.

        In the main thread only: the library takes the signals there. ``told`` is called each time
        the gauges have been set. Raises the errors of this module.
        """
        self._told = told
        changelogs.make(self._site)
        try:
            self._application = application = self._assemble()
            application.run()
        except TopicNotFoundError as error:
            raise FengsuiError("analytics.stream.lane_absent", str(error)) from error
        except (QuixException, KafkaException) as error:
            raise FengsuiError(
                "analytics.stream.stopped",
                f"the worker stops and what it had not yet written is undone: {_reason(error)}",
            ) from error

    def stop(self) -> None:
        """End the loop after the message at hand."""
        if self._application is not None:
            self._application.stop()

    def _assemble(self) -> Application:
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
        topics: dict[Lane, Topic] = {}
        keys: dict[Lane, Sequence[bytes]] = {}
        for lane, name in site.topics.items():
            written = _Written(site, name)
            topics[lane] = _topic(application, name, written)
            keys[lane] = written.keys = partitioner.keys(_partitions(topics[lane]))
        sink = _AtCheckpoint(self._checkpoint)
        for lane in READ:
            self._add_lane(application, lane, topics, keys, sink)
        return application

    def _add_lane(
        self,
        application: Application,
        lane: Lane,
        topics: Mapping[Lane, Topic],
        keys: Mapping[Lane, Sequence[bytes]],
        sink: BaseSink,
    ) -> None:
        changelog = changelogs.name(self._site, lane)

        def take(
            value: bytes | None, key: bytes | None, _at: int, _headers: object, state: _State
        ) -> Sequence[Sent]:
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

    def _checkpoint(self) -> None:
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
