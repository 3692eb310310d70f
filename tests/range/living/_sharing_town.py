"""Carries the same deeds out in memory and for real, and writes down what each left behind.

    python _sharing_town.py OUT SEED VOLUME

Runs inside fresh namespaces, which it enters itself; needs root.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[0] = str(ROOT / "range")
sys.path.append(str(ROOT))

import guard  # noqa: E402
from district.calendar import SECOND_US  # noqa: E402
from district.deed import Deed  # noqa: E402
from district.run import District  # noqa: E402
from district.sharing import make  # noqa: E402
from district.sharing.acts import Replay  # noqa: E402
from district.sharing.days import ask_for  # noqa: E402
from district.sharing.system import Sharing  # noqa: E402
from district.stream import Line, Sink  # noqa: E402
from district.system import System  # noqa: E402
from living import namespace  # noqa: E402
from living import sharing as living  # noqa: E402
from living.clock import Clock  # noqa: E402
from living.ground import NETWORKS, Ground  # noqa: E402
from living.sharing.part import LivingSharing  # noqa: E402

SCRATCH = Path("/srv")
ACROSS = "across midnight"


class Both:
    """Hands that do each deed twice."""

    def __init__(self, part: LivingSharing, ground: Ground, sink: Sink) -> None:
        self._part, self._ground, self._sink = part, ground, sink
        self.done: list[dict[str, object]] = []
        self.acts: Counter[str] = Counter()

    def perform(self, system: System, deed: Deed) -> Iterable[Deed]:
        before = len(self._sink.lines)
        follows = list(system.perform(deed))
        generated = self._sink.lines[before:]
        del self._sink.lines[before:]
        name = type(deed.act).__name__
        self._ground.clock.begin(deed.at, deed.episode)
        more = list(self._part.perform(deed))
        self.acts[name] += 1
        lived = self._sink.lines[before:]
        del self._sink.lines[before:]
        for log in self._ground.logs:
            for true_s, text in log.read():
                moment = self._ground.clock.moment(true_s)
                lived.append(
                    Line(moment.at, log.stream, log.stamped(text, moment.at), moment.episode)
                )
        assert [one.at for one in more] == [one.at for one in follows]
        self.done.append(
            {
                "act": repr(deed.act), "at": deed.at, "episode": deed.episode,
                "generated": [list(line) for line in generated],
                "living": [list(line) for line in lived],
            }
        )  # fmt: skip
        return follows

    def end_of_day(self) -> None:
        self._part.end_of_day()


def inside(out: Path, seed: int, volume: float) -> None:
    namespace.settle(SCRATCH)
    guard.install(*NETWORKS)
    district = District([make], seed=seed, volume=volume, warm_up=1, measured=2)
    midnight = district.days[1].start
    clock, system = Clock(midnight), district.systems[0]
    part = living.make(system, district.town, district.sink)
    assert isinstance(part, LivingSharing)
    assert isinstance(system, Sharing)
    ground = Ground(SCRATCH, clock, {})
    try:
        part.start(ground)
        ground.serve()
        both = Both(part, ground, district.sink)
        days = district.run()
        next(days)
        # Caught half a minute before the databases take over, sent again half a minute after.
        caught = ask_for(
            random.Random(1), system.parties.narrow[0], district.town.citizens[0].number
        )
        kept = replace(caught, keep=ACROSS)
        deed = Deed(at=midnight - 30 * SECOND_US, system=system.name, act=kept)
        list(system.perform(deed))
        part.begin()
        district.hands = both
        again = Replay(keep=ACROSS, address=caught.address)
        both.perform(system, Deed(at=midnight + 30 * SECOND_US, system=system.name, act=again))
        for _ in days:
            pass
    finally:
        part.stop()
        ground.stop()
    facts = {
        "deeds": both.done,
        "acts": dict(both.acts),
        "reached": part.reached,
    }  # fmt: skip
    out.write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    if "--inside" in sys.argv:
        inside(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
    else:
        namespace.enter([str(Path(__file__).resolve()), *sys.argv[1:], "--inside"])
