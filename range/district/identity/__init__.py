"""Identity in the made-up district: Keycloak over slapd, a portal's gateway, short messages."""

from __future__ import annotations

from district.identity.desk import Identity
from district.stream import Sink
from district.system import System
from district.town import Town

__all__ = ["Identity", "make"]


def make(town: Town, sink: Sink) -> System:
    """The system of a run."""
    return Identity(town, sink)
