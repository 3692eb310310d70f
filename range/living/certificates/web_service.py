"""Web service: small HTTP servers in threads of this process, each at addresses of the town."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

__all__ = ["Answered", "Call", "WebService"]

BODY_BYTES_MAX: Final = 64 * 1024
"""The largest is a file's head with its seal, a few hundred bytes."""
_LOOK_S: Final = 0.05
"""How often a service looks whether it is to stop."""
IDLE_S: Final = 3600
"""True seconds a connection may stay open without a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes
    address: str
    """Of the caller, from the connection."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What goes back, as JSON."""

    status: int
    body: bytes


class WebService:
    """Answers at one address until it is stopped; a connection stays open between requests."""

    def __init__(self, address: str, port: int, handle: Callable[[Call], Answered]) -> None:
        """Raises OSError where the address cannot be listened on."""
        self._server = _Server((address, port), _handler(handle))
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_LOOK_S,), daemon=True
        )
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


def _handler(handle: Callable[[Call], Answered]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = "ecert", ""
        timeout = IDLE_S
        disable_nagle_algorithm = True
        wbufsize = 64 * 1024
        """Head and body leave together."""

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdecimal()):
                self._send(Answered(411, b""), close=True)
            elif int(length) > BODY_BYTES_MAX:
                self._send(Answered(413, b""), close=True)
            else:
                self._answer(self.rfile.read(int(length)))

        def do_GET(self) -> None:
            self._answer(b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's name
            """Services write logs of their own."""

        def _answer(self, body: bytes) -> None:
            call = Call(
                method=self.command,
                target=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
                address=self.client_address[0],
            )
            try:
                answered = handle(call)
            except BaseException:
                # The outer loop's: the caller is told, the server prints what it was.
                self._send(Answered(500, b""), close=True)
                raise
            self._send(answered)

        def _send(self, answered: Answered, *, close: bool = False) -> None:
            self.close_connection = self.close_connection or close
            self.send_response(answered.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answered.body)))
            self.end_headers()
            self.wfile.write(answered.body)
            self.wfile.flush()

    return Handler
