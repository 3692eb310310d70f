"""Part: the exchange of the town, living: nodes, gateway, console, callers and their keys."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from district.calendar import SECOND_US
from district.deed import Deed
from district.sharing import calls
from district.sharing.acts import Ask, CallBack, HeartBeat, Replay, StopNode, Upload, Visit
from district.sharing.exchange import WINDOW_MS, Exchange, Request
from district.sharing.parties import NODES
from district.sharing.system import (
    CALLERS,
    CONTROL,
    EXCHANGE,
    FLOWS,
    GATEWAY,
    NAME,
    UPLOADS,
    Sharing,
)
from district.stream import Sink
from district.town import Town

from living.ground import Ground
from living.part import Made
from living.serving import Service
from living.sharing import console, content, gateway
from living.sharing.client import HOST, Client
from living.sharing.console import Console
from living.sharing.gateway import GatewayLog
from living.sharing.node import PORT, Node, Shared
from living.sharing.pages import Pages
from living.sharing.store import Postgres
from living.sharing.targets import Targets
from living.sharing.uploads import Uploads
from living.web import Reply, Web

__all__ = ["LivingSharing"]

_GATE: Final = f"{gateway.ADDRESS}:80"
_REPLAYED_US: Final = 2 * WINDOW_MS * SECOND_US // 1000
"""Kept requests older than this are sent by nobody any more."""


class LivingSharing:
    """See :class:`living.part.Part`."""

    name = NAME
    made: Mapping[str, Made] = {
        EXCHANGE: Made(by="own", what="the range's exchange over HTTP and PostgreSQL; requests "
                       "signed by the platform's signing service and verified at the nodes"),
        CALLERS: Made(by="own", what="the range's client library: signs by the signing service"),
        GATEWAY: Made(by="real", what="nginx, log_format with escape=json",
                      restamped="time; request_time stayed true"),
        UPLOADS: Made(by="own", what="real files looked through by the product's upload service"),
        FLOWS: Made(by="synthetic", what="flows of hundreds of megabytes are not sent for real"),
        CONTROL: Made(by="synthetic", what="what a collector seals of other sensors; none runs"),
    }  # fmt: skip

    def __init__(self, system: Sharing, town: Town, sink: Sink) -> None:
        self._system, self._town, self._sink = system, town, sink
        self._kept: dict[str, Request] = {}
        self._down: dict[str, int] = {}

    def start(self, ground: Ground) -> None:
        """Nodes, pages and console listen; nginx gets its site."""
        self._ground, logs = ground, ground.scratch / "logs"
        self._store = Postgres(ground.database("share_exchange"))
        self._names: dict[str, str] = {}
        shared = Shared(
            exchange=Exchange(self._store), store=self._store, clock=ground.clock, sink=self._sink,
            wire=self._town.chance(NAME, "living"), gateway=gateway.ADDRESS, names=self._names,
        )  # fmt: skip
        self._nodes = {
            name: Node(name, address, shared)
            for name, address in zip(NODES, gateway.NODES, strict=True)
        }
        self._client = Client(ground.web, ground.signing)
        # A client of its own: the town's waits for it.
        self._console = Console(
            gateway.CONSOLE, Client(Web(), ground.signing), clock=ground.clock,
            callers=self._system.parties.by_name,
            nodes={name: f"{node.service.address}:{PORT}" for name, node in self._nodes.items()},
        )  # fmt: skip
        self._pages = Pages(gateway.PAGES, ground.database("share_pages"), self._town)
        self._targets = Targets(ground.scratch)
        self._uploads = Uploads(
            ground.scratch / "share", protected=self._system.parties.protected,
            clock=ground.clock, sink=self._sink,
        )  # fmt: skip
        self._log = GatewayLog(logs)
        ground.site(gateway.config(tuple(self._system.parties.by_name), logs))
        ground.open(self._log)
        for service in self._services():
            service.start()

    def begin(self) -> None:
        """The exchange's database takes over; what was kept is signed by the new keys."""
        state, signing = self._system.state, self._ground.signing
        self._store.take_over(state.store, signing.public)
        self._down = dict(state.down)
        since = (self._ground.clock.now() - _REPLAYED_US) // 1000
        for name, request in state.kept.items():
            told = request.members
            if int(str(told["rtime"])) >= since:
                self._kept[name] = self._client.signed(
                    request.text, str(told["rid"]), address=request.address
                )

    def perform(self, deed: Deed) -> Iterable[Deed]:
        """Carry it out. Raises RuntimeError where a service of the range itself failed."""
        self._stop_and_go(deed.at)
        more = self._performed(deed)
        for service in self._services():
            if service.troubles:
                raise RuntimeError(repr(service.troubles.pop(0)))
        return more

    def end_of_day(self) -> None:
        """The window of seen requests moves on."""
        self._store.forget(self._ground.clock.now())

    def stop(self) -> None:
        """End the services: the recorder's namespace would, with its last process."""
        for service in self._services():
            service.stop()
        self._uploads.stop()

    @property
    def reached(self) -> int:
        """How many call-backs were fetched from a listener of the range."""
        return self._targets.reached

    def _services(self) -> Iterator[Service]:
        for node in self._nodes.values():
            yield node.service
        yield self._console.service
        yield self._pages.service

    def _stop_and_go(self, at: int) -> None:
        for name, node in self._nodes.items():
            if at < self._down.get(name, 0):
                node.service.stop()
            else:
                node.service.start()

    def _performed(self, deed: Deed) -> Iterable[Deed]:
        act = deed.act
        match act:
            case Ask():
                return self._ask(deed.at, act)
            case Replay():
                if (request := self._kept.get(act.keep)) is not None:
                    self._send(replace(request, address=act.address), calls.LIBRARY)
            case CallBack():
                self._call_back(act)
            case HeartBeat():
                self._nodes[act.node].beat()
            case StopNode():
                self._down[act.node] = act.until
                self._stop_and_go(deed.at)
            case Visit():
                self._visit(act)
            case Upload():
                self._uploads.hand_in(act)
            case _:
                # Flows, sealed records, and a clerk's pull, which is questions that follow.
                return self._system.perform(deed)
        return ()

    def _ask(self, at: int, act: Ask) -> list[Deed]:
        caller = self._system.parties.by_name[act.requester]
        if act.user:
            headers, body = console.form(act)
            self._at_gateway("POST", console.PATH, source=act.address, agent=calls.BROWSER,
                             headers=headers, body=body)  # fmt: skip
            return []
        request = self._client.request(act, caller, at=at)
        if act.keep:
            self._kept[act.keep] = request
        begun = time.monotonic()
        reply = self._send(request, caller.agent)
        if not act.wrong_key:
            told, now = content.read(reply.status, reply.body), self._ground.clock.now()
            line = calls.log_line(
                act, unit=caller.unit.code, at=now, code=told.code, message=told.message,
                fields=told.fields, rows=told.rows,
                cost_ms=round((time.monotonic() - begun) * 1000),
            )  # fmt: skip
            self._sink.write(CALLERS, now, line)
        if not act.resend_after:
            return []
        again = f"resend/{at}/{act.requester}"
        self._kept[again] = request
        replay = Replay(keep=again, address=request.address)
        return [Deed(at=at + act.resend_after, system=NAME, act=replay)]

    def _send(self, request: Request, agent: str) -> Reply:
        with self._log.asking():
            return self._client.send(request, to=_GATE, agent=agent)

    def _visit(self, act: Visit) -> None:
        self._at_gateway(act.method, act.uri, source=act.address, agent=act.agent)

    def _at_gateway(
        self,
        method: str,
        uri: str,
        *,
        source: str,
        agent: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        with self._log.asking():
            return self._ground.web.request(
                method, f"http://{_GATE}{uri}", source=source,
                headers={"Host": HOST, "User-Agent": agent, **(headers or {})}, body=body,
            )  # fmt: skip

    def _call_back(self, act: CallBack) -> None:
        self._names[urlsplit(act.url).hostname or ""] = act.address
        chosen = self._nodes[calls.node_of(act.requester)]
        if not chosen.service.running:
            others = (node for node in self._nodes.values() if node.service.running)
            chosen = next(others, chosen)
        if chosen.service.running:
            with self._targets.at(act.url, act.address):
                chosen.call_back(act.requester, act.url)
