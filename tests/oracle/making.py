"""Making: rules and events for hypothesis, made so that they often meet and edges are hit.

Values of events are derived from values of rules: a piece cut, a letter's case turned, wildcards
filled, so that about half of the questions are answered yes.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

FIELDS = ("a", "b", "c", "d")
TIMES = ("2024-02-29T23:59:59.000000Z", "2021-01-03T00:00:00.000000Z", "2026-12-31T05:07:00Z", "x")

PIECES = (
    *("a", "A", "b", "ab", "k", "s", "i", "S", "σ", "ß", "ſ", "K", "é", "É", "口令", "😀"),
    *(
        "*",
        "?",
        "\\",
        "\\*",
        "\\?",
        "\\\\",
        "\\\\*",
        " ",
        "-",
        "/",
        "–",
        " -a",
        " /a",
        "--a",
        "a-b",
    ),
    *(".", "%", "_", "'", '"', "[", "]", "^", "\n", "0", "7", "10", "true"),
)
"""What strings are put together from: letters whose case is odd, wildcards, escapes, dashes."""

ODD_CASES = ("Σ", "İ", "ς")
"""Letters whose lower case depends on their neighbours, or is two characters."""

NUMBERS = (0, 1, -1, 7, 10, 22, 2**31, 2**63 - 1, -(2**63), 2**64, 10**19, 0.5, 7.0)
DIGITS = ("0", "00", "007", "7", "-7", "+7", "7.0", " 7", "22", str(2**64), "9" * 20, "9" * 21, "٧")

EXPRESSIONS = (
    *("a", "^a", "b$", "a.b", "[a-c]+", "[^a]", "(a|b){2}", "a?b*", "s", "k", "\\.", "-a"),
    *("^$", "^ab", "a$|^b", "[A-Z]", "口", "é"),
)
NETWORKS = ("10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "fd00::/8", "::1/128")
ADDRESSES = (
    "10.1.2.3",
    "10.255.0.1",
    "11.0.0.1",
    "fd12::1",
    "FD12::1",
    "::1",
    "::ffff:10.1.2.3",
    "1",
)

PLAIN = (
    [],
    ["contains"],
    ["startswith"],
    ["endswith"],
    ["cased"],
    ["contains", "cased"],
    ["startswith", "cased"],
    ["contains", "all"],
    ["windash"],
    ["windash", "contains"],
    ["windash", "contains", "all"],
    ["neq"],
    ["contains", "neq"],
)
ENCODED = (
    ["base64"],
    ["base64", "contains"],
    ["base64offset", "contains"],
    ["wide", "base64offset", "contains"],
    ["utf16le", "base64"],
    ["utf16be", "base64offset", "contains"],
    ["utf16", "base64"],
)
COMPARED = (["lt"], ["lte"], ["gt"], ["gte"])
PARTS = (
    ["minute"],
    ["hour"],
    ["day"],
    ["week"],
    ["month"],
    ["year"],
    ["hour", "gte"],
    ["day", "lt"],
)
COMPARISONS = frozenset({"lt", "lte", "gt", "gte"})
TIME_PARTS = ("minute", "hour", "day", "week", "month", "year")
FLAGS = (["re"], ["re", "i"], ["re", "m"], ["re", "s"], ["re", "i", "m", "s"])
REFERENCES = (
    ["fieldref"],
    ["fieldref", "startswith"],
    ["fieldref", "endswith"],
    ["fieldref", "contains"],
    ["fieldref", "neq"],
)


def texts(*, odd: bool = False) -> st.SearchStrategy[str]:
    """A string as a rule or an event has it."""
    pieces = st.sampled_from((*PIECES, *ODD_CASES) if odd else PIECES)
    return st.lists(pieces, max_size=4).map("".join)


def _maybe_list(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return one | st.lists(one, min_size=1, max_size=3)


@st.composite
def fields(draw: st.DrawFn, *, odd: bool = False) -> tuple[str, Any]:
    """One ``field|modifiers: value``."""
    field = draw(st.sampled_from(FIELDS))
    kind = draw(st.integers(0, 13))
    given: Any
    if kind <= 5:
        modifiers = draw(st.sampled_from(PLAIN))
        given = draw(_maybe_list(texts(odd=odd)))
    elif kind == 6:
        modifiers = draw(st.sampled_from(ENCODED))
        given = draw(_maybe_list(st.sampled_from(("abc", "abcd", "cmd.exe", "é口令"))))
    elif kind == 7:
        modifiers = draw(st.sampled_from(([], [], ["neq"])))
        given = draw(
            _maybe_list(st.sampled_from(NUMBERS) | st.booleans() | st.sampled_from(DIGITS))
        )
    elif kind == 8:
        modifiers, given = draw(st.sampled_from(COMPARED)), draw(st.sampled_from(NUMBERS))
    elif kind == 9:
        modifiers = draw(st.sampled_from(PARTS))
        given = draw(st.sampled_from((0, 1, 2, 3, 5, 7, 9, 12, 23, 29, 31, 53, 59, 2024, 2021)))
    elif kind == 10:
        modifiers, given = draw(st.sampled_from(FLAGS)), draw(st.sampled_from(EXPRESSIONS))
    elif kind == 11:
        modifiers, given = ["cidr"], draw(_maybe_list(st.sampled_from(NETWORKS)))
    elif kind == 12:
        modifiers, given = draw(st.sampled_from(REFERENCES)), draw(st.sampled_from(FIELDS))
    else:
        modifiers, given = draw(
            st.sampled_from(((["exists"], True), (["exists"], False), ([], None), ([], "")))
        )
    return "|".join((field, *modifiers)), given


def selections(*, odd: bool = False) -> st.SearchStrategy[Any]:
    """A map, a list of maps, or keywords."""
    maps = st.lists(fields(odd=odd), min_size=1, max_size=3).map(dict)
    words = texts(odd=odd) | st.sampled_from((7, 22))
    return st.one_of(
        maps,
        maps,
        st.lists(maps, min_size=1, max_size=2),
        st.lists(words, min_size=1, max_size=2),
        st.builds(lambda some: {"|all": some}, st.lists(texts(odd=odd), min_size=1, max_size=2)),
    )


NAMES = ("sel_a", "sel_b", "filter", "_hidden", "notx", "of1")


def _conditions(names: list[str]) -> st.SearchStrategy[str]:
    leaves = [
        *names,
        "1 of them",
        "all of them",
        "1 of sel*",
        "all of sel_*",
        "1 of *b",
        "1 of _h*",
    ]
    return st.recursive(
        st.sampled_from(leaves),
        lambda inner: st.one_of(
            st.builds("{} and {}".format, inner, inner),
            st.builds("{} or {}".format, inner, inner),
            st.builds("not {}".format, inner),
            st.builds("({})".format, inner),
            st.builds("not ({})".format, inner),
        ),
        max_leaves=5,
    )


@st.composite
def rules(draw: st.DrawFn, *, odd: bool = False) -> dict[str, Any]:
    """A rule; of patterns that name no selection, one that a reader must refuse."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    detection = {name: draw(selections(odd=odd)) for name in names}
    condition = draw(st.sampled_from(names) | _conditions(names))
    detection["condition"] = draw(st.just(condition) | st.just([condition, names[0]]))
    return {
        "title": "made",
        "logsource": {"category": "made"},
        "detection": detection,
    }


def items(part: Any, field: str = "") -> list[tuple[str, list[str], Any]]:
    """(field, modifiers, one value) of everything a detection compares; keywords without field."""
    if isinstance(part, dict):
        found = []
        for key, value in part.items():
            name, *modifiers = str(key).split("|")
            values = value if isinstance(value, list) else [value]
            found += [(name, modifiers, one) for one in values]
        return found
    if isinstance(part, list):
        return [item for value in part for item in items(value)]
    return [(field, [], part)]


def compared(rule: Mapping[str, Any]) -> list[tuple[str, list[str], Any]]:
    """The same over all selections of a rule."""
    parts = rule["detection"].items()
    return [item for name, part in parts if name != "condition" for item in items(part)]


def _near(text: str) -> st.SearchStrategy[str]:
    """Something a string of a rule may match, or only just not."""
    plain = text.replace("\\*", "*").replace("\\?", "?").replace("\\\\", "\\")
    filled = text.replace("*", "x\ny").replace("?", "z")
    encoded = base64.b64encode(text.encode()).decode()
    wide = base64.b64encode(("x" + text).encode("utf-16-le")).decode()
    return st.sampled_from(
        [
            *(text, plain, filled, text.upper(), text.lower(), text.swapcase(), f"x{plain}y"),
            *(plain + "x", "x" + plain, plain[1:], plain[:-1], text.replace("-", "/"), encoded),
            *(wide, base64.b64encode(b"x" + text.encode()).decode(), plain + "\n"),
        ]
    )


def _value_for(modifiers: list[str], given: Any) -> st.SearchStrategy[Any]:
    """What an event may hold where a rule asks so: met in about half of the draws."""
    if set(modifiers) & set(TIME_PARTS):
        return st.sampled_from(TIMES)
    if "cidr" in modifiers:
        return st.sampled_from(ADDRESSES)
    if isinstance(given, bool):
        return st.sampled_from((True, False, "true", "TRUE", "1", 1, 0))
    if isinstance(given, int | float):
        number = int(given)
        near = st.sampled_from((number, number - 1, number + 1)).filter(
            lambda one: -(2**63) <= one < 2**63
        )
        return near | near.map(str) | st.sampled_from((f"0{number}", str(number), *DIGITS))
    return _near(given) if isinstance(given, str) else st.sampled_from(("", "x"))


@st.composite
def events(
    draw: st.DrawFn, rule: Mapping[str, Any], *, odd: bool = False, lists: bool = True
) -> dict[str, Any]:
    """A flat event for the rule. Fields may be absent; values are near those of the rule."""
    asked = compared(rule)
    event: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4, unique=True)):
        of_field = [item for item in asked if item[0] == name] or asked
        _, modifiers, given = draw(st.sampled_from(of_field))
        if event and set(modifiers) & {"fieldref"}:
            given = str(draw(st.sampled_from(sorted(event.values(), key=str))))
        one = _value_for(modifiers, given)
        value = st.one_of(one, one, one, texts(odd=odd), st.sampled_from((0, 7, True)))
        if lists:
            value |= st.lists(one.map(str), min_size=1, max_size=2)
        event[name] = draw(value)
    return dict(sorted(event.items()))


@st.composite
def single_rules(draw: st.DrawFn, *, odd: bool = False) -> dict[str, Any]:
    """A rule that asks one thing, so that nothing beside it hides the answer."""
    key, given = draw(fields(odd=odd))
    return {
        "title": "made",
        "logsource": {"category": "made"},
        "detection": {"sel_a": {key: given}, "condition": "sel_a"},
    }
