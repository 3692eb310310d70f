"""Deed: something somebody does at a moment; the system it is done to carries it out."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Deed", "FetchCertificate", "PayNotice", "PullRecords"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One deed. What is done is a frozen dataclass of the system's own, or one of those below."""

    at: int
    """Microseconds UTC."""
    system: str
    """Name of the system that carries it out, see :class:`district.system.System`."""
    act: object
    episode: str = ""
    """The labelled episode it belongs to; deeds that follow from it inherit it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchCertificate:
    """A citizen opens an own certificate (system ``certificates``)."""

    user: str
    address: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayNotice:
    """A citizen pays a notice (system ``payment``)."""

    user: str
    address: str
    agent: str
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRecords:
    """A clerk pulls persons' records through the exchange's console (system ``sharing``)."""

    user: str
    address: str
    rows: int
