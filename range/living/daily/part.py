"""Part: carries the daily deeds out, each by what can really do it here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from district.daily.acts import Act, Requested
from district.daily.machines import WEB
from district.daily.plot import NAME
from district.deed import Deed
from district.stream import Sink, Stream

from living.daily.pages import Pages, stream_of
from living.ground import Ground
from living.part import Made
from living.parts import NOBODY

__all__ = ["Daily"]

_WEB: Final = Made(
    by="real",
    what="nginx, combined log, asked from the client's address; plain pages are files, scripts are "
    "answered by a small application behind it. Plain HTTP: the log would be the same behind TLS",
    restamped="the time in brackets",
)


class Daily:
    """See :class:`living.part.Part`."""

    name = NAME

    def __init__(self, streams: Sequence[Stream], sink: Sink) -> None:
        self._sink = sink
        self._pages: Pages | None = None
        self.made: Mapping[str, Made] = {
            **{stream.name: NOBODY for stream in streams},
            **{stream_of(machine): _WEB for machine in WEB},
        }

    def start(self, ground: Ground) -> None:
        """Configure the servers."""
        self._pages = Pages(ground)

    def begin(self) -> None:
        """Nothing: machines have no past but their registers."""

    def perform(self, deed: Deed) -> Iterable[Deed]:
        """Carry it out; what no server here can do is written from its template."""
        act = deed.act
        if isinstance(act, Requested):
            if self._pages is None:
                raise RuntimeError("not started")
            self._pages.ask(act)
        else:
            told: Act = act  # type: ignore[assignment] # the deeds of this system carry acts
            told.leave(self._sink, deed.at)
        return ()

    def end_of_day(self) -> None:
        """Nothing is left to do."""
