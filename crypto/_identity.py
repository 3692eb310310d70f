"""Who signs: ID and point of a signer inside Z, and e over Z and a message (GB/T 32918.2, 5.5)."""

from collections.abc import Sequence
from typing import Final

from crypto import sm3
from crypto.engines import curve
from crypto.errors import CryptoError

__all__ = ["MessageDigest"]

# ENTL counts the bits of the ID in two bytes (GB/T 32918.2-2016, 5.5).
_DOMAIN_SIZE_MAX: Final = 0xFFFF // 8
# One key has one use, so a handful of domains at most; the bound only stops a caller's mistake.
_DOMAINS_CACHED_MAX: Final = 16


class MessageDigest:
    """What a signature of one point covers; keeps the part that each message of a domain shares."""

    __slots__ = ("_identities", "_point", "_states")

    def __init__(self, point: bytes) -> None:
        self._point = point
        self._identities: dict[str, bytes] = {}
        self._states: dict[str, sm3.Hash] = {}

    def __call__(self, message: bytes, domain: str) -> bytes:
        """Return e = SM3(Z ‖ M) (GB/T 32918.2-2016, 5.5 and 6.1)."""
        state = self.begin(domain)
        state.update(message)
        return state.digest()

    def begin(self, domain: str) -> sm3.Hash:
        """Return a running hash that has taken in Z."""
        state = self._states.get(domain)
        if state is None:
            state = sm3.new(self.identity(domain))
            if len(self._states) < _DOMAINS_CACHED_MAX:
                self._states[domain] = state
        # The kept state is never updated: each message gets a copy.
        return state.copy()

    def many(self, messages: Sequence[bytes], domain: str) -> list[bytes]:
        """Return e of each message."""
        return sm3.digest_many(messages, self.identity(domain))

    def identity(self, domain: str) -> bytes:
        """Return Z = SM3(ENTL ‖ ID ‖ a ‖ b ‖ G ‖ point)."""
        known = self._identities.get(domain)
        if known is not None:
            return known
        try:
            identity = domain.encode()
        except UnicodeEncodeError:
            identity = b""  # A lone surrogate has no UTF-8 form: refused below like no domain.
        if not 0 < len(identity) <= _DOMAIN_SIZE_MAX:
            raise CryptoError(
                "crypto.domain.malformed",
                f"A domain has 1 to {_DOMAIN_SIZE_MAX} bytes of UTF-8, such as fengsui/batch/1.",
                {"size": len(identity)},
            )
        bits = (8 * len(identity)).to_bytes(2, "big")
        z = sm3.digest(bits + identity + curve.CURVE_BYTES + self._point[1:])
        if len(self._identities) < _DOMAINS_CACHED_MAX:
            self._identities[domain] = z
        return z
