"""Serving: a small HTTP/1.1 service at one address of the town, in threads of this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

__all__ = ["BODY_BYTES_MAX", "Call", "Given", "Serving"]

BODY_BYTES_MAX: Final = 64 * 1024
"""Of a request: the largest has some hundreds."""
IDLE_S: Final = 3600
"""True seconds a connection may stay open without a request."""
_BUFFER_BYTES: Final = 64 * 1024
"""Head and body of an answer leave together: two small packets would wait for each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes
    address: str
    """Of the caller: the other end of the connection."""


@dataclass(frozen=True, slots=True)
class Given:
    """What is answered."""

    status: int
    body: bytes = b""
    kind: str = "application/json"


class Serving:
    """Answers until it is stopped; connections stay open between requests."""

    def __init__(self, address: str, port: int, handle: Callable[[Call], Given]) -> None:
        """Raises OSError where the address cannot be listened on."""
        self._server = _Server((address, port), _handler(handle))
        self.base = f"http://{address}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    """A client's connections stay open; nobody waits for them."""
    request_queue_size = 128


def _handler(handle: Callable[[Call], Given]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "pay", ""
        timeout = IDLE_S
        disable_nagle_algorithm = True
        wbufsize = _BUFFER_BYTES

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def do_PUT(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's name
            """Services write logs of their own."""

        def _answer(self) -> None:
            length = self.headers.get("Content-Length", "0")
            if not (length.isascii() and length.isdecimal()) or int(length) > BODY_BYTES_MAX:
                self.close_connection = True
                self._send(Given(413))
                return
            call = Call(
                method=self.command,
                target=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(length)),
                address=self.client_address[0],
            )
            try:
                given = handle(call)
            except BaseException:
                # The outer loop's: the caller is told, the server prints what it was.
                self.close_connection = True
                self._send(Given(500))
                raise
            self._send(given)

        def _send(self, given: Given) -> None:
            self.send_response(given.status)
            self.send_header("Content-Type", given.kind)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body)
            self.wfile.flush()

    return Handler
