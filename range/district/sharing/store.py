"""Store: what the exchange keeps: applications and their keys, grants, and requests it has seen."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from crypto import sm3
from crypto.sm2 import PrivateKey, PublicKey

__all__ = ["SEEN_US", "Granted", "InMemory", "Registered", "Store", "key_of"]

SEEN_US: Final = 600 * 1_000_000
"""How long a request is remembered: both sides of the window in which its time is accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """An application as the exchange knows it."""

    requester: str
    unit: str
    """Its code."""
    key: PublicKey
    key_id: str
    system: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """That an application may have fields of a service."""

    grant: str
    fields: tuple[str, ...]


class Store(Protocol):
    """What the exchange asks of its database."""

    def application(self, requester: str) -> Registered | None:
        """The application of that name."""

    def granted(self, requester: str, service: str) -> Granted | None:
        """The grant on file, whether it still holds or not: the exchange was built so."""

    def first_time(self, digest: str, now: int) -> bool:
        """Whether a request with this digest comes for the first time within ``SEEN_US``."""

    def knows(self, number: str) -> bool:
        """Whether there is such a person."""


class InMemory:
    """The store as dictionaries."""

    def __init__(self) -> None:
        self.applications: dict[str, Registered] = {}
        self.grants: dict[tuple[str, str], Granted] = {}
        self.persons: set[str] = set()
        self._seen: set[str] = set()
        self._order: deque[tuple[int, str]] = deque()

    def application(self, requester: str) -> Registered | None:
        return self.applications.get(requester)

    def granted(self, requester: str, service: str) -> Granted | None:
        return self.grants.get((requester, service))

    def first_time(self, digest: str, now: int) -> bool:
        while self._order and self._order[0][0] <= now - SEEN_US:
            self._seen.discard(self._order.popleft()[1])
        if digest in self._seen:
            return False
        self._seen.add(digest)
        self._order.append((now, digest))
        return True

    def knows(self, number: str) -> bool:
        return number in self.persons

    def seen(self) -> Iterator[tuple[int, str]]:
        """When each request came that is still remembered, and its digest."""
        yield from self._order


def key_of(seed: int, name: str) -> PrivateKey:
    """A key made from the town's seed: the same in every run, and worth nothing."""
    digest = sm3.digest(f"district/{seed}/sharing/{name}".encode())
    # Below the group order in any case: its first byte is 0xff.
    return PrivateKey.from_scalar(b"\x01" + digest[1:])
