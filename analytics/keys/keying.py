"""Keying: whose an event is for a rule, and what of the event the rule must know."""

from __future__ import annotations

from itertools import islice, product
from typing import Final, TypeAlias

from analytics.matching.values import text_of
from analytics.memory import Carried
from analytics.rule import EVERYBODY, Rule, entity_name
from schema.event import Fields, Value

ENTITIES_MAX: Final = 64
"""Entities one event may belong to by lists in its fields: the first so many of a rule."""

Keyed: TypeAlias = "list[tuple[str, int, tuple[Carried, ...]]]"
"""(entity, bits of the steps, carried values)"""

_NOTHING: Final[tuple[Carried, ...]] = ()


class Keying:
    """How the events of one rule find their keys."""

    __slots__ = ("_entity", "_field", "_same", "_steps", "_value")

    def __init__(self, rule: Rule) -> None:
        self._steps = [
            (1 << place, step, step.entity or rule.entity) for place, step in enumerate(rule.steps)
        ]
        first = rule.steps[0] if rule.steps else None
        self._same = first is not None and all(
            not step.entity and step.values == first.values for step in rule.steps
        )
        """Whether all steps name the entity and the values alike: nearly all rules."""
        self._entity = rule.entity
        self._value = first.values if first else ()
        self._field = rule.entity[0] if self._same and len(rule.entity) == 1 else ""
        """The one field that names the entity in all steps; empty where there is none such."""

    def keys(self, event: Fields, steps: int, event_id: bytes) -> Keyed | None:
        """Where the event's hit belongs; None where it lacks a field the rule needs."""
        if self._field:
            # Nearly all events of nearly all rules have one text there, and carry one or nothing.
            entity = event.get(self._field)
            if entity.__class__ is str and entity:
                if not self._value:
                    return [(entity, steps, _NOTHING)]
                carried = event.get(self._value[0])
                if len(self._value) == 1 and carried.__class__ is str and carried:
                    return [(entity, steps, (carried,))]
        if self._same:
            values = _carried(event, self._value)
            entities = _entities(event, self._entity, event_id)
            if values is None or not entities:
                return None
            return [(entity, steps, values) for entity in entities]
        return self._by_step(event, steps, event_id)

    def _by_step(self, event: Fields, steps: int, event_id: bytes) -> Keyed | None:
        found: dict[tuple[str, tuple[Carried, ...]], int] = {}
        lacking = False
        for bit, step, fields in self._steps:
            if not steps & bit:
                continue
            values = _carried(event, step.values)
            entities = _entities(event, fields, event_id)
            if values is None or not entities:
                lacking = True
                continue
            for entity in entities:
                found[entity, values] = found.get((entity, values), 0) | bit
        if lacking and not found:
            return None
        return [(entity, bits, values) for (entity, values), bits in found.items()]


def _carried(event: Fields, names: tuple[str, ...]) -> tuple[Carried, ...] | None:
    if not names:
        return _NOTHING
    values = tuple(_plain(event.get(name)) for name in names)
    return None if None in values else values  # type: ignore[return-value] # none of them is None


def _plain(value: Value | None) -> Carried | None:
    if value is None or value == "":
        return None
    return tuple(value) if isinstance(value, list) else value


def _entities(event: Fields, fields: tuple[str, ...], event_id: bytes) -> tuple[str, ...]:
    """The entities an event belongs to; of a list, each of its items once. No text, no entity."""
    if not fields:
        return (event_id.hex(),)
    if len(fields) == 1:
        if fields[0] == EVERYBODY:
            return (EVERYBODY,)
        value = event.get(fields[0])
        if value.__class__ is str:
            return (value,) if value else ()
        return () if value is None else _texts(value)
    choices = []
    for name in fields:
        value = event.get(name)
        if value is None:
            return ()
        choices.append(_texts(value))
    return tuple(map(entity_name, islice(product(*choices), ENTITIES_MAX)))


def _texts(value: Value) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(dict.fromkeys(filter(None, value)))[:ENTITIES_MAX]
    return (text_of(value),) if value != "" else ()
