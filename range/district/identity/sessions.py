"""Sessions: what the identity provider remembers of accounts between two deeds."""

from __future__ import annotations

from dataclasses import dataclass, field

from district.identity.acts import Who

__all__ = ["Failures", "Session"]


@dataclass(slots=True)
class Session:
    """One of an account."""

    who: Who
    client: str
    number: str
    token: str
    """Id of the access token."""
    refresh: list[str] = field(default_factory=list)
    """Ids of refresh tokens, the newest last."""
    since: int = 0
    """When it began."""
    ended: bool = False
    """Keycloak ends it when a rotated token is shown."""


@dataclass(slots=True)
class Failures:
    """Wrong passwords of an account that still count."""

    who: Who
    count: int = 0
    newest: int = 0
    locked_until: int = 0
