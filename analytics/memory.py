"""Memory: what a rule must remember of an entity's hits, bounded by the rule itself.

Hits come in the one order of the product; deadlines fall between them. Each kind of rule has a
memory of its own in :mod:`analytics.kinds`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from schema.alert import Condition

NEVER: Final = 2**62
"""A time that does not come."""

WAITING_MAX: Final = 1024
"""Deadlines of one key that may wait at once: one for each cell of the time they wait."""

Carried: TypeAlias = str | int | bool | tuple[str, ...]
Hit: TypeAlias = tuple[int, str, int, bytes, int, tuple[Carried, ...]]
"""(event time, sensor, sequence, event id, bits of the steps it matches, carried values).

Hits compare in the one order of the product: (event time, sensor, sequence). A hit of a final
alert has no sensor, the alert's id, and the ids of the alert's events as its last value; one of a
register has neither sensor nor id and stands for no event."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a rule's pattern holds."""

    at: int
    """Event time at which it first holds: the last hit's, or the deadline's."""
    hits: tuple[Hit, ...]
    """The least set, in order."""
    conditions: tuple[Condition, ...]
    entity: str = ""
    """Whom it is about, where that is a member of the key's group and not the key's own entity."""
    member: str = ""
    """The field that names the member, where the key's own entity names it only with that."""


class Memory(Protocol):
    """The part of a key's state that differs between kinds of rules."""

    def push(self, hit: Hit) -> bool:
        """Take the next hit in order; whether the pattern holds at it."""

    def due(self) -> int:
        """When a deadline falls if no hit comes before; ``NEVER`` where none waits."""

    def elapse(self, now: int) -> bool:
        """The deadline at ``now``, which is :meth:`due`, has come; whether the pattern holds."""

    def findings(self) -> tuple[Finding, ...]:
        """Why the last push or deadline held: one, or one for each member of a group."""

    def clear(self) -> None:
        """Forget everything: nothing came for the pattern's retention, and no deadline waits."""

    def copy(self) -> Memory:
        """A copy that shares nothing that changes. Called often: share what is only read."""

    def dump(self) -> object:
        """The snapshot form: lists, texts, numbers and bytes."""


class NoDeadlines:
    """For memories that only hits can wake."""

    __slots__ = ()

    def due(self) -> int:
        """No deadline ever waits."""
        return NEVER

    def elapse(self, now: int) -> bool:
        """Never called."""
        raise AssertionError(now)
