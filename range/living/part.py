"""Part: one system of the town, living."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from district.deed import Deed

from living.ground import Ground

__all__ = ["Made", "Part"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How the lines of a stream came about, for whoever reads the recording."""

    by: Literal["real", "own", "mixed", "synthetic"]
    """A real product wrote them; a service of this range that lives on the town's clock; some of
    them each; or nobody: they come from templates."""
    what: str
    """Product and version, or the reason why it is not real."""
    restamped: str = ""
    """Which bytes were moved onto the town's time, and which times stayed true."""


class Part(Protocol):
    """Carries the deeds of one system out for real."""

    name: str
    """Of the system."""
    made: Mapping[str, Made]
    """By stream."""

    def start(self, ground: Ground) -> None:
        """Configure and start servers, once, before the week."""

    def begin(self) -> None:
        """Take over what the system has become until the week's first midnight."""

    def perform(self, deed: Deed) -> Iterable[Deed]:
        """Carry it out. What follows later is returned as deeds with times of their own."""

    def end_of_day(self) -> None:
        """What a system does when a day is over."""
