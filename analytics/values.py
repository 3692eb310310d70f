"""Values: which atoms of one field hold for a value, asked once for each distinct value.

Strings compare without regard to case, as Sigma has it, unless an atom is cased. Patterns run in
RE2 only, so that no rule can make an event cost more than time linear in its length.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable
from typing import Final, TypeAlias

import re2

from analytics.expression import Atom
from schema.errors import FengsuiError
from schema.event import Value

CACHED_VALUES_MAX: Final = 4096
"""Distinct values remembered for each field: pages, agents and users of a busy gateway's minute."""

CACHED_CHARS_MAX: Final = 512
"""Longer values are asked anew: they rarely repeat, and the memory of a field stays under 4 MiB."""

PARTS_PREFILTER_FROM: Final = 24
REGEX_PREFILTER_FROM: Final = 3
"""From so many substrings or expressions of a field on, one RE2 alternation of all of them tells
first whether any occurs: most values of honest traffic hold none."""

REGEX_BYTES_MAX: Final = 8 * 1024 * 1024
"""Program and automaton of one expression; past it RE2 is slower, never wrong."""

_NUMBER: Final = re.compile(r"-?[0-9]{1,20}")
"""A text that counts as a number: any 64-bit integer, and nothing Python would not read as one."""

Scalar: TypeAlias = str | int | bool
_Test: TypeAlias = Callable[[str, Scalar], bool]

_NUMERIC: Final = {
    "number": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


def compile_regex(text: str) -> re2._Regexp:
    """An RE2 expression; raises ``analytics.rule.refused`` for what is not linear in time."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = REGEX_BYTES_MAX
    try:
        return re2.compile(text, options)
    except re2.error as error:
        why = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise FengsuiError(
            "analytics.rule.refused",
            f"expression {text[:80]!r} is not linear-time RE2 ({why}): write it without "
            "look-around and back references",
        ) from error


def wildcard_regex(text: str) -> str:
    """The RE2 expression that means the same as a ``wildcard`` over the whole value."""
    pieces = ["(?s)"]
    escaped = False
    for char in text:
        if escaped or char not in "*?\\":
            pieces.append(re2.escape(char))
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            pieces.append(".*" if char == "*" else ".")
    return "".join(pieces)


def _numeric_test(atom: Atom) -> _Test:
    compare, right = _NUMERIC[atom.op], atom.value

    def test(text: str, value: Scalar) -> bool:
        if isinstance(value, bool):
            return False
        if isinstance(value, str):
            if not _NUMBER.fullmatch(text):
                return False
            value = int(text)
        return bool(compare(value, right))

    return test


def _network_test(atom: Atom) -> _Test:
    try:
        network = ipaddress.ip_network(str(atom.value), strict=False)
    except ValueError as error:
        raise FengsuiError(
            "analytics.rule.refused", f"{atom.value!r} is not a network in CIDR form"
        ) from error

    def test(text: str, _: Scalar) -> bool:
        try:
            return ipaddress.ip_address(text) in network
        except ValueError:
            return False

    return test


def _string_test(atom: Atom) -> _Test:
    wanted, cased = str(atom.value), atom.cased
    if atom.op == "regex":
        found = compile_regex(wanted).search
        return lambda _, value: found(_text(value)) is not None
    if atom.op == "wildcard":
        whole = compile_regex(wildcard_regex(wanted if cased else wanted.lower())).fullmatch
        return lambda text, value: whole(_text(value) if cased else text) is not None
    if not cased:
        wanted = wanted.lower()
    match atom.op:
        case "contains":
            return lambda text, value: wanted in (_text(value) if cased else text)
        case "startswith":
            return lambda text, value: (_text(value) if cased else text).startswith(wanted)
        case "endswith":
            return lambda text, value: (_text(value) if cased else text).endswith(wanted)
    return lambda text, value: (_text(value) if cased else text) == wanted


def _text(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def atom_test(atom: Atom) -> _Test:
    """A function of (lower-cased text, value) that tells whether the atom holds.

    Raises ``analytics.rule.refused`` for an expression or network that cannot be evaluated.
    """
    if atom.op in _NUMERIC:
        return _numeric_test(atom)
    if atom.op == "cidr":
        return _network_test(atom)
    if atom.op == "boolean":
        wanted = bool(atom.value)
        return lambda text, value: value is wanted or text == str(wanted).lower()
    if atom.op == "exists":
        return lambda _text, _value: True
    return _string_test(atom)


class FieldValues:
    """The atoms of one field, each with its bit in the event's mask."""

    def __init__(self, atoms: dict[Atom, int]) -> None:
        self.known: dict[Value, int] = {}
        """Masks by value, read by the matcher's inner loop. 0 and 1 are never kept: as keys they
        are the same as False and True, and the answer must not depend on which came first."""
        self._always = 0
        self._exact: dict[str, int] = {}
        self._tests: list[tuple[_Test, int]] = []
        self._searches: list[tuple[re2._Regexp, int]] = []
        self._parts: list[tuple[str, int]] = []
        for atom, bit in atoms.items():
            self._add(atom, bit)
        expressions = [str(atom.value) for atom in atoms if atom.op == "regex"]
        self._any_search = _alternation(expressions, REGEX_PREFILTER_FROM)
        parts = [re2.escape(part) for part, _ in self._parts]
        self._any_part = _alternation(parts, PARTS_PREFILTER_FROM)

    def _add(self, atom: Atom, bit: int) -> None:
        if atom.op == "exists":
            self._always |= bit
        elif atom.op == "equals" and not atom.cased:
            wanted = str(atom.value).lower()
            self._exact[wanted] = self._exact.get(wanted, 0) | bit
        elif atom.op == "contains" and not atom.cased:
            self._parts.append((str(atom.value).lower(), bit))
        elif atom.op == "regex":
            self._searches.append((compile_regex(str(atom.value)), bit))
        else:
            self._tests.append((atom_test(atom), bit))

    def mask(self, value: Value) -> int:
        """The bits of all atoms that hold for the value; of a list, for any of its items."""
        if isinstance(value, list):
            combined = self._always
            for item in value:
                combined |= self._ask(item)
            return combined
        answer = self._ask(value)
        if isinstance(value, str):
            if len(value) > CACHED_CHARS_MAX:
                return answer
        elif value in (0, 1):
            return answer
        if len(self.known) >= CACHED_VALUES_MAX:
            self.known.clear()
        self.known[value] = answer
        return answer

    def _ask(self, value: Scalar) -> int:
        text = _text(value).lower()
        answer = self._always | self._exact.get(text, 0)
        if self._any_part is None or self._any_part.search(text) is not None:
            for part, bit in self._parts:
                if part in text:
                    answer |= bit
        if self._searches:
            raw = _text(value)
            if self._any_search is None or self._any_search.search(raw) is not None:
                for expression, bit in self._searches:
                    if expression.search(raw) is not None:
                        answer |= bit
        for test, bit in self._tests:
            if test(text, value):
                answer |= bit
        return answer


def _alternation(expressions: list[str], at_least: int) -> re2._Regexp | None:
    """One expression that is found wherever any of these is; None where it would not pay."""
    if len(expressions) < at_least:
        return None
    try:
        return compile_regex("|".join(f"(?:{expression})" for expression in expressions))
    except FengsuiError:
        # Together they are too large for one program; alone each of them is not.
        return None
