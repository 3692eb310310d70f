"""Expressions: the plain texts a regular expression cannot do without.

A cautious reader of RE2's syntax. What it does not know for certain it takes for anything at
all, so that an expression is asked too often rather than not at all.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

DEPTH_MAX: Final = 50
"""Groups inside groups that are read; deeper ones are taken for anything."""

_REPEAT: Final = re.compile(r"(?:[*+?]|\{([0-9]+)(?:,[0-9]*)?\})\??")
_GROUP: Final = re.compile(r"\((?:\?(?:P?<\w+>|[imsU-]*:))?")
_FLAGS: Final = re.compile(r"\(\?[imsU-]+\)")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*+\]", re.DOTALL)
_ANYTHING_ESCAPED: Final = frozenset("dDwWsSbBAz")
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r"}

_Texts: TypeAlias = tuple[str, ...]
"""One of these must stand in a match; empty where nothing is known."""


class _UnknownError(ValueError):
    """Syntax that the reader does not know."""


def required_texts(expression: str) -> tuple[str, ...]:
    """Texts of which one stands in whatever the expression matches, but for case.

    None are given where the expression has no such texts or is not understood.
    """
    if r"\Q" in expression:
        return ()
    try:
        reader = _Reader(expression)
        found = reader.alternatives(0)
        return () if reader.at < len(expression) else found
    except _UnknownError:
        return ()


def _better(left: _Texts, right: _Texts) -> _Texts:
    """The set whose shortest text is longer, for it is the rarer one."""
    return max(left, right, key=lambda texts: min(map(len, texts), default=0))


class _Reader:
    """Where in an expression the reading has come to."""

    def __init__(self, expression: str) -> None:
        self._text = expression
        self.at = 0

    def alternatives(self, depth: int) -> _Texts:
        """Branches up to the end of the group or of the expression."""
        if depth > DEPTH_MAX:
            raise _UnknownError
        branches = [self._branch(depth)]
        while self._text.startswith("|", self.at):
            self.at += 1
            branches.append(self._branch(depth))
        return tuple(text for texts in branches for text in texts) if all(branches) else ()

    def _branch(self, depth: int) -> _Texts:
        best: _Texts = ()
        run = ""
        while self.at < len(self._text) and self._text[self.at] not in "|)":
            piece, plain = self._piece(depth)
            least = self._least()
            if plain and least is None:
                run += piece[0]
                continue
            if plain and least:
                run += piece[0]
            best = _better(best, (run,) if run else ())
            run = ""
            if not plain and least != 0:
                best = _better(best, piece)
        return _better(best, (run,) if run else ())

    def _least(self) -> int | None:
        """How often the piece just read must come at least; None where it comes once."""
        repeat = _REPEAT.match(self._text, self.at)
        if repeat is None:
            return None
        self.at = repeat.end()
        if repeat[0][0] == "{":
            return int(repeat[1])
        return 1 if repeat[0][0] == "+" else 0

    def _piece(self, depth: int) -> tuple[_Texts, bool]:
        """The next piece, and whether it is one plain character."""
        char = self._text[self.at]
        if char == "\\":
            return self._escaped()
        if char == "(":
            return self._group(depth), False
        if char == "[":
            return self._skip(_CLASS), False
        self.at += 1
        if char in ".^$" or not char.isascii():
            return (), False
        if char in "*+?{":
            raise _UnknownError
        return (char,), True

    def _escaped(self) -> tuple[_Texts, bool]:
        char = self._text[self.at + 1 : self.at + 2]
        self.at += 2
        if char in _CONTROLS:
            return (_CONTROLS[char],), True
        if char in _ANYTHING_ESCAPED:
            return (), False
        if not char or char.isalnum() or not char.isascii():
            raise _UnknownError
        return (char,), True

    def _group(self, depth: int) -> _Texts:
        if _FLAGS.match(self._text, self.at):
            self._skip(_FLAGS)
            if _REPEAT.match(self._text, self.at):
                # RE2 repeats what stands before the flags.
                raise _UnknownError
            return ()
        self._skip(_GROUP)
        found = self.alternatives(depth + 1)
        if not self._text.startswith(")", self.at):
            raise _UnknownError
        self.at += 1
        return found

    def _skip(self, what: re.Pattern[str]) -> _Texts:
        found = what.match(self._text, self.at)
        if found is None:
            raise _UnknownError
        self.at = found.end()
        return ()
