"""Reevaluation: a second look at what was decided without events that came too late.

What is found over the whole history is held against what stands: an alert may be added, change,
or be withdrawn, and each such change is a revision people can see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

import msgspec

from analytics.rule import entity_name, entity_values
from analytics.ruleset import RuleSet
from schema.alert import Alert, canonical
from schema.coverage import Missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is looked at again."""

    rules: RuleSet
    entities: dict[str, Set[str]] | None
    """By rule; None for all of them."""
    since: int
    """Alerts decided before this time stand as they are."""


def scope_of(missed: Sequence[Missed], rules: RuleSet) -> Scope | None:
    """What these misses may have changed; None where their rules are gone.

    Alerts that rules on rules made of them are not looked at again.
    """
    named = {one.rule_id for one in missed}
    concerned = {rule.id for rule in rules.rules if rule.id in named and rule.level == 0}
    if not concerned:
        return None
    entities: dict[str, Set[str]] = {rule_id: set() for rule_id in concerned}
    for one in missed:
        if one.rule_id in concerned:
            entities[one.rule_id] |= {one.entity}
    whole = any("" in names for names in entities.values())
    return Scope(
        rules=rules.only(concerned),
        entities=None if whole else dict(entities),
        since=min(one.first_at for one in missed if one.rule_id in concerned),
    )


def holds(scope: Scope, alert: Alert, until: int) -> bool:
    """Whether a second look may change the alert."""
    if not scope.since <= alert.decided_at < until:
        return False
    rule = next((rule for rule in scope.rules.rules if rule.id == alert.rule_id), None)
    if rule is None or scope.entities is None:
        return rule is not None
    fields = alert.entity_field.count("+") + 1
    entity = alert.entity
    if fields == len(rule.entity) + 1:
        # A member of a group is judged with its whole group.
        entity = entity_name(entity_values(entity, fields)[:-1])
    return entity in scope.entities.get(alert.rule_id, ())


def revisions(found: Iterable[Alert], standing: Iterable[Alert]) -> list[Alert]:
    """What has to be stored so that ``found`` stands: new, changed and withdrawn alerts."""
    now = {alert.id: alert for alert in found}
    before = {alert.id: alert for alert in standing}
    changed = [
        alert
        for alert in now.values()
        if alert.id not in before or canonical(before[alert.id]) != canonical(alert)
    ]
    gone = [
        msgspec.structs.replace(alert, state="withdrawn")
        for alert in before.values()
        if alert.id not in now
    ]
    return sorted([*changed, *gone], key=lambda alert: (alert.decided_at, alert.id))
