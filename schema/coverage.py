"""Coverage: for each minute of event time what was evaluated, so that no miss is silent."""

from __future__ import annotations

import msgspec


class CoverageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One increment. Times in microseconds."""

    minute: int
    """Beginning of the minute of event time."""
    sensor: str = ""
    dataset: str = ""
    rule: str = ""
    """Rule id, empty for the row of a source."""
    events: int = 0
    late: int = 0
    """Came behind the watermark."""
    too_late: int = 0
    """Of those, past the lateness budget: stored and flagged, not evaluated."""
    unkeyed: int = 0
    """Matched the rule but had no value for its entity or distinct field."""
    evicted: int = 0
    """Keys of the rule dropped because too many entities were alive."""
    lag_max_us: int = 0
    """Greatest time from event to receipt."""


class Missed(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Events that came too late for a rule and entity: what was decided without them may be wrong.

    Times are event times in microseconds UTC.
    """

    rule_id: str
    entity: str
    """Empty for all entities of the rule: there were too many to name."""
    sensor: str
    first_at: int
    last_at: int
    events: int
