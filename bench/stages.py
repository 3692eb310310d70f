"""Stages against the embedded engine: CPU time for one event, in one process.

The same batches of the same sensors (those of ``rules_stateful``, with fewer entities) through an
embedded engine, and through the stages that match and step with 16 partitions each, decoding and
encoding of every message between them with it. Interleaved rounds, medians. What a broker and the
stream engine cost stands elsewhere: this is the price of the stages themselves.
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Final

from analytics.engine import BEGINNING, Engine
from analytics.models.artefact import Artefact, TrainingRequest
from analytics.ruleset import RuleSet
from analytics.streaming.artefacts import name_of, rules_to_bytes
from analytics.streaming.layout import Layout
from analytics.streaming.stage import Stage
from analytics.streaming.stages import SiteStages
from bench._rules_stateful_runner import ADVANCE_EVERY, SENSORS, Traffic, rules
from schema import feed
from schema.bus import partition_of
from schema.errors import FengsuiError

ROUNDS: Final = 7
EVENTS: Final = 100_000
ENTITIES: Final = 50_000
PARTITIONS: Final = 16


def run() -> list[dict[str, object]]:
    """Microseconds of CPU time an event, and the bytes that go between the stages."""
    return measure(rounds=ROUNDS, events=EVENTS, entities=ENTITIES)


def measure(*, rounds: int, events: int, entities: int) -> list[dict[str, object]]:
    """The benchmark in another size."""
    with tempfile.TemporaryDirectory(prefix="fengsui-bench-") as folder:
        ruleset = rules(Path(folder))
    embedded: list[float] = []
    staged: list[Staged] = []
    for _ in range(rounds):
        embedded.append(_embedded(ruleset, events, entities))
        staged.append(Staged(ruleset))
        staged[-1].carry(events, entities)
    whole = statistics.median(embedded)
    matching = statistics.median(one.matching for one in staged) / events * 1e6
    stepping = statistics.median(one.stepping for one in staged) / events * 1e6
    name = "the embedded engine"
    return [
        _row("us_per_event", matching + stepping, whole, name, "us CPU"),
        _row("us_per_event_matching", matching, None, "none", "us CPU"),
        _row("us_per_event_stepping", stepping, None, "none", "us CPU"),
        _row("hits_bytes_per_event", staged[0].size / events, None, "none", "bytes"),
        _row("hits_messages", staged[0].messages, None, "none", f"of {events} events"),
    ]


def _embedded(ruleset: RuleSet, events: int, entities: int) -> float:
    engine, traffic, seconds = Engine(ruleset, required=SENSORS), Traffic(entities), 0.0
    gc.collect()
    for number, batch in enumerate(traffic.batches(events), 1):
        begun = time.process_time()
        engine.feed(batch)
        if number % ADVANCE_EVERY == 0:
            engine.advance()
        seconds += time.process_time() - begun
    return seconds / events * 1e6


class _Shelf:
    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def put(self, raw: bytes) -> str:
        name = name_of(raw)
        self._held[name] = raw
        return name

    def get(self, digest: str) -> bytes:
        return self._held[digest]


class _NoTrainer:
    def train(self, request: TrainingRequest, *, wait: bool) -> Artefact:
        del wait
        raise FengsuiError("analytics.model.refused", f"nobody trains {request.model} here")


class Staged:
    """The stages of a site, each message carried at once."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.matching = self.stepping = 0.0
        self.messages = self.size = 0
        shelf = _Shelf()
        stages = SiteStages(
            shelf, _NoTrainer(), layout=Layout(accepted=PARTITIONS, hits=PARTITIONS)
        )
        self._accepted = [stages.open("accepted", at, {}) for at in range(PARTITIONS)]
        self._hits = [stages.open("hits", at, {}) for at in range(PARTITIONS)]
        name = shelf.put(rules_to_bytes(ruleset))
        self._control(feed.Adopt(1, ruleset.digest, name, BEGINNING))
        for number, sensor in enumerate(SENSORS, 2):
            self._control(feed.Require(number, sensor, BEGINNING))

    def _control(self, control: feed.Control) -> None:
        for stage in self._accepted:
            self._deliver(stage, feed.encode(control))

    def carry(self, events: int, entities: int) -> None:
        """Carry all of them, and count."""
        self.matching = self.stepping = 0.0
        self.messages = self.size = 0
        gc.collect()
        for batch in Traffic(entities).batches(events):
            raw = feed.encode(feed.taken(batch))
            self._deliver(self._accepted[partition_of(batch.sensor, PARTITIONS)], raw)

    def _deliver(self, stage: Stage, message: bytes) -> None:
        begun = time.process_time()
        waiting = deque(stage.take(message))
        self.matching += time.process_time() - begun
        while waiting:
            sent = waiting.popleft()
            if sent.lane != "hits":
                continue
            self.messages += 1
            self.size += len(sent.message)
            begun = time.process_time()
            waiting += self._hits[sent.partition].take(sent.message)
            self.stepping += time.process_time() - begun


def _row(
    what: str, ours: float, peer: float | None, peer_name: str, unit: str
) -> dict[str, object]:
    return {
        "what": what,
        "ours": round(ours, 2),
        "peer": None if peer is None else round(peer, 2),
        "peer_name": peer_name,
        "ratio": None if peer is None else round(peer / ours, 2),
        "unit": unit,
    }
