"""Probe report: minutes of outage and defacement of each probed page, from stored events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from schema.errors import FengsuiError
from schema.event import DATASET, Fields
from schema.filter import Term
from schema.ports import Clock, EventReader
from schema.registers import RegisterView
from schema.times import DAY, ZONE, from_written, to_text
from sensors.probe.minutes import GAP_US, count

SINCE_US: Final = DAY
"""How far back where nobody says."""
PAGE_EVENTS: Final = 1000
EVENTS_MAX: Final = 100_000
"""Eleven days of 32 pages asked every five minutes; the platform answers nobody else meanwhile."""
RELEASES: Final = "releases"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReport:
    """What the command reads; ``view`` gives the registers as they are."""

    events: EventReader
    view: Callable[[], RegisterView]
    clock: Clock

    def handlers(self) -> dict[str, Callable[[Mapping[str, str]], str]]:
        """The local command by its name."""
        return {"probe-report": self._report}

    def _report(self, arguments: Mapping[str, str]) -> str:
        end = self.clock.now()
        since = arguments.get("since", "")
        try:
            start = from_written(since, zone=ZONE) if since else end - SINCE_US
        except (ValueError, OverflowError) as error:
            raise FengsuiError(
                "fengsui.probe.since", f"{since[:40]!r} is no date or time, such as 2026-11-26"
            ) from error
        view = self.view()
        # A site that keeps no releases has nothing to hold pages against.
        has_releases = RELEASES in view.tables

        def released(domain: str, found: str, at: int) -> bool:
            return not has_releases or view.lookup(RELEASES, (domain, found), at) is not None

        pages = count(self._stored(start - GAP_US, end), start=start, end=end, released=released)
        lines = [f"{to_text(start)} – {to_text(end)}"]
        if not has_releases:
            lines.append("没有发布台账，未比对篡改 · no register of releases: nothing compared")
        lines += [
            f"{one.url}  中断 down {one.down} min  被改 defaced {one.defaced} min  "
            f"正常 up {one.up} min  未知 unknown {one.unknown} min"
            for one in pages
        ]
        return "\n".join(lines if pages else [*lines, "没有探测记录 · no probes in that time"])

    def _stored(self, start: int, end: int) -> Iterator[Fields]:
        after, read = "", 0
        while True:
            page = self.events.search(
                [Term(field=DATASET, match="equals", value="probe.http")],
                start=start, end=end, limit=PAGE_EVENTS, after=after,
            )  # fmt: skip
            read += len(page.hits)
            if read > EVENTS_MAX:
                raise FengsuiError(
                    "fengsui.probe.too_many",
                    f"more than {EVENTS_MAX} probes in that time: give a later --since",
                )
            yield from (hit.fields for hit in page.hits)
            after = page.next_cursor
            if not after:
                return
