"""Matcher: which rule steps an event matches; the same answer for the same event, in any order.

For each dataset only its own rules are asked, each distinct value of a field is asked once, and
each distinct set of true atoms is turned into matching rules once. An event then costs one
dictionary look-up for each field that the rules of its dataset read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from analytics.expression import ANY_FIELD, Atom, atoms, compile_mask
from analytics.matching.port import Match, Question
from analytics.values import FieldValues
from schema.event import Fields, Value

MASKS_MAX: Final = 65536
"""Distinct sets of true atoms remembered for each dataset; recorded days show a few hundred."""

_Found: TypeAlias = tuple[tuple[int, int], ...]
_NOTHING: Final[_Found] = ()
RELATED: Final = frozenset({"same_as", "starts_as", "ends_as", "contains_as"})


class Plan:
    """The rules of one dataset, ready to be asked."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self._steps = [(asked.rule, asked.bit, asked.condition) for asked in questions]
        self._bits: dict[Atom, int] = {}
        for _, _, node in self._steps:
            for atom in atoms(node):
                self._bits.setdefault(atom, 1 << len(self._bits))
        self._conditions = [
            (index, step, compile_mask(node, self._bits)) for index, step, node in self._steps
        ]
        self._known: dict[int, _Found] = {}
        self._fields = self._by_field()
        self._related = [
            (_relation(atom), bit) for atom, bit in self._bits.items() if atom.op in RELATED
        ]
        words = {atom: bit for atom, bit in self._bits.items() if atom.field == ANY_FIELD}
        self._words = FieldValues(words) if words else None

    def _by_field(self) -> list[tuple[str, FieldValues]]:
        grouped: dict[str, dict[Atom, int]] = {}
        for atom, bit in self._bits.items():
            if atom.field != ANY_FIELD and atom.op not in RELATED:
                grouped.setdefault(atom.field, {})[atom] = bit
        return [(name, FieldValues(found)) for name, found in grouped.items()]

    def match(self, events: Sequence[Fields]) -> list[Match]:
        """All matches of a batch, by place and then by rule."""
        return [
            (place, rule, steps)
            for place, event in enumerate(events)
            for rule, steps in self._ask(event)
        ]

    def _ask(self, event: Fields) -> _Found:
        mask = 0
        for name, values in self._fields:
            value = event.get(name)
            if value is not None:
                if value.__class__ is list:
                    mask |= values.mask(value)
                    continue
                known = values.known.get(value)
                mask |= values.mask(value) if known is None else known
        if self._related or self._words is not None:
            mask |= self._ask_whole(event)
        found = self._known.get(mask)
        return self._decide(mask) if found is None else found

    def _ask_whole(self, event: Fields) -> int:
        """Atoms over more than one field: references and keywords."""
        mask = 0
        for related, bit in self._related:
            if related(event):
                mask |= bit
        if self._words is not None:
            for value in event.values():
                mask |= self._words.mask(value)
        return mask

    def _decide(self, mask: int) -> _Found:
        steps: dict[int, int] = {}
        for index, step, holds in self._conditions:
            if holds(mask):
                steps[index] = steps.get(index, 0) | step
        found = tuple(steps.items()) or _NOTHING
        if len(self._known) >= MASKS_MAX:
            self._known.clear()
        self._known[mask] = found
        return found


def _lower(value: Value) -> str:
    return str(value).lower()


def _relation(atom: Atom) -> Callable[[Fields], bool]:
    field, other = atom.field, str(atom.value)

    def related(event: Fields) -> bool:
        left, right = event.get(field), event.get(other)
        if left is None or right is None:
            return False
        if atom.op == "starts_as":
            return _lower(left).startswith(_lower(right))
        if atom.op == "contains_as":
            return _lower(right) in _lower(left)
        if atom.op == "ends_as":
            return _lower(left).endswith(_lower(right))
        return _lower(left) == _lower(right)

    return related


def plan(questions: Sequence[Question]) -> Plan:
    """A matcher of these questions."""
    return Plan(questions)
