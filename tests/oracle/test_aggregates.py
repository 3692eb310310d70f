"""Aggregates hold at the events at which the oracle of correlations says they do."""

from __future__ import annotations

from fractions import Fraction

import yaml
from correlation_oracle import Seen, deciding_times
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import kinds
from analytics.language.compiler import compile_file
from schema.times import SECOND

FIELD = "gov.pii.count"
NUMBERS = ["value_sum", "value_avg", "value_median", "value_percentile"]
BOUNDS = st.dictionaries(
    st.sampled_from(["gt", "gte", "lt", "lte", "eq", "neq"]),
    st.integers(0, 40),
    min_size=1,
    max_size=3,
)
VALUES = st.one_of(st.integers(-3, 30), st.integers(0, 9).map(str))
COUNTED = st.one_of(VALUES, st.booleans(), st.lists(st.sampled_from("abc"), min_size=1, max_size=3))


def _rule(kind: str, bounds: dict[str, int], permille: int | None) -> object:
    function = "value_share" if kind == "value_percentile" and permille is None else kind
    part: dict[str, object] = {"within": "60s", "function": function, **bounds}
    if kind != "event_count":
        part["field"] = FIELD
    if function == "value_percentile":
        part["permille"] = permille
    text = {"title_zh": "", "title_en": "", "triage_zh": "", "triage_en": ""}
    return compile_file(
        yaml.safe_dump(
            {
                "format": "fengsui/1", "id": "aggregate", "version": "1.0.0", "severity": "low",
                "score": 1, "text": text, "entity": "source.ip",
                "logsource": {"category": "application"},
                "detection": {"a": {"message": "x"}, "condition": "a"}, "aggregate": part,
            }
        ).encode(),
        "host",
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.data(), BOUNDS)
def test_they_decide_at_the_same_events(data: st.DataObject, bounds: dict[str, int]) -> None:
    kind = data.draw(st.sampled_from(["event_count", "value_count", *NUMBERS]))
    permille = None
    if kind == "value_percentile":
        permille = data.draw(st.one_of(st.none(), st.integers(1, 999)))
    values = COUNTED if kind == "value_count" else VALUES
    times, seen, hits = 0, [], []
    for place, (gap, value) in enumerate(
        data.draw(st.lists(st.tuples(st.integers(0, 25), values), max_size=25))
    ):
        times += gap * SECOND
        seen.append(Seen(times, {"source.ip": "a", FIELD: value}, ("seen",)))
        carried = tuple(value) if isinstance(value, list) else value
        of = () if kind == "event_count" else (carried,)
        hits.append((times, "s", place, place.to_bytes(16), 1, of))
    condition: dict[str, object] = dict(bounds)
    if kind != "event_count":
        condition["field"] = FIELD
    if permille is not None:
        condition["percentile"] = Fraction(permille, 10)
    document = {
        "correlation": {
            "type": kind, "rules": ["seen"], "group-by": ["source.ip"], "timespan": "60s",
            "condition": condition,
        }
    }  # fmt: skip
    rule = _rule(kind, bounds, permille)
    memory = kinds.of(rule.pattern).memory(rule)
    decided = [hit[0] for hit in hits if memory.push(hit)]
    assert decided == deciding_times(document, seen).get(("a",), [])
