import re

import pytest

from dashboard_api.metrics import Metrics, catalogue

NAME = r"fengsui_(dashboard_api|collector|analytics|sensors|playbooks)_[a-z_]+"


def test_every_metric_is_named_by_tier_noun_and_unit():
    for metric in catalogue().values():
        assert re.fullmatch(NAME, metric.name)
        assert metric.type in ("counter", "gauge")
        assert metric.help.endswith(".")
        assert (metric.type == "counter") == metric.name.endswith("_total")


def test_counters_grow_and_gauges_are_set():
    metrics = Metrics()
    metrics.add("fengsui_dashboard_api_requests_total", status="200")
    metrics.add("fengsui_dashboard_api_requests_total", 2, status="200")
    metrics.set("fengsui_dashboard_api_stream_clients", 5)
    metrics.set("fengsui_dashboard_api_stream_clients", 4)
    lines = metrics.text().splitlines()
    assert 'fengsui_dashboard_api_requests_total{status="200"} 3' in lines
    assert "fengsui_dashboard_api_stream_clients 4" in lines
    assert "fengsui_dashboard_api_logins_refused_total 0" in lines


def test_a_label_value_cannot_end_its_line():
    metrics = Metrics()
    metrics.set("fengsui_collector_events_total", 1, sensor='a"\n\\b')
    assert 'fengsui_collector_events_total{sensor="a\\"\\n\\\\b"} 1' in metrics.text()


def test_a_metric_that_is_not_in_the_data_file_is_refused():
    with pytest.raises(KeyError):
        Metrics().add("fengsui_made_up_total")
