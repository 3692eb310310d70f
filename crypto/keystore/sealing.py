"""How a row is sealed, and what it is bound to.

Each row is sealed by SM4-GCM under a key of its own: HKDF-SM3 over the master key, with the store's
row tag, the key's id, version and use as its name. The same four, the policy and the public half
are the additional data: a row that was swapped, relabelled, given another policy or another public
half does not open.

GCM falls when one key meets one nonce twice. Here a sealing key seals one row, once for each
master key: the row is written when the version is made, and again only when the master key changes,
which changes the sealing key. The nonce is 96 fresh random bits on top. So two sealings share key
and nonce only if the same row were sealed twice under one master key (a restore into a store
with the same master key does that) and the generator also repeated itself.
"""

import hmac
from typing import Final

from crypto import sm3, sm4
from crypto.errors import CryptoError
from crypto.keystore.model import Policy, Use, refused
from crypto.ports import Entropy

__all__ = ["MASTER_SIZE", "RowName", "check_value", "fits", "open_row", "seal_row"]

MASTER_SIZE: Final = 32
_ROW: Final = b"fengsui/keystore/row/1"
_CHECK: Final = b"fengsui/keystore/check/1"
_CHECK_SIZE: Final = 16


class RowName:
    """What a row is bound to."""

    __slots__ = ("key_id", "policy", "public", "use", "version")

    def __init__(
        self, key_id: str, version: int, *, use: Use, policy: Policy, public: bytes | None
    ) -> None:
        self.key_id = key_id
        self.version = version
        self.use = use
        self.policy = policy
        self.public = public

    def key_info(self) -> bytes:
        """Return the name of the sealing key."""
        return _fields(_ROW, *self._short())

    def additional(self) -> bytes:
        """Return the additional data."""
        return _fields(_ROW, *self._short(), self.policy.to_text().encode(), self.public or b"")

    def _short(self) -> tuple[bytes, ...]:
        return self.key_id.encode(), str(self.version).encode(), self.use.value.encode()


def seal_row(
    master: bytes | bytearray, name: RowName, secret: bytes | bytearray, entropy: Entropy
) -> bytes:
    """Return nonce ‖ ciphertext ‖ tag."""
    nonce = entropy.take(sm4.NONCE_SIZE)
    return nonce + sm4.seal(_row_key(master, name), nonce, bytes(secret), name.additional())


def open_row(master: bytes | bytearray, name: RowName, sealed: bytes) -> bytearray:
    """Return the secret; raises ``crypto.key.tampered`` when the row is not what was sealed."""
    nonce, body = sealed[: sm4.NONCE_SIZE], sealed[sm4.NONCE_SIZE :]
    try:
        if len(nonce) != sm4.NONCE_SIZE:
            raise ValueError("too short")
        return bytearray(sm4.open(_row_key(master, name), nonce, body, name.additional()))
    except (CryptoError, ValueError):
        raise refused(
            "tampered",
            name.key_id,
            f"version {name.version} does not open: its row was changed or put in another's "
            "place. Restore the store from its backup",
            version=name.version,
        ) from None


def check_value(master: bytes | bytearray, number: int) -> bytes:
    """Return what tells this master key from another; it says nothing about either."""
    return sm3.hkdf(bytes(master), _CHECK_SIZE, info=_fields(_CHECK, str(number).encode()))


def fits(master: bytes | bytearray, number: int, value: bytes) -> bool:
    """Tell whether this is the master key of a check value."""
    return hmac.compare_digest(check_value(master, number), value)


def _row_key(master: bytes | bytearray, name: RowName) -> bytes:
    return sm3.hkdf(bytes(master), sm4.KEY_SIZE, info=name.key_info())


def _fields(*parts: bytes) -> bytes:
    # Each part with its length: no two lists of parts give the same bytes.
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
