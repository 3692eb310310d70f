"""Part: carries the daily deeds out, each by what can really do it here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from district.daily.acts import Act, Entered, Requested, Said
from district.daily.machines import LINUX, WEB
from district.daily.plot import NAME
from district.deed import Deed
from district.stream import Sink, Stream

from living.daily.box import Box, Image
from living.daily.entry import Entries
from living.daily.pages import Pages, stream_of
from living.daily.syslog import Receiver
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
_AUTH: Final = Made(
    by="mixed",
    what="sshd, PAM, sudo and usermod of a real machine (own host name, /etc and sshd each), lines "
    "in rsyslog's file format. Sessions last as long as it takes to say goodbye. From templates: "
    "lines of CRON, because a real cron runs by the true clock",
    restamped="the time at the head of each line",
)


class Daily:
    """See :class:`living.part.Part`."""

    name = NAME

    def __init__(self, streams: Sequence[Stream], sink: Sink) -> None:
        self._sink = sink
        self._pages: Pages | None = None
        self._boxes: dict[str, Box] = {}
        self._entries: Entries | None = None
        self.made: Mapping[str, Made] = {
            **{stream.name: NOBODY for stream in streams},
            **{stream_of(machine): _WEB for machine in WEB},
            **{f"auth-{machine.name}": _AUTH for machine in LINUX},
        }

    def start(self, ground: Ground) -> None:
        """Configure the servers."""
        self._pages = Pages(ground)
        image = Image(ground.scratch / "daily-image")
        boxes = ground.scratch / "daily-boxes"
        boxes.mkdir()
        for machine in LINUX:
            self._boxes[machine.name] = box = Box(machine, image, boxes / machine.name)
            ground.open(box.log)
        Receiver([box.log for box in self._boxes.values()])
        for box in self._boxes.values():
            box.start(ground)
        for box in self._boxes.values():
            box.wait(ground)
        self._entries = Entries(self._boxes, image.key)

    def begin(self) -> None:
        """What was told while the servers came up is not of the week."""
        for box in self._boxes.values():
            box.log.read()

    def perform(self, deed: Deed) -> Iterable[Deed]:
        """Carry it out; what no server here can do is written from its template.

        Raises RuntimeError or OSError where a server did otherwise than the town has it.
        """
        act: Act = deed.act  # type: ignore[assignment] # the deeds of this system carry acts
        if not self._done(act):
            act.leave(self._sink, deed.at)
        return ()

    def _done(self, act: Act) -> bool:
        """Whether it was carried out for real."""
        if self._pages is None or self._entries is None:
            raise RuntimeError("not started")
        if isinstance(act, Requested):
            self._pages.ask(act)
            return True
        if isinstance(act, Entered):
            self._entries.enter(act)
            return True
        return isinstance(act, Said) and self._entries.command(act)

    def end_of_day(self) -> None:
        """Nothing is left to do."""
