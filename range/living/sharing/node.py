"""Node: a node of the exchange as a service over HTTP, with its log on the town's clock."""

from __future__ import annotations

import base64
import binascii
import functools
import http.client
import random
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from district.calendar import SECOND_US
from district.sharing import calls
from district.sharing.exchange import Exchange, Request
from district.sharing.system import EXCHANGE
from district.stream import Sink

from living.clock import Clock
from living.serving import Call, Given, Service
from living.sharing import content
from living.sharing.store import Postgres

__all__ = ["PORT", "SIGNATURE", "Node", "Shared", "fetched"]

PORT: Final = 8080
SIGNATURE: Final = "X-Share-Signature"
"""Base64 of the SM2 signature (DER) over the body."""
_FETCH_S: Final = 3.0
"""A call-back that takes longer is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all nodes have in common."""

    exchange: Exchange
    store: Postgres
    clock: Clock
    sink: Sink
    wire: random.Random
    """Of the numbers under which calls are traced."""
    gateway: str
    """Whose word on the caller's address is taken."""
    names: Mapping[str, str]
    """Addresses of hosts by name: the town's resolver."""


class Node:
    """One node. Stopped, it answers nobody and writes nothing."""

    def __init__(self, name: str, address: str, shared: Shared) -> None:
        self.name = name
        self.service = Service(address, PORT, self._answer)
        self._shared = shared

    def beat(self) -> None:
        """Say that it lives, if it does."""
        if self.service.running:
            now = self._shared.clock.now()
            line = self._shared.exchange.heart_beat(node=self.name, stamp=calls.stamp(now))
            self._shared.sink.write(EXCHANGE, now, line)

    def call_back(self, requester: str, url: str) -> None:
        """The end of a long job: fetch the address that the application gave, wherever it leads.

        Raises KeyError where it names a host that nobody in the town has.
        """
        shared, parts = self._shared, urlsplit(url)
        host = parts.hostname or ""
        address = host if host[-1:].isdigit() else shared.names[host]
        begun = shared.clock.now()
        reached = fetched(url, address, source=self.service.address)
        now = shared.clock.now()
        line = shared.exchange.call_back(
            requester, url, address, node=self.name, stamp=calls.stamp(now), fetched=reached,
            ms=(now - begun) * 1000 // SECOND_US,
        )  # fmt: skip
        shared.sink.write(EXCHANGE, now, line)

    def _answer(self, call: Call) -> Given:
        shared = self._shared
        try:
            text = call.body.decode()
            signature = base64.b64decode(call.headers.get(SIGNATURE.lower()) or "", validate=True)
        except (UnicodeDecodeError, binascii.Error):
            return Given(status=400, body=b"{}")
        address = call.address
        if address == shared.gateway:
            address = call.headers.get("x-real-ip") or address
        request = Request(text=text, signature=signature, address=address)
        now = shared.clock.now()
        with shared.store.transaction():
            answer = shared.exchange.handle(
                request, now, node=self.name, stamp=calls.stamp(now),
                trace=f"{shared.wire.getrandbits(64):016x}",
            )  # fmt: skip
            numbers = self._numbers(request.members, answer.rows)
        shared.sink.write(EXCHANGE, now, answer.line)
        return Given(status=answer.status, body=content.body(answer, numbers))

    def _numbers(self, told: Mapping[str, object], rows: int) -> list[str]:
        if not rows:
            return []
        if subject := told.get("subject"):
            return [str(subject)]
        # Files are longer than the town has persons: it begins anew.
        first = (int(str(told.get("page", 1))) - 1) * rows % 2000
        return self._shared.store.page(first, rows)


def fetched(url: str, address: str, *, source: str) -> bool:
    """Whether anybody was there. Like many, it looks neither where it goes nor at a certificate."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            address, parts.port, timeout=_FETCH_S, source_address=(source, 0), context=_trusting()
        )
    else:
        connection = http.client.HTTPConnection(
            address, parts.port, timeout=_FETCH_S, source_address=(source, 0)
        )
    try:
        connection.request("GET", parts.path or "/", headers={"Host": parts.netloc})
        connection.getresponse().read()
    except http.client.HTTPException:
        return True  # Somebody answered, in another tongue: a database.
    except OSError:
        return False
    finally:
        connection.close()
    return True


@functools.cache
def _trusting() -> ssl.SSLContext:
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made
