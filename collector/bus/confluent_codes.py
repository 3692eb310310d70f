"""What the error codes of confluent-kafka mean to the bus."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError, KafkaException

from collector.bus.writing import no_place, refused
from schema.bus import Place

NO_PLACE: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - the library's public constants for its own
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
    }
)
FORBIDDEN: Final = frozenset(
    {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}
)
LOST: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.UNKNOWN_MEMBER_ID,
    }
)


def told(error: KafkaError, place: Place) -> BaseException:
    """Why a record was not written, in the words of the port where they have one."""
    if error.code() in FORBIDDEN:
        return refused(place.topic, doing="write to")
    if error.code() in NO_PLACE:
        return no_place(place)
    failure: BaseException = KafkaException(error)
    return failure
