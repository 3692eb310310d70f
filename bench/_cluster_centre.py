"""The centre of the live run of ``bench cluster``, in a process of its own.

Run as ``python -m bench._cluster_centre DIR SETTINGS RULES NAME...``; each line it is told is
answered by one of JSON. It notes on the wall's clock when each alert of the marks first stands in
the state of record, and when as final.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec

from analytics import ruleset
from bench import _cluster_ground as grounds
from bench._cluster_ground import Enrolled
from fengsui.memory import keep_arenas_few, settle
from fengsui.settings import Settings
from fengsui.wiring import Site

RULE = "bench-mark"


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Its sensors may begin."""

    enrolled: list[Enrolled]


class Stood(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands; times are microseconds by the wall's clock."""

    events: int
    shown: dict[str, int]
    final: dict[str, int]
    failure: str


class Notes:
    """When each mark was first seen, and when it was final."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.shown: dict[str, int] = {}
        self.final: dict[str, int] = {}

    def look(self) -> None:
        """Called behind each commit that changed alerts."""
        now = time.time_ns() // 1000
        with self._site.database.read() as state:
            found = state.execute("SELECT body FROM alerts WHERE rule_id = ?", (RULE,)).fetchall()
        for (raw,) in found:
            alert = msgspec.json.decode(raw)
            self.shown.setdefault(alert["entity"], now)
            if alert["state"] == "final":
                self.final.setdefault(alert["entity"], now)


def main() -> None:
    """Run until told to end."""
    folder, settings, rules, *names = sys.argv[1:]
    keep_arenas_few()
    told = msgspec.json.decode(settings, type=Settings)
    site = grounds.site_on(Path(folder), told)
    site.pipeline.adopt(ruleset.load([ruleset.SHIPPED, Path(rules)]).require_all())
    enrolled = grounds.enrol(site, names)
    notes = Notes(site)
    site.pipeline.on_change = notes.look
    settle()
    site.pipeline.start()
    assert site.centre is not None
    site.centre.arrivals.start()
    _say(Ready(enrolled=enrolled))
    for line in sys.stdin:
        if line.strip() == "end":
            break
        events = sum(one.events for one in site.intake.status() if one.name in names)
        failures = [site.pipeline.failure, site.centre.arrivals.failure]
        failure = " / ".join(str(one) for one in failures if one is not None)
        _say(Stood(events=events, shown=notes.shown, final=notes.final, failure=failure))
    site.close()


def _say(what: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
