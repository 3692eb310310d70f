"""Values: what each atom means, asked of one value; the meaning all matchers share.

Strings compare without regard to case, as Sigma has it, unless an atom is cased. Patterns run in
RE2 only, so that no rule can make an event cost more than time linear in its length.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

import re2

from analytics.expression import Atom, Part
from analytics.matching.expressions import required_texts
from schema.errors import FengsuiError
from schema.event import Fields, Value

REGEX_BYTES_MAX: Final = 8 * 1024 * 1024
"""Program and automaton of one expression; past it RE2 is slower, never wrong."""

_NUMBER: Final = re.compile(r"-?[0-9]{1,20}")
"""A text that counts as a number: any 64-bit integer, and nothing Python would not read as one."""

_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
"""A time as RFC 3339, section 5.6 writes it, the blank of its note included."""

LEAP_SECOND: Final = 60
"""RFC 3339 allows it; it belongs to the minute it ends."""

Scalar: TypeAlias = str | int | bool
Test: TypeAlias = Callable[[str, Scalar], bool]
"""A function of (lower-cased text, value)."""

_NUMERIC: Final = {
    "number": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}

_RELATIONS: Final[dict[str, Callable[[str, str], bool]]] = {
    "same_as": operator.eq,
    "starts_as": str.startswith,
    "ends_as": str.endswith,
    "contains_as": operator.contains,
}

_PARTS: Final[dict[Part, Callable[[datetime], int]]] = {
    "minute": lambda moment: moment.minute,
    "hour": lambda moment: moment.hour,
    "day": lambda moment: moment.day,
    "week": lambda moment: moment.isocalendar().week,
    "month": lambda moment: moment.month,
    "year": lambda moment: moment.year,
}

NUMERIC: Final = frozenset(_NUMERIC)
RELATED: Final = frozenset(_RELATIONS)
"""Operators that compare a field with another field."""


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


def wildcard_pieces(text: str) -> list[str]:
    """The texts, stars and question marks of a ``wildcard``; texts without their backslashes.

    A star is ``"*"`` and a question mark ``"?"`` at odd places, texts stand at even ones.
    """
    pieces = [""]
    escaped = False
    for char in text:
        if escaped or char not in "*?\\":
            pieces[-1] += char
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            pieces += [char, ""]
    return pieces


def wildcard_regex(text: str) -> str:
    """The RE2 expression that means the same as a ``wildcard`` over the whole value."""
    pieces = wildcard_pieces(text)
    pieces[::2] = [re2.escape(piece) for piece in pieces[::2]]
    pieces[1::2] = [".*" if piece == "*" else "." for piece in pieces[1::2]]
    return "(?s)" + "".join(pieces)


def lowered(text: str) -> str:
    """Lower case, the same for a letter wherever it stands.

    ``str.lower`` writes the sigma at the end of a word in another way than inside it, so that a
    text would not contain what it begins with.
    """
    return text.replace("Σ", "σ").lower()


def text_of(value: Scalar) -> str:
    """The text of a value, as rules compare it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def number_of(text: str, value: Scalar) -> int | None:
    """The number a value is or writes; a truth value is none."""
    if isinstance(value, str):
        return int(text) if _NUMBER.fullmatch(text) else None
    return None if isinstance(value, bool) else value


def part_of(text: str, part: Part) -> int | None:
    """A part of a time, in UTC; None for a text that is no time with its zone."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    *numbers, sign, hours, minutes = found.groups()
    year, month, day, hour, minute, second = map(int, numbers)
    away = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if second > LEAP_SECOND or away >= timedelta(days=1) or int(minutes or 0) >= LEAP_SECOND:
        return None
    try:
        moment = datetime(year, month, day, hour, minute, tzinfo=UTC)
        return _PARTS[part](moment + away if sign == "-" else moment - away)
    except (ValueError, OverflowError):
        return None


def scalars(value: Value | None) -> Iterator[Scalar]:
    """The value, or each item of a list; nothing where there is none."""
    if isinstance(value, list):
        yield from value
    elif value is not None:
        yield value


def _numeric_test(atom: Atom) -> Test:
    compare, right, part = _NUMERIC[atom.op], atom.value, atom.part
    if part:

        def of_time(text: str, value: Scalar) -> bool:
            found = part_of(text, part) if isinstance(value, str) else None
            return found is not None and bool(compare(found, right))

        return of_time

    def test(text: str, value: Scalar) -> bool:
        found = number_of(text, value)
        return found is not None and bool(compare(found, right))

    return test


def _network_test(atom: Atom) -> Test:
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


def _string_test(atom: Atom) -> Test:
    wanted, cased = str(atom.value), atom.cased
    if atom.op == "regex":
        return _regex_test(wanted)
    if not cased:
        wanted = lowered(wanted)
    if atom.op == "wildcard":
        whole = _wildcard_test(wanted)
        return lambda text, value: whole(text_of(value) if cased else text)
    match atom.op:
        case "contains":
            return lambda text, value: wanted in (text_of(value) if cased else text)
        case "startswith":
            return lambda text, value: (text_of(value) if cased else text).startswith(wanted)
        case "endswith":
            return lambda text, value: (text_of(value) if cased else text).endswith(wanted)
    return lambda text, value: (text_of(value) if cased else text) == wanted


def _regex_test(expression: str) -> Test:
    search = compile_regex(expression).search
    # RE2 costs two microseconds a call, a text it cannot do without a tenth of one. Beyond ASCII
    # it takes letters for the same that Python does not.
    required = [lowered(text) for text in required_texts(expression)]

    def test(text: str, value: Scalar) -> bool:
        if required and text.isascii():
            for part in required:
                if part in text:
                    break
            else:
                return False
        return search(text_of(value).encode()) is not None

    return test


def _wildcard_test(wanted: str) -> Callable[[str], bool]:
    pieces = wildcard_pieces(wanted)
    if "?" in pieces[1::2] or len(pieces) == 1:
        whole = compile_regex(wildcard_regex(wanted)).fullmatch
        return lambda text: whole(text) is not None
    first, *middle, last = pieces[::2]
    shortest = len(first) + len(last)

    def test(text: str) -> bool:
        if len(text) < shortest or not (text.startswith(first) and text.endswith(last)):
            return False
        at, end = len(first), len(text) - len(last)
        for piece in middle:
            at = text.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True

    return test


def atom_test(atom: Atom) -> Test:
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


def relation_test(atom: Atom) -> Callable[[Fields], bool]:
    """Whether a field stands in relation to another, without regard to case; any item of lists."""
    field, other, compare = atom.field, str(atom.value), _RELATIONS[atom.op]

    def related(event: Fields) -> bool:
        rights = [lowered(text_of(value)) for value in scalars(event.get(other))]
        return any(
            compare(lowered(text_of(left)), right)
            for left in scalars(event.get(field))
            for right in rights
        )

    return related
