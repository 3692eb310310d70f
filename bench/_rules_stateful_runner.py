"""The measured child of ``rules_stateful``: an engine with so many live keys, in one process.

Arguments: entities, events measured, and ``profile`` for where the time goes. Prints one JSON line.
"""

from __future__ import annotations

import cProfile
import pstats
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from analytics.engine import Engine
from analytics.ruleset import RuleSet, load
from fengsui.memory import settle
from schema.event import AcceptedBatch, Fields
from schema.times import SECOND

BATCH: Final = 1000
START: Final = 1_764_000_000 * SECOND
RATE: Final = 20_000
"""Events of one second of event time: a million entities come by once in a minute."""
DISORDER_US: Final = 5 * SECOND
"""Events come up to so much earlier than the newest; the sensor's low watermark allows for it."""
ADVANCE_EVERY: Final = 4
"""Batches between two advances, as the pipeline's rounds under load have it."""
SENSORS: Final = ("gateway-a", "gateway-b")
_MIB: Final = 1 << 20
_TEXT: Final = "text: {title_zh: t, title_en: t, triage_zh: t, triage_en: t}"

RULES: Final = {
    "threshold": """
threshold: {within: 6h, count: 10}
detection: {s: {http.response.status_code: 404}, condition: s}
""",
    "distinct": """
threshold: {within: 6h, count: 20, distinct: url.path}
detection: {s: {http.response.status_code: 403}, condition: s}
""",
    "sequence": """
sequence:
  within: 6h
  steps:
    - {name: refused, count: 3, detection: {s: {http.response.status_code: 401}, condition: s}}
    - {name: let-in, count: 1, detection: {s: {http.response.status_code: 302}, condition: s}}
""",
}
"""A window of hours, so that no key is idle before the measure ends."""


def rules(folder: Path) -> RuleSet:
    """The three rules, each keyed by address."""
    for kind, body in RULES.items():
        (folder / f"{kind}.yml").write_text(
            f"format: fengsui/1\nid: bench-{kind}\nversion: 1.0.0\nseverity: low\nscore: 10\n"
            "entity: source.ip\nlogsource: {product: nginx, service: access}\n"
            f"{body.strip()}\n{_TEXT}\n",
            encoding="utf-8",
        )
    return load([folder]).require_all()


class Traffic:
    """Batches of events out of order, every entity first once, then at random."""

    def __init__(self, entities: int) -> None:
        self._entities = entities
        self._dice = random.Random(20261125)
        self._count = 0
        self._numbers = dict.fromkeys(SENSORS, 0)

    def batches(self, events: int) -> Iterator[AcceptedBatch]:
        """The next batches, of one sensor and the other in turn."""
        for number in range(events // BATCH):
            yield self._batch(SENSORS[number % len(SENSORS)])

    def _batch(self, sensor: str) -> AcceptedBatch:
        dice, count = self._dice, self._count
        self._numbers[sensor] += 1
        times = [
            START + (count + place) * SECOND // RATE - dice.randrange(DISORDER_US)
            for place in range(BATCH)
        ]
        self._count += BATCH
        newest = START + self._count * SECOND // RATE
        return AcceptedBatch(
            sensor=sensor,
            number=self._numbers[sensor],
            first_sequence=(self._numbers[sensor] - 1) * BATCH + 1,
            low_watermark=newest - DISORDER_US,
            received_at=newest,
            indexes=range(BATCH),
            ids=[(count + place).to_bytes(16, "big") for place in range(BATCH)],
            times=times,
            events=[self._event(count + place) for place in range(BATCH)],
            enrichment=[{}] * BATCH,
        )

    def _event(self, number: int) -> Fields:
        dice = self._dice
        entity = number if number < self._entities else dice.randrange(self._entities)
        # Each entity belongs to one rule, so that there are as many keys as entities.
        kind = entity % 3
        status = (404, 403, 401 if dice.random() < 0.9 else 302)[kind]
        return {
            "event.dataset": "nginx.access",
            "source.ip": f"10.{entity >> 16}.{entity >> 8 & 255}.{entity & 255}",
            "http.response.status_code": status,
            "http.request.method": "GET",
            "url.path": f"/services/{dice.randrange(1000)}/detail",
            "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0",
        }


class _Watch:
    """CPU seconds of the engine's calls, the making of the events left out."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.alerts = 0
        self.evicted = 0

    def carry(self, engine: Engine, batches: Iterator[AcceptedBatch]) -> None:
        for number, batch in enumerate(batches, 1):
            begun = time.process_time()
            engine.feed(batch)
            output = engine.advance() if number % ADVANCE_EVERY == 0 else None
            self.seconds += time.process_time() - begun
            if output:
                self.alerts += len(output.alerts)
                self.evicted += sum(row.evicted for row in output.coverage)


def measure(entities: int, events: int, *, profiled: bool) -> dict[str, Any]:
    """Fill the engine with keys, then measure; snapshots of all and of what changed since."""
    with tempfile.TemporaryDirectory(prefix="fengsui-bench-") as folder:
        ruleset = rules(Path(folder))
    engine = Engine(ruleset, required=SENSORS)
    traffic = Traffic(entities)
    filling, watch = _Watch(), _Watch()
    before_mb = _peak_mb()
    settle()
    filling.carry(engine, traffic.batches(entities))
    profile = cProfile.Profile()
    if profiled:
        profile.enable()
    watch.carry(engine, traffic.batches(events))
    profile.disable()
    filled_mb = _peak_mb()
    pauses = [_snapshot_ms(engine)]
    watch_after = _Watch()
    watch_after.carry(engine, traffic.batches(20 * BATCH))
    pauses.append(_snapshot_ms(engine))
    return {
        "fill_rate": entities / filling.seconds,
        "rate": events / watch.seconds,
        "memory_mb": filled_mb,
        "base_mb": before_mb,
        "memory_after_snapshot_mb": _peak_mb(),
        "first_snapshot_ms": pauses[0],
        "snapshot_ms": pauses[1],
        "alerts": filling.alerts + watch.alerts,
        "evicted": filling.evicted + watch.evicted,
        "pending": engine.pending,
        "profile": _top(profile) if profiled else [],
    }


def _snapshot_ms(engine: Engine) -> float:
    begun = time.process_time()
    engine.snapshot()
    return (time.process_time() - begun) * 1000


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / _MIB


def _top(profile: cProfile.Profile, count: int = 25) -> list[str]:
    """The functions that took longest by themselves."""
    stats: dict[Any, Any] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    whole = sum(row[2] for row in stats.values())
    ranked = sorted(stats.items(), key=lambda item: -item[1][2])[:count]
    return [
        f"{row[2] / whole:.1%} {Path(file).name}:{line} {name}"
        for (file, line, name), row in ranked
    ]


if __name__ == "__main__":
    found = measure(int(sys.argv[1]), int(sys.argv[2]), profiled="profile" in sys.argv[3:])
    print(msgspec.json.encode(found).decode())
