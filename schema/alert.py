"""Alert: what a rule found, with the reasons and the least set of events that prove it.

Everything here is a function of the signed events and the control log; what people decide about
an alert (verdict, note) is kept beside it and never changes it.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

State: TypeAlias = Literal["provisional", "final", "withdrawn"]
PLATFORM: Final = "platform."
"""How the rule ids of alerts about the platform itself begin: they are never compared."""

SEVERITIES: Final = ("informational", "low", "medium", "high", "critical")


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One condition's value against its threshold, and what would have kept it from holding."""

    name: str
    """As the rule names it, such as ``event_count`` or ``success after failures``."""
    value: int
    threshold: int
    comparison: Literal["gte", "gt", "lte", "lt", "eq"]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert. Times are microseconds UTC; ids lower-case hex of 16 bytes; integers only."""

    id: str
    rule_id: str
    rule_version: int
    """Major version: part of the alert's identity."""
    entity_field: str
    """``source.ip``, ``user.name`` …; ``event.id`` where the rule has no entity."""
    entity: str
    cell: int
    """Beginning of the suppression interval, aligned to the epoch; or when the rule came into
    force, where that lies inside it."""
    decided_at: int
    """Event time at which the condition first held in final order."""
    severity: int
    """0 informational to 4 critical, index into SEVERITIES."""
    score: int
    """0 to 100."""
    conditions: tuple[Condition, ...]
    events: tuple[str, ...]
    """Ids of the least set of events that alone make the rule fire, in id order."""
    count: int
    """Matching events up to and with the deciding one."""
    state: State


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """What came after the deciding event inside the alert's cell; outside the compared set."""

    alert_id: str
    count: int
    last_at: int


def canonical(alert: Alert) -> bytes:
    """The compared form: everything but the state, as canonical JSON."""
    fields = msgspec.to_builtins(alert)
    del fields["state"]
    return msgspec.json.encode(fields, order="sorted")


class RuleText(msgspec.Struct, frozen=True, kw_only=True):
    """What an officer reads about a rule, in both languages."""

    title_zh: str
    title_en: str
    triage_zh: str
    triage_en: str


class FalsePositive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An honest cause that looks the same, in both languages."""

    zh: str
    en: str


Vantage: TypeAlias = Literal[
    "provider", "caller", "gateway", "network", "host", "reconciliation", "platform"
]
"""Whose record shows it: the system's own log, its caller's, the gateway before it, the wire, the
machine, the files banks and treasury send, or what the platform seals of itself."""


class UseCase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The case of misuse that a rule finds, and where it can be seen."""

    id: str
    """``EC01`` … ``X05`` of the four systems, ``D01`` … ``D30`` of daily work."""
    seen_in: tuple[Vantage, ...]
    """One of these is enough; the first is the best."""
    owasp: tuple[str, ...] = ()
    """API Security Top 10 2023, such as ``API1``."""
    limits: FalsePositive | None = None
    """What the events cannot give, and what stands in for it."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A loaded rule as lists and pages show it."""

    id: str
    version: str
    severity: int
    system: str
    kind: str
    """The key of its part in a rule file; ``event`` for a rule without one."""
    techniques: tuple[str, ...]
    false_positives: tuple[FalsePositive, ...]
    text: RuleText
    use_case: UseCase | None = None
