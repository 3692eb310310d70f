"""Signed: what every service of the town that lets in signed requests alone has in common.

How a request is put into words, and which headers carry it, each platform decides for itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from crypto.sm2 import PublicKey

if TYPE_CHECKING:
    from living.web import Reply

__all__ = ["NONCES_MAX", "TEXT_CHARS_MAX", "Asker", "Keys", "Once", "RefusedError", "TownClock"]

NONCES_MAX: Final = 65_536
"""The nonces that are remembered; a service busier than 218 requests a second would need more."""
TEXT_CHARS_MAX: Final = 256
"""Of one header that is signed."""


class Keys(Protocol):
    """The programs' keys: :class:`living.signing.Signing`."""

    def sign(self, program: str, text: bytes, *, domain: str) -> bytes:
        """The program's signature, DER."""

    def public(self, program: str) -> PublicKey:
        """What verifies it."""


class TownClock(Protocol):
    """The clock that client and service share."""

    def now(self) -> int:
        """Microseconds UTC."""


class Asker(Protocol):
    """:class:`living.web.Web`."""

    def request(
        self, method: str, url: str, *, source: str, headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Reply:  # fmt: skip
        """Ask from that address."""


class RefusedError(Exception):
    """A request whose signature, time or nonce does not hold, or of nobody that is known."""


class Once:
    """Remembers the newest nonces of each program."""

    def __init__(self, most: int = NONCES_MAX) -> None:
        self._most = most
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    def take(self, program: str, nonce: str) -> None:
        """Take it; raises :class:`RefusedError` where it came before."""
        if (program, nonce) in self._seen:
            raise RefusedError("seen before")
        self._seen[program, nonce] = None
        if len(self._seen) > self._most:
            self._seen.popitem(last=False)
