"""Conditions and events at random, and a matcher that walks each condition for each event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from analytics.expression import ANY_FIELD, All, Atom, Node, Not, Some
from analytics.matching.port import Match, Question
from analytics.matching.values import RELATED, Scalar, atom_test, lowered, relation_test, text_of
from schema.event import Fields

FIELDS = ["a", "b", "c"]
"""Few, so that conditions and events meet."""

_LETTERS = "abAB\\.é *?sſKς09-Σ\x1f\x1e\0"
TEXTS = st.text(alphabet=_LETTERS, max_size=6)
WORDS = TEXTS | st.sampled_from(["true", "False", "1", "0", "12", "", "10.0.0.1", "-5"])
TIMES = st.sampled_from(
    ["2026-11-20T08:00:00Z", "2026-01-01t00:30:59.5+08:00", "2026-11-20 08:00:00Z", "2026-13-01"]
)
VALUES = WORDS | TIMES | st.integers(-2, 13) | st.booleans() | st.lists(WORDS, max_size=3)
EVENTS = st.dictionaries(st.sampled_from([*FIELDS, "d"]), VALUES, max_size=4)
EXPRESSIONS = st.sampled_from(
    [
        "a+b",
        "(?i)AB",
        "b$",
        "^a",
        "[x.]",
        "(?m)^b$",
        "a|0",
        "(a)(b)",
        "(?i)sk",
        "é?b",
        "\\s",
        "b{2}",
    ]
)

_named = st.sampled_from([*FIELDS, *FIELDS, ANY_FIELD])
_texts = st.builds(
    Atom,
    _named,
    st.sampled_from(["equals", "contains", "startswith", "endswith", "wildcard"]),
    WORDS,
    st.booleans(),
)
_numbers = st.builds(
    Atom,
    _named,
    st.sampled_from(["number", "lt", "lte", "gt", "gte"]),
    st.integers(-2, 13) | st.just(0.5),
)
_parts = st.builds(
    Atom,
    st.sampled_from(FIELDS),
    st.sampled_from(["number", "gte"]),
    st.sampled_from([1, 8, 16, 20, 47, 2026]),
    st.just(False),
    st.sampled_from(["minute", "hour", "day", "week", "month", "year"]),
)
_related = st.builds(
    Atom,
    st.sampled_from(FIELDS),
    st.sampled_from(sorted(RELATED)),
    st.sampled_from(FIELDS),
)
ATOMS = (
    _texts
    | _numbers
    | _parts
    | _related
    | st.builds(Atom, _named, st.just("regex"), EXPRESSIONS)
    | st.builds(Atom, _named, st.just("boolean"), st.booleans())
    | st.builds(Atom, _named, st.just("exists"))
    | st.builds(Atom, _named, st.just("cidr"), st.sampled_from(["10.0.0.0/8", "::/0"]))
)
NODES = st.recursive(
    ATOMS,
    lambda node: (
        st.builds(Not, node)
        | st.builds(All, st.lists(node, max_size=4).map(tuple))
        | st.builds(Some, st.lists(node, max_size=12).map(tuple))
    ),
    max_leaves=14,
)


def _values(event: Fields, field: str) -> Iterable[Scalar]:
    for held in event.values() if field == ANY_FIELD else [event[field]]:
        yield from held if isinstance(held, list) else [held]


def holds(node: Node, event: Fields) -> bool:
    """The condition's truth, by the meaning of each of its atoms."""
    if isinstance(node, All):
        return all(holds(item, event) for item in node.items)
    if isinstance(node, Some):
        return any(holds(item, event) for item in node.items)
    if isinstance(node, Not):
        return not holds(node.item, event)
    if node.op in RELATED:
        return relation_test(node)(event)
    if node.op == "exists":
        return bool(event) if node.field == ANY_FIELD else node.field in event
    if node.field != ANY_FIELD and node.field not in event:
        return False
    test = atom_test(node)
    return any(test(lowered(text_of(value)), value) for value in _values(event, node.field))


def walked(questions: Sequence[Question], events: Sequence[Fields]) -> list[Match]:
    """What every matcher must say."""
    matches = []
    for place, event in enumerate(events):
        steps: dict[int, int] = {}
        for question in questions:
            if holds(question.condition, event):
                steps[question.rule] = steps.get(question.rule, 0) | question.bit
        matches += [(place, rule, bits) for rule, bits in sorted(steps.items())]
    return matches
