"""Truth: a condition over names of steps or rules, as a tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

from analytics.language.reading import refused

DEPTH_MAX: Final = 32
"""Brackets and ``not`` inside one another."""

CHARS_MAX: Final = 4096
"""Of a condition: sixteen names of a hundred characters, each named twice, fit."""

_TOKEN: Final = re.compile(r"\s*(?:([()])|([A-Za-z0-9_][A-Za-z0-9_.-]*))")
_WORDS: Final = frozenset({"and", "or", "not"})


class Fired(msgspec.Struct, frozen=True, tag="fired", array_like=True):
    """What bears the name has been seen within the time."""

    rule: str


class Every(msgspec.Struct, frozen=True, tag="every", array_like=True):
    """Every item holds."""

    items: tuple[Truth, ...]


class Either(msgspec.Struct, frozen=True, tag="either", array_like=True):
    """At least one item holds."""

    items: tuple[Truth, ...]


class Never(msgspec.Struct, frozen=True, tag="never", array_like=True):
    """The item does not hold."""

    item: Truth


Truth: TypeAlias = Fired | Every | Either | Never


def parse(text: str) -> Truth:
    """The tree of ``a and (b or not c)``; raises ``analytics.rule.refused``.

    The words may be written in capitals; ``not`` binds closest, then ``and``.
    """
    if len(text) > CHARS_MAX:
        raise refused(f"a condition has at most {CHARS_MAX} characters")
    parser = _Parser(text)
    tree = parser.either(0)
    if parser.next is not None:
        raise refused(f"{parser.next!r} is not expected in {text[:80]!r}")
    return tree


def rules(tree: Truth) -> Iterator[str]:
    """Every name of the condition, from left to right."""
    match tree:
        case Fired():
            yield tree.rule
        case Never():
            yield from rules(tree.item)
        case Every() | Either():
            for item in tree.items:
                yield from rules(item)


def named(tree: Truth, ids: dict[str, str]) -> Truth:
    """The tree with each name as another."""
    match tree:
        case Fired():
            return Fired(ids[tree.rule])
        case Never():
            return Never(named(tree.item, ids))
        case Every():
            return Every(tuple(named(item, ids) for item in tree.items))
    return Either(tuple(named(item, ids) for item in tree.items))


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self.next: str | None = None
        self._advance()

    def _advance(self) -> None:
        if not self._text[self._at :].strip():
            self.next = None
            return
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise refused(f"{self._text[self._at :].strip()[:20]!r} is no name")
        self._at = found.end()
        self.next = found[1] or found[2]

    def _take(self, word: str) -> bool:
        if self.next is None or self.next.lower() != word:
            return False
        self._advance()
        return True

    def either(self, depth: int) -> Truth:
        items = [self._every(depth)]
        while self._take("or"):
            items.append(self._every(depth))
        return items[0] if len(items) == 1 else Either(tuple(items))

    def _every(self, depth: int) -> Truth:
        items = [self._one(depth)]
        while self._take("and"):
            items.append(self._one(depth))
        return items[0] if len(items) == 1 else Every(tuple(items))

    def _one(self, depth: int) -> Truth:
        if depth >= DEPTH_MAX:
            raise refused("the condition is nested too deeply")
        if self._take("not"):
            return Never(self._one(depth + 1))
        if self._take("("):
            inner = self.either(depth + 1)
            if not self._take(")"):
                raise refused(f"a bracket is not closed in {self._text[:80]!r}")
            return inner
        name = self.next
        if name is None or name in ")(" or name.lower() in _WORDS:
            raise refused(f"a name is missing in {self._text[:80]!r}")
        self._advance()
        return Fired(name)


TERMS_MAX: Final = 64
"""Alternatives of one condition: each is looked for at every hit."""

Term: TypeAlias = "tuple[int, int]"
"""(bits that must hold, bits that must not)"""


def terms(tree: Truth, bits: dict[str, int]) -> tuple[Term, ...]:
    """The alternatives of which one must hold, those with the fewest wanted bits first.

    Raises ``analytics.rule.refused`` where there are too many, or where one wants nothing.
    """
    found = _kept(_terms(tree, bits, True))
    if any(not wanted for wanted, _ in found):
        raise refused("the condition would hold where nothing was seen")
    if not found:
        raise refused("the condition never holds")
    return tuple(sorted(found, key=lambda term: (term[0].bit_count(), term)))


def _terms(tree: Truth, bits: dict[str, int], wanted: bool) -> set[Term]:
    match tree:
        case Fired():
            bit = bits[tree.rule]
            return {(bit, 0) if wanted else (0, bit)}
        case Never():
            return _terms(tree.item, bits, not wanted)
    parts = [_terms(item, bits, wanted) for item in tree.items]
    if isinstance(tree, Every) is not wanted:
        return _kept(set().union(*parts))
    joined: set[Term] = {(0, 0)}
    for part in parts:
        joined = _kept({(a | c, b | d) for a, b in joined for c, d in part})
    return joined


def _kept(found: set[Term]) -> set[Term]:
    """Those that can hold and are not implied by a shorter one."""
    possible = [term for term in found if not term[0] & term[1]]
    kept = {
        (wanted, not_wanted)
        for wanted, not_wanted in possible
        if not any(
            (a, b) != (wanted, not_wanted) and a & wanted == a and b & not_wanted == b
            for a, b in possible
        )
    }
    if len(kept) > TERMS_MAX:
        raise refused(f"the condition has more than {TERMS_MAX} alternatives")
    return kept
