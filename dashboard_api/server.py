"""Server: the API on a socket. Anything but loopback is TLS or refused; it stops within seconds."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Final, Protocol

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dashboard_api.live import LiveStream
from schema.errors import FengsuiError

_logger = logging.getLogger(__name__)

CONNECTIONS_MAX: Final = 256
"""Connections at once: some dozens of officers, some dozens of sensors, and room."""
BACKLOG: Final = 128
STOP_SECONDS: Final = 1
"""Requests still running at a stop get this long."""
STOP_SECONDS_MAX: Final = 8.0
"""A signing process gets some seconds to end, and is ended where it does not."""
KEEP_ALIVE_SECONDS: Final = 30
HEAD_SECONDS_MAX: Final = 10.0
"""From a connection's first moment, or a request's first byte, to the end of its head: without it
a few hundred silent connections would keep everybody else out."""
HEAD_BYTES_MAX: Final = 64 * 1024
"""Of a request line and its headers; the parser itself knows no limit."""
PIPELINED_MAX: Final = 16
"""Requests of one connection that wait behind the one being answered."""
JOINED_BYTES_MAX: Final = 64 * 1024
"""Written and not yet sent: whoever writes faster is to meet the connection's own limit."""
_LOOK_SECONDS: Final = 0.005


class Serving(Protocol):
    """An ASGI application that knows its live streams, which must end before it can."""

    @property
    def streams(self) -> Sequence[LiveStream]:
        """The live streams of all its sites."""

    async def close(self) -> None:
        """End what the sites run beside this process; after the last request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""


class _Uvicorn(uvicorn.Server):
    """Uvicorn without its own signal handlers: the program around it decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class _Joining(asyncio.Transport):
    """A transport that sends what is written in one turn of the loop at once.

    The head of an answer and its body are two writings, and each sending costs a small call more
    than all the rest of it.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(bytes(data))
        self._size += len(data)
        if self._size > JOINED_BYTES_MAX:
            self._flush()

    def _flush(self) -> None:
        parts, self._parts, self._size = self._parts, [], 0
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()


class _Connection(HttpToolsProtocol):
    """A connection that is closed when the head of a request is too long or does not come in time.

    The parser is written in C: with the one in Python every call of a program would cost five times
    as much.
    """

    _waiting: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(_Joining(transport, self.loop))
        self._look()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES_MAX:
            if not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")
            return
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        self._in_head, self._head_bytes = False, 0
        if len(self.pipeline) >= PIPELINED_MAX:
            raise ValueError("too many requests wait behind one another")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        super().on_message_complete()

    def _look(self) -> None:
        """Wait for a head that has not come whole; between two requests keep-alive waits."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering or self.timeout_keep_alive_task is not None:
            self._stop_waiting()
        elif self._waiting is None:
            self._waiting = self.loop.call_later(HEAD_SECONDS_MAX, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


class Server:
    """One listening socket and the sites behind it."""

    def __init__(
        self, app: Serving, *, host: str = "127.0.0.1", port: int = 0, certificate: str = "",
        key: str = "",
    ) -> None:  # fmt: skip
        """Bind at once, so that the port is known; port 0 takes a free one.

        ``certificate`` and ``key`` are PEM files. Raises ``dashboard_api.server.*``.
        """
        tls = _check(host, certificate, key)
        self._streams = app.streams
        self._app = app
        self._socket = _bind(host, port)
        config = uvicorn.Config(
            app,
            lifespan="off",
            http=_Connection,
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            ssl_certfile=certificate or None,
            ssl_keyfile=key or None,
        )
        self._server = _Uvicorn(config)
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self.port: int = self._socket.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.base = f"{'https' if tls else 'http'}://{shown}:{self.port}"
        """The address without a slash behind it."""

    def start(self) -> str:
        """Serve in a thread of its own; returns the base address once requests are answered.

        Raises ``dashboard_api.server.failed``.
        """
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(_LOOK_SECONDS)
            if not self._thread.is_alive():
                raise FengsuiError(
                    "dashboard_api.server.failed", f"the server did not start: {self._failure}"
                ) from self._failure
        return self.base

    def _run(self) -> None:
        try:
            asyncio.run(self.serve())
        except BaseException as error:
            self._failure = error
            _logger.exception("the server ended")

    async def serve(self) -> None:
        """Serve in the running event loop until :meth:`stop`."""
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self._socket.close()
            await self._app.close()

    def stop(self) -> None:
        """End the live streams, then the server; returns once it has ended. From any thread."""
        for stream in self._streams:
            stream.close()
        self._server.should_exit = True
        if self._thread is None:
            self._socket.close()
        elif self._thread is not threading.current_thread():
            self._thread.join(STOP_SECONDS_MAX)


def _check(host: str, certificate: str, key: str) -> bool:
    """Whether TLS is on; raises unless the bind is allowed."""
    if bool(certificate) != bool(key):
        raise FengsuiError(
            "dashboard_api.server.certificate", "TLS needs both a certificate and its key"
        )
    for path in (certificate, key):
        if path and not Path(path).is_file():
            raise FengsuiError(
                "dashboard_api.server.certificate", f"there is no file {path}", path=path
            )
    if not certificate and not _loopback(host):
        raise FengsuiError(
            "dashboard_api.server.plaintext",
            f"{host} can be reached from outside, so it is served over TLS only: set "
            "[server] certificate and key, or host = 127.0.0.1",
            host=host,
        )
    return bool(certificate)


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, for otherwise asyncio takes the connections for something else than TCP
    # and leaves Nagle's algorithm on: the second part of an answer would come 40 ms late.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except (OSError, OverflowError) as error:
        listening.close()
        why = getattr(error, "strerror", None) or str(error)
        raise FengsuiError(
            "dashboard_api.server.port_taken",
            f"cannot listen on {host} port {port}: {why}; name another "
            "with --port, or 0 for any free one",
            host=host,
            port=port,
        ) from error
    return listening
