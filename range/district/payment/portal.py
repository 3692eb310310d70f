"""Portal: pages of the district's site, their releases, and what probe and file watch see of them.

No log line exists of these: the probe's and the watch's records are events themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from crypto import sm3
from district.calendar import HOUR_US, Day
from district.deed import Deed
from district.payment.departments import DOMAIN
from district.stream import EVENTS, Sink, Statement, Stream

__all__ = ["PAGES", "Deface", "Portal", "Probe", "Release", "Restore", "Site"]

HOST: Final = "portal-01"
SITE: Final = f"www.{DOMAIN}"
ROOT: Final = "/srv/portal"
DEPLOYER: Final = "deploy"
INTRUDER: Final = "www-data"
"""Whose a file is: of the release system, or of the web server's own processes."""
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


class Site(Protocol):
    """Where the pages lie, and who looks at them."""

    def fingerprints(self, page: str, text: str) -> tuple[str, str]:
        """Of a page with that text: as the probe sees it, and as the file watch does."""

    def put(self, now: int, page: str, text: str, *, owner: str) -> None:
        """A page is written by somebody; the file watch tells of it."""

    def probe(self, now: int, page: str) -> None:
        """The probe asks for a page."""


class Symbols:
    """A :class:`Site` without any page: events as sensors would tell them."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._shown = {page: first(page) for page in PAGES}

    def fingerprints(self, page: str, text: str) -> tuple[str, str]:
        del page
        return _hash(text), _hash(f"file {text}")

    def put(self, now: int, page: str, text: str, *, owner: str) -> None:
        self._shown[page] = text
        path = f"{ROOT}{page}"
        self._sink.event(
            WATCH.name,
            now,
            {
                "event.dataset": "host.file",
                "event.action": "file_changed",
                "host.name": HOST,
                "file.extension": "html",
                "file.name": path.rpartition("/")[2],
                "file.owner": owner,
                "file.path": path,
                "file.size": 4000 + 7 * len(text),
                "file.hash.sm3": self.fingerprints(page, text)[1],
            },
        )

    def probe(self, now: int, page: str) -> None:
        text = self._shown[page]
        self._sink.event(
            PROBE.name,
            now,
            {
                "event.dataset": "probe.http",
                "event.action": "page_probe",
                "event.outcome": "success",
                "host.name": PROBE.host,
                "url.full": url(page),
                "url.domain": SITE,
                "url.path": page,
                "http.response.status_code": 200,
                "http.response.body.bytes": 4000 + 7 * len(text),
                "event.hash": self.fingerprints(page, text)[0],
            },
        )


class Portal:
    """The site as it stands."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.site: Site = Symbols(sink)
        """Another, once the town is living."""
        self.released = {page: first(page) for page in PAGES}
        """Each page's text as of its last release."""

    def statements(self) -> Iterator[Statement]:
        """The first releases."""
        for page in self.released:
            yield from self._of(page, "FB-0", -(2**62))

    def stand(self, site: Site, now: int) -> None:
        """Let the releases lie on another site, from now on registered as they look there."""
        self.site = site
        for page, text in self.released.items():
            site.put(now, page, text, owner=DEPLOYER)
            for row in self._of(page, "FB-1", now - HOUR_US):
                self._sink.say(row)

    def day(self, day: Day) -> Iterator[Deed]:
        """The probe's round, once an hour."""
        for hour in range(24):
            for place, page in enumerate(PAGES):
                at = day.at(hour, 7, 8 * place)
                yield Deed(at=at, system="payment", act=Probe(page=page))

    def perform(self, now: int, act: Probe | Release | Deface | Restore) -> None:
        """Carry one out."""
        if isinstance(act, Probe):
            self.site.probe(now, act.page)
            return
        if isinstance(act, Release):
            self.released[act.page] = f"{act.page} {act.ticket}"
            for row in self._of(act.page, act.ticket, now - HOUR_US):
                self._sink.say(row)
        if isinstance(act, Deface):
            self.site.put(now, act.page, act.text, owner=INTRUDER)
        else:
            self.site.put(now, act.page, self.released[act.page], owner=DEPLOYER)

    def _of(self, page: str, ticket: str, since: int) -> Iterator[Statement]:
        row: dict[str, str | int | bool | list[str]] = {"ticket": ticket, "paths": [page]}
        seen, file = self.site.fingerprints(page, self.released[page])
        yield Statement("releases", (SITE, seen), row, since)
        yield Statement("releases", (HOST, file), row, since)


def first(page: str) -> str:
    """What stands on a page in the beginning."""
    return f"first release of {page}"


def url(page: str) -> str:
    """The page's address."""
    return f"https://{SITE}{page}"


def _hash(text: str) -> str:
    return sm3.digest(text.encode()).hex()
