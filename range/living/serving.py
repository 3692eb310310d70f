"""Serving: a small HTTP/1.1 service at one address of the town, that can really be stopped."""

from __future__ import annotations

import socket
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Self

__all__ = ["BODY_BYTES_MAX", "Call", "Given", "Service"]

BODY_BYTES_MAX: Final = 64 * 1024
"""Of a request: the largest signed text has some hundreds."""
IDLE_S: Final = 3600
"""True seconds a connection may stay open without a request."""
_BUFFER_BYTES: Final = 64 * 1024
"""Head and body of an answer leave together: two small packets would wait for each other."""
_STOP_S: Final = 0.02
"""How often a service looks whether it is to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes
    address: str
    """Of whoever holds the other end: the gateway, or the caller itself."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is answered."""

    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: Mapping[str, str] | None = None


class Service:
    """Answers in threads of this process while it runs; stopped, nobody is at its address.

    ``answer`` returns nothing where the connection shall break off. What it raises is told,
    kept in ``troubles`` and answered with 500: a defect of the range, never a part of the play.
    """

    def __init__(self, address: str, port: int, answer: Callable[[Call], Given | None]) -> None:
        """Port 0 is any free one, known once it runs."""
        self.address, self.port = address, port
        self.troubles: list[Exception] = []
        self._answer = answer
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether somebody is at its address."""
        return self._server is not None

    @property
    def base(self) -> str:
        """How its URLs begin."""
        return f"http://{self.address}:{self.port}"

    def start(self) -> Self:
        """Listen; raises OSError where another does."""
        if self._server is None:
            self._server = _Server((self.address, self.port), self)
            self.port = self._server.server_port
            self._thread = threading.Thread(
                target=self._server.serve_forever, args=(_STOP_S,), daemon=True
            )
            self._thread.start()
        return self

    def stop(self) -> None:
        """Listen no more, and break off what is connected."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server.break_off()
            self._server = self._thread = None

    def answer(self, call: Call) -> Given | None:
        """The answer to a request."""
        try:
            return self._answer(call)
        except Exception as error:  # noqa: BLE001 - told to whoever carries the deed out
            self.troubles.append(error)
            traceback.print_exception(error)
            return Given(500, b"{}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], service: Service) -> None:
        super().__init__(address, _Handler)
        self.service = service
        self._open: set[socket.socket] = set()

    def server_bind(self) -> None:
        # The inherited one asks a resolver for the host's name.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, peer = super().get_request()
        self._open.add(connection)
        return connection, peer

    def close_request(self, request: object) -> None:
        if isinstance(request, socket.socket):
            self._open.discard(request)
            request.close()

    def break_off(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # It went by itself.


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "district", ""
    timeout = IDLE_S
    wbufsize = _BUFFER_BYTES
    disable_nagle_algorithm = True
    server: _Server

    def serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdecimal()) or int(length) > BODY_BYTES_MAX:
            # What follows is no request: it would be read as the next one.
            self.close_connection = True
            self._send(Given(413))
            return
        given = self.server.service.answer(
            Call(
                method=self.command,
                target=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(length)),
                address=str(self.client_address[0]),
            )
        )
        if given is None:
            self.close_connection = True
        else:
            self._send(given)

    do_GET = do_POST = do_PUT = serve  # noqa: N815 - the names by which the base class looks

    def _send(self, given: Given) -> None:
        self.send_response(given.status)
        self.send_header("Content-Type", given.kind)
        self.send_header("Content-Length", str(len(given.body)))
        for name, value in (given.headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(given.body)

    def log_message(self, *_: object) -> None:
        """Nothing: each service writes its own log."""
