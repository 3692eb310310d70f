"""Made rules over made events: every backend of ours against the oracle, and against peers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import making
import pytest
import sigma_oracle
from backends import backends, compiled
from differences import explanation, may_refuse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peers import PROGRAM, Rsigma, Sqlite, rsigma_program

SHORT, LONG = 150, 6_000
"""Rules of a round; each is asked of some events."""

EVENTS = 4
_CALM = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def _round(count: int) -> Any:
    return settings(max_examples=count, deadline=None, suppress_health_check=_CALM)


def _asked(data: st.DataObject, *, odd: bool, lists: bool = True) -> tuple[dict, list[dict]]:
    rule = data.draw(making.single_rules(odd=odd) | making.rules(odd=odd), label="rule")
    events = making.events(rule, odd=odd, lists=lists)
    return rule, data.draw(st.lists(events, min_size=EVENTS, max_size=EVENTS), label="events")


def _expected(rule: dict, events: list[dict]) -> list[bool] | None:
    try:
        return [sigma_oracle.matches(rule, event) for event in events]
    except sigma_oracle.Refused:
        return None


def _compare_ours(data: st.DataObject, *, odd: bool) -> None:
    rule, events = _asked(data, odd=odd)
    node, expected = compiled(rule), _expected(rule, events)
    if expected is None:
        assert node is None, f"refused by the specification, taken here: {rule['detection']}"
    if node is None or expected is None:
        assert expected is None or may_refuse(rule), f"refused here: {rule['detection']}"
        return
    for name, ask in backends().items():
        for event, holds, found in zip(events, expected, ask([node], events), strict=True):
            if bool(found) is not holds and not explanation("fengsui", rule, event):
                pytest.fail(f"{name}: {not holds} for {rule['detection']} and {event}")


def _compare_peer(peer: Sqlite | Rsigma, name: str, rule: dict, events: list[dict]) -> None:
    expected, answers = _expected(rule, events), peer.ask(rule, events)
    if expected is None or answers is None:
        return
    for event, holds, answer in zip(events, expected, answers, strict=True):
        if answer is not holds and not explanation(name, rule, event):
            pytest.fail(f"{name}: {answer} for {rule['detection']} and {event}")


@_round(SHORT)
@given(st.data())
def test_ours_answers_as_the_oracle(data: st.DataObject) -> None:
    _compare_ours(data, odd=False)


@_round(SHORT // 3)
@given(st.data())
def test_ours_answers_as_the_oracle_for_letters_of_odd_case(data: st.DataObject) -> None:
    _compare_ours(data, odd=True)


@pytest.mark.long
@_round(LONG)
@given(st.data())
def test_ours_answers_as_the_oracle_in_the_long_round(data: st.DataObject) -> None:
    _compare_ours(data, odd=True)


@_round(SHORT // 3)
@given(st.data())
def test_sqlite_differs_only_where_it_is_explained(data: st.DataObject) -> None:
    _compare_peer(Sqlite(), "sqlite", *_asked(data, odd=False, lists=False))


@pytest.mark.long
@_round(LONG // 10)
@given(st.data())
def test_sqlite_differs_only_where_it_is_explained_in_the_long_round(
    data: st.DataObject,
) -> None:
    _compare_peer(Sqlite(), "sqlite", *_asked(data, odd=True, lists=False))


def _with_rsigma(folder: Path, count: int, *, odd: bool) -> None:
    program = rsigma_program()
    if program is None:
        pytest.skip(f"rsigma is not built here: build the rule peer, or name it in {PROGRAM}")
    with Rsigma(program, folder) as peer:

        @_round(count)
        @given(st.data())
        def compare(data: st.DataObject) -> None:
            _compare_peer(peer, "rsigma", *_asked(data, odd=odd))

        compare()


def test_rsigma_differs_only_where_it_is_explained(tmp_path: Path) -> None:
    _with_rsigma(tmp_path, SHORT // 3, odd=False)


@pytest.mark.long
def test_rsigma_differs_only_where_it_is_explained_in_the_long_round(tmp_path: Path) -> None:
    _with_rsigma(tmp_path, LONG // 10, odd=True)
