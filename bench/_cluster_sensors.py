"""The sensors of the live run of ``bench cluster``: each follows a file that grows at a pace.

Run as ``python -m bench._cluster_sensors DIR SETTINGS ENROLLED RATE SECONDS``. The lines are the
recording's with the time of now; each sensor's file holds a mark each second, which carries the
time it was written. Prints how many lines were written,
and how many of them were marks.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import msgspec

from bench import _cluster_ground as grounds
from bench._cluster_ground import Enrolled, Watched
from fengsui import ciphers, remote
from fengsui.settings import Settings

TICK_SECONDS = 0.1
KNOWN = 50_000
"""Different lines."""
DRAIN_SECONDS_MAX = 60.0
MARK = b'127.9.9.9 - - [%b] "GET /bench/mark/%d-%b HTTP/1.1" 200 17 "-" "bench"\n'


def main() -> None:
    """Write, seal and ship for so long."""
    folder, settings, enrolled, rate, seconds = sys.argv[1:]
    ciphers.start("auto")
    told = msgspec.json.decode(settings, type=Settings)
    names = msgspec.json.decode(enrolled, type=list[Enrolled])
    watched = [grounds.watch(Path(folder) / one.name, told, one) for one in names]
    stop = threading.Event()
    carried = [
        threading.Thread(target=remote.carry, args=(one.sensor, one.way.shipper, stop))
        for one in watched
    ]
    for thread in carried:
        thread.start()
    written, marks = _write(names, watched, int(rate), float(seconds))
    until = time.monotonic() + DRAIN_SECONDS_MAX
    while sum(one.sensor.counters.sealed for one in watched) < written:
        if time.monotonic() > until:
            break
        time.sleep(0.1)
    sys.stdout.write(f"{written} {marks}\n")
    sys.stdout.flush()
    # Heartbeats go on, which is what lets the last alerts become final, until we are told.
    sys.stdin.readline()
    stop.set()
    for thread in carried:
        thread.join()


def _write(
    names: list[Enrolled], watched: list[Watched], rate: int, seconds: float
) -> tuple[int, int]:
    """Lines at that rate over all files, evenly; how many, and how many marks among them."""
    parts = [line.split(b"[", 1) for line in grounds.lines(KNOWN)]
    cut = [(head + b"[", rest.split(b"]", 1)[1]) for head, rest in parts]
    files = [one.file.open("ab") for one in watched]
    begun, written, marked, marks = time.monotonic(), 0, -1, 0
    while (passed := time.monotonic() - begun) < seconds:
        stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime()).encode()
        due = int(passed * rate) - written
        share = [cut[(written + at) % KNOWN] for at in range(max(0, due))]
        second = int(passed)
        for number, file in enumerate(files):
            own = share[number :: len(files)]
            file.write(b"".join([head + stamp + b"]" + rest for head, rest in own]))
            if second > marked:
                name = names[number].name.encode()
                file.write(MARK % (stamp, time.time_ns() // 1000, name))
                written += 1
                marks += 1
            file.flush()
        marked = max(marked, second)
        written += len(share)
        time.sleep(TICK_SECONDS)
    for file in files:
        file.close()
    return written, marks


if __name__ == "__main__":
    main()
