"""Together: steps in any order within a time, as a condition over their names wants them."""

from __future__ import annotations

from itertools import combinations

import pytest
from analytics_world import START, at, kind_rule, ruleset, run, step
from hypothesis import given, settings
from hypothesis import strategies as st
from kind_memories import check_snapshot, held_by, hits_of, named, rule_of

from analytics.explain import explain
from analytics.kinds.together import pattern_of
from analytics.language import truth
from analytics.language.truth import Either, Every, Fired, Never, Truth
from analytics.memory import Hit
from schema.errors import FengsuiError
from schema.times import SECOND

NAMES = ("a", "b", "c", "d")
RAW = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 15), st.just(())), max_size=10)
LEAVES = st.sampled_from([Fired(name) for name in NAMES])
POSITIVE = st.recursive(
    LEAVES,
    lambda some: st.builds(
        lambda kind, items: kind(tuple(items)),
        st.sampled_from([Every, Either]),
        st.lists(some, min_size=1, max_size=3),
    ),
    max_leaves=6,
)
ANY = st.recursive(
    LEAVES,
    lambda some: st.one_of(
        st.builds(Never, some),
        st.builds(
            lambda kind, items: kind(tuple(items)),
            st.sampled_from([Every, Either]),
            st.lists(some, min_size=1, max_size=3),
        ),
    ),
    max_leaves=6,
)


def rule(condition: str = "", names: str = "abcd", within: str = "60s", **more: object):
    part = {"within": within, "steps": [step(name) for name in names], **more}
    return kind_rule("together", part | ({"condition": condition} if condition else {}))


def times(found, *told: tuple[float, str]) -> list[float]:
    events = [at(second, event__action=name) for second, name in told]
    alerts = run(ruleset(found), events).alerts.values()
    return sorted((alert.decided_at - START) / SECOND for alert in alerts)


def test_all_steps_in_any_order_within_the_time() -> None:
    both = rule(names="ab")
    assert times(both, (1, "a"), (9, "b")) == [9]
    assert times(both, (1, "b"), (9, "a")) == [9]
    assert times(both, (1, "b"), (61, "a")) == []


def test_a_condition_over_the_names() -> None:
    found = rule("a and (b or c) and not d")
    assert times(found, (1, "a"), (9, "c")) == [9]
    assert times(found, (1, "a"), (2, "d"), (9, "c")) == []
    assert times(found, (1, "d"), (50, "a"), (62, "c")) == [62]
    assert times(found, (1, "b"), (9, "c")) == []


def test_so_many_of_the_steps_whichever() -> None:
    found = rule(at_least=3)
    assert times(found, (1, "a"), (2, "d"), (3, "a")) == []
    assert times(found, (1, "a"), (2, "d"), (3, "b")) == [3]


def test_in_order_where_that_is_asked_for() -> None:
    found = rule("a and (b or c)", "abc", ordered=True)
    assert times(found, (1, "b"), (9, "a")) == []
    assert times(found, (1, "a"), (9, "c")) == [9]


def test_a_step_may_be_wanted_more_than_once() -> None:
    part = {"within": "60s", "steps": [step("a", 3), step("b")]}
    found = kind_rule("together", part)
    assert times(found, (1, "a"), (2, "a"), (3, "b")) == []
    assert times(found, (1, "a"), (2, "b"), (3, "a"), (4, "a")) == [4]


def test_it_explains_which_steps_came() -> None:
    found = rule("a and (b or c) and not d")
    events = [at(1, event__action="a"), at(9, event__action="c")]
    (alert,) = run(ruleset(found), events).alerts.values()
    said = explain(alert, found)
    assert said.reason_en == (
        'Source address 10.0.0.1 showed in 8 seconds: "a", "c", all within 1 minute.'
    )
    assert said.counterfactual_zh[0] == "若“a”少于 1 次，则不触发"


@pytest.mark.parametrize(
    ("part", "why"),
    [
        ({"condition": "a and e"}, "differ in b, c, d, e"),
        ({"condition": "not a and not b and not c and not d"}, "where nothing was seen"),
        ({"condition": "a and not a and b and c and d"}, "never holds"),
        ({"condition": "a and (b or c"}, "not closed"),
        ({"condition": "a or b or c or d", "at_least": 2}, "not both"),
        ({"at_least": 5}, "at_least is 5"),
    ],
)
def test_what_makes_no_sense_is_refused(part: dict, why: str) -> None:
    with pytest.raises(FengsuiError, match=why):
        rule(**part)


def test_too_many_alternatives_are_refused() -> None:
    names = [f"s{number}" for number in range(16)]
    pairs = " and ".join(
        f"({one} or {other})" for one, other in zip(names[::2], names[1::2], strict=True)
    )
    with pytest.raises(FengsuiError, match="more than 64 alternatives"):
        pattern_of(names, within_us=1, condition=truth.parse(pairs))


def _is(tree: Truth, seen: frozenset[str]) -> bool:
    match tree:
        case Fired():
            return tree.rule in seen
        case Never():
            return not _is(tree.item, seen)
        case Every():
            return all(_is(item, seen) for item in tree.items)
    return any(_is(item, seen) for item in tree.items)


def _least(tree: Truth, seen: frozenset[str]) -> list[frozenset[str]]:
    """The sets among ``seen`` that suffice and of which each is needed; for trees without not."""
    sets = [frozenset(chosen) for size in range(5) for chosen in combinations(sorted(seen), size)]
    enough = [one for one in sets if _is(tree, one)]
    return [one for one in enough if not any(other < one for other in enough)]


def _seen(hits: list[Hit], place: int, within: int) -> frozenset[str]:
    now = hits[place][0]
    return frozenset(
        name
        for at_, name in enumerate(NAMES)
        for hit in hits[: place + 1]
        if hit[4] >> at_ & 1 and now - hit[0] < within
    )


def _own(hit: Hit) -> set[str]:
    return {name for place, name in enumerate(NAMES) if hit[4] >> place & 1}


def _pattern(tree: Truth, within: int, **more: object):
    full = Every((tree, Either(tuple(map(Fired, NAMES)))))
    return pattern_of(NAMES, within_us=within, condition=full, **more)


@settings(max_examples=200, deadline=None)
@given(RAW, POSITIVE, st.integers(1, 20))
def test_it_holds_where_a_least_set_has_the_newest_hit(raw: list, tree: Truth, within: int) -> None:
    hits = hits_of(raw)
    rule_ = rule_of(_pattern(tree, within), named(*NAMES))
    full = Every((tree, Either(tuple(map(Fired, NAMES)))))
    expected = [
        hit[0]
        for place, hit in enumerate(hits)
        if any(_own(hit) & one for one in _least(full, _seen(hits, place, within)))
    ]
    held = held_by(rule_, hits)
    assert [when for when, _ in held] == expected
    for when, least in held:
        assert all(when - hit[0] < within for hit in least)
        assert _is(full, frozenset().union(*map(_own, least)))


@settings(max_examples=200, deadline=None)
@given(RAW, ANY, st.integers(1, 20))
def test_not_says_what_did_not_come(raw: list, tree: Truth, within: int) -> None:
    hits = hits_of(raw)
    full = Every((tree, Either(tuple(map(Fired, NAMES)))))
    try:
        rule_ = rule_of(_pattern(tree, within), named(*NAMES))
    except FengsuiError:
        # It never holds.
        assert not any(
            _is(full, frozenset(some)) for size in range(5) for some in combinations(NAMES, size)
        )
        return
    held = {when for when, _ in held_by(rule_, hits)}
    for place, hit in enumerate(hits):
        seen = _seen(hits, place, within)
        alike = [other for other in range(len(hits)) if hits[other][0] == hit[0]]
        if len(alike) == 1:
            if hit[0] in held:
                assert _is(full, seen)
            elif _is(full, seen):
                assert _is(full, seen - _own(hit)) or len(_own(hit)) > 1


@settings(max_examples=200, deadline=None)
@given(RAW, st.integers(1, 20), st.integers(1, 4))
def test_so_many_hold_as_counting_them(raw: list, within: int, at_least: int) -> None:
    hits = hits_of(raw)
    pattern = pattern_of(NAMES, within_us=within, counts=range(at_least, 5))
    expected = [
        hit[0] for place, hit in enumerate(hits) if len(_seen(hits, place, within)) >= at_least
    ]
    assert [when for when, _ in held_by(rule_of(pattern, named(*NAMES)), hits)] == expected


@settings(max_examples=200, deadline=None)
@given(RAW, st.integers(1, 20), st.integers(1, 4))
def test_order_holds_as_trying_every_choice(raw: list, within: int, at_least: int) -> None:
    hits = hits_of(raw)
    pattern = pattern_of(NAMES, within_us=within, counts=range(at_least, 5), ordered=True)
    expected = [
        hit[0]
        for place, hit in enumerate(hits)
        if any(
            all(one[4] >> bit & 1 for one, bit in zip((*chosen, hit), bits, strict=True))
            and hit[0] - (*chosen, hit)[0][0] < within
            for chosen in combinations(hits[:place], at_least - 1)
            for bits in combinations(range(4), at_least)
        )
    ]
    assert [when for when, _ in held_by(rule_of(pattern, named(*NAMES)), hits)] == expected


@given(RAW, ANY, st.integers(1, 20), st.integers(0, 10), st.booleans())
def test_it_goes_on_from_a_snapshot(
    raw: list, tree: Truth, within: int, half: int, ordered: bool
) -> None:
    try:
        pattern = _pattern(tree, within, ordered=ordered)
    except FengsuiError:
        return
    check_snapshot(rule_of(pattern, named(*NAMES)), hits_of(raw), half)


@given(RAW, st.integers(1, 20), st.integers(1, 4), st.integers(0, 10), st.booleans())
def test_counting_steps_goes_on_from_a_snapshot(
    raw: list, within: int, least: int, half: int, ordered: bool
) -> None:
    pattern = pattern_of(NAMES, within_us=within, counts=range(least, 5), ordered=ordered)
    check_snapshot(rule_of(pattern, named(*NAMES)), hits_of(raw), half)
