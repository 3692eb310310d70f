"""Daily work, living: real web servers, real Linux machines' logins, our own sensors at work."""

from __future__ import annotations

from district.stream import Sink
from district.system import System
from district.town import Town

from living.daily.part import Daily
from living.part import Part

__all__ = ["make"]


def make(system: System, town: Town, sink: Sink) -> Part:
    """The part of the district's network and machines."""
    del town
    return Daily(system.streams, sink)
