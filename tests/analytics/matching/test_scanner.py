"""Scanner: every literal that stands in a value is found, by each scanner."""

from __future__ import annotations

import random
import sys

import hyperscan
import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from analytics.matching import scanner
from analytics.matching.literals import Place, Wanted
from analytics.matching.scanner import (
    CHARS_AT_ONCE,
    SEPARATOR,
    SET_CHARS_MAX,
    HyperscanScanner,
    MakeScanner,
    Re2Scanner,
)

both = pytest.mark.parametrize("make_scanner", [HyperscanScanner, Re2Scanner])
PLACES: list[Place] = ["start", "end", "anywhere"]
_TEXTS = st.text(alphabet="aab.é口\\\n", min_size=1, max_size=3)


def standing(wanted: list[Wanted], texts: list[str]) -> set[tuple[int, int]]:
    tests = {"start": str.startswith, "end": str.endswith, "anywhere": str.__contains__}
    return {
        (place, number)
        for place, text in enumerate(texts)
        for number, literal in enumerate(wanted)
        if tests[literal.place](text, literal.text)
    }


@both
@given(
    wanted=st.lists(st.builds(Wanted, st.sampled_from(PLACES), _TEXTS), min_size=1, unique=True),
    texts=st.lists(st.text(alphabet="aab.é口\\\n", max_size=8)),
)
def test_exactly_the_literals_that_stand_are_found(
    make_scanner: MakeScanner, wanted: list[Wanted], texts: list[str]
) -> None:
    assert set(make_scanner(wanted).scan(texts)) == standing(wanted, texts)


@both
def test_a_separator_in_a_value_hides_nothing(make_scanner: MakeScanner) -> None:
    wanted = [Wanted(place, text) for place in PLACES for text in ("ab", f"a{SEPARATOR}b")]
    texts = ["ab", f"a{SEPARATOR}b", f"{SEPARATOR}ab", f"ab{SEPARATOR}", "b", ""]
    assert set(make_scanner(wanted).scan(texts)) >= standing(wanted, texts)


@both
def test_values_too_long_for_one_scan_are_all_found(make_scanner: MakeScanner) -> None:
    wanted = [Wanted("end", "last"), Wanted("start", "first"), Wanted("anywhere", "middle")]
    long = "-" * (CHARS_AT_ONCE // 2)
    texts = [f"first{long}middle{long}last", "", f"{long}last", "first", f"{long}middle"] * 2
    assert set(make_scanner(wanted).scan(texts)) == standing(wanted, texts)


@both
def test_values_full_of_literals_are_all_found(
    make_scanner: MakeScanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [Wanted("anywhere", "a" * size) for size in range(1, 9)]
    texts = ["a" * size for size in (0, 3, 3000, 7, 20_000)]
    looked: list[str] = []
    alone = scanner._one_by_one
    monkeypatch.setattr(
        scanner, "_one_by_one", lambda wanted, text: looked.append(text) or alone(wanted, text)
    )
    assert set(make_scanner(wanted).scan(texts)) == standing(wanted, texts)
    if make_scanner is HyperscanScanner:
        assert set(looked) == {texts[2], texts[4]}


def test_more_literals_than_one_set_holds_take_several() -> None:
    count = 2 * SET_CHARS_MAX // 100
    wanted = [Wanted("anywhere", f"{number:0100}") for number in range(count)]
    made = Re2Scanner(wanted)
    assert len(made._sets) > 1
    texts = [wanted[number].text for number in (0, count // 2, count - 1)]
    assert set(made.scan(texts)) == standing(wanted, texts)


def test_a_set_without_the_memory_to_work_is_refused_and_not_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chance = random.Random(1)
    wanted = [Wanted("anywhere", chance.randbytes(40).hex()) for _ in range(SET_CHARS_MAX // 80)]
    assert len(Re2Scanner(wanted).scan([literal.text for literal in wanted])) == len(wanted)
    monkeypatch.setattr(scanner, "SET_BYTES_MIN", 0)
    monkeypatch.setattr(scanner, "SET_BYTES_PER_CHAR", 32)
    with pytest.raises(re2.error):
        Re2Scanner(wanted)


def test_hyperscan_is_the_best_where_it_is() -> None:
    assert scanner.best_scanner() is HyperscanScanner


def test_without_hyperscan_re2_searches_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    assert scanner.best_scanner() is Re2Scanner


def test_on_a_processor_hyperscan_does_not_know_re2_searches_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Refusing:
        def __init__(self, **_: object) -> None:
            raise hyperscan.ArchitectureError

    monkeypatch.setattr(hyperscan, "Database", Refusing)
    assert scanner.best_scanner() is Re2Scanner
