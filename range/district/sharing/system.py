"""Sharing: the exchange in its town. Deeds go in, lines of all who saw them come out."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from crypto import sm3
from district.calendar import SECOND_US, Day
from district.deed import Deed, PullRecords
from district.episode import Plan
from district.sharing import attacks, calls, gateway
from district.sharing.acts import (
    Ask,
    CallBack,
    Flow,
    HeartBeat,
    Replay,
    SealedRecord,
    StopNode,
    Upload,
    Visit,
)
from district.sharing.catalogue import ITEMS
from district.sharing.days import Days
from district.sharing.exchange import DOMAIN, Answer, Exchange, Request
from district.sharing.likes import LookAlikes
from district.sharing.parties import JOINT, PAGE, Caller, Parties
from district.sharing.store import InMemory
from district.stream import EVENTS, Sink, Statement, Stream
from district.system import Attack, Keyed
from district.town import Town

__all__ = [
    "CALLERS",
    "CONTROL",
    "EXCHANGE",
    "FLOWS",
    "GATEWAY",
    "NAME",
    "UPLOADS",
    "Sharing",
    "State",
]

NAME: Final = "sharing"
EXCHANGE: Final = "share-exchange"
CALLERS: Final = "share-caller"
GATEWAY: Final = "share-gateway"
FLOWS: Final = "share-flow"
UPLOADS: Final = "share-upload"
CONTROL: Final = "share-control"


@dataclass(slots=True)
class State:
    """What the exchange and those around it remember from one deed to the next."""

    store: InMemory
    kept: dict[str, Request] = field(default_factory=dict)
    """Requests that a library, or whoever listened, can send again."""
    down: dict[str, int] = field(default_factory=dict)
    """Until when a node is stopped."""


class Sharing:
    """See :class:`district.system.System`."""

    name = NAME
    streams = (
        Stream(name=EXCHANGE, form="mapping:sharing_exchange", host="dx-01", view="provider"),
        Stream(name=CALLERS, form="mapping:sharing_caller", host="front-01", view="caller"),
        Stream(name=GATEWAY, form="mapping:gateway_json", host="gw-share", view="gateway"),
        Stream(name=FLOWS, form=EVENTS, host="tap-share", view="network"),
        Stream(name=UPLOADS, form=EVENTS, host="upload-01", view="platform"),
        Stream(name=CONTROL, form=EVENTS, host="collector", view="platform"),
    )

    def __init__(self, town: Town, sink: Sink) -> None:
        self.town = town
        self._sink = sink
        self.parties = Parties(town)
        self.state = State(InMemory())
        self.parties.fill(self.state.store, town)
        self._exchange = Exchange(self.state.store)
        self._wire = town.chance(NAME, "wire")
        self._days = Days(town, self.parties)
        self._likes = LookAlikes(town, self.parties)
        self.attacks: tuple[Attack, ...] = attacks.all_of(town, self.parties)
        self._units = {clerk.user: clerk.unit for clerk in town.clerks}

    def statements(self, first: Day, keyed: Keyed) -> Iterable[Statement]:
        """What its registers hold before the first day."""
        return self.parties.statements(first, keyed)

    def ordinary(self, day: Day, chance: random.Random) -> Iterable[Deed]:
        """The honest deeds of a day."""
        return self._days.of(day, chance)

    def lookalikes(self, day: Day, chance: random.Random) -> Iterable[Plan]:
        """Honest episodes that look like attacks."""
        return self._likes.of(day, chance)

    def perform(self, deed: Deed) -> Iterable[Deed]:
        """Carry a deed out at its time."""
        at, act = deed.at, deed.act
        match act:
            case Ask():
                return self._ask(at, act)
            case Replay():
                if (request := self.state.kept.get(act.keep)) is not None:
                    self._send(at, request, address=act.address, caller=None)
            case CallBack():
                line = self._exchange.call_back(
                    act.requester,
                    act.url,
                    act.address,
                    node=calls.node_of(act.requester),
                    stamp=calls.stamp(at),
                )
                self._sink.write(EXCHANGE, at, line)
            case HeartBeat():
                if at >= self.state.down.get(act.node, 0):
                    line = self._exchange.heart_beat(node=act.node, stamp=calls.stamp(at))
                    self._sink.write(EXCHANGE, at, line)
            case StopNode():
                self.state.down[act.node] = act.until
            case PullRecords():
                return self._pull(at, act)
            case _:
                self._seen(at, act)
        return ()

    def _seen(self, at: int, act: object) -> None:
        """What is seen of it from outside alone."""
        match act:
            case Visit():
                status, size = gateway.answer(act.uri)
                self._at_gateway(
                    at, act.address, act.agent, act.method, act.uri, status=status, size=size
                )
            case Flow():
                self._flow(at, act)
            case Upload():
                self._upload(at, act)
            case SealedRecord():
                self._sealed(at, act)

    def _ask(self, at: int, act: Ask) -> Iterable[Deed]:
        caller = self.parties.by_name[act.requester]
        text = calls.text_of(act, system=caller.system, at=at)
        key = self.parties.stray if act.wrong_key else caller.key
        # The console signs on its own server; whoever sits before it is seen at the gateway.
        origin = calls.origin_of(act, caller.addresses)
        request = Request(
            text=text, signature=key.sign(text.encode(), domain=DOMAIN), address=origin
        )
        if act.keep:
            self.state.kept[act.keep] = request
        answer = self._send(at, request, address=origin, caller=caller, act=act)
        if not act.user and not act.wrong_key:
            self._told_by_caller(at, act, caller, answer)
        if act.resend_after:
            again = f"resend/{at}/{act.requester}"
            self.state.kept[again] = request
            yield Deed(
                at=at + act.resend_after, system=NAME, act=Replay(keep=again, address=origin)
            )

    def _send(
        self,
        at: int,
        request: Request,
        *,
        address: str,
        caller: Caller | None,
        act: Ask | None = None,
    ) -> Answer:
        told = request.members
        requester = str(told["rid"])
        answer = self._exchange.handle(
            Request(text=request.text, signature=request.signature, address=address),
            at, node=calls.node_of(requester), stamp=calls.stamp(at),
            trace=f"{self._wire.getrandbits(64):016x}",
        )  # fmt: skip
        self._sink.write(EXCHANGE, at, answer.line)
        agent = caller.agent if caller else calls.LIBRARY
        if act is not None and act.user:
            self._at_gateway(at, act.address, calls.BROWSER, "POST", "/console/query",
                             status=answer.status, size=answer.size)  # fmt: skip
        else:
            self._at_gateway(at, address, agent, "POST", calls.path_of(str(told["sid"])),
                             status=answer.status, size=answer.size)  # fmt: skip
        return answer

    def _told_by_caller(self, at: int, act: Ask, caller: Caller, answer: Answer) -> None:
        when = at + 9_000
        line = calls.log_line(
            act, unit=caller.unit.code, at=when, code=answer.code, message=answer.message,
            fields=answer.fields, rows=answer.rows, cost_ms=21 + answer.rows // 2,
        )  # fmt: skip
        self._sink.write(CALLERS, when, line)

    def _at_gateway(
        self, at: int, address: str, agent: str, method: str, uri: str, *, status: int, size: int
    ) -> None:
        self._sink.write(
            GATEWAY,
            at,
            gateway.line(
                stamp=calls.second(at), address=address, agent=agent, method=method, uri=uri,
                status=status, size=size, request_id=f"{self._wire.getrandbits(128):032x}",
                seconds=0.004 + size / 4_000_000,
            ),
        )  # fmt: skip

    def _pull(self, at: int, act: PullRecords) -> Iterable[Deed]:
        """A clerk turns page after page at the console."""
        unit = self._units.get(act.user, self.town.units[0])
        item = ITEMS[len(act.user) % len(ITEMS)]
        left, page, moment = act.rows, 1, at
        while left > 0:
            rows = min(left, PAGE)
            ask = Ask(
                requester=f"rid-{unit.short}-2", service=item.service, address=act.address,
                rows=rows, page=page, matter=JOINT, user=act.user,
            )  # fmt: skip
            yield Deed(at=moment, system=NAME, act=ask)
            left, page = left - rows, page + 1
            moment += self._wire.randrange(4 * SECOND_US, 19 * SECOND_US)

    def _flow(self, at: int, act: Flow) -> None:
        inside = act.destination.startswith("10.")
        self._sink.event(
            FLOWS,
            at,
            {
                "event.dataset": "packet.flow", "event.action": "flow_end",
                "source.ip": act.source, "source.bytes": act.sent,
                "destination.ip": act.destination, "destination.port": 443,
                "destination.bytes": act.received, "network.bytes": act.sent + act.received,
                "network.direction": "internal" if inside else "outbound",
                "network.transport": "tcp", "host.name": "tap-share",
            },
        )  # fmt: skip

    def _upload(self, at: int, act: Upload) -> None:
        self._sink.event(
            UPLOADS,
            at,
            {
                "event.dataset": "upload.scan", "event.action": "file_uploaded",
                "event.outcome": "success", "user.id": act.user, "organization.id": act.unit,
                "file.name": act.name, "file.path": f"/data/upload/{act.unit}/{act.name}",
                "file.hash.sm3": sm3.digest(act.content.encode()).hex(),
                "file.size": 20_000 + len(act.head) * 97, "message": act.head,
                "gov.matter.code": "M-101", "host.name": "upload-01",
            },
        )  # fmt: skip

    def _sealed(self, at: int, act: SealedRecord) -> None:
        fields: dict[str, str | int | bool | list[str]] = {
            "event.dataset": "fengsui.control",
            "event.action": act.action,
            "gov.batch.sensor": act.sensor,
        }
        if act.reason:
            fields["gov.batch.reason"] = act.reason
        if act.number:
            fields["gov.batch.number"] = act.number
        self._sink.event(CONTROL, at, fields)
