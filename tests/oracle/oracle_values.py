"""Values: what one value of a rule means, after its modifiers, for one value of an event.

Slow and plain. Sections named here are those of the rules specification ("rules") and of the
modifiers appendix ("modifiers") of SigmaHQ/sigma-specification at the commits which
``sigma_oracle`` names. "Decided" marks where they are silent.
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from oracle_condition import Refused

Test = Callable[[Any, Mapping[str, Any]], bool]
"""(one value of the event, the whole event) -> whether it holds."""

STAR, ANY = object(), object()
"""The wildcards ``*`` and ``?`` (rules: "String Wildcard")."""

DASHES = "-/\N{EN DASH}\N{EM DASH}\N{HORIZONTAL BAR}"
"""modifiers: ``windash``."""

PARTS = ("minute", "hour", "day", "week", "month", "year")
COMPARISONS = ("lt", "lte", "gt", "gte")
UTF16 = {"wide": "utf-16-le", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf16": "utf-16-le"}
KNOWN = {
    *("contains", "startswith", "endswith", "all", "cased", "exists", "neq", "windash", "re"),
    *("i", "m", "s", "base64", "base64offset", "cidr", "fieldref", "expand"),
    *PARTS,
    *COMPARISONS,
    *UTF16,
}


def tokens(text: str) -> list[object]:
    """Characters and wildcards of a string (rules: "Escaping").

    A backslash takes the meaning from ``*``, ``?`` and itself; before anything else it is plain.
    """
    found: list[object] = []
    place = 0
    while place < len(text):
        if text[place] == "\\" and text[place + 1 : place + 2] in ("*", "?", "\\"):
            found.append(text[place + 1])
            place += 2
            continue
        found.append({"*": STAR, "?": ANY}.get(text[place], text[place]))
        place += 1
    return found


def text_of(value: Any) -> str:
    """Decided: the text of a number is its decimal form, of a truth value ``true`` or ``false``.

    ``7.0`` in a rule is the number 7, however YAML was written."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def fold(text: str) -> str:
    """Decided: letters that are the same but for their case are those with the same lower case.

    Letter by letter: which letter stands beside it changes no letter (rules: "General").
    """
    return "".join(letter.lower() for letter in text)


def like(pattern: list[object], text: str, *, cased: bool) -> bool:
    """Whether the pattern covers the whole text: ``?`` is one character of it, ``*`` any number."""
    runs: list[object] = []
    for plain, group in itertools.groupby(pattern, lambda item: isinstance(item, str)):
        items = list(group)
        runs.extend(["".join(map(str, items))] if plain else items)
    same = (lambda letter: letter) if cased else fold
    letters = [same(letter) for letter in text]
    # Every place of the text that the runs so far may have reached.
    reached = {0}
    for run in runs:
        if run is STAR:
            reached = set(range(min(reached), len(letters) + 1)) if reached else set()
        elif run is ANY:
            reached = {place + 1 for place in reached if place < len(letters)}
        else:
            wanted = same(str(run))
            reached = {
                end for place in reached if (end := _after(letters, place, wanted)) is not None
            }
    return len(letters) in reached


def _after(letters: list[str], place: int, wanted: str) -> int | None:
    """The place behind the wanted text, if the letters from here on are exactly it."""
    while wanted:
        if place == len(letters) or not wanted.startswith(letters[place]):
            return None
        wanted = wanted[len(letters[place]) :]
        place += 1
    return place


def number_of(value: Any) -> int | None:
    """Decided: a text of up to 20 digits counts as its number; a truth value is no number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if re.fullmatch(r"-?[0-9]{1,20}", str(value)) else None


def part_of(value: Any, part: str) -> int | None:
    """A part of a date (modifiers: "Time Modifiers").

    Decided: a date is an RFC 3339 text, looked at in UTC; weeks are those of ISO 8601.
    """
    if not isinstance(value, str) or not re.match(r"\d{4}-\d{2}-\d{2}[Tt ]", value):
        return None
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC)
    return moment.isocalendar().week if part == "week" else int(getattr(moment, part))


def compare(operator: str, left: int, right: float) -> bool:
    """Exactly, however large (modifiers: "Numeric Modifiers")."""
    exact = Fraction(right)
    return {
        "eq": left == exact,
        "lt": left < exact,
        "lte": left <= exact,
        "gt": left > exact,
        "gte": left >= exact,
    }[operator]


@dataclass(frozen=True)
class _Pattern:
    """A string while its modifiers are applied, in the order they are written."""

    items: tuple[object, ...]
    """Characters and wildcards; after UTF-16, a character for each byte."""
    wide: bool = False

    def plain(self, modifier: str) -> bytes:
        if any(not isinstance(item, str) for item in self.items):
            # Decided: a wildcard has no encoding.
            raise Refused(f"{modifier} of a value with wildcards")
        return "".join(map(str, self.items)).encode("latin-1" if self.wide else "utf-8")


def _windash(pattern: _Pattern) -> list[_Pattern]:
    places = [
        at for at, item in enumerate(pattern.items) if isinstance(item, str) and item in DASHES
    ]
    if len(places) > 6:
        raise Refused("more than 6 dashes")
    made = []
    for choice in itertools.product(DASHES, repeat=len(places)):
        items = list(pattern.items)
        for at, dash in zip(places, choice, strict=True):
            items[at] = dash
        made.append(replace(pattern, items=tuple(items)))
    return made


def _utf16(pattern: _Pattern, modifier: str) -> _Pattern:
    items: list[object] = list("\xff\xfe") if modifier == "utf16" else []
    for item in pattern.items:
        encoded = item.encode(UTF16[modifier]).decode("latin-1") if isinstance(item, str) else item
        items.extend(encoded if isinstance(encoded, str) else [encoded])
    return _Pattern(tuple(items), wide=True)


def _base64offset(data: bytes) -> list[str]:
    """The part of the encoding that stays the same whatever stands around it, for three shifts."""
    made = []
    for shift in range(3):
        # A character holds six bits; those that also hold bits of a neighbour are left out.
        first, last = -(-shift * 8 // 6), (shift + len(data)) * 8 // 6
        made.append(base64.b64encode(b"\0" * shift + data).decode()[first:last])
    if not all(made):
        # Decided: a value without a static part cannot be looked for.
        raise Refused("base64offset of too short a value")
    return made


def _apply(modifier: str, pattern: _Pattern) -> list[_Pattern]:
    match modifier:
        case "contains":
            return [replace(pattern, items=(STAR, *pattern.items, STAR))]
        case "startswith":
            return [replace(pattern, items=(*pattern.items, STAR))]
        case "endswith":
            return [replace(pattern, items=(STAR, *pattern.items))]
        case "windash":
            return _windash(pattern)
        case "base64":
            return [_Pattern(tuple(base64.b64encode(pattern.plain(modifier)).decode()))]
        case "base64offset":
            return [_Pattern(tuple(one)) for one in _base64offset(pattern.plain(modifier))]
        case "wide" | "utf16" | "utf16le" | "utf16be":
            return [_utf16(pattern, modifier)]
    return [pattern]


def _string_test(text: str, modifiers: list[str]) -> Test:
    patterns = [_Pattern(tuple(tokens(text)))]
    for modifier in modifiers:
        patterns = [made for pattern in patterns for made in _apply(modifier, pattern)]
    cased = "cased" in modifiers
    return lambda value, _: any(
        like(list(pattern.items), text_of(value), cased=cased) for pattern in patterns
    )


def _regex_test(text: str, modifiers: list[str]) -> Test:
    flags = re.RegexFlag(0)
    for letter, flag in (("i", re.IGNORECASE), ("m", re.MULTILINE), ("s", re.DOTALL)):
        if letter in modifiers:
            flags |= flag
    try:
        expression = re.compile(text, flags)
    except re.error as error:
        raise Refused(f"expression {text!r}: {error}") from error
    return lambda value, _: expression.search(text_of(value)) is not None


def _network_test(text: str) -> Test:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise Refused(f"network {text!r}: {error}") from error

    def test(value: Any, _: Mapping[str, Any]) -> bool:
        try:
            return ipaddress.ip_address(text_of(value)) in network
        except ValueError:
            return False

    return test


def _reference_test(other: str, modifiers: list[str]) -> Test:
    """modifiers: ``fieldref``. Decided: compared as texts, without regard to case, ``startswith``
    and the like as for any string; of a list, any item; the other's wildcards are plain."""

    def test(value: Any, event: Mapping[str, Any]) -> bool:
        right = event.get(other)
        return any(
            like(list(made.items), text_of(value), cased="cased" in modifiers)
            for item in ([] if right is None else right if isinstance(right, list) else [right])
            for made in _applied(modifiers, _Pattern(tuple(text_of(item))))
        )

    return test


def _applied(modifiers: list[str], pattern: _Pattern) -> list[_Pattern]:
    patterns = [pattern]
    for modifier in modifiers:
        patterns = [made for one in patterns for made in _apply(modifier, one)]
    return patterns


def value_test(value: Any, modifiers: list[str]) -> Test:
    """The test of one value that is neither null nor under ``exists``; raises ``Refused``."""
    parts = [name for name in modifiers if name in PARTS]
    comparisons = [name for name in modifiers if name in COMPARISONS]
    if parts or comparisons:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refused(f"{modifiers} of {value!r}, which is no number")
        operator = comparisons[0] if comparisons else "eq"
        read = (lambda given: part_of(given, parts[0])) if parts else number_of
        return lambda given, _: (left := read(given)) is not None and compare(operator, left, value)
    if isinstance(value, str):
        if "re" in modifiers:
            return _regex_test(value, modifiers)
        if "cidr" in modifiers:
            return _network_test(value)
        if "fieldref" in modifiers:
            return _reference_test(value, modifiers)
        return _string_test(value, modifiers)
    if set(modifiers) & {"re", "cidr", "fieldref", "windash", "base64", "base64offset", *UTF16}:
        raise Refused(f"{modifiers} of {value!r}, which is no string")
    if set(modifiers) & {"contains", "startswith", "endswith", "cased"}:
        return _string_test(text_of(value), modifiers)
    if isinstance(value, bool):
        return lambda given, _: fold(text_of(given)) == text_of(value)
    # Decided: a number equals a number or a text of its digits, leading zeros or not.
    return lambda given, _: (left := number_of(given)) is not None and compare("eq", left, value)
