"""The measured child of ``rules_load``: from rule files to a plan that has answered an event.

Prints seconds from the start of the process, resident MiB, and how many rules it holds.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import msgspec

from analytics.expression import Node
from analytics.matching import plan
from analytics.matching.port import Question
from crypto import sm3


class _Rule(msgspec.Struct, frozen=True, array_like=True):
    id: str
    condition: Node


def load(listed: Path, cache: Path) -> int:
    """Compile the listed rule files, or take the compiled form of the same contents."""
    raws = [Path(line).read_bytes() for line in listed.read_text(encoding="utf-8").splitlines()]
    kept = cache / f"{sm3.digest(b''.join(sm3.digest(raw) for raw in raws)).hex()}.rules"
    try:
        rules = msgspec.msgpack.decode(kept.read_bytes(), type=list[_Rule])
    except OSError:
        rules = _compiled(raws)
        kept.write_bytes(msgspec.msgpack.encode(rules))
    questions = [Question(place, 1, rule.condition) for place, rule in enumerate(rules)]
    plan(questions).match([{"Image": "C:\\Windows\\System32\\cmd.exe"}])
    return len(rules)


def _compiled(raws: list[bytes]) -> list[_Rule]:
    # Imported here: pySigma and YAML are not needed when the compiled form is cached.
    from bench._rule_conditions import condition_of

    return [_Rule(*found) for found in map(condition_of, raws) if found]


def _since_start() -> float:
    """Seconds since this process began: interpreter and imports count."""
    ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    began = ticks / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


if __name__ == "__main__":
    held = load(Path(sys.argv[1]), Path(sys.argv[2]))
    print(f"{_since_start():.3f} {time.process_time():.3f} {_resident_mb():.1f} {held}")
