"""What writers of both clients share: limits, what is on its way, and how failures are worded."""

from __future__ import annotations

import threading
from typing import Final

from schema import bus
from schema.bus import Place
from schema.errors import FengsuiError

QUEUE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Eight of the longest records, hundreds of usual ones: more only hides that brokers are slow."""

CONNECT_SECONDS: Final = 5.0
"""A broker that is up answers far sooner; the caller tries again, and tells what is wrong."""

ANSWER_SECONDS: Final = CONNECT_SECONDS + 1.0
"""A connection on which a request waits longer is given up: the machine hangs, and its partitions
have other leaders by then. confluent-kafka's own 60 s outlast every patience here."""

ACKNOWLEDGE_SECONDS: Final = 30.0
"""Longer than the brokers take to elect another leader (4 to 11 s measured, by session time)."""

LINGER_MS: Final = 5
"""Records of one flush travel together; a lone one is not noticeably later."""

BATCH_BYTES: Final = 1024 * 1024
"""Records of one partition that travel together: ten full sealed batches."""

RECORD_OWN_BYTES: Final = 256
"""What a client keeps beside key and value: bounds how many tiny records may wait."""


class Outstanding:
    """Counts bytes on their way; keeps the first failure until it has been told."""

    def __init__(self, bytes_max: int = QUEUE_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._bytes = 0
        self._round = 0
        self._failure: BaseException | None = None

    @property
    def failure(self) -> BaseException | None:
        """Why a record of this round was not acknowledged, None while all were."""
        return self._failure

    @property
    def empty(self) -> bool:
        """Whether everything handed over has come back."""
        return self._bytes == 0

    def hand_over(self, place: Place, *, key: bytes, value: bytes) -> tuple[int, int]:
        """Count a record in; give what is returned to :meth:`settle`.

        Raises ``schema.bus.too_long`` and ``schema.bus.full``.
        """
        size = len(key) + len(value)
        if size > bus.RECORD_BYTES_MAX:
            raise FengsuiError(
                "schema.bus.too_long",
                f"a record for {place.topic} has {size} bytes; one has at most "
                f"{bus.RECORD_BYTES_MAX}: send it in parts",
                topic=place.topic,
                size=size,
            )
        size += RECORD_OWN_BYTES
        with self._lock:
            if self._bytes and self._bytes + size > self._bytes_max:
                raise FengsuiError(
                    "schema.bus.full",
                    f"{self._bytes} bytes wait for the brokers to acknowledge them: flush, then "
                    "send again",
                    waiting=self._bytes,
                )
            self._bytes += size
            return self._round, size

    def settle(self, mark: tuple[int, int], failure: BaseException | None = None) -> None:
        """A record came back, acknowledged or not; one of an earlier round changes nothing."""
        number, size = mark
        with self._lock:
            if number == self._round:
                self._bytes -= size
                self._failure = self._failure or failure

    def begin(self) -> None:
        """Forget everything: a new round."""
        with self._lock:
            self._round += 1
            self._bytes = 0
            self._failure = None


def unacknowledged(why: object) -> FengsuiError:
    """The error of a flush some record of which did not arrive for certain."""
    return FengsuiError(
        "schema.bus.unacknowledged",
        f"the brokers did not acknowledge everything ({why}): it may be there or not; send it "
        "again, which changes nothing",
    )


def refused(topic: str, *, doing: str) -> FengsuiError:
    """The error for a right the brokers do not grant."""
    return FengsuiError(
        "schema.bus.refused",
        f"the brokers do not let this process {doing} topic {topic}: grant it with `fengsui "
        "cluster init`, or look at bus.scram_user",
        topic=topic,
    )


def no_place(place: Place) -> FengsuiError:
    """The error for a topic or partition that does not exist."""
    return FengsuiError(
        "schema.bus.no_place",
        f"the brokers have no partition {place.partition} of {place.topic}: create the topics with "
        "`fengsui cluster init`, and look at bus.prefix and bus.partitions",
        topic=place.topic,
        partition=place.partition,
    )


def gone(place: Place, wanted: int, first: int) -> FengsuiError:
    """The error for records that are not there any more; reading goes on behind them."""
    return FengsuiError(
        "schema.bus.gone",
        f"{place.topic} partition {place.partition} does not hold offset {wanted}, which is next "
        f"to be read: it begins at {first}. Records were deleted before they were read, or the "
        "topic was made anew; reading goes on at its beginning",
        topic=place.topic,
        partition=place.partition,
        wanted=wanted,
        first=first,
    )
