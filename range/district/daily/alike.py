"""Alike: honest things that look like each of the daily attacks, every day of the year."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from district.daily.alike_access import AccessAlike
from district.daily.alike_hosts import HostAlike
from district.daily.alike_wire import WireAlike
from district.daily.world import Happening, When, World

__all__ = ["PEOPLE", "happenings"]

PEOPLE: Final = frozenset(("D14", "D15", "D16", "D18", "D19"))
"""What people do in person: in the hours they work, on free days too."""


def happenings(world: World) -> Mapping[str, Callable[[When], Iterator[Happening]]]:
    """By use case, what happens from a moment on."""
    found = {**WireAlike(world).of, **AccessAlike(world).of, **HostAlike(world).of}
    return dict(sorted(found.items()))
