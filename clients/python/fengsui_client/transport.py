"""Transport: one request, carried there and back; connections kept open, attempts repeated.

Repeating is safe for every request: one on data leaves nothing behind but an audit entry, one on
keys carries an ``Idempotency-Key`` that all its attempts share.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fengsui_client.credential import Credential
from fengsui_client.errors import BadAnswer, ServiceError, Unreachable, refusal
from fengsui_client.fields import Fields

__all__ = ["Answer", "Retry", "Transport"]

IDLE_MAX: Final = 16
"""Connections kept open: as many threads as a client is usually shared by."""
ANSWER_BYTES_MAX: Final = 32 * 1024 * 1024
"""A page of keys and certificates has some megabytes at most."""
REPEATED: Final = frozenset({429, 503})
RUNNING: Final = "dashboard_api.idempotency.running"
"""The first attempt of a change is still being carried out."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, and for how long."""

    attempts: int = 4
    pause_seconds: float = 0.2
    """Before the second attempt, doubled each time, where the service names no time."""
    pause_seconds_max: float = 30.0
    """A service that asks for more is not waited for: the call ends with its refusal."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer below 300 or one that says why not."""

    status: int
    body: bytes
    retry_after: float | None


class Transport:
    """Connections to one service; may be shared between threads."""

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        timeout: float,
        retry: Retry,
        language: str,
        context: ssl.SSLContext | None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Raise ``ValueError`` for a base URL that is not http or https."""
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError(f"{base_url} is no base URL: https://host/ or https://host/path/")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._root = parts.path.rstrip("/")
        self._credential = credential
        self._timeout = timeout
        self._retry = retry
        self._language = language
        self._context = context
        self._sleep = sleep
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def call(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The body of a successful answer.

        Raises ``ServiceError``, ``Unreachable`` or ``BadAnswer``.
        """
        pause = self._retry.pause_seconds
        for attempt in range(1, self._retry.attempts + 1):
            last = attempt == self._retry.attempts
            try:
                answer = self._attempt(method, self._root + path, body, dict(headers or {}))
            except (OSError, http.client.HTTPException) as error:
                if last or isinstance(error, ssl.SSLCertVerificationError):
                    raise self._unreachable(error) from error
            else:
                if answer.status < 300:
                    return answer.body
                refused = _problem(answer)
                if last or not (answer.status in REPEATED or refused.code == RUNNING):
                    raise refused
                if answer.retry_after is not None:
                    if answer.retry_after > self._retry.pause_seconds_max:
                        raise refused
                    pause = max(pause, answer.retry_after)
            self._sleep(min(pause, self._retry.pause_seconds_max))
            pause *= 2
        raise AssertionError("the last attempt returns or raises")

    def once(self, method: str, path: str) -> Answer:
        """One attempt and whatever it is answered; raises ``Unreachable``."""
        try:
            return self._attempt(method, self._root + path, b"", {})
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def close(self) -> None:
        """End the idle connections; the next call opens new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _attempt(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        connection, kept = self._take()
        try:
            return self._exchange(connection, method, target, body, headers)
        except (ConnectionError, http.client.BadStatusLine):
            connection.close()
            if not kept:
                raise
        except BaseException:
            connection.close()
            raise
        # It had been idle and the other side has ended it meanwhile: no attempt was made at all.
        connection = self._open()
        try:
            return self._exchange(connection, method, target, body, headers)
        except BaseException:
            connection.close()
            raise

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        body: bytes,
        headers: dict[str, str],
    ) -> Answer:
        sent = {
            "Accept": "application/json",
            "Accept-Language": self._language,
            "Authorization": self._credential.authorization(method, target, body),
            **headers,
        }
        if method == "POST":
            sent["Content-Type"] = "application/json"
        connection.request(method, target, body if method == "POST" else None, sent)
        response = connection.getresponse()
        content = response.read(ANSWER_BYTES_MAX + 1)
        if len(content) > ANSWER_BYTES_MAX:
            connection.close()
            raise BadAnswer(f"the answer has more than {ANSWER_BYTES_MAX} bytes")
        if response.will_close:
            connection.close()
        else:
            self._give(connection)
        return Answer(response.status, content, _seconds(response.getheader("Retry-After")))

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(f"no answer from {self._host}: {type(error).__name__}: {error}")

    def _take(self) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            if self._idle:
                return self._idle.pop(), True
        return self._open(), False

    def _give(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self) -> http.client.HTTPConnection:
        if self._secure:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=self._context
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)


def _problem(answer: Answer) -> ServiceError:
    try:
        said = Fields.of(json.loads(answer.body))
        return refusal(
            answer.status, said.text("code"), said.text("title"), said.text("detail"),
            said.facts("params"),
        )  # fmt: skip
    except (ValueError, BadAnswer):
        raise BadAnswer(
            f"status {answer.status} without a problem: is there a proxy in between?"
        ) from None


def _seconds(header: str | None) -> float | None:
    # The other form of the header, a date, this service never sends.
    return float(header) if header is not None and header.isascii() and header.isdigit() else None
