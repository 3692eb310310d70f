"""Portal: pages of the district's site, their releases, and what probe and file watch see of them.

No log line exists of these: the probe's and the watch's records are events themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from crypto import sm3
from district.calendar import HOUR_US, Day
from district.deed import Deed
from district.payment.departments import DOMAIN
from district.stream import EVENTS, Sink, Statement, Stream

__all__ = ["PAGES", "Deface", "Portal", "Probe", "Release", "Restore"]

HOST: Final = "portal-01"
SITE: Final = f"www.{DOMAIN}"
ROOT: Final = "/srv/portal"
PAGES: Final = (
    "/index.html", "/service/index.html", "/pay/index.html", "/law/guide.html", "/open/list.html",
    "/about/contact.html",
)  # fmt: skip
PROBE = Stream(name="portal-probe", form=EVENTS, host="sensor-01", view="network")
WATCH = Stream(name="portal-files", form=EVENTS, host=HOST, view="host")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The probe asks for a page."""

    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A page is published again under a ticket."""

    page: str
    ticket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deface:
    """A page is replaced by somebody without a ticket."""

    page: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """The last release is put back."""

    page: str


class Portal:
    """The site as it stands."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._released = {page: f"first release of {page}" for page in PAGES}
        self._shown = dict(self._released)

    def statements(self) -> Iterator[Statement]:
        """The first releases."""
        for page, text in self._released.items():
            yield from _statements(page, text, "FB-0", -(2**62))

    def day(self, day: Day) -> Iterator[Deed]:
        """The probe's round, once an hour."""
        for hour in range(24):
            for place, page in enumerate(PAGES):
                at = day.at(hour, 7, 8 * place)
                yield Deed(at=at, system="payment", act=Probe(page=page))

    def perform(self, now: int, act: Probe | Release | Deface | Restore) -> Iterable[Deed]:
        """Carry one out."""
        if isinstance(act, Probe):
            self._probe(now, act.page)
            return ()
        if isinstance(act, Release):
            text = f"{act.page} {act.ticket}"
            self._released[act.page] = text
            for row in _statements(act.page, text, act.ticket, now - HOUR_US):
                self._sink.say(row)
        text = act.text if isinstance(act, Deface) else self._released[act.page]
        self._shown[act.page] = text
        path = f"{ROOT}{act.page}"
        self._sink.event(
            WATCH.name,
            now,
            {
                "event.dataset": "host.file",
                "event.action": "file_changed",
                "host.name": HOST,
                "file.extension": "html",
                "file.name": path.rpartition("/")[2],
                "file.owner": "www-data" if isinstance(act, Deface) else "deploy",
                "file.path": path,
                "file.size": 4000 + 7 * len(text),
                "file.hash.sm3": _hash(f"file {text}"),
            },
        )
        return ()

    def _probe(self, now: int, page: str) -> None:
        text = self._shown[page]
        self._sink.event(
            PROBE.name,
            now,
            {
                "event.dataset": "probe.http",
                "event.action": "page_probe",
                "event.outcome": "success",
                "host.name": PROBE.host,
                "url.full": f"https://{SITE}{page}",
                "url.domain": SITE,
                "url.path": page,
                "http.response.status_code": 200,
                "http.response.body.bytes": 4000 + 7 * len(text),
                "event.hash": _hash(text),
            },
        )


def url(page: str) -> str:
    """The page's address."""
    return f"https://{SITE}{page}"


def _statements(page: str, text: str, ticket: str, since: int) -> Iterator[Statement]:
    row: dict[str, str | int | bool | list[str]] = {"ticket": ticket, "paths": [page]}
    yield Statement("releases", (SITE, _hash(text)), row, since)
    yield Statement("releases", (HOST, _hash(f"file {text}")), row, since)


def _hash(text: str) -> str:
    return sm3.digest(text.encode()).hex()
