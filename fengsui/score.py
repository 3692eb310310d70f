"""Score: final alerts against the labels of a recording.

An alert counts for an attack when its event time lies in [start, end + 60 s] and its entity, or an
address or user of its least event set, is one of the attack's entities. An alert that counts for
no attack is false.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

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
    start: int
    end: int
    entities: frozenset[str]


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
) -> Score:
    """Match alerts and attacks; ``event_of`` gives the fields of an event id."""
    found: set[str] = set()
    false: list[str] = []
    for alert in alerts:
        entities = {alert.entity}
        for event_id in alert.events:
            fields = event_of(event_id) or {}
            entities.update(str(fields[name]) for name in ENTITY_FIELDS if name in fields)
        hits = {
            attack.id
            for attack in attacks
            if attack.start <= alert.decided_at <= attack.end + GRACE_US
            and entities & attack.entities
        }
        found |= hits
        if not hits:
            false.append(alert.id)
    missed = tuple(attack.id for attack in attacks if attack.id not in found)
    return Score(labelled=len(attacks), found=len(found), missed=missed, false=tuple(false))
