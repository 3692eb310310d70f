"""The live run of ``bench cluster``: sensors, brokers, centre, workers and search node at a pace.

All of it is on this machine, sensors included. A mark is a line that one rule finds; what is
measured on the wall's clock is from the line's writing (its reading and sealing come behind it) to
the alert in the centre's state of record: first as it was shown, then as final.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import msgspec

from bench import _cluster_ground as grounds
from bench._cluster_centre import RULE, Ready, Stood
from bench._cluster_ground import Ground
from bench._cluster_rates import worker

SENSORS: Final = 4
SETTLE_SECONDS: Final = 40.0
"""After the last line: what is final by then was slow, what is not is counted as missing."""
WARM_SECONDS: Final = 5
"""The first marks wait for programs that only start."""

MARK_RULE: Final = f"""format: fengsui/1
id: {RULE}
version: 1.0.0
severity: medium
score: 50
entity: url.path
suppression: 1h
logsource:
  product: nginx
  service: access
detection:
  s:
    url.path|startswith: /bench/mark/
  condition: s
text:
  title_zh: 测速标记
  title_en: Mark of a benchmark
  triage_zh: 合成数据，无需处置。
  triage_en: 'Synthetic data: nothing to do.'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a live run showed."""

    written: int
    taken: int
    """Events the centre had taken in when the last line was written and sealed."""
    taken_in_the_end: int
    seconds: float
    shown: list[float]
    """Seconds from a mark's writing to its alert, by mark."""
    final: list[float]
    missing: int
    """Marks without a final alert in the end."""
    cores: dict[str, float]
    """CPU seconds a second by component, while lines were written."""
    memory: dict[str, float]
    """MiB resident by component, behind the last line."""


def run(ground: Ground, *, rate: int, seconds: float, workers: int) -> Live:
    """Lines at that rate for so long through everything."""
    settings = ground.settings()
    folder = ground.folder / settings.bus.prefix
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / f"{RULE}.yml").write_text(MARK_RULE, encoding="utf-8")
    names = [f"gate-{number}" for number in range(SENSORS)]
    told = msgspec.json.encode(settings).decode()
    with ExitStack() as started:
        centre = _start(
            started, "_cluster_centre", str(folder / "centre"), told, str(folder / "rules"), *names
        )
        ready = msgspec.json.decode(_line(centre), type=Ready)
        working = [
            started.enter_context(worker(folder / f"worker-{number}", settings.bus))
            for number in range(workers)
        ]
        # A worker imports and joins its group in some seconds; none of that is a steady rate.
        time.sleep(WARM_SECONDS * 2)
        pids = {
            "centre": [centre.pid],
            "workers": [one.pid for one in working],
            "kafka": ground.kafka_pids,
            "elasticsearch": ground.search_pids,
        }
        enrolled = msgspec.json.encode(ready.enrolled).decode()
        before = {name: grounds.cpu_of(these) for name, these in pids.items()}
        begun = time.monotonic()
        sensors = _start(
            started, "_cluster_sensors", str(folder / "sensors"), told, enrolled, str(rate),
            str(seconds),
        )  # fmt: skip
        written, marked = map(int, _line(sensors).split())
        spent = time.monotonic() - begun
        cores = {
            name: (grounds.cpu_of(these) - before[name]) / spent for name, these in pids.items()
        }
        cores["sensors"] = grounds.cpu_of([sensors.pid]) / spent
        memory = {name: grounds.memory_of(these) for name, these in pids.items()}
        memory["sensors"] = grounds.memory_of([sensors.pid])
        taken = _ask(centre).events
        stood = _settled(centre, written, marked)
        assert sensors.stdin is not None
        sensors.stdin.write(b"end\n")
        sensors.stdin.flush()
        sensors.wait(60)
        assert centre.stdin is not None
        centre.stdin.write(b"end\n")
        centre.stdin.flush()
        centre.wait(60)
    marks = set(stood.shown) | set(stood.final)
    first = min(map(_written_at, marks), default=0) + WARM_SECONDS * 1_000_000
    steady = sorted(mark for mark in marks if _written_at(mark) >= first)
    return Live(
        written=written,
        taken=taken,
        taken_in_the_end=stood.events,
        seconds=spent,
        shown=[_waited(stood.shown[one], one) for one in steady if one in stood.shown],
        final=[_waited(stood.final[one], one) for one in steady if one in stood.final],
        missing=marked - len(stood.final),
        cores=cores,
        memory=memory,
    )


def percentile(values: list[float], percent: int) -> float:
    """That percentile; of few values the next greater one."""
    if len(values) < 2:
        return values[0] if values else math.nan
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _settled(centre: subprocess.Popen[bytes], written: int, marks: int) -> Stood:
    until = time.monotonic() + SETTLE_SECONDS
    while True:
        stood = _ask(centre)
        done = stood.events >= written and len(stood.final) >= marks
        if done or time.monotonic() > until:
            return stood
        time.sleep(0.5)


def _written_at(mark: str) -> int:
    return int(mark.rpartition("/")[2].partition("-")[0])


def _waited(seen: int, mark: str) -> float:
    return (seen - _written_at(mark)) / 1e6


def _start(started: ExitStack, module: str, *arguments: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", f"bench.{module}", *arguments],
        cwd=Path(__file__).resolve().parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    # Told to end as each is; what is still there in the end is killed, and its pipes closed.
    started.enter_context(process)
    started.callback(process.kill)
    return process


def _line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    stream: IO[bytes] = process.stdout
    line = stream.readline()
    if not line:
        raise RuntimeError("a process of the live run ended before it answered")
    return line


def _ask(centre: subprocess.Popen[bytes]) -> Stood:
    assert centre.stdin is not None
    centre.stdin.write(b"\n")
    centre.stdin.flush()
    return msgspec.json.decode(_line(centre), type=Stood)
