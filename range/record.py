"""Records one district day: starts the servers, lets people and attackers work, writes the set.

    sudo python range/record.py range/recordings/district-day

Needs Linux, root (for namespaces), the Debian packages and the Python packages that README.md
names. Everything runs in fresh mount, network, process and host-name namespaces: nothing but
their own loopback is in reach, and when the main process ends the kernel ends all others.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import attackers
import guard
import people
from actions import Action, LocalSudo, PortProbe, Shell, Sql
from client import Client
from clock import Pace
from labels import Trace, write_recording
from servers import Servers, isolate
from town import FIRST_S, HOURS

_WORKERS = 160  # waiting people cost little; this bounds open connections
_BACKLOG = 24  # due but not started actions above which recorded time waits for the machine
_FAST, _NEAR_ATTACK, _WAITING = 500.0, 32.0, 1.0
# Covered by a file system in memory, inside the namespace only. Some server lines name it.
_SCRATCH = Path("/srv")
_MARGIN_S = 15.0
# The bulk download and the slow guessing are spread out on purpose and need no slow motion.
_SPREAD = frozenset({"A13", "A18"})
_LONGEST_TRUE_S = 45 * 60.0


class _Crew:
    """A bounded crew of threads that carry actions out and note what became of each."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._due: queue.SimpleQueue[Action | None] = queue.SimpleQueue()
        self.traces: list[Trace] = []
        self.failures: dict[str, int] = {}
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_WORKERS)]
        for thread in self._threads:
            thread.start()

    def submit(self, action: Action) -> None:
        self._due.put(action)

    def backlog(self) -> int:
        return self._due.qsize()

    def finish(self) -> None:
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join(timeout=60)

    def _work(self) -> None:
        while (action := self._due.get()) is not None:
            begin = time.time()
            try:
                self._client.run(action)
            except Exception as error:  # noqa: BLE001 - refusals are part of the play; counted
                name = f"{type(action).__name__}:{type(error).__name__}"
                self.failures[name] = self.failures.get(name, 0) + 1
                if self.failures[name] <= 3:
                    print(f"{action.label or 'honest'} {name}: {error}", flush=True)
            port = 0 if isinstance(action, LocalSudo) else guard.last_port()
            self.traces.append(
                Trace(self._server(action), action.source, port, action.label, begin, time.time())
            )

    @staticmethod
    def _server(action: Action) -> str:
        if isinstance(action, Sql):
            return f"pg-{action.cluster}"
        return "sshd" if isinstance(action, Shell | PortProbe | LocalSudo) else "nginx"


def _slow_spans(actions: list[Action]) -> list[tuple[float, float]]:
    """Return the recorded spans in which time must pass slowly, merged and in order."""
    spans: list[tuple[float, float]] = []
    for action in actions:
        if not action.label or action.label in _SPREAD:
            continue
        length = 0.0
        if isinstance(action, Shell):
            length = action.length_s
        elif isinstance(action, Sql) and action.statements:
            length = action.statements[-1][0]
        begin, end = action.at_s - _MARGIN_S, action.at_s + length + _MARGIN_S
        if spans and begin <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((begin, end))
    return spans


def _drive(pace: Pace, crew: _Crew, actions: list[Action]) -> None:
    """Let recorded time pass; submit each action when it is due."""
    slow = _slow_spans(actions)
    begun, position, slow_position = time.time(), 0, 0
    while position < len(actions):
        now = pace.recorded_s()
        while position < len(actions) and actions[position].at_s <= now:
            crew.submit(actions[position])
            position += 1
        while slow_position < len(slow) and slow[slow_position][1] < now:
            slow_position += 1
        near = slow_position < len(slow) and slow[slow_position][0] <= now
        waiting = crew.backlog() > _BACKLOG
        pace.set_speed(_WAITING if waiting else _NEAR_ATTACK if near else _FAST)
        if time.time() - begun > _LONGEST_TRUE_S:
            raise RuntimeError("the recording did not end in its time limit")
        time.sleep(0.003)
    pace.set_speed(1.0)


def _inside(out: Path, *, hours: float, seed: int) -> None:
    """Record, inside the namespaces; then restamp what was recorded into `out`."""
    guard.install()
    isolate(_SCRATCH)
    raw = _SCRATCH / "raw"
    raw.mkdir()
    # The database servers run as their own user and write here too.
    raw.chmod(0o777)
    servers = Servers(scratch=_SCRATCH, raw=raw)
    planned = [*people.plan(seed), *attackers.plan(seed)]
    actions = sorted((a for a in planned if a.at_s < hours * 3600), key=lambda action: action.at_s)
    servers.start()
    try:
        pace = Pace()
        client = Client(pace=pace, key=servers.key_path)
        crew = _Crew(client)
        _drive(pace, crew, actions)
        crew.finish()
        time.sleep(1.0)
        knots = pace.knots()
    finally:
        servers.stop()
    facts = {
        "first_s": FIRST_S,
        "knots": knots,
        "traces": [dataclasses.astuple(trace) for trace in crew.traces],
        "failures": crew.failures,
        "versions": servers.versions(),
        "seed": seed,
    }
    (raw / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    print(f"true seconds: {knots[-1][0] - knots[0][0]:.0f}, failures: {crew.failures}", flush=True)
    kept = os.environ.get("RANGE_KEEP_RAW")
    if kept:
        shutil.copytree(raw, kept, dirs_exist_ok=True)
    write_recording(raw, out)


def main() -> None:
    """Read the command line, enter the namespaces, record, and leave no scratch files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the recording")
    parser.add_argument("--hours", type=float, default=HOURS, help="recorded hours (default all)")
    parser.add_argument("--seed", type=int, default=20261120, help="seed of every plan")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.inside:
        _inside(chosen.out, hours=chosen.hours, seed=chosen.seed)
        return
    chosen.out.mkdir(parents=True, exist_ok=True)
    enter = (
        "unshare",
        "--mount",
        "--net",
        "--pid",
        "--uts",
        "--ipc",
        "--fork",
        "--mount-proc",
        "--kill-child",
        "--propagation",
        "private",
    )
    subprocess.run((*enter, sys.executable, *sys.argv, "--inside"), check=True)


if __name__ == "__main__":
    main()
