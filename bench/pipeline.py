"""The whole way of an event at saturation: parse, mask, seal, verify, index, detect.

The shipped recording through the product's own pipeline; CPU time of the whole process (children
apart), by stage. ``live`` is the share of one core at a hundred events a second, wall-paced.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fengsui.demo import RECORDING, RULE_IDS, RULES, recording_folder
from fengsui.folder import DataFolder
from fengsui.memory import settle
from fengsui.settings import SensorSettings, Settings, WatchSettings
from fengsui.wiring import Site, open_demonstration, open_site

ROUNDS = 3
LIVE_SECONDS = 20
LIVE_RATE = 100


def run() -> list[dict[str, object]]:
    """Events per CPU second at saturation, microseconds by stage, and the live share."""
    rounds = [_saturated() for _ in range(ROUNDS)]
    rates = [one.pop("rate") for one in rounds]
    spread = f"none; {RECORDING}, {RULES}; spread {min(rates):.0f} to {max(rates):.0f}"
    results = [_row("events_per_cpu_second", statistics.median(rates), spread, "events/cpu s")]
    for stage in rounds[0]:
        cost = statistics.median(one[stage] for one in rounds)
        results.append(_row(f"stage_{stage}", cost, "none", "us/event"))
    share = _live()
    results.append(_row("live_cpu_at_100_events_a_second", share, "none", "% of a core"))
    return results


def _row(what: str, ours: float, peer_name: str, unit: str) -> dict[str, object]:
    return {
        "what": what,
        "ours": round(ours, 2),
        "peer": None,
        "peer_name": peer_name,
        "ratio": None,
        "unit": unit,
    }


class _Stopwatch:
    """CPU time of the calls it wraps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def wrap(self, owner: Any, method: str, stage: str) -> None:
        inner: Callable[..., Any] = getattr(owner, method)

        def timed(*arguments: Any, **named: Any) -> Any:
            begun = time.process_time()
            try:
                return inner(*arguments, **named)
            finally:
                spent = time.process_time() - begun
                self.seconds[stage] = self.seconds.get(stage, 0.0) + spent

        setattr(owner, method, timed)


def _saturated() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="fengsui-bench-") as scratch:
        site = open_demonstration(DataFolder(Path(scratch)), recording_folder(), only=RULE_IDS)
        watch = _watched(site)
        recording = site.recording
        assert recording is not None
        settle()
        begun = time.process_time()
        while not recording.finished:
            site.pipeline.round()
        spent = time.process_time() - begun
        events = site.pipeline.progress.events
        site.close()
    seconds = watch.seconds
    stages = {
        "read_and_parse": seconds["parse"],
        "mask": seconds["mask"],
        "seal_and_store": seconds["sensor"] - seconds["parse"] - seconds["mask"],
        "verify_and_scan": seconds["intake"] - seconds["index"],
        "index": seconds["index"],
        "detect": seconds["detect"],
        "commit": seconds["commit"],
    }
    per_event = {stage: spent_on * 1e6 / events for stage, spent_on in stages.items()}
    return {"rate": events / spent, **per_event}


def _watched(site: Site) -> _Stopwatch:
    watch = _Stopwatch()
    (sensor,) = site.sensors
    for source in sensor.sources:
        watch.wrap(source, "poll", "parse")
    watch.wrap(sensor, "_masker", "mask")
    watch.wrap(sensor, "step", "sensor")
    watch.wrap(site.intake, "step", "intake")
    watch.wrap(site.index, "insert", "index")
    engine = site.pipeline._stages.engine
    watch.wrap(engine, "feed", "detect")
    watch.wrap(engine, "advance", "detect")
    watch.wrap(site.alerts, "commit", "commit")
    return watch


def _live() -> float:
    """CPU share while a log grows by a hundred lines a second."""
    with tempfile.TemporaryDirectory(prefix="fengsui-bench-") as scratch:
        log = Path(scratch) / "access.log"
        log.touch()
        settings = Settings(
            sensor=SensorSettings(
                watch=(WatchSettings(name="gate", path=str(log), format="nginx_access"),),
                inventory=False,
            )
        )
        site = open_site(DataFolder(Path(scratch) / "site"), settings)
        site.pipeline.start()
        time.sleep(1)
        begun, cpu = time.monotonic(), time.process_time()
        with log.open("a") as file:
            while time.monotonic() - begun < LIVE_SECONDS:
                stamp = time.strftime("%d/%b/%Y:%H:%M:%S %z")
                for number in range(LIVE_RATE // 10):
                    file.write(
                        f'127.0.3.{number} - - [{stamp}] "GET /api/cert/{number} HTTP/1.1" '
                        '200 1234 "-" "Mozilla/5.0 (X11; Linux x86_64)"\n'
                    )
                file.flush()
                time.sleep(0.1)
        share = (time.process_time() - cpu) / (time.monotonic() - begun) * 100
        site.close()
    return share
