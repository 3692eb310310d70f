"""Memory: small and bounded, it answers as if every hit had been kept."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.memory import Chains, Hit, Window

_GAPS = st.lists(st.integers(0, 12), max_size=30)


def _hits(gaps: list[int], values: str = "", steps: list[int] | None = None) -> list[Hit]:
    time, found = 0, []
    for place, gap in enumerate(gaps):
        time += gap
        value = values[place % len(values)] if values else ""
        found.append((time, "s", place, bytes([place]), steps[place] if steps else 1, value))
    return found


@given(_GAPS, st.integers(1, 5), st.integers(1, 40), st.text("abcd", max_size=6))
def test_a_window_holds_as_one_that_keeps_everything(
    gaps: list[int], count: int, within: int, values: str
) -> None:
    hits = _hits(gaps, values)
    window = Window(count, within)
    for place, hit in enumerate(hits):
        recent = [other for other in hits[: place + 1] if hit[0] - other[0] < within]
        kinds = {other[5] or other[3] for other in recent}
        assert window.push(hit) is (len(kinds) >= count)
        assert len(window.least()) <= count


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 7)), max_size=11),
    st.sampled_from([(1, 2), (1, 1, 2), (1, 2, 4), (1, 1, 2, 2)]),
    st.integers(1, 25),
)
def test_chains_hold_as_trying_every_choice(
    raw: list[tuple[int, int]], units: tuple[int, ...], within: int
) -> None:
    hits = _hits([gap for gap, _ in raw], steps=[steps for _, steps in raw])
    chains = Chains(units, within)
    for place, hit in enumerate(hits):
        possible = any(
            all(found[4] & unit for found, unit in zip((*chosen, hit), units, strict=True))
            and hit[0] - chosen[0][0] < within
            for chosen in combinations(hits[:place], len(units) - 1)
        )
        assert chains.push(hit) is possible
        if possible:
            least = chains.least()
            assert [found[4] & unit > 0 for found, unit in zip(least, units, strict=True)]
            assert least[-1] == hit
            assert list(least) == sorted(set(least))


@given(_GAPS, st.integers(1, 5))
def test_a_restored_window_goes_on_as_the_one_dumped(gaps: list[int], count: int) -> None:
    hits = _hits(gaps, "abc")
    half = len(hits) // 2
    window = Window(count, 20)
    for hit in hits[:half]:
        window.push(hit)
    other = Window(count, 20, window.dump().hits)
    for hit in hits[half:]:
        assert window.push(hit) is other.push(hit)
        assert window.least() == other.least()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 3)), max_size=30))
def test_restored_chains_go_on_as_those_dumped(raw: list[tuple[int, int]]) -> None:
    hits = _hits([gap for gap, _ in raw], steps=[steps for _, steps in raw])
    half = len(hits) // 2
    chains, other = Chains((1, 1, 2), 25), Chains((1, 1, 2), 25)
    for hit in hits[:half]:
        chains.push(hit)
    other.restore(chains.dump())
    copy = chains.copy()
    for hit in hits[half:]:
        assert chains.push(hit) is other.push(hit) is copy.push(hit)
        assert chains.least() == other.least() == copy.least()
