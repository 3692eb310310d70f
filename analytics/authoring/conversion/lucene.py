"""Lucene: an RE2 expression as Lucene's regexp, which matches a whole value and knows no flags.

What Lucene lacks (word boundaries, anchors in the middle, flags inside) is refused by its name.
Case is written out, so that the answer does not depend on the version's idea of it.
"""

from __future__ import annotations

import re
from typing import Final

from schema.errors import FengsuiError

DEPTH_MAX: Final = 50
"""Groups inside groups."""

REPEATED_MAX: Final = 32
"""Of a bounded repetition: Elasticsearch 8.19 refuses the automata of 60 and of 200 that two of the
shipped rules have, whatever states the search allows it."""

CODE: Final = "analytics.convert.refused"
_ANY: Final = ".*"
"""Lucene's dot is any character, the end of a line too."""

_DOT: Final = "[^\n]"
_REPEAT: Final = re.compile(r"([*+?]|\{[0-9]+(?:,[0-9]*)?\})\??")
_FLAGS: Final = re.compile(r"\(\?([a-zA-Z-]+)\)")
_OPEN: Final = re.compile(r"\((?:\?:|\?P?<\w+>)?")
_CLASSES: Final = {"d": "0-9", "s": " \t\n\f\r", "w": "0-9A-Za-z_"}
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_BOUNDARIES: Final = {"b": "word boundary \\b", "B": "word boundary \\B"}
_SPECIAL: Final = frozenset("\\.?+*|{}[]()\"#@&<>~^$-/'")
"""What Lucene may take for something else, in or out of a class."""

_HEX: Final = re.compile(r"\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})")


def refused(why: str) -> FengsuiError:
    """The error for what the other side cannot express."""
    return FengsuiError(CODE, why)


def regexp(expression: str) -> str:
    """The whole-value form of a search; raises ``analytics.convert.refused``."""
    reader = _Reader(expression)
    translated = reader.alternatives(0, first=True, last=True)
    if reader.at < len(expression):
        raise refused(f"a bracket too many in the expression {expression[:60]!r}")
    return translated


class _Reader:
    """Where in an expression the reading has come to, and the flags in force."""

    def __init__(self, expression: str) -> None:
        self._text = expression
        self.at = 0
        self._folded = self._dotall = False

    def alternatives(self, depth: int, *, first: bool, last: bool) -> str:
        """Branches up to the end; at the edges of the value each may be anchored or not."""
        if depth > DEPTH_MAX:
            raise refused("groups are nested too deeply")
        branches = [self._branch(depth, first=first, last=last)]
        while self._text.startswith("|", self.at):
            self.at += 1
            branches.append(self._branch(depth, first=first, last=last))
        return "|".join(branches)

    def _branch(self, depth: int, *, first: bool, last: bool) -> str:
        if self.at == 0:
            self._flags()
        pieces: list[str] = []
        begun = closed = False
        while self.at < len(self._text) and self._text[self.at] not in "|)":
            if closed:
                raise refused("text behind the anchor $")
            char = self._text[self.at]
            if char == "^" or self._text.startswith("\\A", self.at):
                if pieces or begun or not first:
                    raise refused("the anchor ^ inside an expression")
                begun = True
                self.at += 1 if char == "^" else 2
            elif char == "$" or self._text.startswith("\\z", self.at):
                if not last:
                    raise refused("the anchor $ inside an expression")
                closed = True
                self.at += 1 if char == "$" else 2
            elif char == "(":
                edge_first = first and not pieces and not begun
                piece, open_first, open_last = self._group(depth, first=edge_first, last=last)
                begun, closed = begun or not open_first, not open_last
                pieces.append(piece)
            else:
                pieces.append(self._quantified(self._piece()))
        before = _ANY if first and not begun else ""
        after = _ANY if last and not closed else ""
        # Nothing at all is written as an empty group.
        return before + "".join(pieces) + after or "()"

    def _flags(self) -> None:
        found = _FLAGS.match(self._text, self.at)
        if found is None:
            return
        unknown = set(found[1]) - set("is")
        if unknown:
            raise refused(f"the flag {sorted(unknown)[0]!r} of an expression")
        self._folded, self._dotall = "i" in found[1], "s" in found[1]
        self.at = found.end()

    def _group(self, depth: int, *, first: bool, last: bool) -> tuple[str, bool, bool]:
        """A group, and whether the value may still go on before and behind it.

        At an edge each branch says so itself, but only where the group stands there for sure.
        """
        opening = _OPEN.match(self._text, self.at)
        assert opening is not None
        if opening[0] == "(" and self._text.startswith("(?", self.at):
            raise refused(f"the group {self._text[self.at : self.at + 6]!r} of an expression")
        end = self._end_of_group()
        repeated = _REPEAT.match(self._text, end) is not None
        edge_first = first and not repeated
        edge_last = last and not repeated and self._is_last(end)
        self.at = opening.end()
        inner = self.alternatives(depth + 1, first=edge_first, last=edge_last)
        self.at += 1
        return self._quantified(f"({inner})"), not edge_first, not edge_last

    def _is_last(self, end: int) -> bool:
        return end == len(self._text) or self._text[end] in "|)"

    def _end_of_group(self) -> int:
        depth, at = 0, self.at
        while at < len(self._text):
            char = self._text[at]
            if char == "\\":
                at += 2
                continue
            if char == "[":
                at = self._end_of_class(at)
                continue
            depth += (char == "(") - (char == ")")
            at += 1
            if depth == 0:
                return at
        raise refused("a group is not closed")

    def _end_of_class(self, at: int) -> int:
        at += 2 if self._text.startswith("[^", at) else 1
        at += self._text.startswith("]", at)
        while at < len(self._text) and self._text[at] != "]":
            at += 2 if self._text[at] == "\\" else 1
        return at + 1

    def _quantified(self, piece: str) -> str:
        found = _REPEAT.match(self._text, self.at)
        if found is None:
            return piece
        self.at = found.end()
        most = max((int(number) for number in re.findall(r"[0-9]+", found[1])), default=0)
        if most > REPEATED_MAX:
            raise refused(f"a repetition of up to {most}: Lucene would need too many states")
        # Whether a match is long or short makes no difference to whether there is one.
        return piece + found[1]

    def _piece(self) -> str:
        char = self._text[self.at]
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escaped()
        self.at += 1
        if char == ".":
            return "." if self._dotall else _DOT
        return self._letter(char)

    def _escaped(self) -> str:
        kind = self._text[self.at + 1 : self.at + 2]
        if kind.lower() in _CLASSES and kind:
            self.at += 2
            sign = "" if kind.islower() else "^"
            return f"[{sign}{_CLASSES[kind.lower()]}]"
        return self._letter(self._plain_escape())

    def _plain_escape(self) -> str:
        """The character an escape stands for."""
        kind = self._text[self.at + 1 : self.at + 2]
        if kind in _BOUNDARIES:
            raise refused(f"the {_BOUNDARIES[kind]} of an expression")
        code = _HEX.match(self._text, self.at)
        if code is not None:
            self.at = code.end()
            return chr(int(code[1] or code[2], 16))
        if not kind or (kind.isalnum() and kind not in _CONTROLS):
            raise refused(f"the escape \\{kind} of an expression")
        self.at += 2
        return _CONTROLS.get(kind, kind)

    def _letter(self, char: str) -> str:
        if self._folded and char.lower() != char.upper():
            _check_case(char)
            return f"[{char.lower()}{char.upper()}]"
        return quoted(char)

    def _class(self) -> str:
        end = self._end_of_class(self.at)
        self.at += 1
        sign = ""
        if self._text.startswith("^", self.at):
            sign = "^"
            self.at += 1
        items: list[str] = []
        while self.at < end - 1:
            items.append(self._range(end))
        self.at = end
        return f"[{sign}{''.join(items)}]"

    def _range(self, end: int) -> str:
        if self._text.startswith("[:", self.at):
            raise refused("a named class of an expression")
        kind = self._text[self.at + 1 : self.at + 2]
        if self._text[self.at] == "\\" and kind in _CLASSES:
            self.at += 2
            return _CLASSES[kind]
        low = high = self._member()
        if self._text.startswith("-", self.at) and self.at + 1 < end - 1:
            self.at += 1
            high = self._member()
        return self._both_cases(low, high)

    def _member(self) -> str:
        if self._text[self.at] == "\\":
            return self._plain_escape()
        self.at += 1
        return self._text[self.at - 1]

    def _both_cases(self, low: str, high: str) -> str:
        if not self._folded:
            return _span(low, high)
        if low == high:
            _check_case(low)
            return "".join(dict.fromkeys(map(quoted, (low.lower(), low.upper()))))
        written = [_span(low, high)]
        for first, last in (("a", "z"), ("A", "Z")):
            begin, end = max(low, first), min(high, last)
            if begin <= end:
                written.append(_span(begin.swapcase(), end.swapcase()))
        if not high.isascii():
            raise refused("a range of letters beyond ASCII whose case does not matter")
        return "".join(written)


def _span(low: str, high: str) -> str:
    return quoted(low) if low == high else f"{quoted(low)}-{quoted(high)}"


def _check_case(char: str) -> None:
    if not char.isascii() and char.lower() != char.upper():
        raise refused(f"the letter {char!r}, whose case does not matter")


def quoted(text: str) -> str:
    """The text as Lucene's regexp takes it for itself."""
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in text)
