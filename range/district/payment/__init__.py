"""Payments of the made-up district: a platform, its institutions, files of the night, a portal."""

from __future__ import annotations

from district.payment.system import Payment
from district.stream import Sink
from district.system import System
from district.town import Town

__all__ = ["Payment", "make"]


def make(town: Town, sink: Sink) -> System:
    """The system of a run."""
    return Payment(town, sink)
