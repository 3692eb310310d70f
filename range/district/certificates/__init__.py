"""Certificates of the made-up district: the platform, the certificate desk and its CA."""

from __future__ import annotations

from district.certificates.system import Certificates
from district.stream import Sink
from district.system import System
from district.town import Town

__all__ = ["Certificates", "make"]


def make(town: Town, sink: Sink) -> System:
    """The system of a run."""
    return Certificates(town, sink)
