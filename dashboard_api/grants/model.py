"""Grant: that a requester may get certain fields of a service, for a purpose and a time.

It holds until its end, and never longer than a year after the data owner last looked at it: one
that nobody certifies again lapses by itself, in the register too, so that rules judge alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from schema.times import DAY

State: TypeAlias = Literal["asked", "approved", "refused", "revoked"]
Standing: TypeAlias = Literal["asked", "approved", "refused", "revoked", "expired"]

CERTIFIED_FOR_US: Final = 366 * DAY
"""A year, whichever it is."""
LIFE_MAX_US: Final = 5 * 366 * DAY
"""Longest a grant may be asked for: it is time-bound, and five re-certifications are enough."""
WARN_DAYS: Final = (30, 7, 0)
"""Stages of an alert of the platform, as keys and certificates have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks for."""

    requester: str
    service: str
    purpose: str
    fields: tuple[str, ...]
    quota_per_day: int
    until: int
    owner_unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One grant and what became of it; times are microseconds UTC, 0 for not yet."""

    id: str
    asked: Asked
    state: State
    asked_by: str
    asked_at: int
    decided_by: str
    decided_at: int
    certified_by: str
    certified_at: int
    revoked_by: str
    revoked_at: int
    version: int

    @property
    def holds_until(self) -> int:
        """Its end, or a year after it was last certified."""
        return min(self.asked.until, self.certified_at + CERTIFIED_FOR_US)

    def standing(self, now: int) -> Standing:
        """Its state, with the calendar looked at."""
        return "expired" if self.state == "approved" and now >= self.holds_until else self.state
