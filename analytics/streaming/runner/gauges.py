"""Gauges: what a worker tells of its lanes; names stand in the platform's one metrics file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from analytics.streaming.runner.keeper import Written
from analytics.streaming.runner.site import READ, Site
from analytics.streaming.stage import Lane

_SECOND_US: Final = 1_000_000


class Gauges(Protocol):
    """Where values go."""

    def add(self, name: str, amount: int = 1, **labels: str) -> None:
        """Raise a counter."""

    def set(self, name: str, value: int, **labels: str) -> None:
        """Set a gauge."""


class _Partition(msgspec.Struct):
    consumer_lag: int = -1
    """Records not yet taken; -1 until the reader knows or where another worker reads."""


class _Topic(msgspec.Struct):
    partitions: dict[str, _Partition] = {}


class _Statistics(msgspec.Struct):
    """The part of librdkafka's statistics (its STATISTICS.md) that is used."""

    topics: dict[str, _Topic] = {}


_statistics: Final = msgspec.json.Decoder(_Statistics)


class LaneGauges:
    """Counts of one worker by lane."""

    def __init__(self, site: Site, gauges: Gauges) -> None:
        self._lanes: Mapping[str, Lane] = {site.topics[lane]: lane for lane in READ}
        self._gauges = gauges

    def took(self, lane: Lane) -> None:
        self._gauges.add("fengsui_analytics_lane_messages_total", lane=lane)

    def sent(self, lane: Lane) -> None:
        self._gauges.add("fengsui_analytics_lane_sent_messages_total", lane=lane)

    def malformed(self, lane: Lane) -> None:
        self._gauges.add("fengsui_analytics_lane_malformed_messages_total", lane=lane)

    def opened(self, lane: Lane, _partition: int) -> None:
        self._gauges.add("fengsui_analytics_lane_stages_opened_total", lane=lane)

    def wrote(self, written: Written) -> None:
        self._gauges.add("fengsui_analytics_checkpoints_total")
        self._gauges.add("fengsui_analytics_state_entries_total", written.entries)
        self._gauges.add("fengsui_analytics_state_bytes_total", written.size_bytes)

    def state(
        self, statistics: str, *, now: int, marks: Mapping[tuple[Lane, int], int], stages: int
    ) -> None:
        """Take the reader's statistics and how far event time has come."""
        lag: dict[Lane, int] = dict.fromkeys(READ, 0)
        for topic, found in _statistics.decode(statistics).topics.items():
            if (lane := self._lanes.get(topic)) is not None:
                lag[lane] += sum(max(one.consumer_lag, 0) for one in found.partitions.values())
        for lane in READ:
            self._gauges.set("fengsui_analytics_lane_lag_messages", lag[lane], lane=lane)
            behind = [now - mark for (other, _), mark in marks.items() if other == lane]
            if behind:
                seconds = max(max(behind), 0) // _SECOND_US
                self._gauges.set("fengsui_analytics_lane_lag_seconds", seconds, lane=lane)
        self._gauges.set("fengsui_analytics_stages_open", stages)
        self._gauges.set("fengsui_analytics_worker_seen_seconds", now // _SECOND_US)
