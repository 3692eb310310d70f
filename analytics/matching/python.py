"""Python matcher: the plan that needs no native module; hyperscan or RE2 search for it.

Events of one shape are columns. Each distinct value of a field is looked at once: it names the
conditions that may hold, and only they are asked of the event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, cast

from analytics.expression import ANY_FIELD
from analytics.matching.condition import Condition, Texts
from analytics.matching.index import CACHED_VALUES_MAX, Candidates, FieldIndex
from analytics.matching.port import Match, Question
from analytics.matching.scanner import MakeScanner
from analytics.matching.values import Scalar, scalars
from analytics.matching.witness import Witnesses
from schema.event import Fields, Value

EVENTS_AT_ONCE: Final = 1024
"""Events looked at together: enough that the work for each column costs nothing beside that for
its values, and few enough that the values of one column stay in the processor's cache."""

SHAPES_MAX: Final = 4096
"""Distinct sets of field names remembered; a day of one site shows some hundreds."""

KEYWORD_VALUES_MAX: Final = 8 * CACHED_VALUES_MAX
"""Distinct values remembered for keywords, which are looked for in all fields."""


class PythonPlan:
    """Conditions ready to be asked of events. One thread at a time may ask."""

    def __init__(self, questions: Sequence[Question], make_scanner: MakeScanner) -> None:
        self._questions = questions
        self._conditions = [Condition(question.condition) for question in questions]
        self._indexes: dict[str, FieldIndex] = {}
        self._always: tuple[int, ...] = ()
        witnesses = Witnesses(question.condition for question in questions)
        for number, question in enumerate(questions):
            chosen = witnesses.of(question.condition)
            if chosen is None:
                self._always += (number,)
                continue
            for atom in chosen:
                index = self._indexes.get(atom.field)
                if index is None:
                    most = CACHED_VALUES_MAX if atom.field else KEYWORD_VALUES_MAX
                    index = self._indexes[atom.field] = FieldIndex(make_scanner, most)
                index.add(atom, witnesses.literals(atom), number)
        for index in self._indexes.values():
            index.close()
        self._keywords = self._indexes.pop(ANY_FIELD, None)
        self._shapes: dict[tuple[str, ...], list[tuple[int, FieldIndex]]] = {}

    def match(self, events: Sequence[Fields]) -> Sequence[Match]:
        matches: list[Match] = []
        for first in range(0, len(events), EVENTS_AT_ONCE):
            part = events[first : first + EVENTS_AT_ONCE]
            candidates: list[Candidates] = [self._always] * len(part)
            for shape, places in _by_shape(part).items():
                self._nominate(shape, places, part, candidates)
            for place, found in enumerate(candidates):
                if found:
                    matches += self._ask(part[place], found, first + place)
        return matches

    def _nominate(
        self,
        shape: tuple[str, ...],
        places: Sequence[int],
        events: Sequence[Fields],
        candidates: list[Candidates],
    ) -> None:
        """Add the conditions that the values of events of one shape make worth asking."""
        columns = list(zip(*[events[place].values() for place in places], strict=True))
        for number, index in self._columns(shape):
            for place, found in zip(places, _answers(index, columns[number]), strict=True):
                if found:
                    candidates[place] += found

    def _columns(self, shape: tuple[str, ...]) -> list[tuple[int, FieldIndex]]:
        """The columns of a shape that are looked at, and by which index."""
        known = self._shapes.get(shape)
        if known is None:
            if len(self._shapes) >= SHAPES_MAX:
                self._shapes.clear()
            known = self._shapes[shape] = [
                (number, index)
                for number, field in enumerate(shape)
                for index in (self._indexes.get(field), self._keywords)
                if index is not None
            ]
        return known

    def _ask(self, event: Fields, candidates: Candidates, place: int) -> Iterator[Match]:
        texts = Texts(event)
        steps: dict[int, int] = {}
        for number in set(candidates):
            if self._conditions[number].holds(texts):
                question = self._questions[number]
                steps[question.rule] = steps.get(question.rule, 0) | question.bit
        for rule in sorted(steps):
            yield place, rule, steps[rule]


def _by_shape(events: Sequence[Fields]) -> dict[tuple[str, ...], list[int]]:
    """Places of the events by their field names in order."""
    shapes: dict[tuple[str, ...], list[int]] = {}
    for place, event in enumerate(events):
        shapes.setdefault(tuple(event), []).append(place)
    return shapes


def _answers(index: FieldIndex, column: Sequence[Value]) -> Sequence[Candidates]:
    """The candidates for each value of a column."""
    try:
        answers = list(map(index.known.get, cast("Sequence[Scalar]", column)))
    except TypeError:
        # A list is no key: its items are asked.
        return [_of_items(index, value) for value in column]
    if None in answers:
        unknown = [place for place, answer in enumerate(answers) if answer is None]
        asked = [cast("Scalar", column[place]) for place in unknown]
        for place, found in zip(unknown, index.learn(asked), strict=True):
            answers[place] = found
    return cast("Sequence[Candidates]", answers)


def _of_items(index: FieldIndex, value: Value) -> Candidates:
    found: Candidates = ()
    for answer in index.learn(list(scalars(value))):
        found += answer
    return found
