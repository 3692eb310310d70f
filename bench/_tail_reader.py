"""The measured child of ``tail``: reads a log to its end, writes JSON lines, keeps its place."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import msgspec

from sensors.sources import Context
from sensors.tail import FileSource


def follow(folder: Path) -> None:
    """Read ``in.log``, write ``out.json``; the checkpoint is synced after each block."""
    context = Context(host="h", utc_offset_minutes=480, now=lambda: time.time_ns() // 1000)
    source = FileSource("access", str(folder / "in.log"), form="nginx_access", context=context)
    encoder = msgspec.json.Encoder()
    place = os.open(folder / "checkpoint", os.O_WRONLY | os.O_CREAT, 0o600)
    with (folder / "out.json").open("wb") as out:
        while True:
            polled = source.poll(1024)
            if not polled.events:
                break
            out.write(encoder.encode_lines(polled.events))
            out.flush()
            os.pwrite(place, encoder.encode(polled.position).ljust(512), 0)
            os.fdatasync(place)
    os.close(place)
    source.close()


if __name__ == "__main__":
    follow(Path(sys.argv[1]))
