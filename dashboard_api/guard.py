"""Guard: what every request passes before any route: host name, origin, size; and what every
answer carries: the security headers.

Host names are checked against DNS rebinding; the origin of writes and of the stream against
foreign pages; bodies are read whole up to their limit, so that no route meets half a body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache, partial
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard_api import door as doors
from dashboard_api.door import Answer, Door
from dashboard_api.grants import door as grant_door
from dashboard_api.grants.door import GrantDoor
from dashboard_api.metrics import Metrics
from dashboard_api.problem import respond
from schema.errors import FengsuiError

BODY_BYTES_MAX: Final = 64 * 1024
"""A person's request: names, notes, passwords."""
BATCHES_BYTES_MAX: Final = 8 * 1024 * 1024
"""Sealed batches in one request: half a thousand events each, some dozens of them."""
PUSH_BYTES_MAX: Final = 4 * 1024 * 1024
BUFFERED_BYTES_MAX: Final = 64 * 1024 * 1024
"""All bodies being read at once: what many clients together can make us hold."""
BODY_SECONDS_MAX: Final = 30.0
"""A body that comes slower than this is an attack, or a line nobody can work over."""

REGISTER_BYTES_MAX: Final = 16 * 1024 * 1024
"""A register's file of some hundred thousand rows; larger ones come by the command line."""

LIMITS: Final = {
    "/v1/batches": BATCHES_BYTES_MAX,
    "/v1/events:batch": PUSH_BYTES_MAX,
    "/v1/registers:import": REGISTER_BYTES_MAX,
    "/v1/registers:preview": REGISTER_BYTES_MAX,
}
MACHINES: Final = frozenset({"/v1/batches", "/v1/heartbeats", "/v1/events:batch", "/v1/enrolments"})
"""Operations of programs: they carry no cookie, so a foreign page gains nothing by calling them."""
CREDENTIALED: Final = "/v1/crypto/"
"""Under it a credential in the header makes a cookie count for nothing. A browser puts none there
for a foreign page unless this server allows it, which it never does."""
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
STREAM: Final = "/v1/stream"

CONTENT_SECURITY: Final = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Final = (
    (
        "content-security-policy",
        CONTENT_SECURITY,
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
)
STRICT_TRANSPORT: Final = "max-age=31536000"
_ENCODED_HEADERS: Final = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS]
_STRICT_TRANSPORT: Final = (b"strict-transport-security", STRICT_TRANSPORT.encode())
Answering: TypeAlias = Callable[..., Awaitable[Answer]]
_HOSTS_MAX: Final = 64
"""Host headers whose name is remembered; anybody may send any."""


class Guard:
    """The outermost layer of one site's API."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        root_path: str,
        host_names: Sequence[str],
        metrics: Metrics,
        door: Door | None = None,
        grants: GrantDoor | None = None,
    ) -> None:
        """``door`` and ``grants`` answer their paths without the app behind."""
        self._app = app
        self._door = door
        self._grants = grants
        self._root_path = root_path
        self._names = LOOPBACK | {name.lower() for name in host_names}
        self._metrics = metrics
        self._buffered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(self._root_path)
        if self._door is not None and (entry := self._door.entry(path)) is not None:
            answering = partial(self._door.answer, entry)
            await self._at_door(answering, doors.BODY_BYTES_MAX, scope, receive, send)
            return
        if self._grants is not None and path == grant_door.PATH:
            limit = grant_door.BODY_BYTES_MAX
            await self._at_door(self._grants.answer, limit, scope, receive, send)
            return
        scope = {**scope, "root_path": self._root_path}
        answer = self._with_headers(scope, send)
        headers = Headers(scope=scope)
        size = 0
        try:
            _check_once(scope)
            _check_host(headers.get("host", ""), self._names)
            _check_origin(scope["method"], path, headers)
            body = None
            if scope["method"] not in SAFE or _has_body(headers):
                # Of a reading too: a route may look at the body that a signature covers.
                limit = LIMITS.get(path, BODY_BYTES_MAX)
                size = self._reserve(headers.get("content-length", ""), limit)
                body = await _read(receive, limit)
        except FengsuiError as error:
            languages = headers.get("accept-language", "")
            await respond(error, languages=languages)(scope, receive, answer)
        else:
            await self._app(scope, receive if body is None else _replay(body, receive), answer)
        finally:
            self._buffered -= size

    async def _at_door(
        self, answering: Answering, limit: int, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """The same checks and the same headers, for calls that come by the thousand a second."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        size = 0
        try:
            if len(headers) != len(scope["headers"]):
                _check_once(scope)
            _check_host(host, self._names)
            origin = headers.get(b"origin")
            # A program sends none. A page of ours gains nothing by its cookie, but may carry a
            # credential; a foreign one never gets here.
            if origin is not None and not _same(origin.decode("latin-1"), host):
                raise _foreign()
            said = headers.get(b"content-length", b"").decode("latin-1")
            size = self._reserve(said, limit)
            query: bytes = scope["query_string"]
            raw_path: bytes = scope["raw_path"]
            answer = await answering(
                method=scope["method"],
                target=(raw_path + b"?" + query if query else raw_path).decode("latin-1"),
                headers=headers,
                body=await _read(receive, limit),
            )
        except FengsuiError as error:
            languages = headers.get(b"accept-language", b"").decode("latin-1")
            await respond(error, languages=languages)(
                scope, receive, self._with_headers(scope, send)
            )
            return
        finally:
            self._buffered -= size
        self._metrics.add("fengsui_dashboard_api_requests_total", status=f"{answer.status}")
        answer.headers.extend(_ENCODED_HEADERS)
        if scope["scheme"] == "https":
            answer.headers.append(_STRICT_TRANSPORT)
        await send({
            "type": "http.response.start", "status": answer.status, "headers": answer.headers
        })  # fmt: skip
        await send({"type": "http.response.body", "body": answer.body})

    def _reserve(self, said: str, limit: int) -> int:
        """Room for the body of a said length; of an unknown one, for the longest there may be."""
        size = int(said) if said.isdecimal() and len(said) < 12 else limit
        if size > limit:
            raise _too_large(limit)
        if self._buffered + size > BUFFERED_BYTES_MAX:
            raise FengsuiError(
                "dashboard_api.body.busy", "too much is being sent at once: try again in a moment"
            )
        self._buffered += size
        return size

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                status = message["status"]
                self._metrics.add("fengsui_dashboard_api_requests_total", status=f"{status}")
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS:
                    headers.setdefault(name, value)
                if scope["path"].startswith(f"{self._root_path}/v1/"):
                    headers.setdefault("cache-control", "no-store")
                if scope["scheme"] == "https":
                    headers.setdefault("strict-transport-security", STRICT_TRANSPORT)
            await send(message)

        return answer


def _check_once(scope: Scope) -> None:
    """Refuse what a proxy in front and this server could read differently."""
    names = [name for name, _ in scope["headers"]]
    for once in (b"authorization", b"host"):
        if names.count(once) > 1:
            header = once.decode()
            raise FengsuiError(
                "dashboard_api.header.repeated",
                f"the header {header} came more than once: send it once",
                header=header,
            )


@lru_cache(maxsize=_HOSTS_MAX)
def authority(text: str) -> str:
    """The host name of ``host`` or ``host:port``, lower case, without brackets; empty if none."""
    try:
        return (urlsplit(f"//{text}").hostname or "").lower()
    except ValueError:
        return ""


def _check_host(host: str, names: frozenset[str] | set[str]) -> None:
    if authority(host) not in names:
        raise FengsuiError(
            "dashboard_api.host.foreign",
            f"this server is not called {host[:80]!r}: open it by a name it knows, or add the "
            "name to [server] names in the settings",
        )


def _check_origin(method: str, path: str, headers: Headers) -> None:
    guarded = method not in SAFE or path == STREAM
    origin = headers.get("origin")
    if not guarded or (origin is None and path in MACHINES):
        return
    if origin is None and path.startswith(CREDENTIALED) and "authorization" in headers:
        return
    if origin is None and method in SAFE:
        # Browsers leave Origin out of same-origin reads and say it in Sec-Fetch-Site instead.
        if headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none"):
            return
    elif origin is not None and _same(origin, headers.get("host", "")):
        return
    raise _foreign()


def _has_body(headers: Headers) -> bool:
    """Whether one follows the head (RFC 9112, 6.3)."""
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _foreign() -> FengsuiError:
    return FengsuiError(
        "dashboard_api.origin.foreign",
        "the request does not come from a page of this server: programs send the header "
        "Origin with this server's own address",
    )


def _same(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


async def _read(receive: Receive, limit: int) -> bytes:
    """The whole body; raises ``.too_large`` or ``.slow``."""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise FengsuiError("dashboard_api.body.cut", "the body did not come whole")
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError as error:
        raise FengsuiError(
            "dashboard_api.body.slow", f"the body took over {BODY_SECONDS_MAX:.0f} seconds"
        ) from error


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _too_large(limit: int) -> FengsuiError:
    return FengsuiError(
        "dashboard_api.body.too_large",
        f"the body is over {limit} bytes: send less at once",
        limit=limit,
    )


def client_is_loopback(request: Request) -> bool:
    """Whether the request came over this machine's own loopback interface."""
    return request.client is not None and request.client.host in LOOPBACK
