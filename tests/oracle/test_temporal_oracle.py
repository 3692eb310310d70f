"""The engine's temporal correlations hold at the events at which the oracle says they do."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from correlation_oracle import COMPARE, Seen, deciding_times
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.sigma import correlation
from analytics.sigma.temporal import pattern
from schema.errors import FengsuiError

sys.path.insert(0, str(Path(__file__).parents[1] / "analytics"))

from kind_memories import held_by, hits_of, named, rule_of  # beside the engine's tests

RULES = ["a", "b", "c", "d"]
SECOND = 10**6
RAW = st.lists(
    st.tuples(st.integers(0, 6).map(lambda gap: gap * SECOND), st.integers(1, 15), st.just(())),
    max_size=9,
)
BOUNDS = st.dictionaries(
    st.sampled_from(["gt", "gte", "lt", "lte", "eq", "neq"]), st.integers(0, 5), max_size=2
)


@settings(max_examples=300, deadline=None)
@given(RAW, BOUNDS, st.sampled_from(["temporal", "temporal_ordered"]))
def test_the_engine_holds_where_the_oracle_does(raw: list, bounds: dict, kind: str) -> None:
    section = {"type": kind, "rules": RULES, "timespan": "10s"}
    if bounds:
        section["condition"] = bounds
    document = yaml.safe_load(yaml.safe_dump({"title": "t", "id": "x", "correlation": section}))
    head = correlation.head(document)
    found = correlation.compile_correlation(
        head,
        lambda name: correlation.Named(
            id=name, name=name, correlation=False, field_name=lambda field: field
        ),
    )
    hits = hits_of(raw)
    seen = [
        Seen(hit[0], {}, [name for place, name in enumerate(RULES) if hit[4] >> place & 1])
        for hit in hits
    ]
    try:
        wanted = pattern(found)
    except FengsuiError:
        # It would never hold, or where nothing was seen: no rule is made of that.
        sizes = range(len(RULES) + 1)
        fits = [size for size in sizes if all(COMPARE[op](size, n) for op, n in bounds.items())]
        assert not fits or fits[0] == 0
        return
    held = sorted({when for when, _ in held_by(rule_of(wanted, named(*RULES)), hits)})
    assert held == sorted(set(deciding_times(document, seen).get((), [])))
