"""Part: carries the daily deeds out, each by what can really do it here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from district.daily.acts import SENSED, WIRE, Act, Entered, Requested, Said
from district.daily.machines import LINUX, WEB
from district.daily.plot import NAME
from district.deed import Deed
from district.stream import Sink, Stream

from living.daily.box import Box, Image
from living.daily.entry import Entries
from living.daily.pages import Pages, stream_of
from living.daily.sensing import Sensing
from living.daily.syslog import Receiver
from living.ground import Ground
from living.part import Made
from living.parts import NOBODY
from schema.times import from_text

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
_SENSED: Final = Made(
    by="real",
    what="this product's own host sensors (webroot, process, listening). Files are really written "
    "on each machine, of chance bytes, and no originals of encrypted ones are there; a program is "
    "loaded under its name and stands still before its first instruction (/usr/bin/true under the "
    "name where it is not installed); ports are really open, in a network that leads nowhere. "
    "Nothing is encrypted, run or opened to anybody",
    restamped="the town's time is the sensors' clock",
)
_WIRE: Final = Made(
    by="real",
    what="this product's own packet view on the loopback of a network of its own, in which every "
    "address of the town asks a name server and connects to listeners; the name server knows no "
    "name, and what a connection carries is zeros. No TLS is spoken by these machines",
    restamped="the town's time is the sensor's clock",
)


class Daily:
    """See :class:`living.part.Part`."""

    name = NAME

    def __init__(self, streams: Sequence[Stream], sink: Sink) -> None:
        self._sink = sink
        self._pages: Pages | None = None
        self._boxes: dict[str, Box] = {}
        self._entries: Entries | None = None
        self._sensing: Sensing | None = None
        self.made: Mapping[str, Made] = {
            **{stream.name: NOBODY for stream in streams},
            **{stream_of(machine): _WEB for machine in WEB},
            **{f"auth-{machine.name}": _AUTH for machine in LINUX},
            SENSED: _SENSED,
            WIRE: _WIRE,
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
        self._sensing = Sensing(self._boxes)

    def begin(self) -> None:
        """What was told while the servers came up is not of the week."""
        for box in self._boxes.values():
            box.log.read()

    def perform(self, deed: Deed) -> Iterable[Deed]:
        """Carry it out; what no server here can do is written from its template.

        Raises RuntimeError or OSError where a server did otherwise than the town has it.
        """
        act: Act = deed.act  # type: ignore[assignment] # the deeds of this system carry acts
        if not self._done(act, deed.at):
            act.leave(self._sink, deed.at)
        return ()

    def _done(self, act: Act, at: int) -> bool:
        """Whether it was carried out for real."""
        if self._pages is None or self._entries is None or self._sensing is None:
            raise RuntimeError("not started")
        if isinstance(act, Requested):
            self._pages.ask(act)
            return True
        if isinstance(act, Entered):
            self._entries.enter(act)
            return True
        if isinstance(act, Said):
            return self._entries.command(act)
        seen = self._sensing.see(act, at)
        for fields in seen or ():
            stream = WIRE if str(fields["event.dataset"]).startswith("packet.") else SENSED
            self._sink.event(stream, from_text(str(fields["@timestamp"])), fields)
        return seen is not None

    def end_of_day(self) -> None:
        """Nothing is left to do."""
