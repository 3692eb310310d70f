"""Daily work, living: real web servers, real Linux machines' logins, our own sensors at work."""

from __future__ import annotations

from district.stream import Sink
from district.system import System
from district.town import Town

from living.part import Part

__all__ = ["make"]


def make(system: System, town: Town, sink: Sink) -> Part:
    """The part of the district's network and machines."""
    # Here, so that the sensors' own processes, which are of this package, stay small.
    from living.daily.part import Daily

    del town
    return Daily(system.streams, sink)
