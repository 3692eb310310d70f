"""Index: which conditions a value of a field makes worth asking, found once for each value."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Final, TypeAlias, cast

from analytics.expression import Atom
from analytics.matching.literals import Wanted, fold, without_nul
from analytics.matching.scanner import SEPARATOR, MakeScanner, Scanner
from analytics.matching.values import RELATED, Scalar, Test, atom_test, lowered, number_of, text_of
from schema.event import Value

CACHED_VALUES_MAX: Final = 4096
"""Distinct values remembered for each field: pages, agents and users of a busy gateway's minute."""

CACHED_CHARS_MAX: Final = 512
"""Longer values are asked anew: they rarely repeat, and the memory of a field stays under 4 MiB."""

SCANNED_FROM: Final = 8
"""Literals of one field from which on a scanner finds them faster than one search for each."""

SHORT_MAX: Final = 2
"""Plain literals this short stand in values again and again, and a scanner reports each time."""

_DIGITS: Final = frozenset("-0123456789")

Candidates: TypeAlias = tuple[int, ...]


class Known(dict[Scalar, Candidates]):
    """Candidates by value; values that are not there are told apart as they are looked for.

    To search a column of answers for those that are None takes longer than to look them all up.
    """

    __slots__ = ("missed",)

    def __init__(self) -> None:
        super().__init__()
        self.missed: list[Scalar] = []

    def __missing__(self, value: Scalar) -> None:
        self.missed.append(value)


class FieldIndex:
    """The witnesses about one field, and the conditions each of them stands for."""

    def __init__(self) -> None:
        self.known = Known()
        """Candidates by value, for whole columns at once. 0 and 1 are never kept: as keys they are
        the same as False and True, and the answer must not depend on which came first."""
        self._present: set[int] = set()
        self._whole: dict[str, set[int]] = {}
        self._numbers: dict[float, set[int]] = {}
        self._tests: dict[Atom, set[int]] = {}
        self._wanted: dict[Wanted, set[int]] = {}

    def add(self, atom: Atom, literals: Sequence[Wanted], condition: int) -> None:
        """Let the condition be asked where the atom may hold."""
        for wanted in literals:
            if wanted.place == "whole":
                self._whole.setdefault(wanted.text, set()).add(condition)
            else:
                self._wanted.setdefault(wanted, set()).add(condition)
        if literals:
            return
        if holds_for_any(atom):
            self._present.add(condition)
        elif atom.op == "number" and not atom.part and isinstance(atom.value, (int, float)):
            self._numbers.setdefault(atom.value, set()).add(condition)
        else:
            self._tests.setdefault(atom, set()).add(condition)

    def close(self, make_scanner: MakeScanner) -> None:
        """Make ready to be asked; nothing is added from here on."""
        self.base = tuple(sorted(self._present))
        """Candidates wherever the field is there, be it an empty list."""
        self._exact = {text: (*self.base, *found) for text, found in self._whole.items()}
        self._equal = {number: tuple(found) for number, found in self._numbers.items()}
        self._asked: list[tuple[Test, Candidates]] = [
            (atom_test(atom), tuple(found)) for atom, found in self._tests.items()
        ]
        scanned = [wanted for wanted in self._wanted if not _is_short(wanted.text)]
        self._scanner: Scanner | None = None
        if len(scanned) < SCANNED_FROM:
            scanned = []
        else:
            self._scanner = make_scanner(scanned)
        self._scanned = [tuple(self._wanted.pop(wanted)) for wanted in scanned]
        self._sought = [(wanted.text, tuple(found)) for wanted, found in self._wanted.items()]
        del self._present, self._whole, self._numbers, self._tests, self._wanted

    def learn(self, values: Sequence[Scalar]) -> Sequence[Candidates]:
        """The candidates of each of these values, known from here on where they are short."""
        classes = set(map(type, values))
        if bool in classes:
            # As keys they are 0 and 1: each is asked alone.
            return [self._find([value], [text_of(value)])[0] for value in values]
        distinct = list(dict.fromkeys(values))
        only_texts = classes == {str}
        texts = cast("list[str]", distinct if only_texts else list(map(text_of, distinct)))
        found = dict(zip(distinct, self._find(distinct, texts), strict=True))
        short = only_texts and max(map(len, texts)) <= CACHED_CHARS_MAX
        self._keep(found, short_texts=short)
        return list(map(found.__getitem__, values))

    def _keep(self, found: dict[Scalar, Candidates], *, short_texts: bool) -> None:
        if len(self.known) + len(found) > CACHED_VALUES_MAX:
            self.known.clear()
        if len(found) > CACHED_VALUES_MAX:
            return
        if short_texts:
            self.known.update(found)
        else:
            self.known.update((value, answer) for value, answer in found.items() if _is_kept(value))

    def _find(self, values: Sequence[Scalar], texts: Sequence[str]) -> list[Candidates]:
        texts = folded(texts)
        answers = list(map(self._exact.get, texts, repeat(self.base)))
        if self._scanner is not None:
            scanned = self._scanned
            # Each once: a value full of one literal would be added to for each of its hits.
            for place, literal in dict.fromkeys(self._scanner.scan(texts)):
                answers[place] += scanned[literal]
        for word, conditions in self._sought:
            for place, text in enumerate(texts):
                if word in text:
                    answers[place] += conditions
        if self._equal or self._asked:
            for place, value in enumerate(values):
                answers[place] += self._tested(value)
        return answers

    def _tested(self, value: Scalar) -> Candidates:
        text = lowered(text_of(value))
        number = number_of(text, value) if self._equal else None
        found = () if number is None else self._equal.get(number, ())
        for test, conditions in self._asked:
            if test(text, value):
                found += conditions
        return found


class KeywordIndex:
    """The witnesses looked for in all values of an event, which are scanned as one text.

    Most values of an event are read by no other rule and are new each time: to remember them
    would cost more than to look again.
    """

    def __init__(self) -> None:
        self._wanted: dict[str, set[int]] = {}
        self._present: set[int] = set()

    def add(self, literals: Sequence[Wanted], condition: int) -> None:
        """Let the condition be asked where one of the literals, if there are any, stands."""
        texts = [without_nul(Wanted("anywhere", wanted.text)).text for wanted in literals]
        if not texts or "" in texts:
            self._present.add(condition)
            return
        for text in texts:
            self._wanted.setdefault(text, set()).add(condition)

    def close(self, make_scanner: MakeScanner) -> None:
        """Make ready to be asked; nothing is added from here on."""
        self._base = tuple(self._present)
        self._conditions = [tuple(found) for found in self._wanted.values()]
        self._in_numbers = any(_DIGITS.issuperset(text) for text in self._wanted)
        self._scanner: Scanner | None = None
        if self._wanted:
            self._scanner = make_scanner([Wanted("anywhere", text) for text in self._wanted])

    def find(self, columns: Sequence[Sequence[Value]], rows: int) -> list[Candidates]:
        """The candidates for each row of the columns."""
        answers = [self._base] * rows
        if self._scanner is not None:
            written = [texts for texts in map(self._texts, columns) if texts is not None]
            if written:
                joined = list(map(SEPARATOR.join, zip(*written, strict=True)))
                for place, literal in dict.fromkeys(self._scanner.scan(joined)):
                    answers[place] += self._conditions[literal]
        return answers

    def _texts(self, column: Sequence[Value]) -> Sequence[str] | None:
        """Folded texts of a column's values, of a list all items; None where no keyword can be.

        By column, for beyond ASCII folding takes thirty times as long.
        """
        classes = set(map(type, column))
        if classes == {str}:
            return folded(cast("Sequence[str]", column))
        if classes == {int}:
            return list(map(str, column)) if self._in_numbers else None
        return folded(
            [
                SEPARATOR.join(map(text_of, value)) if isinstance(value, list) else text_of(value)
                for value in column
            ]
        )


def folded(texts: Sequence[str]) -> list[str]:
    """Each text as literals are compared with it."""
    parts = fold(_END.join(texts)).split(_END)
    return parts if len(parts) == len(texts) else list(map(fold, texts))


def _is_kept(value: Scalar) -> bool:
    return len(value) <= CACHED_CHARS_MAX if isinstance(value, str) else value not in (0, 1)


_END: Final = "\x1e"
"""Between texts that are folded as one. Where texts hold it they are folded one by one."""


def holds_for_any(atom: Atom) -> bool:
    """Whether the atom may hold whatever the field's value is."""
    if atom.op in ("contains", "startswith", "endswith"):
        return not str(atom.value)
    return atom.op in RELATED or atom.op == "exists"


def _is_short(text: str) -> bool:
    return text.isascii() and len(text) <= SHORT_MAX
