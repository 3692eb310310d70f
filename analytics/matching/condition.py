"""Condition: a rule's condition as a function of an event, for the events it may hold for.

It stops at the first part that decides, and asks the cheap parts first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import methodcaller
from typing import Final, TypeAlias

from analytics.expression import ANY_FIELD, All, Atom, Node, Not, Some
from analytics.matching.literals import Wanted
from analytics.matching.scanner import SEPARATOR, SET_CHARS_MAX, re2_set
from analytics.matching.values import (
    RELATED,
    atom_test,
    compile_regex,
    lowered,
    relation_test,
    scalars,
    text_of,
)
from schema.errors import FengsuiError
from schema.event import Fields

_PLAIN: Final = frozenset({"equals", "contains", "startswith", "endswith"})
"""Operators that are one call of a method of the lower-cased text, for many words at once."""

_EXPRESSION_SIZE: Final = 20
"""Texts that are searched in the time of one expression."""

_SET_FROM: Final = 32
"""Words from which on one pass of RE2 is faster than a search for each."""


class HasListError(Exception):
    """A field holds a list: the short way knows single values only."""


class Texts(dict[str, str | None]):
    """Lower-cased texts of an event's fields, made when asked for."""

    __slots__ = ("event",)

    def __init__(self, event: Fields) -> None:
        self.event = event

    def __missing__(self, field: str) -> str | None:
        if field == ANY_FIELD:
            return self._all()
        value = self.event.get(field)
        text: str | None
        if value.__class__ is str:
            text = lowered(value)
        elif isinstance(value, list):
            raise HasListError
        else:
            text = None if value is None else lowered(text_of(value))
        self[field] = text
        return text

    def _all(self) -> str | None:
        """The texts of all values as one; a word without a separator stands in one of them."""
        texts = [lowered(text_of(value)) for held in self.event.values() for value in scalars(held)]
        text = self[ANY_FIELD] = SEPARATOR.join(texts) if texts else None
        return text


Holds: TypeAlias = Callable[[Texts], bool]
_TextTest: TypeAlias = Callable[[str], bool]


def compiled(node: Node, *, lists: bool = False, denied: bool = False) -> Holds:
    """The condition, or its denial, as a function of an event's texts.

    Without ``lists`` it raises :class:`HasListError` where a field it asks holds a list.
    """
    if isinstance(node, Not):
        return compiled(node.item, lists=lists, denied=not denied)
    if isinstance(node, Atom):
        if not lists and _is_plain(node):
            return _every([_plain([node], every=True)], [], denied=denied)
        one = _one(node, lists=lists)
        return (lambda texts: not one(texts)) if denied else one
    every = isinstance(node, All)
    if isinstance(node, Some) and not lists:
        node = _expressions_joined(node)
    groups: dict[tuple[object, ...], list[Atom]] = {}
    others: list[Node] = []
    for item in node.items:
        if not lists and isinstance(item, Atom) and _is_plain(item):
            # All of several can be asked at once only of what a text contains.
            apart = item if every and item.op != "contains" else None
            groups.setdefault((item.field, item.op, apart), []).append(item)
        else:
            others.append(item)
    plain = [_plain(found, every=every) for found in groups.values()]
    others.sort(key=_size)
    rest = [compiled(item, lists=lists) for item in others]
    return (_every if every else _some)(plain, rest, denied=denied)


def _expressions_joined(node: Some) -> Some:
    """The same with one expression for all that are searched in one field."""
    fields: dict[str, list[Atom]] = {}
    for item in node.items:
        if isinstance(item, Atom) and item.op == "regex" and r"\Q" not in str(item.value):
            fields.setdefault(item.field, []).append(item)
    for field, found in fields.items():
        joined = "|".join(f"(?:{atom.value})" for atom in found)
        try:
            compile_regex(joined)
        except FengsuiError:
            # Together they are too large for one program; alone each of them is not.
            continue
        others = tuple(item for item in node.items if item not in found)
        node = Some((*others, Atom(field, "regex", joined)))
    return node


def _is_plain(atom: Atom) -> bool:
    if atom.field == ANY_FIELD and (atom.op != "contains" or SEPARATOR in str(atom.value)):
        return False
    return atom.op in _PLAIN and not atom.cased


def _size(node: Node) -> int:
    """About how long it takes to ask the node."""
    if isinstance(node, Atom):
        return _EXPRESSION_SIZE if node.op == "regex" else 1
    if isinstance(node, Not):
        return _size(node.item)
    return sum(map(_size, node.items))


def _alone(field: str, test: _TextTest, *, denied: bool) -> Holds:
    """One test of one field: half of all parts of conditions, in half the time of a loop."""
    met = not denied

    def holds(texts: Texts) -> bool:
        text = texts[field]
        return met if text is not None and test(text) else denied

    return holds


def _every(plain: Sequence[tuple[str, _TextTest]], rest: Sequence[Holds], *, denied: bool) -> Holds:
    met = not denied
    if len(plain) == 1 and not rest:
        return _alone(*plain[0], denied=denied)

    def holds(texts: Texts) -> bool:
        for field, test in plain:
            text = texts[field]
            if text is None or not test(text):
                return denied
        for ask in rest:
            if not ask(texts):
                return denied
        return met

    return holds


def _some(plain: Sequence[tuple[str, _TextTest]], rest: Sequence[Holds], *, denied: bool) -> Holds:
    met = not denied
    if len(plain) == 1 and not rest:
        return _alone(*plain[0], denied=denied)

    def holds(texts: Texts) -> bool:
        for field, test in plain:
            text = texts[field]
            if text is not None and test(text):
                return met
        for ask in rest:
            if ask(texts):
                return met
        return denied

    return holds


def _plain(atoms: Sequence[Atom], *, every: bool) -> tuple[str, _TextTest]:
    """The field of the atoms, and a test for all or for any of their words."""
    field, op = atoms[0].field, atoms[0].op
    words = tuple(lowered(str(atom.value)) for atom in atoms)
    if op == "equals":
        return field, frozenset(words).__contains__
    if op != "contains":
        return field, methodcaller(op, words)
    if len(words) == 1:
        return field, methodcaller("__contains__", words[0])
    if not every and len(words) >= _SET_FROM and sum(map(len, words)) <= SET_CHARS_MAX:
        found = re2_set([Wanted("anywhere", word) for word in words])
        return field, lambda text: found.Match(text) is not None
    if every:
        return field, lambda text: all(map(text.__contains__, words))
    return field, lambda text: any(map(text.__contains__, words))


def _one(atom: Atom, *, lists: bool) -> Holds:
    """One atom, asked of every value it is about."""
    field = atom.field
    if atom.op in RELATED:
        related = relation_test(atom)
        return lambda texts: related(texts.event)
    if field == ANY_FIELD:
        return _keyword(atom)
    if atom.op == "exists":
        return lambda texts: texts.event.get(field) is not None
    test = atom_test(atom)
    if lists:
        return lambda texts: any(
            test(lowered(text_of(value)), value) for value in scalars(texts.event.get(field))
        )

    def holds(texts: Texts) -> bool:
        text = texts[field]
        return text is not None and test(text, texts.event[field])  # type: ignore[arg-type]

    return holds


def _keyword(atom: Atom) -> Holds:
    """An atom asked of all values of an event."""
    if atom.op == "exists":
        return lambda texts: any(value is not None for value in texts.event.values())
    test = atom_test(atom)
    return lambda texts: any(
        test(lowered(text_of(value)), value)
        for held in texts.event.values()
        for value in scalars(held)
    )
