"""Targets: whoever is at a call-back's address while it is fetched."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

__all__ = ["Targets"]

_WAIT_S: Final = 5.0
_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
_PORTS: Final = {"http": 80, "https": 443}


class Targets:
    """Opens a listener for the time of one call-back; where a server already listens, that one is
    fetched from."""

    def __init__(self, folder: Path) -> None:
        """``folder`` takes the certificate that all of them show."""
        key, certificate = folder / "call-back.key", folder / "call-back.pem"
        subprocess.run(
            (
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650", "-subj",
                "/CN=call-back.example", "-keyout", str(key), "-out", str(certificate),
            ),
            check=True, capture_output=True,
        )  # fmt: skip
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self.reached = 0
        """How many fetches came to a listener of this kind."""

    @contextlib.contextmanager
    def at(self, url: str, address: str) -> Iterator[None]:
        """While somebody is there."""
        parts = urlsplit(url)
        listener = _listening(address, parts.port or _PORTS[parts.scheme])
        if listener is None:
            yield
            return
        with listener:
            thread = threading.Thread(
                target=self._answer, args=(listener, parts.scheme == "https"), daemon=True
            )
            thread.start()
            yield
        thread.join(_WAIT_S)

    def _answer(self, listener: socket.socket, tls: bool) -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            connection.settimeout(_WAIT_S)
            if tls:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                connection.recv(8192)
                connection.sendall(_ANSWER)
                self.reached += 1


def _listening(address: str, port: int) -> socket.socket | None:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.settimeout(_WAIT_S)
        listener.bind((address, port))
        listener.listen(4)
    except OSError:
        listener.close()
        return None
    return listener
