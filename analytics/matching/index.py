"""Index: which conditions a value of a field makes worth asking, found once for each value."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, TypeAlias

from analytics.expression import Atom
from analytics.matching.literals import Wanted, fold
from analytics.matching.scanner import SEPARATOR, MakeScanner, Scanner
from analytics.matching.values import RELATED, Scalar, Test, atom_test, number_of, text_of
from schema.event import Value

CACHED_VALUES_MAX: Final = 4096
"""Distinct values remembered for each field: pages, agents and users of a busy gateway's minute."""

CACHED_CHARS_MAX: Final = 512
"""Longer values are asked anew: they rarely repeat, and the memory of a field stays under 4 MiB."""

SCANNED_FROM: Final = 8
"""Literals of one field from which on a scanner finds them faster than one search for each."""

SHORT_MAX: Final = 2
"""Plain literals this short stand in values again and again, and a scanner reports each time."""

Candidates: TypeAlias = tuple[int, ...]
_NOTHING: Final[Candidates] = ()


class FieldIndex:
    """The witnesses about one field, and the conditions each of them stands for."""

    def __init__(self, make_scanner: MakeScanner, cached_max: int = CACHED_VALUES_MAX) -> None:
        self.known: dict[Value, Candidates] = {}
        """Candidates by value, for whole columns at once. 0 and 1 are never kept: as keys they are
        the same as False and True, and the answer must not depend on which came first."""
        self._small: dict[Hashable, Candidates] = {}
        self._make_scanner, self._cached_max = make_scanner, cached_max
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
        if atom.op in RELATED or atom.op == "exists" or _is_empty_text(atom):
            self._present.add(condition)
        elif atom.op == "number" and not atom.part and isinstance(atom.value, (int, float)):
            self._numbers.setdefault(atom.value, set()).add(condition)
        else:
            self._tests.setdefault(atom, set()).add(condition)

    def close(self) -> None:
        """Make ready to be asked; nothing is added from here on."""
        self._base = tuple(sorted(self._present))
        self._exact = {text: tuple(sorted(found)) for text, found in self._whole.items()}
        self._equal = {number: tuple(found) for number, found in self._numbers.items()}
        self._asked: list[tuple[Test, Candidates]] = [
            (atom_test(atom), tuple(found)) for atom, found in self._tests.items()
        ]
        self._scanner: Scanner | None = None
        scanned = [
            wanted
            for wanted in self._wanted
            if len(wanted.text.encode("utf-8", "surrogatepass")) > SHORT_MAX
        ]
        if len(scanned) < SCANNED_FROM:
            scanned = []
        else:
            self._scanner = self._make_scanner(scanned)
        self._scanned = [tuple(self._wanted[wanted]) for wanted in scanned]
        left = self._wanted.keys() - set(scanned)
        self._sought = [(wanted.text, tuple(self._wanted[wanted])) for wanted in left]
        del self._present, self._whole, self._numbers, self._tests, self._wanted

    def learn(self, values: Sequence[Scalar]) -> list[Candidates]:
        """The candidates of each of these values, known from here on where they are short."""
        if set(map(type, values)) == {str}:
            keys: Sequence[Hashable] = values
        else:
            # Told apart by class, for 1 is True and 0 is False where they are keys alone.
            keys = [
                value if value.__class__ is str else (value.__class__, value) for value in values
            ]
            if all(key in self._small for key in keys):
                return [self._small[key] for key in keys]
        fresh = dict(zip(keys, values, strict=True))
        found = dict(zip(fresh, self._find(list(fresh.values())), strict=True))
        if len(self.known) + len(fresh) > self._cached_max:
            self.known.clear()
        if len(fresh) <= self._cached_max:
            for key, value in fresh.items():
                if value.__class__ is str:
                    if len(value) <= CACHED_CHARS_MAX:
                        self.known[value] = found[key]
                elif value in (0, 1):
                    self._small[key] = found[key]
                else:
                    self.known[value] = found[key]
        return [found[key] for key in keys]

    def _find(self, values: Sequence[Scalar]) -> list[Candidates]:
        texts = folded(values)
        exact, base = self._exact, self._base
        answers: list[Candidates] = [exact.get(text, _NOTHING) + base for text in texts]
        if self._scanner is not None:
            scanned = self._scanned
            for place, literal in self._scanner.scan(texts):
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
        text = text_of(value).lower()
        number = number_of(text, value) if self._equal else None
        found = _NOTHING if number is None else self._equal.get(number, _NOTHING)
        for test, conditions in self._asked:
            if test(text, value):
                found += conditions
        return found


def folded(values: Sequence[Scalar]) -> list[str]:
    """Each value as literals are compared with it."""
    texts = [value if value.__class__ is str else text_of(value) for value in values]
    joined = SEPARATOR.join(texts)
    if joined.isascii():
        parts = joined.lower().split(SEPARATOR)
        if len(parts) == len(texts):
            return parts
    return list(map(fold, texts))


def _is_short(text: str) -> bool:
    return text.isascii() and len(text) <= SHORT_MAX


def _is_empty_text(atom: Atom) -> bool:
    return atom.op in ("contains", "startswith", "endswith") and not str(atom.value)
