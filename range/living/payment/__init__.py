"""Payments, living: platform, institutions, departments' servers and portal over real HTTP."""

from __future__ import annotations

from district.payment.system import Payment
from district.stream import Sink
from district.system import System
from district.town import Town

from living.part import Part
from living.payment.part import PaymentPart

__all__ = ["make"]


def make(system: System, town: Town, sink: Sink) -> Part:
    """The part of a system that lived through the days before."""
    del town
    assert isinstance(system, Payment)
    return PaymentPart(system, sink)
