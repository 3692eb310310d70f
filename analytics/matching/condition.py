"""Condition: a rule's condition as a function of an event, for the events it may hold for.

It stops at the first part that decides. Atoms side by side that ask a field for one of many texts
are one step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from analytics.expression import ANY_FIELD, All, Atom, Node, Not
from analytics.matching.values import RELATED, atom_test, relation_test, scalars, text_of
from schema.event import Fields

_TOGETHER: Final = frozenset({"equals", "contains", "startswith", "endswith"})

_EXPRESSION_SIZE: Final = 20
"""Texts that are searched in the time of one expression."""


class HasListError(Exception):
    """A field holds a list: the short way knows single values only."""


class Texts(dict[str, str | None]):
    """Lower-cased texts of an event's fields, made when asked for."""

    def __init__(self, event: Fields) -> None:
        self.event = event

    def __missing__(self, field: str) -> str | None:
        value = self.event.get(field)
        text: str | None
        if value.__class__ is str:
            text = value.lower()
        elif isinstance(value, list):
            raise HasListError
        else:
            text = None if value is None else text_of(value).lower()
        self[field] = text
        return text


Holds: TypeAlias = Callable[[Texts], bool]


class Condition:
    """One condition, made ready when it is first asked."""

    __slots__ = ("_holds", "_holds_for_lists", "_node")

    def __init__(self, node: Node) -> None:
        self._node = node
        self._holds: Holds | None = None
        self._holds_for_lists: Holds | None = None

    def holds(self, texts: Texts) -> bool:
        """Whether the event meets the condition."""
        holds = self._holds
        if holds is None:
            holds = self._holds = _compiled(self._node, together=True)
        try:
            return holds(texts)
        except HasListError:
            if self._holds_for_lists is None:
                self._holds_for_lists = _compiled(self._node, together=False)
            return self._holds_for_lists(texts)


def _compiled(node: Node, *, together: bool) -> Holds:
    if isinstance(node, Atom):
        return _one(node, together=together)
    if isinstance(node, Not):
        inner = _compiled(node.item, together=together)
        return lambda texts: not inner(texts)
    every = isinstance(node, All)
    groups: dict[tuple[str, str], list[str]] = {}
    others: list[Node] = []
    for item in node.items:
        if together and isinstance(item, Atom) and _joins(item, every=every):
            groups.setdefault((item.field, item.op), []).append(str(item.value).lower())
        else:
            others.append(item)
    tests = [
        _all_contained(field, words) if every else _any_text(field, op, words)
        for (field, op), words in groups.items()
    ]
    # The shorter parts first: they more often decide.
    others.sort(key=_size)
    tests += [_compiled(item, together=together) for item in others]
    if len(tests) == 1:
        return tests[0]
    return _every(tests) if every else _some(tests)


def _joins(atom: Atom, *, every: bool) -> bool:
    if atom.cased or atom.field == ANY_FIELD:
        return False
    return atom.op == "contains" if every else atom.op in _TOGETHER


def _size(node: Node) -> int:
    """About how long it takes to ask the node."""
    if isinstance(node, Atom):
        return _EXPRESSION_SIZE if node.op == "regex" else 1
    if isinstance(node, Not):
        return _size(node.item)
    return sum(map(_size, node.items))


def _every(tests: Sequence[Holds]) -> Holds:
    def holds(texts: Texts) -> bool:
        for test in tests:  # noqa: SIM110 # the time of a generator is that of two tests
            if not test(texts):
                return False
        return True

    return holds


def _some(tests: Sequence[Holds]) -> Holds:
    def holds(texts: Texts) -> bool:
        for test in tests:  # noqa: SIM110 # as above
            if test(texts):
                return True
        return False

    return holds


def _all_contained(field: str, words: list[str]) -> Holds:
    def holds(texts: Texts) -> bool:
        text = texts[field]
        if text is None:
            return False
        return all(map(text.__contains__, words))

    return holds


def _any_text(field: str, op: str, words: list[str]) -> Holds:
    """Whether the text of the field is one of the words, or contains, begins or ends with one."""
    if op == "equals":
        known = frozenset(words)
        return lambda texts: texts[field] in known
    if op == "contains":

        def holds(texts: Texts) -> bool:
            text = texts[field]
            if text is None:
                return False
            return any(map(text.__contains__, words))

        return holds
    either = tuple(words)
    if op == "startswith":
        return lambda texts: (text := texts[field]) is not None and text.startswith(either)
    return lambda texts: (text := texts[field]) is not None and text.endswith(either)


def _one(atom: Atom, *, together: bool) -> Holds:
    """One atom, asked of every value it is about."""
    if atom.op in RELATED:
        related = relation_test(atom)
        return lambda texts: related(texts.event)
    test, field = atom_test(atom), atom.field
    if field == ANY_FIELD:
        return lambda texts: any(
            test(text_of(value).lower(), value)
            for held in texts.event.values()
            for value in scalars(held)
        )
    if together:

        def holds(texts: Texts) -> bool:
            text = texts[field]
            return text is not None and test(text, texts.event[field])  # type: ignore[arg-type]

    else:

        def holds(texts: Texts) -> bool:
            return any(
                test(text_of(value).lower(), value) for value in scalars(texts.event.get(field))
            )

    return holds
