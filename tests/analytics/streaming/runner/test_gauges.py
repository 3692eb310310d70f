"""Gauges: lag by lane from the reader's statistics and the stages' watermarks."""

from __future__ import annotations

import json
from pathlib import Path

import word_counting

from analytics.streaming.runner.gauges import LaneGauges
from analytics.streaming.runner.keeper import Written


class Seen:
    def __init__(self):
        self.values = {}

    def add(self, name, amount=1, **labels):
        key = (name.removeprefix("fengsui_analytics_"), *labels.values())
        self.values[key] = self.values.get(key, 0) + amount

    def set(self, name, value, **labels):
        self.values[name.removeprefix("fengsui_analytics_"), *labels.values()] = value


def gauges():
    seen = Seen()
    return seen, LaneGauges(word_counting.site("b:1", "town", "one", Path("state")), seen)


def statistics(**lags):
    topics = {
        f"town.{lane}": {"partitions": {str(number): {"consumer_lag": lag, "rxbytes": 5}
                                        for number, lag in enumerate(found)}}
        for lane, found in lags.items()
    }  # fmt: skip
    return json.dumps({"name": "reader", "topics": {**topics, "other": {"partitions": {}}}})


def test_records_not_taken_are_summed_over_the_partitions_read_here():
    seen, told = gauges()
    told.state(statistics(accepted=[3, -1, 4], hits=[0]), now=0, marks={}, stages=2)
    assert seen.values["lane_lag_messages", "accepted"] == 7
    assert seen.values["lane_lag_messages", "hits"] == 0
    assert seen.values["lane_lag_messages", "hours"] == 0
    assert seen.values["stages_open",] == 2


def test_event_time_is_behind_by_the_slowest_partition():
    seen, told = gauges()
    marks = {("hits", 0): 95_000_000, ("hits", 1): 40_000_000, ("accepted", 0): 200_000_000}
    told.state(statistics(), now=100_000_000, marks=marks, stages=3)
    assert seen.values["lane_lag_seconds", "hits"] == 60
    assert seen.values["lane_lag_seconds", "accepted"] == 0
    assert ("lane_lag_seconds", "hours") not in seen.values


def test_what_checkpoints_wrote_is_counted():
    seen, told = gauges()
    told.wrote(Written(entries=2, size_bytes=30))
    told.wrote(Written(entries=1, size_bytes=5))
    assert seen.values["checkpoints_total",] == 2
    assert seen.values["state_entries_total",] == 3
    assert seen.values["state_bytes_total",] == 35
