"""The benchmark of the stages runs, and carries what the engine carries."""

from __future__ import annotations

import importlib


def test_a_tiny_round():
    stages = importlib.import_module("bench.stages")
    rows = {row["what"]: row for row in stages.measure(rounds=1, events=4000, entities=1000)}
    assert rows["us_per_event"]["ours"] > 0
    assert rows["us_per_event"]["peer"] > 0
    assert rows["hits_messages"]["ours"] >= 4
