"""Details: what events say of a host besides its name: ids, services, pages, who uses it.

Each distinct value once a look, by counts: first which hosts carry a field at all, then the most
frequent values of each. A look makes at most ``QUESTIONS_MAX`` of these small searches and says
when it met that bound; hosts and values beyond it come with a later look or not at all. The
operating system is told from who speaks: our own inventory reads /proc, Windows logs are Windows'.
A certificate is known by the page it was seen on, a page by the address that answered for its
name. An address that merely sent a log is none of the host's: a relay sends for many.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

from schema.filter import Term
from schema.ports import EventReader

Kind: TypeAlias = Literal[
    "host", "id", "address", "port", "service", "os", "name", "certificate", "application",
    "account",
]  # fmt: skip
Fact: TypeAlias = tuple[str, Kind, str]

QUESTIONS_MAX: Final = 1000
"""Small searches of one look: some seconds of one core."""
HOSTS_MAX: Final = 500
"""Hosts whose values of one field are asked for, those that speak most."""
VALUES_MAX: Final = 50
"""Values of one field of one host: more accounts on one machine are not its people, but a list."""
_FIELDS: Final[tuple[tuple[Kind, str], ...]] = (
    ("id", "host.id"),
    ("service", "service.name"),
    ("application", "gov.app.id"),
    ("account", "user.name"),
)
_SYSTEMS: Final = (
    ("Windows", Term(field="event.dataset", match="prefix", value="windows.")),
    ("Linux", Term(field="event.dataset", match="equals", value="host.process")),
    ("Linux", Term(field="event.dataset", match="equals", value="host.listening")),
)


class Details:
    """One look at the events of a stretch of time."""

    def __init__(self, events: EventReader, *, start: int, end: int) -> None:
        self._events = events
        self._start = start
        self._end = end
        self._left = QUESTIONS_MAX
        self.met = False
        """Whether a bound was met: something may be missing."""

    def facts(self) -> Iterator[Fact]:
        """Everything found, each distinct fact at least once."""
        for system, term in _SYSTEMS:
            for host in self._values([term], "host.name", limit=HOSTS_MAX):
                yield host, "os", system
        for kind, name in _FIELDS:
            there = Term(field=name, match="present")
            for host in self._values([there], "host.name", limit=HOSTS_MAX):
                of_host = Term(field="host.name", match="equals", value=host)
                for value in self._values([of_host, there], name, limit=VALUES_MAX):
                    yield host, kind, value
        yield from self._pages()

    def _pages(self) -> Iterator[Fact]:
        """Names that addresses answered for, and the certificates seen under names."""
        name, until = "tls.client.server_name", "tls.server.not_after"
        for page in self._values([Term(field=name, match="present")], name, limit=HOSTS_MAX):
            of_page = Term(field=name, match="equals", value=page)
            for address in self._values([of_page], "destination.ip", limit=VALUES_MAX):
                yield address, "name", page
        shown = Term(field=until, match="present")
        for page in self._values([shown], "url.domain", limit=HOSTS_MAX):
            of_page = Term(field="url.domain", match="equals", value=page)
            for end in self._values([of_page, shown], until, limit=VALUES_MAX):
                yield page, "certificate", f"{page} {end}"

    def _values(self, terms: list[Term], field: str, *, limit: int) -> list[str]:
        if self._left <= 0:
            self.met = True
            return []
        self._left -= 1
        found = self._events.count_by(terms, field, start=self._start, end=self._end, limit=limit)
        self.met |= len(found) >= limit
        return [str(one.key) for one in found if one.key]
