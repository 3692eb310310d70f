"""The benchmark of the distributed form runs on real services, and loses nothing on the way."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import pytest

from bench import _cluster_ground as grounds
from bench import _cluster_live as live

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(shutil.which("java") is None, reason="brokers need Java"),
]


def test_a_tiny_round_gives_each_component_its_cost():
    cluster = importlib.import_module("bench.cluster")
    rows = {
        row["what"]: row
        for row in cluster.measure(events=4000, rounds=1, seconds=0, paces=(), warm=0)
    }
    for what in cluster.LABELS:
        assert rows[f"{what}_us"]["ours"] >= 0
    assert rows["collector_rate"]["ours"] > 1000
    assert rows["disk_segments"]["ours"] > 0
    assert rows["disk_index"]["ours"] > 0


def test_every_mark_of_a_short_live_run_is_a_final_alert(tmp_path: Path):
    with grounds.ground(tmp_path) as ground:
        found = live.run(ground, rate=200, seconds=8, workers=1)
    assert found.taken_in_the_end == found.written > 0
    assert found.missing == 0
    assert found.final
    assert all(0 < one < 120 for one in found.final)
