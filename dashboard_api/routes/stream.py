"""The live stream: server-sent events of changed alerts and of the site's status."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from dashboard_api import examples, persons
from dashboard_api.access.access import Access
from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Permission
from dashboard_api.context import Site, require, tokens_of
from dashboard_api.live import LiveStream, Snapshot
from dashboard_api.scoped import sees_alert, visible_of
from dashboard_api.views import AlertRow, StreamStatus

router = APIRouter(tags=["stream"])
Reader = Annotated[Principal, Depends(require(Permission.ALERTS_READ))]

SESSION_CHECK_SECONDS: Final = 5.0
"""An ended session, or rights taken back, end the stream this soon."""
SEND_SECONDS_MAX: Final = 10.0
"""A reader that takes nothing for this long is dropped; the page reconnects."""
RETRY_MS: Final = 2000
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_row: Final = TypeAdapter(AlertRow)
_status: Final = TypeAdapter(StreamStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who reads, by which session, and from which change on (None: from now)."""

    principal: Principal
    tokens: Sequence[str]
    after: int | None
    hidden: bool = False
    """Also alerts an exception hides."""


class StreamResponse(Response):
    """Sends until the reader leaves, the session ends, or the site stops."""

    def __init__(self, stream: LiveStream, access: Access, asked: Asked) -> None:
        super().__init__(media_type="text/event-stream")
        self._stream = stream
        self._access = access
        self._asked = asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        tasks = [
            asyncio.create_task(self._pump(send), name="stream-reader"),
            asyncio.create_task(_left(receive), name="stream-left"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._stream.leave()

    async def _pump(self, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await _text(send, f"retry: {RETRY_MS}\n\n")
            await self._stream.prime()
            await self._follow(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            self._stream.metrics.add("fengsui_dashboard_api_streams_dropped_total")

    async def _follow(self, send: Send) -> None:
        stream, principal = self._stream, self._asked.principal
        cursor = stream.newest if self._asked.after is None else self._asked.after
        told: Snapshot | None = None
        checked = asyncio.get_running_loop().time()
        while not stream.ended:
            ticket, snapshot = stream.ticket(), stream.snapshot
            rows = stream.after(cursor)
            visible = visible_of(snapshot.sensors if snapshot else (), principal)
            if rows is None:
                self._stream.metrics.add("fengsui_dashboard_api_streams_dropped_total")
                await _text(send, f"id: {stream.newest}\nevent: reset\ndata: {{}}\n\n")
                return
            parts = [
                _alert(persons.shown(row, principal))
                for row in rows
                if sees_alert(row, visible) and (self._asked.hidden or row.exception is None)
            ]
            cursor = rows[-1].seq if rows else cursor
            if snapshot is not None and snapshot is not told:
                told = snapshot
                data = _status.dump_json(snapshot.status(visible)).decode()
                parts.append(f"event: status\ndata: {data}\n\n")
            if parts:
                await _text(send, "".join(parts))
            now = asyncio.get_running_loop().time()
            if now - checked >= SESSION_CHECK_SECONDS:
                checked = now
                found = await run_in_threadpool(
                    self._access.resolve, self._asked.tokens, touch=False
                )
                if found is None or Permission.ALERTS_READ not in found.principal.permissions:
                    return
                principal = found.principal
            await stream.wait(ticket)


def _alert(row: AlertRow) -> str:
    return f"id: {row.seq}\nevent: alert\ndata: {_row.dump_json(row).decode()}\n\n"


async def _text(send: Send, text: str) -> None:
    async with asyncio.timeout(SEND_SECONDS_MAX):
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@router.get(
    "/v1/stream",
    response_class=Response,
    responses=examples.text_answer(
        examples.STREAM, "text/event-stream", "alert, status and reset events, without end"
    ),
)
async def stream(
    request: Request,
    services: Site,
    reader: Reader,
    after: Annotated[int | None, Query(ge=0, description="seq of the newest known row")] = None,
    hidden: Annotated[bool, Query(description="also alerts an exception hides")] = False,
    last_event_id: Annotated[str, Header(pattern="^[0-9]{0,15}$")] = "",
) -> Response:
    """Alerts as they change (`event: alert`, id = seq) and the status each second.

    `Last-Event-ID` resumes. `event: reset` says that too much was missed: read the lists anew.
    """
    since = int(last_event_id) if last_event_id else after
    asked = Asked(principal=reader, tokens=tokens_of(request), after=since, hidden=hidden)
    services.stream.join()
    return StreamResponse(services.stream, services.access, asked)
