"""Transport: the sensor's way to the platform, TLS with the platform's own certificate pinned."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from schema.errors import FengsuiError

JSON: Final = "application/json"
BINARY: Final = "application/octet-stream"

TIMEOUT_SECONDS: Final = 30.0
"""The platform answers within a few fdatasyncs; longer means the way is broken."""

ANSWER_BYTES_MAX: Final = 1024 * 1024
"""Several hundred receipts: more than one request of batches can be answered with."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the platform said."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the request was done."""
        return 200 <= self.status < 300


class Transport(Protocol):
    """Posts one request at a time; ``OSError`` when no whole answer came back."""

    def post(self, path: str, body: bytes, *, media_type: str) -> Answer:
        """Post to a path below the platform's address, such as ``v1/batches``."""

    def close(self) -> None:
        """Let go of the connection; the next post opens another."""


class Problem(msgspec.Struct, frozen=True):
    """A refusal as the platform words it (RFC 9457)."""

    code: str = ""
    detail: str = ""
    params: dict[str, str | int] = {}


def problem(answer: Answer) -> Problem:
    """The problem an answer names; one without a code where it names none."""
    try:
        return msgspec.json.decode(answer.body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Problem(detail=f"answer {answer.status} without a reason")


class HttpsTransport:
    """One kept-alive connection. Trusts the certificates in ``ca`` and no others."""

    def __init__(
        self, url: str, ca: Path | None, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """Plain HTTP is for this machine only; ``ca`` may be absent there.

        Raises ``sensors.transport.address`` and ``sensors.transport.certificate``.
        """
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._prefix = parts.path.rstrip("/")
        self._timeout = timeout_seconds
        self._context: ssl.SSLContext | None = None
        if parts.scheme == "https" and self._host and ca is not None:
            self._context = _pinned(ca)
        elif parts.scheme != "http" or self._host not in _LOOPBACK:
            raise FengsuiError(
                "sensors.transport.address",
                f"{url!r} is no place to send to: give https://host:port and the platform's "
                "certificate; plain http is for 127.0.0.1 only",
                url=url,
            )
        self._port = parts.port
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: bytes, *, media_type: str) -> Answer:
        connection = self._connection or self._connect()
        self._connection = None
        try:
            headers = {"Content-Type": media_type, "Accept": JSON}
            connection.request("POST", f"{self._prefix}/{path}", body, headers)
            response = connection.getresponse()
            answer = Answer(status=response.status, body=response.read(ANSWER_BYTES_MAX + 1))
            if len(answer.body) > ANSWER_BYTES_MAX:
                raise ConnectionError(f"the answer has more than {ANSWER_BYTES_MAX} bytes")
            if response.length:
                # read(n) gives back less in silence when the connection breaks.
                raise http.client.IncompleteRead(answer.body, response.length)
        except http.client.HTTPException as error:
            connection.close()
            raise ConnectionError(f"no whole answer came: {type(error).__name__}") from error
        except BaseException:
            connection.close()
            raise
        # Kept for the next request: after a failure a request must never meet an old answer.
        self._connection = connection
        return answer

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if self._context is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=self._timeout, context=self._context
        )


def _pinned(ca: Path) -> ssl.SSLContext:
    # Not create_default_context(): with cafile absent it would trust the system's authorities.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise FengsuiError(
            "sensors.transport.certificate",
            f"the platform's certificate {ca} cannot be read: {error}",
            path=str(ca),
        ) from error
    return context
