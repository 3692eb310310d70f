"""Records a week of the living district.

    sudo .venv/bin/python range/living/record.py range/recordings/district-week \
        --keycloak DIR --step-ca PATH

Needs Linux, root (for namespaces) and the programs that README.md names. Everything runs in fresh
namespaces whose only network is loopback; when the main process ends, the kernel ends all others.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
# In place of this folder, whose modules have the names of others.
sys.path[0] = str(HERE.parent)
sys.path.append(str(ROOT))

import guard  # noqa: E402
from district.run import District  # noqa: E402
from district.stream import Statement  # noqa: E402
from district.systems import NAMES, makers  # noqa: E402

from living import namespace, parts, week  # noqa: E402
from living.clock import Clock  # noqa: E402
from living.crew import Crew  # noqa: E402
from living.ground import NETWORKS, Ground  # noqa: E402
from living.part import Made  # noqa: E402

NAME: Final = "district-week"
WEEK: Final = dt.date(2026, 11, 16)
"""A Monday; five of the seven days are worked."""
WARM_UP_DAYS: Final = 100
SEED: Final = 7
VOLUME: Final = 3.1
"""What it takes for more than 200,000 events in a week."""
_SCRATCH: Final = Path("/srv")


def _inside(given: argparse.Namespace) -> None:
    """Generate the past, live the week, and write it down; inside the namespaces."""
    namespace.settle(_SCRATCH)
    guard.install(*NETWORKS)
    district = District(
        makers(given.systems.split(",")),
        seed=given.seed,
        volume=given.volume,
        warm_up=given.warm_up,
        measured=given.days,
        first=WEEK - dt.timedelta(days=given.warm_up),
    )
    systems = {system.name: system for system in district.systems}
    living = {} if given.synthetic else parts.living(systems, district.town, district.sink)
    first = district.days[given.warm_up]
    statements: list[Statement] = list(district.statements(week.keyed))
    clock = Clock(first.start)
    programs = {"keycloak": given.keycloak, "step-ca": given.step_ca}
    ground = Ground(_SCRATCH, clock, programs) if living else None
    recorded = week.Week(district.streams)
    crew: Crew | None = None
    begun = time.monotonic()
    try:
        if ground is not None:
            for part in living.values():
                part.start(ground)
            ground.serve()
            crew = Crew(living, ground.logs, clock=clock, sink=district.sink)
        for today in district.run():
            statements += today.statements
            if today.day.measured:
                recorded.take(today)
                spent = f"{time.monotonic() - begun:.0f} s"
                print(f"{today.day.date}: {len(today.lines)} lines, {spent}", flush=True)
            if crew is not None and today.day.number == given.warm_up - 1:
                for part in living.values():
                    part.begin()
                district.hands = crew
        if crew is not None:
            crew.judge()
    finally:
        if ground is not None:
            ground.stop()
    facts: dict[str, object] = {
        "seed": given.seed,
        "volume": given.volume,
        "warm_up_days": given.warm_up,
        "measured_days": given.days,
        "first_day": str(district.days[0].date),
        "true_seconds": round(time.monotonic() - begun),
        "versions": dict(_versions()),
    }
    if crew is not None:
        facts["deeds"] = dict(crew.deeds)
        facts["failures"] = dict(crew.failures)
        facts["milliseconds_a_deed"] = {
            name: round(1000 * crew.seconds[name] / count, 1) for name, count in crew.deeds.items()
        }
    made: dict[str, Made] = {stream.name: parts.NOBODY for stream in district.streams}
    for part in living.values():
        made |= part.made
    said = recorded.write(
        given.out, name=NAME, made=made, statements=statements, facts=facts
    )  # fmt: skip
    print(said["recording"])


def _versions() -> Iterator[tuple[str, str]]:
    packages = ("nginx", "openssh-server", "postgresql-15", "slapd", "sudo")
    listed = subprocess.run(
        ("dpkg-query", "-W", "-f", "${Package} ${Version}\n", *packages),
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    for line in listed.splitlines():
        name, _, version = line.partition(" ")
        yield name, version
    yield "fengsui", importlib.metadata.version("fengsui")


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the recording")
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--warm-up", type=int, default=WARM_UP_DAYS, help="generated days before")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--volume", type=float, default=VOLUME)
    parser.add_argument("--systems", default=",".join(NAMES))
    parser.add_argument("--keycloak", type=Path, default=Path("/opt/keycloak"), help="its folder")
    parser.add_argument("--step-ca", type=Path, default=Path("/usr/local/bin/step-ca"))
    parser.add_argument(
        "--synthetic", action="store_true", help="start nothing: every line from its template"
    )
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main() -> None:
    """Enter the namespaces, record, and sum up."""
    given = _arguments(sys.argv[1:])
    given.out = given.out.resolve()
    if given.inside:
        _inside(given)
        return
    given.out.mkdir(parents=True, exist_ok=True)
    namespace.enter([str(Path(__file__).resolve()), *_absolute(sys.argv[1:]), "--inside"])
    week.sums(given.out)


def _absolute(argv: list[str]) -> list[str]:
    """Paths from where the command was given: inside, the folder is another."""
    return [str(Path(one).resolve()) if Path(one).exists() else one for one in argv]


if __name__ == "__main__":
    main()
