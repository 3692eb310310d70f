"""Serving: a small HTTP/1.1 service on one address of the town, that can really be stopped."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

__all__ = ["Call", "Given", "Service"]

BODY_BYTES_MAX: Final = 64 * 1024
"""Of a request: the largest signed text has some hundreds."""
_BUFFER_BYTES: Final = 64 * 1024
"""Head and body of an answer leave together: two small packets would wait for each other."""
_STOP_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as it came in."""

    method: str
    target: str
    headers: Message
    body: bytes
    peer: str
    """Whoever holds the other end: the gateway, or a program itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is answered."""

    status: int
    body: bytes
    kind: str = "application/json"


class Service:
    """Answers in threads of this process while it runs; stopped, nobody is at its address.

    ``answer`` returns nothing where the connection shall break off. What it raises is kept in
    ``troubles`` and answered with 500: a defect of the range, never a part of the play.
    """

    def __init__(self, address: str, port: int, answer: Callable[[Call], Given | None]) -> None:
        self.address, self.port = address, port
        self.troubles: list[Exception] = []
        self._answer = answer
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether somebody is at its address."""
        return self._server is not None

    def start(self) -> None:
        """Listen; raises OSError where another does."""
        if self._server is None:
            self._server = _Server((self.address, self.port), self)
            self._thread = threading.Thread(
                target=self._server.serve_forever, args=(_STOP_S,), daemon=True
            )
            self._thread.start()

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
            return Given(status=500, body=b"{}")


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
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

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
    server_version = "share/1"
    sys_version = ""
    wbufsize = _BUFFER_BYTES
    disable_nagle_algorithm = True
    server: _Server

    def serve(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), BODY_BYTES_MAX)
        given = self.server.service.answer(
            Call(
                method=self.command, target=self.path, headers=self.headers,
                body=self.rfile.read(length), peer=str(self.client_address[0]),
            )
        )  # fmt: skip
        if given is None:
            self.close_connection = True
            return
        self.send_response(given.status)
        self.send_header("Content-Type", given.kind)
        self.send_header("Content-Length", str(len(given.body)))
        self.end_headers()
        self.wfile.write(given.body)

    do_GET = do_POST = serve  # noqa: N815 - the names by which the base class looks for them

    def log_message(self, *_: object) -> None:
        """Nothing: each service writes its own log."""
