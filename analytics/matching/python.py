"""Python matcher: the plan that needs no native module; hyperscan or RE2 search for it.

Events of one shape are columns. Each distinct value of a field is looked at once: it names the
conditions that may hold, and only they are asked of the event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, TypeAlias, cast

from analytics.expression import ANY_FIELD, Node, atoms
from analytics.matching.condition import HasListError, Holds, Texts, compiled
from analytics.matching.index import Candidates, FieldIndex, KeywordIndex
from analytics.matching.port import Match, Question
from analytics.matching.scanner import MakeScanner
from analytics.matching.values import RELATED, Scalar, scalars
from analytics.matching.witness import Witnesses
from schema.event import Fields, Value

EVENTS_AT_ONCE: Final = 1024
"""Events looked at together: enough that the work for each column costs nothing beside that for
its values, and few enough that the values of one column stay in the processor's cache."""

SHAPES_MAX: Final = 4096
"""Distinct sets of field names remembered; a day of one site shows some hundreds."""

DECIDED_MAX: Final = 8192
"""Answers remembered by candidates and the values they read: a minute of a busy machine."""

DECIDED_CHARS_MAX: Final = 2048
"""Values that are longer together are not remembered: all answers then fit in 20 MiB."""

DECIDED_CANDIDATES_MAX: Final = 256
"""An event with more candidates is not remembered: honest ones have about ten."""

WORTH_ONE_IN: Final = 8
"""A batch in which fewer answers were remembered is one of new values: remembering pauses for as
many batches."""

Steps: TypeAlias = tuple[tuple[int, int], ...]
"""(index of the rule, bits of its steps), by rule"""


class PythonPlan:
    """Conditions ready to be asked of events. One thread at a time may ask."""

    def __init__(self, questions: Sequence[Question], make_scanner: MakeScanner) -> None:
        self._questions = questions
        self._short: list[Holds | None] = [None] * len(questions)
        """The conditions as functions, made when they are first asked."""
        self._for_lists: dict[int, Holds] = {}
        self._always: Candidates = ()
        self._indexes: dict[str, FieldIndex] = {}
        self._keywords: KeywordIndex | None = None
        self._choose_witnesses()
        for index in (*self._indexes.values(), self._keywords):
            if index is not None:
                index.close(make_scanner)
        self._shapes: dict[tuple[str, ...], list[tuple[int, FieldIndex]]] = {}
        self._fields_of: list[dict[str, None] | None] = [None] * len(questions)
        self._read: dict[Candidates, tuple[Candidates, Candidates, tuple[str, ...]]] = {}
        self._decided: dict[tuple[object, ...], Steps] = {}
        self._paused = 0

    def _choose_witnesses(self) -> None:
        witnesses = Witnesses(question.condition for question in self._questions)
        for number, question in enumerate(self._questions):
            chosen = witnesses.of(question.condition)
            if chosen is None:
                self._always += (number,)
                continue
            for atom in chosen:
                if atom.field == ANY_FIELD:
                    self._keywords = self._keywords or KeywordIndex()
                    self._keywords.add(witnesses.literals(atom), number)
                    continue
                index = self._indexes.get(atom.field)
                if index is None:
                    index = self._indexes[atom.field] = FieldIndex()
                index.add(atom, witnesses.literals(atom), number)

    def match(self, events: Sequence[Fields]) -> Sequence[Match]:
        matches: list[Match] = []
        for first in range(0, len(events), EVENTS_AT_ONCE):
            part = events[first : first + EVENTS_AT_ONCE]
            candidates: list[Candidates] = [self._always] * len(part)
            for shape, places in _by_shape(part).items():
                self._nominate(shape, places, part, candidates)
            self._decide(part, candidates, first, matches)
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
        found = [_answers(index, columns[number]) for number, index in self._columns(shape)]
        if self._keywords is not None:
            found.append(self._keywords.find(columns, len(places)))
        for answers in found:
            if any(answers):
                for place, answer in zip(places, answers, strict=True):
                    if answer:
                        candidates[place] += answer

    def _columns(self, shape: tuple[str, ...]) -> list[tuple[int, FieldIndex]]:
        """The columns of a shape that have an index."""
        known = self._shapes.get(shape)
        if known is None:
            if len(self._shapes) >= SHAPES_MAX:
                self._shapes.clear()
            known = self._shapes[shape] = [
                (number, self._indexes[field])
                for number, field in enumerate(shape)
                if field in self._indexes
            ]
        return known

    def _decide(
        self,
        events: Sequence[Fields],
        candidates: Sequence[Candidates],
        first: int,
        matches: list[Match],
    ) -> None:
        """Ask each event its candidates, unless the same were asked of the same values."""
        asked, remembered = 0, 0
        self._paused -= 1
        for place, chosen in enumerate(candidates):
            if not chosen:
                continue
            event = events[place]
            if self._paused >= 0 or len(chosen) > DECIDED_CANDIDATES_MAX:
                steps = self._ask(event, set(chosen))
            else:
                about, by_keyword, fields = self._read.get(chosen) or self._fields_read(chosen)
                key = (about, *map(event.get, fields))
                found = None
                # As keys 1 is True; a list is none.
                if _NO_KEYS.isdisjoint(map(type, key)):
                    found = self._decided.get(key)
                    asked += 1
                if found is not None:
                    remembered += 1
                    steps = found
                else:
                    steps = self._ask(event, about)
                    self._remember(key, steps)
                if by_keyword:
                    steps = _both(steps, self._ask(event, by_keyword))
            for rule, bits in steps:
                matches.append((first + place, rule, bits))
        if remembered * WORTH_ONE_IN < asked:
            self._paused = WORTH_ONE_IN

    def _fields_read(self, chosen: Candidates) -> tuple[Candidates, Candidates, tuple[str, ...]]:
        """Which of the candidates read fields by name, and which fields; and which read all."""
        about: list[int] = []
        by_keyword: list[int] = []
        fields: dict[str, None] = {}
        for number in dict.fromkeys(chosen):
            read = self._fields_of[number]
            if read is None:
                read = self._fields_of[number] = _fields_of(self._questions[number].condition)
            if ANY_FIELD in read:
                by_keyword.append(number)
            else:
                about.append(number)
                fields.update(read)
        if len(self._read) >= DECIDED_MAX:
            self._read.clear()
        found = self._read[chosen] = (tuple(about), tuple(by_keyword), tuple(fields))
        return found

    def _remember(self, key: tuple[object, ...], steps: Steps) -> None:
        if not _NO_KEYS.isdisjoint(map(type, key)):
            return
        if sum(len(value) for value in key if isinstance(value, str)) > DECIDED_CHARS_MAX:
            return
        if len(self._decided) >= DECIDED_MAX:
            self._decided.clear()
        self._decided[key] = steps

    def _ask(self, event: Fields, chosen: Collection[int]) -> Steps:
        """The steps of the distinct conditions that hold."""
        texts, short = Texts(event), self._short
        met: list[int] = []
        try:
            for number in chosen:
                holds = short[number]
                if holds is None:
                    holds = short[number] = compiled(self._questions[number].condition)
                if holds(texts):
                    met.append(number)
        except HasListError:
            met = [number for number in chosen if self._holds_for_lists(number, texts)]
        if not met:
            return ()
        steps: dict[int, int] = {}
        for number in met:
            question = self._questions[number]
            steps[question.rule] = steps.get(question.rule, 0) | question.bit
        return tuple(sorted(steps.items()))

    def _holds_for_lists(self, number: int, texts: Texts) -> bool:
        holds = self._for_lists.get(number)
        if holds is None:
            condition = self._questions[number].condition
            holds = self._for_lists[number] = compiled(condition, lists=True)
        return holds(texts)


def _fields_of(condition: Node) -> dict[str, None]:
    """The fields a condition reads, in the same order whenever they are the same."""
    read = {atom.field for atom in atoms(condition)}
    read.update(str(atom.value) for atom in atoms(condition) if atom.op in RELATED)
    return dict.fromkeys(sorted(read))


_NO_KEYS: Final = frozenset({bool, list})


def _both(left: Steps, right: Steps) -> Steps:
    steps = dict(left)
    for rule, bits in right:
        steps[rule] = steps.get(rule, 0) | bits
    return tuple(sorted(steps.items()))


def _by_shape(events: Iterable[Fields]) -> dict[tuple[str, ...], list[int]]:
    """Places of the events by their field names in order."""
    shapes: dict[tuple[str, ...], list[int]] = {}
    for place, event in enumerate(events):
        shapes.setdefault(tuple(event), []).append(place)
    return shapes


def _answers(index: FieldIndex, column: Sequence[Value]) -> Sequence[Candidates]:
    """The candidates for each value of a column."""
    known = index.known
    missed: list[Scalar] = []
    known.missed = missed
    try:
        answers = list(map(known.__getitem__, cast("Sequence[Scalar]", column)))
    except TypeError:
        # A list is no key: its items are asked.
        return [_of_items(index, value) for value in column]
    if not missed:
        return answers
    if len(missed) == len(answers):
        return index.learn(missed)
    unknown = [place for place, answer in enumerate(answers) if answer is None]
    for place, found in zip(unknown, index.learn(missed), strict=True):
        answers[place] = found
    return answers


def _of_items(index: FieldIndex, value: Value) -> Candidates:
    found = index.base
    for answer in index.learn(list(scalars(value))):
        found += answer
    return found
