"""Web: requests from any address of the town, over connections that stay open."""

from __future__ import annotations

import http.client
import socket
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

__all__ = ["Reply", "Web"]

OPEN_MAX: Final = 256
"""Connections kept; the one used longest ago is closed for a new one."""
TIMEOUT_S: Final = 30.0
ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered; a redirect is not followed."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first of that name, or nothing."""
        lower = name.lower()
        return next((value for key, value in self.headers if key.lower() == lower), "")

    def all(self, name: str) -> list[str]:
        """Every one of that name, such as ``Set-Cookie``."""
        lower = name.lower()
        return [value for key, value in self.headers if key.lower() == lower]


class Web:
    """A client that is whoever it says: each request names the address it comes from."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, str, int], http.client.HTTPConnection] = OrderedDict()

    def request(
        self,
        method: str,
        url: str,
        *,
        source: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:
        """Ask. Only numeric hosts: no resolver decides; a ``Host`` header may be given.

        Raises OSError or ``http.client.HTTPException`` when nobody answers.
        """
        parts = urlsplit(url)
        host, port = str(ip_address(parts.hostname or "")), parts.port or 80
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        key = (source, host, port)
        connection = self._open.pop(key, None)
        fresh = connection is None
        connection = connection or self._connect(*key)
        try:
            reply = self._ask(connection, method, target, headers or {}, body)
        except (http.client.HTTPException, OSError):
            connection.close()
            if fresh:
                raise
            # The server closed a connection that was idle.
            connection = self._connect(*key)
            reply = self._ask(connection, method, target, headers or {}, body)
        if connection.sock is not None:
            self._open[key] = connection
            if len(self._open) > OPEN_MAX:
                self._open.popitem(last=False)[1].close()
        return reply

    def close(self) -> None:
        """Close what is open."""
        while self._open:
            self._open.popitem()[1].close()

    @staticmethod
    def _connect(source: str, host: str, port: int) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(
            host, port, timeout=TIMEOUT_S, source_address=(source, 0)
        )
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    @staticmethod
    def _ask(
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> Reply:
        connection.request(method, target or "/", body=body or None, headers=dict(headers))
        answer = connection.getresponse()
        content = answer.read(ANSWER_BYTES_MAX)
        return Reply(answer.status, tuple(answer.getheaders()), content)
