"""Stateful rules over a million live entities: events a CPU second, memory, snapshots.

A threshold, a count of distinct values and a sequence, each keyed by address, windows of hours, so
that every entity seen is a live key. Two sensors in turn, events up to five seconds out of order,
which wait in the reorder buffer until the watermark passes them; 20,000 events a second of event
time. Timed: ``feed`` and ``advance``, once every key is alive; not the making of the events. One
process of its own, CPU time; memory is its peak, the whole interpreter with it.

``FENGSUI_BENCH_ENTITIES`` asks for another number of entities. Where keys were evicted, the engine
did not hold what was asked for: ``keys_evicted`` says so. With ``FENGSUI_BENCH_PROFILE=1`` the
rows ``profile_…`` name where the time goes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

RUNNER: Final = Path(__file__).with_name("_rules_stateful_runner.py")
ENTITIES: Final = 1_000_000
EVENTS: Final = 400_000
_UNITS: Final = {
    "rate": ("events_per_cpu_second", "events/cpu s"),
    "fill_rate": ("events_per_cpu_second_of_new_keys", "events/cpu s"),
    "memory_mb": ("memory_mb", "MiB"),
    "memory_after_snapshot_mb": ("memory_with_snapshot_mb", "MiB"),
    "first_snapshot_ms": ("first_snapshot_ms", "cpu ms"),
    "snapshot_ms": ("snapshot_ms", "cpu ms, of what 20,000 events changed"),
    "evicted": ("keys_evicted", "keys"),
}


def run() -> list[dict[str, object]]:
    """The engine's rate, memory and snapshot pauses."""
    entities = int(os.environ.get("FENGSUI_BENCH_ENTITIES", ENTITIES))
    profiled = os.environ.get("FENGSUI_BENCH_PROFILE") == "1"
    return measure(entities=entities, events=EVENTS, profiled=profiled)


def measure(*, entities: int, events: int, profiled: bool = False) -> list[dict[str, object]]:
    """The benchmark in another size."""
    told = subprocess.run(
        [
            *(sys.executable, "-P", str(RUNNER), str(entities), str(events)),
            *(("profile",) if profiled else ()),
        ],
        capture_output=True,
        check=True,
    ).stdout
    found: dict[str, Any] = msgspec.json.decode(told)
    note = f"none; {entities} entities, three rules; {found['alerts']} alerts"
    note += f", {found['pending']} hits in the reorder buffer at the end"
    if profiled:
        note += "; under the profiler, which halves the rate"
    rows = [_row(what, found[key], unit, note) for key, (what, unit) in _UNITS.items()]
    for line in found["profile"]:
        share, _, where = line.partition(" ")
        rows.append(_row(f"profile_{where}", float(share.rstrip("%")), "% of the time", "none"))
    return rows


def _row(what: str, ours: float, unit: str, note: str) -> dict[str, object]:
    return {
        "what": what,
        "ours": round(ours, 1),
        "peer": None,
        "peer_name": note,
        "ratio": None,
        "unit": unit,
    }
