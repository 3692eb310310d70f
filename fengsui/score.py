"""Score: final alerts against the labels of a recording.

An alert counts for an attack when its event time lies in [start, end + 60 s] and its entity, or an
address or user of its least event set, is one of the attack's entities; an alert without an entity
counts by any value of its events. Where attacks name use cases, one is found by the rules of its
own use case alone. An alert that counts for nothing labelled is false; attacks that were kept below
their threshold are neither found nor missed, and alerts on them are not false. Behind its end all
of a recording is silent, and alerts that say so are not false either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from analytics.rule import NO_ENTITY, entity_values
from schema.alert import Alert
from schema.event import Fields
from schema.times import MINUTE

GRACE_US: Final = MINUTE
ENTITY_FIELDS: Final = ("source.ip", "user.name", "user.target.name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One labelled attack; times in microseconds UTC."""

    id: str
    kind: str
    """What it is, or its use case."""
    start: int
    end: int
    entities: frozenset[str]
    below: bool = False
    """Carried out below the threshold of its use case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How many labelled attacks were found, and which alerts belong to none."""

    labelled: int
    found: int
    missed: tuple[str, ...]
    false: tuple[str, ...]


def score(
    alerts: Sequence[Alert],
    attacks: Sequence[Attack],
    event_of: Callable[[str], Fields | None],
    *,
    use_case_of: Callable[[str], str] | None = None,
    ends: int | None = None,
) -> Score:
    """Match alerts and attacks; ``event_of`` gives the fields of an event id.

    ``use_case_of`` gives the use case of a rule, where attacks name theirs; ``ends`` is when the
    recording does.
    """
    found: set[str] = set()
    false: list[str] = []
    for alert in alerts:
        names = _names(alert, event_of)
        hits = [
            attack
            for attack in attacks
            if attack.start <= alert.decided_at <= attack.end + GRACE_US and names & attack.entities
        ]
        if not hits and (ends is None or alert.decided_at < ends):
            false.append(alert.id)
        case = use_case_of(alert.rule_id) if use_case_of else ""
        found.update(one.id for one in hits if use_case_of is None or one.kind == case)
    wanted = [attack for attack in attacks if not attack.below]
    missed = tuple(attack.id for attack in wanted if attack.id not in found)
    return Score(
        labelled=len(wanted), found=len(wanted) - len(missed), missed=missed, false=tuple(false)
    )


def _names(alert: Alert, event_of: Callable[[str], Fields | None]) -> set[str]:
    events = [event_of(event_id) or {} for event_id in alert.events]
    if alert.entity_field == NO_ENTITY:
        return {str(value) for fields in events for value in fields.values()}
    parts = set(entity_values(alert.entity, alert.entity_field.count("+") + 1))
    return parts | {
        str(fields[name]) for fields in events for name in ENTITY_FIELDS if name in fields
    }
