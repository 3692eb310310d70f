"""From rule files to an engine that is ready: cold, from compiled forms, and the memory of it.

1,183 Windows process-creation rules, each measure in a fresh process, wall time from its start:
interpreter, imports, files, YAML, pySigma, matcher and engine. *Cold* finds no compiled form,
*cached* those of the same contents. Files are in the system's cache in both. Memory is what
the cold process holds at the end, which the compiler's modules are part of.

The peer parses the same files and builds its engine; it has no compiled form of files on disk
(it can keep one of its own), so the second row has no peer.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from bench import _rule_data as data
from bench.peers import fetch
from bench.peers.peer import MissingPeer
from bench.peers.rounds import figure

ROUNDS: Final = 7
READER: Final = data.ROOT / "bench" / "_rules_load_reader.py"
_MIB: Final = 1 << 20


class _Load(NamedTuple):
    seconds: float
    cpu_seconds: float
    memory_mb: float
    rules: int


def run() -> list[dict[str, object]]:
    """Seconds cold and cached, and MiB."""
    return measure()


def measure(*, rounds: int = ROUNDS, rules: int | None = None) -> list[dict[str, object]]:
    """The benchmark in another size; raises ``fengsui.bench.data_absent``."""
    files = [file.path for file in data.rule_files() if file.process_creation][:rules]
    cold: list[_Load] = []
    cached: list[_Load] = []
    theirs: list[tuple[float, float]] = []
    reason = ""
    with tempfile.TemporaryDirectory(prefix="fengsui-bench-") as scratch:
        listed = Path(scratch) / "rules.txt"
        listed.write_text("\n".join(map(str, files)), encoding="utf-8")
        folder = Path(scratch) / "rules"
        folder.mkdir()
        for file in files:
            shutil.copy(file, folder)
        for number in range(rounds):
            cache = Path(scratch) / str(number)
            cache.mkdir()
            cold.append(_ours(folder, cache))
            cached.append(_ours(folder, cache))
            try:
                theirs.append(_theirs(listed))
            except MissingPeer as error:
                reason = f"rsigma-eval cannot be had here: {error}"
    note = f"{reason or 'rsigma-eval 0.23.0'}; {cold[0].rules} rules"
    peer_seconds, peer_memory = [one[0] for one in theirs], [one[1] for one in theirs]
    return [
        _less_is_better("cold_seconds", [one.seconds for one in cold], peer_seconds, "s", note),
        _less_is_better("cold_cpu_seconds", [one.cpu_seconds for one in cold], [], "s", note),
        _less_is_better("cached_seconds", [one.seconds for one in cached], [], "s", note),
        _less_is_better("cached_cpu_seconds", [one.cpu_seconds for one in cached], [], "s", note),
        _less_is_better("memory_mb", [one.memory_mb for one in cold], peer_memory, "MiB", note),
        _less_is_better("cached_memory_mb", [one.memory_mb for one in cached], [], "MiB", note),
    ]


def _less_is_better(
    what: str, ours: list[float], theirs: list[float], unit: str, note: str
) -> dict[str, object]:
    row = figure(what, ours, theirs, unit=unit, peer_name=note)
    mine, peer = row["ours"], row["peer"]
    if isinstance(mine, float) and isinstance(peer, float):
        row["ratio"] = round(peer / mine, 3)
    return row


def _ours(folder: Path, cache: Path) -> _Load:
    told = subprocess.run(
        [sys.executable, "-P", str(READER), str(folder), str(cache)],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    ).stdout.split()
    return _Load(float(told[0]), float(told[1]), float(told[2]), int(told[3]))


def _theirs(listed: Path) -> tuple[float, float]:
    with fetch.start("rsigma") as peer:
        _, seconds, _ = peer.ask("rules", str(listed).encode())
        (resident,) = peer.ask("memory")
    return float(seconds), int(resident) / _MIB
