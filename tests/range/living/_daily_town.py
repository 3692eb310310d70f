"""Carries a day of the district's machines out for real, and tells what it left behind.

    python _daily_town.py OUT SEED VOLUME

Beside it the same day from templates. Runs inside fresh namespaces, which it enters itself; needs
root.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[0] = str(ROOT / "range")
sys.path.append(str(ROOT))

import guard  # noqa: E402
from district.daily import make  # noqa: E402
from district.run import District, Today  # noqa: E402
from living import daily as living  # noqa: E402
from living import namespace  # noqa: E402
from living.clock import Clock  # noqa: E402
from living.crew import Crew  # noqa: E402
from living.ground import NETWORKS, Ground  # noqa: E402

SCRATCH = Path("/srv")


def town(seed: int, volume: float) -> District:
    return District([make], seed=seed, volume=volume, warm_up=1, measured=1)


def lines(today: Today) -> list[list[object]]:
    return [list(line) for line in today.lines]


def inside(out: Path, seed: int, volume: float) -> None:
    generated = list(town(seed, volume).run())[-1]
    namespace.settle(SCRATCH)
    guard.install(*NETWORKS)
    district = town(seed, volume)
    clock = Clock(district.days[1].start)
    part = living.make(district.systems[0], district.town, district.sink)
    ground = Ground(SCRATCH, clock, {})
    try:
        part.start(ground)
        ground.serve()
        crew = Crew({"daily": part}, ground.logs, clock=clock, sink=district.sink)
        days = district.run()
        next(days)
        part.begin()
        district.hands = crew
        lived = list(days)[-1]
    finally:
        ground.stop()
    facts = {
        "generated": lines(generated),
        "living": lines(lived),
        "failures": dict(crew.failures),
        "made": {name: made.by for name, made in part.made.items()},
    }  # fmt: skip
    out.write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    if "--inside" in sys.argv:
        inside(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
    else:
        namespace.enter([str(Path(__file__).resolve()), *sys.argv[1:], "--inside"])
