"""One day of certificates twice, generated and living; run inside namespaces by its test.

    python _certificates_twice.py STEP_CA

Prints, as JSON, how many lines each stream has both times and in which fields of their events, as
the product's formats read them, lines of the same deed differ.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:1] = [str(ROOT), str(ROOT / "range")]

import guard  # noqa: E402
from district.certificates import make  # noqa: E402
from district.deed import Deed  # noqa: E402
from district.run import District, Hands  # noqa: E402
from district.stream import EVENTS, Line, Stream  # noqa: E402
from district.system import System  # noqa: E402
from living import namespace, parts  # noqa: E402
from living.clock import Clock  # noqa: E402
from living.crew import Crew  # noqa: E402
from living.ground import NETWORKS, Ground  # noqa: E402

from schema.event import Fields  # noqa: E402
from sensors.sources import Context, open_format  # noqa: E402

SCRATCH = Path("/srv")
SEED, VOLUME, WARM_UP, WEEK = 5, 0.3, 6, 7


class Noting:
    """Hands that note each stream's lines in the order of deeds."""

    def __init__(self, hands: Hands, district: District) -> None:
        self._hands, self._district = hands, district
        self.lines: dict[str, list[Line]] = defaultdict(list)
        self.deeds = 0

    def perform(self, system: System, deed: Deed) -> Iterable[Deed]:
        self.deeds += 1
        with_more = len(self._district.sink.lines)
        more = list(self._hands.perform(system, deed))
        self._note(with_more)
        return more

    def end_of_day(self) -> None:
        before = len(self._district.sink.lines)
        self._hands.end_of_day()
        self._note(before)

    def _note(self, before: int) -> None:
        for line in self._district.sink.lines[before:]:
            self.lines[line.stream].append(line)


def _day(ground: Ground | None) -> Noting:
    district = District([make], seed=SEED, volume=VOLUME, warm_up=WARM_UP, measured=WEEK)
    noting = Noting(district.hands, district)
    living = {}
    if ground is not None:
        systems = {system.name: system for system in district.systems}
        living = parts.living(systems, district.town, district.sink)
        for part in living.values():
            part.start(ground)
        noting = Noting(
            Crew(living, ground.logs, clock=ground.clock, sink=district.sink), district
        )  # fmt: skip
    for today in district.run():
        if today.day.number == WARM_UP:
            break
        if today.day.number == WARM_UP - 1:
            for part in living.values():
                part.begin()
            district.hands = noting
    return noting


def _events(stream: Stream, lines: list[Line]) -> Iterator[Fields]:
    if stream.form == EVENTS:
        yield from (line.text for line in lines if not isinstance(line.text, str))
        return
    context = Context(host=stream.host, utc_offset_minutes=480, now=lambda: lines[0].at)
    yield from open_format(stream.form).parse(
        [str(line.text).encode(stream.encoding) for line in lines], context
    )


def main() -> None:
    """Both days, and what differs."""
    namespace.settle(SCRATCH)
    guard.install(*NETWORKS)
    generated = _day(None)
    # Any moment will do: each deed sets the clock.
    ground = Ground(SCRATCH, Clock(0), {"step-ca": Path(sys.argv[1])})
    try:
        living = _day(ground)
    finally:
        ground.stop()
    streams = District([make], seed=SEED, warm_up=1, measured=1).streams
    told: dict[str, object] = {
        "deeds": [generated.deeds, living.deeds],
    }
    for stream in streams:
        pairs = [one.lines[stream.name] for one in (generated, living)]
        fields: Counter[str] = Counter()
        examples: dict[str, list[object]] = {}
        for one, other in zip(*(_events(stream, lines) for lines in pairs), strict=False):
            for name in sorted(one.keys() | other.keys()):
                if one.get(name) != other.get(name):
                    fields[name] += 1
                    examples.setdefault(name, [one.get(name), other.get(name)])
        late = [after.at - before.at for before, after in zip(*pairs, strict=False)]
        told[stream.name] = {
            "lines": [len(lines) for lines in pairs],
            "differ": dict(fields),
            "examples": examples,
            "late_us": [min(late), max(late)],
            "episodes": [line.episode for line in pairs[0]] == [line.episode for line in pairs[1]],
        }
    sys.stdout.write(f"{json.dumps(told)}\n")


if __name__ == "__main__":
    main()
