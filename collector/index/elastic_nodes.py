"""Nodes: one connection to the search nodes, and what their refusals mean.

    IndexUnavailableError (FengsuiError, OSError)   collector.index.unavailable: try again later
    FengsuiError                               collector.index.refused: they understood and say no

A search node that does not accept is to the pipeline what a full disk is: an ``OSError``, tried
again until it is taken, with nothing lost, because the log's cursor has not moved.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from elastic_transport import JsonSerializer, NdjsonSerializer, TransportError
from elasticsearch import ApiError, Elasticsearch

from collector.index.elastic_mapping import Dsl
from collector.index.unavailable import IndexUnavailableError
from schema.errors import FengsuiError

__all__ = ["Connection", "IndexUnavailableError", "Nodes"]

_logger = logging.getLogger(__name__)

REQUEST_SECONDS: Final = 60
"""A question over half a year on a busy node, all tries together; longer means nobody answers."""
STORE_SECONDS: Final = 20.0
"""For all that one insert asks: behind a link that is half open the pipeline tells within this
that it stands still, and tries again. Of what was stored meanwhile a repeat costs little."""
TRIES_MAX: Final = 6
"""With the waits below about six seconds: a node that restarts is waited for by the pipeline."""
WAIT_FIRST_S: Final = 0.2
WAIT_MAX_S: Final = 5.0
BUSY: Final = frozenset({429, 502, 503, 504})
"""Statuses that ask for the same again later."""
NOT_FOUND: Final = 404
_PRIVATE_MODE: Final = 0o600
_SECRET_BYTES_MAX: Final = 4096

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where the search nodes are and how we show who we are; secrets by file only."""

    hosts: Sequence[str]
    tls_ca: str = ""
    user: str = ""
    password_file: str = ""
    api_key_file: str = ""


class Nodes:
    """The search nodes of one site. Safe from any thread."""

    def __init__(
        self,
        connection: Connection,
        *,
        wait: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = _client(connection)
        self._wait = wait
        self._monotonic = monotonic
        self._bound = threading.local()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let all that this thread asks inside take so long together."""
        before = getattr(self._bound, "until", math.inf)
        self._bound.until = min(before, self._monotonic() + seconds)
        try:
            yield
        finally:
            self._bound.until = before

    def ask(
        self,
        method: str,
        path: str,
        body: Dsl | bytes | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        missing: bool = False,
    ) -> Dsl:
        """The answer to one request, asked again with growing waits while the nodes are busy.

        ``missing`` takes a 404 for an empty answer. Raises ``IndexUnavailableError`` when they stay
        busy or do not answer in time, and ``collector.index.refused`` for what they understand and
        do not take.
        """
        raw = isinstance(body, bytes)
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/x-ndjson" if raw else "application/json"
        tries = 0
        cause: Exception
        until = min(self._monotonic() + REQUEST_SECONDS, getattr(self._bound, "until", math.inf))
        while True:
            left = until - self._monotonic()
            if left <= 0:
                raise unavailable("no answer in time")
            try:
                answer = self._client.options(request_timeout=left).perform_request(
                    method, path, params=params, headers=headers, body=body
                )
            except ApiError as error:
                if missing and error.meta.status == NOT_FOUND:
                    return {}
                if error.meta.status not in BUSY:
                    raise _refused(method, path, error) from error
                # Not its text: a reason may quote what stands in events.
                why, cause = f"status {error.meta.status}", error
            except TransportError as error:
                why, cause = error.message, error
            else:
                return answer.body if isinstance(answer.body, dict) else {}
            tries += 1
            if tries == TRIES_MAX or self._monotonic() >= until:
                raise unavailable(why) from cause
            self.pause(tries - 1)

    def pause(self, tries: int) -> None:
        """Wait longer the more tries there were; at random, so that no two come back together."""
        # Not for secrets: only to spread retries.
        self._wait(min(WAIT_MAX_S, WAIT_FIRST_S * 2**tries) * (0.5 + random.random() / 2))  # noqa: S311

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


class _Lines(NdjsonSerializer):
    """Lines that are bytes already go as they are: the client would copy them twice."""

    def dumps(self, data: object) -> bytes:
        return data if isinstance(data, bytes) else super().dumps(data)


class _Json(JsonSerializer):
    """JSON by the library that reads all other JSON here, several times faster."""

    def json_loads(self, data: str | bytes) -> object:
        try:
            return msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(str(error)) from error

    def json_dumps(self, data: object) -> bytes:
        return msgspec.json.encode(data)


def unavailable(why: str) -> IndexUnavailableError:
    """The error of nodes that do not accept."""
    return IndexUnavailableError(
        "collector.index.unavailable",
        f"the search nodes do not accept now ({why[:200]}): what was to be stored waits in the "
        "log and is stored once they do; look at their disks, their memory and the network",
    )


def _refused(method: str, path: str, error: ApiError) -> FengsuiError:
    # Reasons quote the request, which may hold what stands in events: only types are told on.
    return FengsuiError(
        "collector.index.refused",
        f"the search nodes refuse {method} {path.split('?')[0][:80]} with status "
        f"{error.meta.status} ({error_type(error.body)}): look at user, rights and release of the "
        "nodes in docs/operator/search.md",
        status=error.meta.status,
        type=error_type(error.body),
    )


def error_type(body: object) -> str:
    """The type of an error as the nodes name it."""
    error = body.get("error") if isinstance(body, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    return str(kind or "unknown")[:80]


def _client(connection: Connection) -> Elasticsearch:
    for host in connection.hosts:
        _check_host(host, connection)
    options: dict[str, Any] = {}
    if connection.api_key_file:
        options["api_key"] = _secret(connection.api_key_file)
    elif connection.user:
        options["basic_auth"] = (connection.user, _secret(connection.password_file))
    if connection.tls_ca:
        options["ca_certs"] = connection.tls_ca
    return Elasticsearch(
        list(connection.hosts),
        request_timeout=REQUEST_SECONDS,
        # We try again ourselves: the client would send a bulk anew that was partly stored.
        max_retries=0,
        retry_on_timeout=False,
        serializers={_Json.mimetype: _Json(), _Lines.mimetype: _Lines()},
        **options,
    )


def _check_host(host: str, connection: Connection) -> None:
    parts = urlsplit(host)
    try:
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and bool(parts.port)
    except ValueError:
        sound = False
    if not sound or parts.username or parts.password or parts.query or parts.fragment:
        raise FengsuiError(
            "collector.index.host",
            "a search node is written as https://name:9200, without user or password",
        )
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise FengsuiError(
            "collector.index.unencrypted",
            f"{host}: without TLS only a search node on this machine may be asked; write https:// "
            "and set [search] tls_ca",
            host=host,
        )
    if parts.scheme == "http" and (connection.user or connection.api_key_file):
        _logger.info("a secret goes to a search node of this machine without TLS")


def _secret(name: str) -> str:
    path = Path(name)
    try:
        mode = path.stat().st_mode & 0o777
        if mode & ~_PRIVATE_MODE:
            raise FengsuiError(
                "collector.index.secret",
                f"{path} can be read by others (mode {mode:o}): chmod 600 {path}",
                path=str(path),
            )
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FengsuiError(
            "collector.index.secret", f"{path} cannot be read: {error}", path=str(path)
        ) from error
    if not text.strip() or len(text) > _SECRET_BYTES_MAX:
        raise FengsuiError(
            "collector.index.secret", f"{path} holds no secret in one line", path=str(path)
        )
    return text.strip()
