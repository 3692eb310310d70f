"""SM2 key exchange (GB/T 32918.3-2016): two sides agree on a key and prove that they did.

Each side sends its ephemeral point, then its confirmation. The key is given out only after the
other side's confirmation was checked, so nobody works with a key that only one side has.
"""

import hmac
from enum import Enum
from typing import Final

from crypto import sm3
from crypto.errors import CryptoError
from crypto.sm2 import PrivateKey, PublicKey

__all__ = ["KEY_SIZE_MAX", "Agreement", "Exchange", "Role"]

KEY_SIZE_MAX: Final = 4096
"""Far more than any set of session keys takes."""


class Role(Enum):
    """Who spoke first."""

    INITIATOR = "initiator"
    RESPONDER = "responder"


class Agreement:
    """A key both sides should have now."""

    __slots__ = ("_expected", "_key", "confirmation")

    def __init__(self, key: bytes, *, confirmation: bytes, expected: bytes) -> None:
        self._key = key
        self._expected = expected
        self.confirmation = confirmation
        """What to send to the other side, 32 bytes."""

    def key(self, confirmation: bytes) -> bytes:
        """Return the agreed key once the other side's confirmation is right.

        Raises ``crypto.exchange.failed``.
        """
        if not hmac.compare_digest(confirmation, self._expected):
            raise CryptoError(
                "crypto.exchange.failed",
                "The other side has another key: wrong identity, or somebody in between.",
            )
        return self._key

    def __repr__(self) -> str:
        """Show nothing."""
        return "<Agreement>"


class Exchange:
    """One run of the exchange; its ephemeral key is used once."""

    __slots__ = ("_ephemeral", "_identity", "_key", "_peer", "_peer_identity", "_role", "_used")

    def __init__(
        self,
        role: Role,
        key: PrivateKey,
        *,
        identity: str,
        peer: PublicKey,
        peer_identity: str,
        ephemeral: PrivateKey | None = None,
    ) -> None:
        """``ephemeral`` is fresh unless a vector fixes it."""
        self._role = role
        self._key = key
        self._identity = identity
        self._peer = peer
        self._peer_identity = peer_identity
        self._ephemeral = ephemeral or PrivateKey.generate()
        self._used = False

    @property
    def point(self) -> bytes:
        """The ephemeral point to send, 65 bytes."""
        return self._ephemeral.public.point

    def agree(self, peer_point: bytes, length: int) -> Agreement:
        """Work out ``length`` key bytes from the other side's ephemeral point.

        Raises ``crypto.exchange.failed`` when the point is unusable or the run was used before.
        """
        if not 0 < length <= KEY_SIZE_MAX:
            raise ValueError(f"an agreed key has 1 to {KEY_SIZE_MAX} bytes")
        if self._used:
            raise CryptoError("crypto.exchange.failed", "One run agrees on one key: begin anew.")
        self._used = True
        u = self._key.exchange_point(self._ephemeral, self._peer, peer_point)
        own = (self._key.public.identity(domain=self._identity), self.point)
        other = (self._peer.identity(domain=self._peer_identity), peer_point)
        first, second = (own, other) if self._role is Role.INITIATOR else (other, own)
        inner = sm3.digest(u[:32] + first[0] + second[0] + first[1][1:] + second[1][1:])
        by_responder = sm3.digest(b"\x02" + u[32:] + inner)
        by_initiator = sm3.digest(b"\x03" + u[32:] + inner)
        mine, theirs = (
            (by_initiator, by_responder)
            if self._role is Role.INITIATOR
            else (by_responder, by_initiator)
        )
        return Agreement(
            sm3.kdf(u + first[0] + second[0], length), confirmation=mine, expected=theirs
        )

    def __repr__(self) -> str:
        """Show the role only."""
        return f"<Exchange {self._role.value}>"
