"""The status file of a running service: where it answers, which processes it is, their logs.

A process is known by its number and the time it was made, so that a number the system has given
to somebody else is never ended.
"""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypedDict

import psutil

from deploy.services.program import POLL_SECONDS, Program

FILE: Final = "service.json"
END_SECONDS_MAX: Final = 10
_SAME_SECONDS: Final = 1.0
"""The system tells the time a process was made in hundredths of a second."""


class Running(TypedDict):
    """One process."""

    name: str
    pid: int
    made_at: float
    log: str


class Status(TypedDict):
    """One service."""

    service: str
    address: str
    programs: list[Running]


def write(folder: Path, service: str, address: str, programs: Sequence[Program]) -> None:
    """Write down what runs now."""
    rows: list[Running] = []
    for program in programs:
        if program.running:
            try:
                made_at = psutil.Process(program.pid).create_time()
            except psutil.NoSuchProcess:
                continue
            rows.append(
                Running(name=program.name, pid=program.pid, made_at=made_at, log=str(program.log))
            )
    fresh = folder / f"{FILE}.new"
    fresh.write_text(
        json.dumps(Status(service=service, address=address, programs=rows), indent=2), "utf-8"
    )
    fresh.rename(folder / FILE)


def remove(folder: Path) -> None:
    """Nothing runs any more."""
    (folder / FILE).unlink(missing_ok=True)


def read(folder: Path) -> Status | None:
    """What was written last; None where nothing runs."""
    try:
        found: Status = json.loads((folder / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return found


def alive(running: Running) -> bool:
    """Whether that very process still runs."""
    return _process(running) is not None


def down(folder: Path) -> list[str]:
    """End what the status file names, gently first; the names of what was ended."""
    found = read(folder)
    if found is None:
        return []
    living = [row for row in found["programs"] if alive(row)]
    for row in living:
        _send(row, signal.SIGTERM)
    until = time.monotonic() + END_SECONDS_MAX
    while any(map(alive, living)) and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
    for row in living:
        _send(row, signal.SIGKILL)
    remove(folder)
    return [row["name"] for row in living]


def _send(running: Running, number: signal.Signals) -> None:
    process = _process(running)
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _process(running: Running) -> psutil.Process | None:
    try:
        process = psutil.Process(running["pid"])
        same = abs(process.create_time() - running["made_at"]) < _SAME_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
