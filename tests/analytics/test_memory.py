"""Memory: small and bounded, it answers as if every hit had been kept."""

from __future__ import annotations

from itertools import combinations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import kinds
from analytics.expression import Atom
from analytics.memory import Hit, Memory
from analytics.patterns import AnyPattern, Sequence, Threshold
from analytics.rule import Rule, Step
from schema.alert import RuleText

_GAPS = st.lists(st.integers(0, 12), max_size=30)


def _memory(pattern: AnyPattern, *counts: int, dump: object = None) -> Memory:
    """The memory of a rule with this pattern and a step for each count."""
    steps = tuple(
        Step(name=f"step{n}", condition=Atom("a", "exists"), datasets=("d",), count=count)
        for n, count in enumerate(counts)
    )
    rule = Rule(
        id="r", version="1.0.0", system="s", severity=1, score=1, entity=("a",),
        suppression_us=1000, steps=steps, pattern=pattern, techniques=(), false_positives=(),
        text=RuleText(title_zh="", title_en="", triage_zh="", triage_en=""),
    )  # fmt: skip
    return kinds.of(pattern).memory(rule, dump)


def _stored(memory: Memory) -> object:
    """What a memory dumps, as it comes back from a snapshot."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(memory.dump()))


def _hits(gaps: list[int], values: str = "", steps: list[int] | None = None) -> list[Hit]:
    time, found = 0, []
    for place, gap in enumerate(gaps):
        time += gap
        value = (values[place % len(values)],) if values else ()
        found.append((time, "s", place, bytes([place]), steps[place] if steps else 1, value))
    return found


@given(_GAPS, st.integers(1, 5), st.integers(1, 40), st.text("abcd", max_size=6))
def test_a_window_holds_as_one_that_keeps_everything(
    gaps: list[int], count: int, within: int, values: str
) -> None:
    hits = _hits(gaps, values)
    pattern = Threshold(retention_us=within, within_us=within, count=count)
    window = _memory(pattern, count)
    for place, hit in enumerate(hits):
        recent = [other for other in hits[: place + 1] if hit[0] - other[0] < within]
        kinds = {other[5] or other[3] for other in recent}
        holds = window.push(hit)
        assert holds is (len(kinds) >= count)
        if holds:
            (finding,) = window.findings()
            assert len(finding.hits) == count


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 7)), max_size=11),
    st.sampled_from([(1, 1), (2, 1), (1, 1, 1), (2, 2)]),
    st.integers(1, 25),
)
def test_chains_hold_as_trying_every_choice(
    raw: list[tuple[int, int]], counts: tuple[int, ...], within: int
) -> None:
    hits = _hits([gap for gap, _ in raw], steps=[steps for _, steps in raw])
    chains = _memory(Sequence(retention_us=within, within_us=within), *counts)
    units = [1 << step for step, count in enumerate(counts) for _ in range(count)]
    for place, hit in enumerate(hits):
        possible = any(
            all(found[4] & unit for found, unit in zip((*chosen, hit), units, strict=True))
            and hit[0] - chosen[0][0] < within
            for chosen in combinations(hits[:place], len(units) - 1)
        )
        assert chains.push(hit) is possible
        if possible:
            (finding,) = chains.findings()
            least = finding.hits
            assert [found[4] & unit > 0 for found, unit in zip(least, units, strict=True)]
            assert least[-1] == hit
            assert list(least) == sorted(set(least))


@given(_GAPS, st.integers(1, 5))
def test_a_restored_window_goes_on_as_the_one_dumped(gaps: list[int], count: int) -> None:
    hits = _hits(gaps, "abc")
    half = len(hits) // 2
    pattern = Threshold(retention_us=20, within_us=20, count=count)
    window = _memory(pattern, count)
    for hit in hits[:half]:
        window.push(hit)
    other = _memory(pattern, count, dump=_stored(window))
    for hit in hits[half:]:
        assert window.push(hit) is other.push(hit)
        assert window.dump() == other.dump()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 3)), max_size=30))
def test_restored_chains_go_on_as_those_dumped(raw: list[tuple[int, int]]) -> None:
    hits = _hits([gap for gap, _ in raw], steps=[steps for _, steps in raw])
    half = len(hits) // 2
    pattern = Sequence(retention_us=25, within_us=25)
    chains = _memory(pattern, 2, 1)
    for hit in hits[:half]:
        chains.push(hit)
    other, copy = _memory(pattern, 2, 1, dump=_stored(chains)), chains.copy()
    for hit in hits[half:]:
        assert chains.push(hit) is other.push(hit) is copy.push(hit)
        assert chains.dump() == other.dump() == copy.dump()
