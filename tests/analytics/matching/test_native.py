"""The native matcher gives the answers of the meaning of each atom, whatever is remembered."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest
import re2
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analytics.expression import ANY_FIELD, All, Atom, Node, Not, Some, atoms
from analytics.matching.native import native_plan
from analytics.matching.port import Match, Plan, Question
from analytics.matching.python import PythonPlan
from analytics.matching.scanner import best_scanner
from analytics.matching.values import atom_test, lowered
from analytics.sigma import compile_detection
from schema.errors import FengsuiError
from schema.event import Fields

if native_plan([]) is None:
    pytest.skip("the native module is not built here", allow_module_level=True)

_SHARED = Path(__file__).parents[4] / "shared" / "data"
_SIGMA = _SHARED / "sigma"
_ATTACKS = _SHARED / "evtx-attack" / "atk.jsonl.gz"

needs_public_rules = pytest.mark.skipif(
    not _SIGMA.exists(), reason="the public Sigma rules are not beside this folder (../shared)"
)


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _scalars(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def _related(atom: Atom, event: Fields) -> bool:
    compare = {
        "same_as": str.__eq__,
        "starts_as": str.startswith,
        "ends_as": str.endswith,
        "contains_as": str.__contains__,
    }[atom.op]
    return any(
        compare(lowered(_text(left)), lowered(_text(right)))
        for left in _scalars(event.get(atom.field))
        for right in _scalars(event.get(str(atom.value)))
    )


def _truth(node: Node, bits: dict[Atom, int]) -> Callable[[int], bool]:
    """A function from a mask of true atoms to the truth of the tree."""
    if isinstance(node, Atom):
        return lambda mask: bool(mask & bits[node])
    if isinstance(node, Not):
        inner = _truth(node.item, bits)
        return lambda mask: not inner(mask)
    items = [_truth(item, bits) for item in node.items]
    every = all if isinstance(node, All) else any
    return lambda mask: every(item(mask) for item in items)


class _Plainly:
    """The same answers, atom by atom; only what one value means is kept."""

    def __init__(self, questions: Iterable[Question]) -> None:
        self._bits: dict[Atom, int] = {}
        asked = list(questions)
        for question in asked:
            for atom in atoms(question.condition):
                self._bits.setdefault(atom, 1 << len(self._bits))
        self._asked = [(q.rule, q.bit, _truth(q.condition, self._bits)) for q in asked]
        self._tests = {
            field: [
                (atom_test(atom), bit)
                for atom, bit in self._bits.items()
                if atom.field == field and not atom.op.endswith("_as") and atom.op != "exists"
            ]
            for field in {atom.field for atom in self._bits}
        }
        self._exists = {a: b for a, b in self._bits.items() if a.op == "exists"}
        self._related = {a: b for a, b in self._bits.items() if a.op.endswith("_as")}
        self._known: dict[tuple[str, type, object], int] = {}
        self._found: dict[int, list[tuple[int, int]]] = {}

    def _mask(self, field: str, value: object) -> int:
        key = (field, type(value), value)
        if key not in self._known:
            lower = lowered(_text(value))
            tests = self._tests.get(field, ())
            self._known[key] = sum(bit for test, bit in tests if test(lower, value))  # type: ignore[arg-type]
        return self._known[key]

    def _match(self, event: Fields) -> Iterator[tuple[int, int]]:
        mask = 0
        for field, value in event.items():
            for scalar in _scalars(value):
                mask |= self._mask(ANY_FIELD, scalar)
                if field != ANY_FIELD:
                    mask |= self._mask(field, scalar)
        for atom, bit in self._exists.items():
            there = (value is not None for value in event.values())
            if any(there) if atom.field == ANY_FIELD else event.get(atom.field) is not None:
                mask |= bit
        for atom, bit in self._related.items():
            mask |= bit if _related(atom, event) else 0
        if mask not in self._found:
            rules: dict[int, int] = {}
            for rule, bit, holds in self._asked:
                if holds(mask):
                    rules[rule] = rules.get(rule, 0) | bit
            self._found[mask] = sorted(rules.items())
        yield from self._found[mask]

    def match(self, events: Sequence[Fields]) -> Sequence[Match]:
        return [(place, *found) for place, e in enumerate(events) for found in self._match(e)]


def _native(questions: Sequence[Question]) -> Plan:
    plan = native_plan(questions)
    assert plan is not None
    return plan


def _asked(*nodes: Node) -> list[Question]:
    return [Question(rule, 1, node) for rule, node in enumerate(nodes)]


def _rules_that_match(node: Node, *events: dict[str, object]) -> list[int]:
    found = _native(_asked(node)).match(events)  # type: ignore[arg-type]
    return [place for place, _, _ in found]


def test_matches_come_by_place_and_rule_and_steps_of_a_rule_together() -> None:
    here = Atom("f", "exists")
    plan = _native([Question(7, 4, here), Question(2, 1, here), Question(7, 1, Not(here))])
    assert list(plan.match([{"f": "x"}, {}, {"f": []}])) == [
        (0, 2, 1),
        (0, 7, 4),
        (1, 7, 1),
        (2, 2, 1),
        (2, 7, 4),
    ]
    both = _native([Question(7, 4, here), Question(7, 1, here)])
    assert list(both.match([{"f": 1}])) == [(0, 7, 5)]


_ODD: list[object] = [
    None, "", "ſS", "İ", "ΑΣ", "K", 0, -1, 10**25, 2**63, 1.0, 1.5, True, False,
    b"x", ["A", 1, None], [], ["a", ["b"]], {"a": 1}, "half \udcff", "9" * 20, "9" * 21, "-007",
]  # fmt: skip


@pytest.mark.parametrize("op", ["equals", "contains", "startswith", "endswith", "exists"])
def test_odd_values_are_read_as_python_writes_them(op: str) -> None:
    for word in ("", "true", "1", "1.5", "none", "a", "i̇", "ας", "9", "['b']"):
        atom = Atom("f", op, word)  # type: ignore[arg-type]
        events = [{"f": value} for value in _ODD]
        hashable = [e for e in events if not isinstance(e["f"], dict | list)]
        wanted = _Plainly(_asked(atom)).match(hashable)  # type: ignore[arg-type]
        plan = _native(_asked(atom))
        for _ in range(4):
            assert list(plan.match(hashable)) == list(wanted)  # type: ignore[arg-type]
            plan.match(events)  # type: ignore[arg-type]


def test_items_of_lists_are_asked_one_by_one() -> None:
    word = Atom("f", "contains", "b")
    assert _rules_that_match(word, {"f": ["a", "b"]}, {"f": ["a"]}, {"f": []}) == [0]
    both = All((Atom("f", "equals", "a"), Atom("f", "equals", "b")))
    assert _rules_that_match(both, {"f": ["a", "b"]}, {"f": "a"}) == [0]


def test_numbers_are_compared_as_numbers_whatever_their_size() -> None:
    for wanted in (5, 5.5, -(10**19), 10**30, True):
        for op in ("number", "lt", "lte", "gt", "gte"):
            events: list[Fields] = [{"f": value} for value in (5, "5", 6, -(10**19), "05")]
            events += [{"f": 10**30}, {"f": True}, {"f": "x"}, {"f": str(-(10**19))}, {}]
            asked = _asked(Atom("f", op, wanted))  # type: ignore[arg-type]
            assert list(_native(asked).match(events)) == list(_Plainly(asked).match(events))


def test_networks_are_asked_in_python_and_refused_there() -> None:
    inside = Atom("ip", "cidr", "10.0.0.0/8")
    assert _rules_that_match(inside, {"ip": "10.1.2.3"}, {"ip": "11.0.0.1"}, {"ip": "x"}) == [0]
    with pytest.raises(FengsuiError, match="CIDR"):
        native_plan(_asked(Atom("ip", "cidr", "10.0.0.0/99")))


def test_parts_of_a_time_are_asked_in_python() -> None:
    asked = _asked(Atom("t", "gte", 3, part="hour"), Not(Atom("t", "number", 9, part="month")))
    events: list[Fields] = [{"t": "2026-09-01T03:00:00Z"}, {"t": 5}, {"t": True}, {}, {"t": "x"}]
    assert list(_native(asked).match(events)) == list(_Plainly(asked).match(events))


def test_what_python_answered_of_a_text_is_not_taken_for_the_number_of_the_same_digits() -> None:
    whole = Atom("t", "gte", 2026, part="year")
    asked = _asked(whole, Atom("t", "cidr", "0.0.7.226/32"), Atom("t", "number", 2026))
    texts: list[Fields] = [{"t": "2026-09-01T03:00:00Z"}, {"t": "0.0.7.226"}, {"t": "2026"}]
    events = [*texts, {"t": 2026}, {"t": True}, {"t": ["2026", 2026]}]
    plan, wanted = _native(asked), list(_Plainly(asked).match(events))
    for _ in range(4):
        assert list(plan.match(events)) == wanted
        assert list(plan.match(events[::-1])) == list(_Plainly(asked).match(events[::-1]))


def test_nothing_in_a_field_is_as_the_field_absent_in_either_matcher() -> None:
    asked = _asked(
        Atom("f", "exists"),
        Atom(ANY_FIELD, "exists"),
        Atom(ANY_FIELD, "contains", "none"),
        Atom(ANY_FIELD, "contains", ""),
        Atom("f", "contains", ""),
        Atom("f", "equals", "None"),
        Atom("f", "same_as", "g"),
        Not(Atom("f", "contains", "x")),
    )
    events: list[Fields] = [{"f": None}, {"f": None, "g": None}, {"g": "x", "f": None}, {}]  # type: ignore[dict-item]
    absent: list[Fields] = [{}, {}, {"g": "x"}, {}]
    python = PythonPlan(asked, best_scanner())
    for plan in (_native(asked), python):
        assert list(plan.match(events)) == list(plan.match(absent))
    assert list(_native(asked).match(events)) == list(python.match(events))


def test_keywords_of_many_values_of_an_event_are_true_together() -> None:
    words = [f"w{n}" for n in range(70)] + ["-", "0", "ab", "abc", "wxyz", "vwxyz", "uvwxyz"]
    asked = _asked(
        *(Atom(ANY_FIELD, "contains", word) for word in words),
        *(Atom("f", "contains", word) for word in words),
        All((Atom(ANY_FIELD, "contains", "w1"), Atom(ANY_FIELD, "contains", "-"))),
        All((Atom(ANY_FIELD, "contains", "w2"), Not(Atom(ANY_FIELD, "contains", "0")))),
    )
    dice = random.Random(5)
    pieces = [*words, "x", "uvw", "yz"]
    values = ["".join(dice.choices(pieces, k=dice.randrange(4))) for _ in range(60)]
    names = ["f", *(f"g{n}" for n in range(600))]
    events: list[Fields] = [
        {dice.choice(names): dice.choice(values) for _ in range(5)} for _ in range(600)
    ]
    plan, wanted = _native(asked), list(_Plainly(asked).match(events))
    for _ in range(3):
        assert list(plan.match(events)) == wanted


def test_keys_that_no_rule_can_name_are_read_for_keywords_only() -> None:
    word = Atom(ANY_FIELD, "contains", "needle")
    assert _rules_that_match(word, {b"k": "a NEEDLE"}, {3: "hay"}) == [0]  # type: ignore[dict-item]
    assert _rules_that_match(Atom("k", "exists"), {b"k": "x"}) == []  # type: ignore[dict-item]


def test_a_condition_too_deep_or_too_large_is_left_to_python() -> None:
    node: Node = Atom("f", "exists")
    for _ in range(200):
        node = Not(node)
    assert native_plan(_asked(node)) is None
    assert native_plan([Question(1, 1 << 64, Atom("f", "exists"))]) is None


def test_an_event_that_is_no_dictionary_is_an_error() -> None:
    with pytest.raises(TypeError, match="event 1"):
        _native(_asked(Atom("f", "exists"))).match([{}, "x"])  # type: ignore[list-item]


_FIELDS = ["a", "b", ANY_FIELD]
_WORDS = st.text(alphabet="aAbB*?\\. éſsKkΣσς1-\n烽", max_size=6)
_EXPRESSIONS = st.sampled_from(
    [
        "a", "(?i)AB", "(?i)s", "(?i)k", r"\d", r"\W", r"[^\w]b", "a.b", "(?s)a.b", "^b|a$",
        r"(?i)[^s]", r"\bb", r"\pL", r"(?i)É", "[[:alpha:]]{2}", "a{2,}", r"\x41", "(?:a|b)1",
    ]
)  # fmt: skip
_TEXTS = st.sampled_from(["equals", "contains", "startswith", "endswith", "wildcard"])
_ATOMS = st.one_of(
    st.builds(Atom, st.sampled_from(_FIELDS), _TEXTS, _WORDS, st.booleans()),
    st.builds(Atom, st.sampled_from(_FIELDS), st.just("regex"), _EXPRESSIONS),
    st.builds(
        Atom,
        st.sampled_from(_FIELDS),
        st.sampled_from(["number", "lt", "lte", "gt", "gte"]),
        st.integers(-12, 12) | st.floats(-2, 2),
    ),
    st.builds(Atom, st.sampled_from(_FIELDS), st.just("boolean"), st.booleans()),
    st.builds(Atom, st.sampled_from(_FIELDS), st.just("exists")),
    st.builds(
        Atom,
        st.sampled_from(["a", "b"]),
        st.sampled_from(["same_as", "starts_as", "ends_as", "contains_as"]),
        st.sampled_from(["a", "b"]),
    ),
)
_NODES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, max_size=4).map(tuple)),
        st.builds(Some, st.lists(inner, max_size=4).map(tuple)),
    ),
    max_leaves=8,
)
_SCALARS = _WORDS | st.integers() | st.booleans() | st.integers(-12, 12).map(str)
_EVENTS = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.none() | _SCALARS | st.lists(_SCALARS, max_size=3) | _WORDS.map(lambda word: word * 300),
    max_size=3,
)


@settings(max_examples=600, deadline=None)
@given(st.lists(_NODES, min_size=1, max_size=5), st.lists(_EVENTS, max_size=5))
@example([Atom("a", "regex", "(?i)s")], [{"a": "ſ"}])
@example([Atom("a", "wildcard", "*ς*")], [{"a": "ΑΣ"}])
def test_any_conditions_of_any_events_have_the_plain_answers(
    nodes: list[Node], events: list[Fields]
) -> None:
    asked = _asked(*nodes)
    plan, wanted = _native(asked), list(_Plainly(asked).match(events))
    # Asked anew, remembered for the first time, and known.
    for _ in range(4):
        assert list(plan.match(events)) == wanted


def test_answers_stay_the_same_when_what_is_remembered_is_full() -> None:
    asked = _asked(*(Atom("f", "contains", str(number)) for number in range(100)))
    plan, wanted = _native(asked), _Plainly(asked)
    chosen = random.Random(5)
    for _ in range(3):
        events: list[Fields] = [
            {"f": f"{chosen.randrange(9000)} {chosen.randrange(2)}"} for _ in range(20_000)
        ]
        assert list(plan.match(events)) == list(wanted.match(events))


_PIECES = st.sampled_from(
    [
        "a", "S", "k", "é", ".", r"\d", r"\D", r"\s", r"\S", r"\w", r"\W", r"\b", r"\B", "^", "$",
        "[a-c]", "[^a]", "[]a]", "[[]", "[a&&b]", r"[\d\s-]", r"[^\S]", "[[:punct:]]", r"[\W]",
        "[[:^word:]]", r"\x{e9}", r"\x41", r"\101", r"\n", r"\v", r"\*", r"\pL", r"\C", "(?i)",
        "(?s)", "(?m)", "(?U)", "(?-i)", "a*", "b+?", "(?:ab|c)?", "(?P<n>a)", "{", "}", "a{2}",
        "a{,2}", "a{1,2}", "|", "(?i:S)", "(?-s:.)", "~~", "--", "&&", r"\-", r"\z", r"\A",
        r"\Qa.\E",
    ]
)  # fmt: skip
_HAYSTACKS = st.text(alphabet="aAbBcsSſkKé \n\v\r\t_1{},.*&~-[]\\", max_size=12)


@settings(max_examples=1500, deadline=None)
@given(st.lists(_PIECES, min_size=1, max_size=5).map("".join), st.lists(_HAYSTACKS, max_size=6))
def test_expressions_match_what_re2_matches(expression: str, texts: list[str]) -> None:
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(expression, options)
    except re2.error:
        return
    found = _rules_that_match(Atom("f", "regex", expression), *({"f": text} for text in texts))
    assert found == [place for place, text in enumerate(texts) if compiled.search(text)]


def _public_rules() -> list[Question]:
    files = sorted([*_SIGMA.glob("rules/**/*.yml"), *_SIGMA.glob("rules-other/**/*.yml")])
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    detections = (
        yaml.load(file.read_text(encoding="utf8"), Loader=loader)["detection"] for file in files
    )
    return _asked(*(compile_detection(one, lambda name: name) for one in detections))


def _public_events() -> list[Fields]:
    lines = (_SIGMA / "regression" / "cases.jsonl").read_bytes().splitlines()
    events: list[Fields] = [event for line in lines for event in json.loads(line)["events"]]
    if _ATTACKS.exists():
        events += [json.loads(line) for line in gzip.decompress(_ATTACKS.read_bytes()).splitlines()]
    return events


@needs_public_rules
def test_public_rules_match_public_events_as_plainly_asked() -> None:
    asked, events = _public_rules(), _public_events()
    # All of the regression events, and of the recorded attacks every thirtieth.
    chosen = events[:238] + events[238::30]
    plan, wanted = _native(asked), list(_Plainly(asked).match(chosen))
    assert len(wanted) > len(chosen) / 2
    for _ in range(3):
        assert list(plan.match(chosen)) == wanted


@pytest.mark.long
@needs_public_rules
def test_all_public_rules_match_all_public_events_as_plainly_asked() -> None:
    asked, events = _public_rules(), _public_events()
    plan, wanted = _native(asked), list(_Plainly(asked).match(events))
    for _ in range(3):
        assert list(plan.match(events)) == wanted


@needs_public_rules
def test_expressions_of_public_rules_match_what_re2_matches() -> None:
    questions = _public_rules()
    found = (a for question in questions for a in atoms(question.condition) if a.op == "regex")
    expressions = sorted({str(atom.value) for atom in found})
    texts = {
        value for event in _public_events()[::5] for value in event.values() if type(value) is str
    }
    chosen: list[Fields] = [{"f": text} for text in sorted(texts)[::4]]
    asked = _asked(*(Atom("f", "regex", expression) for expression in expressions))
    assert list(_native(asked).match(chosen)) == list(_Plainly(asked).match(chosen))
