"""The writer of a worker, whose commits end within a time whatever became of the brokers."""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import GroupMetadata
from quixstreams.error_callbacks import ProducerErrorCallback
from quixstreams.internal_producer import InternalProducer
from quixstreams.kafka import ConnectionConfig, Producer

from analytics.streaming.runner.site import TRANSACTION_MS

COMMIT_SECONDS: Final = TRANSACTION_MS / 1000
"""By then the brokers have undone what is not committed; who takes over they settle sooner."""


class TimelyProducer(InternalProducer):
    """Commits within a time, or has the loop begin anew."""

    def __init__(
        self,
        broker_address: ConnectionConfig,
        extra_config: dict[str, Any],
        flush_timeout: float,
        on_error: ProducerErrorCallback | None,
    ) -> None:
        super().__init__(broker_address, extra_config, on_error, flush_timeout, transactional=True)
        self._producer = _Client(
            broker_address,
            extra_config=extra_config,
            flush_timeout=flush_timeout,
            transactional=True,
        )

    def commit_transaction(
        self,
        positions: list[TopicPartition],
        group_metadata: GroupMetadata,
        timeout: float | None = None,
    ) -> None:
        super().commit_transaction(
            positions, group_metadata, COMMIT_SECONDS if timeout is None else timeout
        )


class _Client(Producer):
    """A client whose offsets are sent within a time.

    Where the broker of the group is lost, librdkafka waits for it past any timeout, until some
    other broker comes or goes (its issues 5456 and 5511, open as of 2.16).
    """

    _waits = False
    """For ever: it takes no other call, and the next of its name undoes what it began."""

    def send_offsets_to_transaction(
        self,
        positions: list[TopicPartition],
        group_metadata: GroupMetadata,
        timeout: float | None = None,
    ) -> None:
        """Raise ``KafkaException`` where no answer comes: the transaction stays open then."""
        asked = functools.partial(
            super().send_offsets_to_transaction, positions, group_metadata, timeout
        )
        answer: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        # What never answers keeps its thread and its client.
        threading.Thread(target=_answered, args=(asked, answer), daemon=True).start()
        try:
            failure = answer.get(timeout=timeout)
        except queue.Empty:
            self._waits = True
            raise KafkaException(
                KafkaError(
                    KafkaError._TIMED_OUT,  # noqa: SLF001
                    f"the broker of the group did not take the offsets in {timeout:g} s",
                )
            ) from None
        if failure is not None:
            raise failure

    def abort_transaction(self, timeout: float | None = None) -> None:
        """Do nothing where it waits: an error of this would hide why the loop ends."""
        if not self._waits:
            super().abort_transaction(timeout)


def _answered(ask: Callable[[], None], answer: queue.SimpleQueue[Exception | None]) -> None:
    try:
        ask()
    except Exception as error:  # noqa: BLE001 - raised again where it is waited for
        answer.put(error)
    else:
        answer.put(None)
