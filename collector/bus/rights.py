"""Rights: who may do what on the brokers, one table for ``cluster init``, ``check`` and documents.

A sensor writes what it seals and reads its receipts, nothing else. Rights are by topic: that a
sensor writes only in its own name is what its signature proves. Principals are the SCRAM users,
or the names the brokers take from certificates.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

from collector.bus import topics
from collector.bus.topics import Topic

Kind: TypeAlias = Literal["topic", "group", "transactional_id"]
Operation: TypeAlias = Literal[
    "READ", "WRITE", "DESCRIBE", "CREATE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"
]


class Right(NamedTuple):
    """One thing a principal may do, from any address."""

    principal: str
    kind: Kind
    name: str
    prefixed: bool
    operation: Operation

    @property
    def told(self) -> str:
        """The right in one line."""
        star = "*" if self.prefixed else ""
        return f"{self.principal} {self.operation} {self.kind} {self.name}{star}"


def principal(user: str) -> str:
    """The brokers' name of a user."""
    return f"User:{user}"


def of_sensor(sensor: str, prefix: str) -> frozenset[Right]:
    """Writes its batches and heartbeats, reads receipts."""
    who = principal(sensor)
    return frozenset(
        [
            *_write(who, prefix, (topics.BATCHES, topics.HEARTBEATS)),
            *_read(who, prefix, (topics.RECEIPTS,)),
        ]
    )


def of_centre(user: str, prefix: str) -> frozenset[Right]:
    """Reads what sensors send and workers decide; writes receipts, the feed and artefacts."""
    who = principal(user)
    written = (topics.RECEIPTS, topics.ACCEPTED, topics.ARTEFACTS)
    read = (topics.BATCHES, topics.HEARTBEATS, topics.DECIDED, topics.RECEIPTS, topics.ARTEFACTS)
    return frozenset(
        [*_write(who, prefix, written), *_read(who, prefix, read), *_groups(who, prefix)]
    )


def of_worker(user: str, prefix: str) -> frozenset[Right]:
    """Reads the feed and artefacts, writes hits, hours and what is decided, exactly once.

    The stream engine keeps its state in topics of its own, which it makes; it finds them by the
    name of its group, which begins with the prefix as its transactions do.
    """
    who = principal(user)
    state = [
        Right(who, "topic", f"{kind}__{prefix}.", True, operation)
        for kind in ("changelog", "repartition")
        for operation in _STATE
    ]
    transactions = [
        Right(who, "transactional_id", f"{prefix}.", True, operation) for operation in _TRANSACTIONS
    ]
    passed = (topics.HITS, topics.HOURS)
    return frozenset(
        [
            *_write(who, prefix, (*passed, topics.DECIDED)),
            *_read(who, prefix, (topics.ACCEPTED, topics.ARTEFACTS, *passed)),
            *_groups(who, prefix),
            # The engine asks for the settings of every topic it was told of.
            Right(who, "topic", topics.ACCEPTED.full_name(prefix), False, "DESCRIBE_CONFIGS"),
            *state,
            *transactions,
        ]
    )


_STATE: Final[tuple[Operation, ...]] = (
    "READ",
    "WRITE",
    "DESCRIBE",
    "CREATE",
    "DESCRIBE_CONFIGS",
    "ALTER_CONFIGS",
)
_TRANSACTIONS: Final[tuple[Operation, ...]] = ("WRITE", "DESCRIBE")


def _write(who: str, prefix: str, written: Iterable[Topic]) -> list[Right]:
    return [
        Right(who, "topic", one.full_name(prefix), False, operation)
        for one in written
        for operation in _WRITE
    ]


def _read(who: str, prefix: str, read: Iterable[Topic]) -> list[Right]:
    return [
        Right(who, "topic", one.full_name(prefix), False, operation)
        for one in read
        for operation in _READ
    ]


def _groups(who: str, prefix: str) -> list[Right]:
    return [Right(who, "group", f"{prefix}.", True, operation) for operation in _READ]


_WRITE: Final[tuple[Operation, ...]] = ("WRITE", "DESCRIBE", "DESCRIBE_CONFIGS")
"""The engine asks for the settings of topics it writes to and reads from."""

_READ: Final[tuple[Operation, ...]] = ("READ", "DESCRIBE")
