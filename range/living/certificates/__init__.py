"""Certificates, living: the platform and its desk over HTTP and PostgreSQL, and a real step-ca."""

from __future__ import annotations

from district.certificates.system import Certificates
from district.stream import Sink
from district.system import System
from district.town import Town

from living.certificates.part import CertificatesPart
from living.part import Part

__all__ = ["make"]


def make(system: System, town: Town, sink: Sink) -> Part:
    """The part of a system that lived through the days before; it has its sink already."""
    del sink
    assert isinstance(system, Certificates)
    return CertificatesPart(system, town)
