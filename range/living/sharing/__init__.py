"""The exchange of the town, living: see :mod:`district.sharing` for what it is and does."""

from __future__ import annotations

from district.sharing.system import Sharing
from district.stream import Sink
from district.system import System
from district.town import Town

from living.part import Part
from living.sharing.part import LivingSharing

__all__ = ["make"]


def make(system: System, town: Town, sink: Sink) -> Part:
    """See :mod:`living.parts`."""
    assert isinstance(system, Sharing)
    return LivingSharing(system, town, sink)
