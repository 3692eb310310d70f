"""Known: what guards may ask of: registers and indicators as known at an event's time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from schema.event import Value

Row: TypeAlias = Mapping[str, Value]


class Facts(Protocol):
    """What is known beside the events; every answer is as known at ``time``."""

    def row(self, register: str, key: tuple[str, ...], time: int) -> Row | None:
        """The register's row for the key at that event time, None where there is none."""

    def keys(self, register: str, time: int) -> Sequence[tuple[str, ...]]:
        """The keys the register holds at that event time."""

    def confidence(self, field: str, value: str, time: int) -> int | None:
        """0 to 100 where an indicator names the field's value at that time, else None."""

    def known(self, register: str, time: int) -> bool:
        """Whether the register had a version by then: without one nothing can be missing."""


class NoFacts:
    """Nothing is known: no register has a version, no indicator is loaded."""

    def row(self, register: str, key: tuple[str, ...], time: int) -> Row | None:
        del register, key, time
        return None

    def keys(self, register: str, time: int) -> Sequence[tuple[str, ...]]:
        del register, time
        return ()

    def confidence(self, field: str, value: str, time: int) -> int | None:
        del field, value, time
        return None

    def known(self, register: str, time: int) -> bool:
        del register, time
        return False
