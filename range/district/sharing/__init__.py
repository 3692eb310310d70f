"""The data exchange of the district: its nodes, its callers, and what is done to it."""

from __future__ import annotations

from district.sharing.system import Sharing
from district.stream import Sink
from district.system import System
from district.town import Town

__all__ = ["make"]


def make(town: Town, sink: Sink) -> System:
    """See :mod:`district.systems`."""
    return Sharing(town, sink)
