"""Symmetric keys at work: what the store hands out for SEAL and MAC keys.

Both write the version into what they make, so that it still opens after a rotation. Verification
raises and never returns a verdict.
"""

import hmac
from collections.abc import Callable
from typing import Final, NoReturn

from crypto import sm3, sm4
from crypto.errors import CryptoError
from crypto.ports import Entropy

__all__ = ["MacKey", "SealingKey", "Secrets", "keeping"]

_VERSION_SIZE: Final = 4
_SALT_SIZE: Final = 16
_SEAL: Final = b"fengsui/seal/1"
_HEAD_SIZE: Final = _VERSION_SIZE + _SALT_SIZE + sm4.NONCE_SIZE

Secrets = Callable[[int | None, bool], tuple[int, bytearray]]
"""Returns a version's number and secret (None: the latest), for protecting or only for opening."""


def keeping(secrets: Secrets) -> Secrets:
    """Return the same secrets, each opened once and handed out as a copy to wipe."""
    kept: dict[tuple[int | None, bool], tuple[int, bytes]] = {}

    def copy(version: int | None, protect: bool) -> tuple[int, bytearray]:
        found = kept.get((version, protect))
        if found is None:
            number, secret = secrets(version, protect)
            found = kept[version, protect] = number, bytes(secret)
            secret[:] = bytes(len(secret))
        return found[0], bytearray(found[1])

    return copy


class _Handle:
    __slots__ = ("_key_id", "_secrets")

    def __init__(self, key_id: str, secrets: Secrets) -> None:
        self._key_id = key_id
        self._secrets = secrets

    def __repr__(self) -> str:
        """Show the key's id."""
        return f"<{type(self).__name__} {self._key_id}>"

    def __reduce__(self) -> NoReturn:
        """Refuse: a key leaves the process by the store's export only."""
        raise TypeError("a key of the store cannot be pickled or copied")

    def _with(self, version: int | None, protect: bool) -> tuple[int, bytes]:
        number, secret = self._secrets(version, protect)
        try:
            return number, bytes(secret)
        finally:
            secret[:] = bytes(len(secret))


class SealingKey(_Handle):
    """SM4-GCM under a key of its own for each text.

    The text's key is drawn from the stored one by a random salt of 128 bits, and the nonce is
    random too: 224 bits that would have to repeat, so the number of texts has no practical bound.
    """

    __slots__ = ("_entropy",)

    def __init__(self, key_id: str, secrets: Secrets, entropy: Entropy) -> None:
        super().__init__(key_id, secrets)
        self._entropy = entropy

    def seal(self, plaintext: bytes, aad: bytes) -> bytes:
        """Return version ‖ salt ‖ nonce ‖ ciphertext ‖ tag."""
        number, secret = self._with(None, True)
        head = number.to_bytes(_VERSION_SIZE, "big") + self._entropy.take(
            _SALT_SIZE + sm4.NONCE_SIZE
        )
        return head + sm4.seal(*_for_text(secret, head), plaintext, self._bound(head, aad))

    def open(self, sealed: bytes, aad: bytes) -> bytes:
        """Return the text; raises ``crypto.ciphertext.invalid`` when it is not whole."""
        if len(sealed) < _HEAD_SIZE + sm4.TAG_SIZE:
            raise CryptoError(
                "crypto.ciphertext.invalid", "The sealed text is cut short.", {"id": self._key_id}
            )
        head = sealed[:_HEAD_SIZE]
        _, secret = self._with(int.from_bytes(head[:_VERSION_SIZE], "big"), False)
        return sm4.open(*_for_text(secret, head), sealed[_HEAD_SIZE:], self._bound(head, aad))

    def _bound(self, head: bytes, aad: bytes) -> bytes:
        return head[:_VERSION_SIZE] + aad


class MacKey(_Handle):
    """HMAC-SM3 with the version in front."""

    __slots__ = ()

    def mac(self, data: bytes) -> bytes:
        """Return version ‖ HMAC-SM3, 36 bytes."""
        number, secret = self._with(None, True)
        return number.to_bytes(_VERSION_SIZE, "big") + sm3.hmac(secret, data)

    def check(self, mac: bytes, data: bytes) -> None:
        """Raise ``crypto.mac.invalid`` unless this key made ``mac`` over ``data``."""
        if len(mac) == _VERSION_SIZE + sm3.DIGEST_SIZE:
            _, secret = self._with(int.from_bytes(mac[:_VERSION_SIZE], "big"), False)
            if hmac.compare_digest(mac[_VERSION_SIZE:], sm3.hmac(secret, data)):
                return
        raise CryptoError(
            "crypto.mac.invalid",
            f"The code is not one of key {self._key_id} over this data.",
            {"id": self._key_id},
        )


def _for_text(secret: bytes, head: bytes) -> tuple[bytes, bytes]:
    """Return the text's own key and its nonce."""
    salt, nonce = head[_VERSION_SIZE : _VERSION_SIZE + _SALT_SIZE], head[-sm4.NONCE_SIZE :]
    return sm3.hkdf(secret, sm4.KEY_SIZE, salt=salt, info=_SEAL), nonce
