"""The hops that operators read of have the metrics that are named, and none is left out."""

import re
from pathlib import Path

from dashboard_api.metrics import catalogue

DOCS = Path(__file__).parent.parent.parent / "docs" / "operator"
SHORT = {"bus": "fengsui_collector_bus", "lane": "fengsui_analytics_lane"}


def test_every_metric_in_the_operators_pages_exists_and_every_hop_is_there() -> None:
    text = "".join(path.read_text("utf-8") for path in sorted(DOCS.glob("*.md")))
    full = set(re.findall(r"\bfengsui_(?:collector|analytics|dashboard_api)_[a-z_]+", text))
    short = set(re.findall(r"`(bus|lane)_([a-z_]+)\{[a-z]+\}`", text))
    named = full | {f"{SHORT[kind]}_{name}" for kind, name in short}
    named -= {"fengsui_collector_bus_x", "fengsui_analytics_lane_x"}
    assert named <= set(catalogue())
    hops = {name for name in catalogue() if re.search("_bus_|_lane_|_index_|_lag_", name)}
    assert hops - {"fengsui_analytics_lane_stages_opened_total"} <= named
