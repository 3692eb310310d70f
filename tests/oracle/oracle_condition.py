"""Condition: the language of ``condition`` (rules specification, section "Condition"), parsed anew.

Precedence, least to most binding: or, and, not, ``1/all of``, brackets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

Holds = Callable[[str], bool]
"""Whether the selection of a name matches."""


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The rule cannot be evaluated by the specification; the message says why."""


_WORDS = re.compile(r"\s*([()]|[^\s()]+)")


class Condition:
    """One condition over selections, read by recursive descent."""

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self._words = _WORDS.findall(text)
        self._names = names
        self._place = 0
        self.holds = self._or()
        if self._place != len(self._words):
            raise Refused(f"{self._words[self._place]!r} is not expected in a condition")

    def _next(self) -> str:
        return self._words[self._place] if self._place < len(self._words) else ""

    def _take(self) -> str:
        word = self._next()
        self._place += 1
        return word

    def _or(self) -> Callable[[Holds], bool]:
        items = [self._and()]
        while self._next() == "or":
            self._take()
            items.append(self._and())
        return lambda holds: any(item(holds) for item in items)

    def _and(self) -> Callable[[Holds], bool]:
        items = [self._not()]
        while self._next() == "and":
            self._take()
            items.append(self._not())
        return lambda holds: all(item(holds) for item in items)

    def _not(self) -> Callable[[Holds], bool]:
        if self._next() != "not":
            return self._single()
        self._take()
        inner = self._not()
        return lambda holds: not inner(holds)

    def _single(self) -> Callable[[Holds], bool]:
        word = self._take()
        if word == "(":
            inner = self._or()
            if self._take() != ")":
                raise Refused("a bracket is not closed")
            return inner
        if word in ("1", "all") and self._next() == "of":
            self._take()
            return self._of(word, self._take())
        if word not in self._names:
            raise Refused(f"no selection is named {word!r}")
        return lambda holds: holds(word)

    def _of(self, how_many: str, pattern: str) -> Callable[[Holds], bool]:
        if not pattern or pattern in ("(", ")"):
            raise Refused("'of' needs a pattern or 'them'")
        # "them" leaves out names that begin with an underscore. Patterns are "same as them, but
        # restricted"; we decided that a pattern which itself begins so means them nevertheless.
        hidden = pattern.startswith("_")
        wanted = ".*" if pattern == "them" else re.escape(pattern).replace(r"\*", ".*")
        found = [
            name
            for name in self._names
            if re.fullmatch(wanted, name) and (hidden or not name.startswith("_"))
        ]
        if not found:
            raise Refused(f"no selection is named like {pattern!r}")
        if how_many == "1":
            return lambda holds: any(holds(name) for name in found)
        return lambda holds: all(holds(name) for name in found)
