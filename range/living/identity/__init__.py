"""Identity, living: a real Keycloak over a real slapd, a real nginx before a portal."""

from __future__ import annotations

from district.identity import Identity
from district.stream import Sink
from district.town import Town

from living.identity.part import LivingIdentity
from living.part import Part

__all__ = ["make"]


def make(system: Identity, town: Town, sink: Sink) -> Part:
    """The living part of an identity system that has lived until then in memory."""
    return LivingIdentity(system, town, sink)
