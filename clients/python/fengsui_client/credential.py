"""Credentials: how an application says who it is, by a bearer token or by signing each request."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable
from typing import Final, Protocol

from fengsui_client._crypto import sm3
from fengsui_client._crypto.sm2 import PrivateKey, signature_to_raw

__all__ = ["Bearer", "Credential", "SigningKey", "signed_text"]

DOMAIN: Final = "fengsui/request/1"
"""SM2 ID of a signed request: its signature is worth nothing elsewhere."""
MARK: Final = "FENGSUI-SM2/1"
NONCE_BYTES: Final = 18
"""24 characters: two never meet within the ten minutes a nonce is remembered."""


class Credential(Protocol):
    """Writes the Authorization header of one attempt."""

    def authorization(self, method: str, target: str, body: bytes) -> str:
        """``target`` is path and query exactly as they go into the request line."""


class Bearer:
    """A token that the operator issued; whoever holds it is the application."""

    __slots__ = ("_header",)

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def authorization(self, method: str, target: str, body: bytes) -> str:  # noqa: ARG002
        return self._header

    def __repr__(self) -> str:
        """Show no token."""
        return "<Bearer>"


class SigningKey:
    """An SM2 key the operator registered: each attempt has its own time, nonce and signature."""

    __slots__ = ("_clock", "_credential", "_key", "_nonce")

    def __init__(
        self,
        application: str,
        key: PrivateKey,
        *,
        clock: Callable[[], float] = time.time,
        nonce: Callable[[], str] = lambda: secrets.token_urlsafe(NONCE_BYTES),
    ) -> None:
        """The clock may be 300 seconds off; a nonce has 16 to 64 of ``A-Za-z0-9_-``."""
        self._credential = f"{application}.{key.public.key_id}"
        self._key = key
        self._clock = clock
        self._nonce = nonce

    def authorization(self, method: str, target: str, body: bytes) -> str:
        timestamp, nonce = int(self._clock()), self._nonce()
        text = signed_text(
            method,
            target,
            timestamp=timestamp,
            nonce=nonce,
            credential=self._credential,
            body=body,
        )
        raw = signature_to_raw(self._key.sign(text, domain=DOMAIN))
        return (
            f"Fengsui-SM2 credential={self._credential},timestamp={timestamp},nonce={nonce},"
            f"signature={base64.b64encode(raw).decode()}"
        )

    def __repr__(self) -> str:
        """Show the credential's id."""
        return f"<SigningKey {self._credential}>"


def signed_text(
    method: str, target: str, *, timestamp: int, nonce: str, credential: str, body: bytes
) -> bytes:
    """The seven lines that are signed; raises ``ValueError`` for what no request line can hold."""
    for one in (method, target):
        if not (one.isascii() and one.isprintable() and " " not in one):
            raise ValueError("method and target are visible ASCII: percent-encode the rest")
    digest = sm3.digest(body).hex()
    return f"{MARK}\n{method}\n{target}\n{timestamp}\n{nonce}\n{credential}\n{digest}".encode()
