"""SM2, SM3 and SM4 by the product's own native module, constant time where a secret is touched.

The module is a wheel of its own (``native/``); a machine without it uses another engine.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, ParamSpec, Self, TypeVar

from crypto.engines.port import Refused, Sm2PublicKey
from crypto.errors import CryptoError

if TYPE_CHECKING:
    from fengsui_native import sm

__all__ = ["NativeEngine"]

_T = TypeVar("_T")
_Given = ParamSpec("_Given")


def _refusing(call: Callable[_Given, _T], *given: _Given.args, **named: _Given.kwargs) -> _T:
    try:
        return call(*given, **named)
    except ValueError:
        raise Refused from None


class _PublicKey:
    __slots__ = ("encrypt", "native", "verify")

    def __init__(self, native: "sm.Sm2PublicKey") -> None:
        self.native = native
        self.verify = native.verify
        self.encrypt = native.encrypt


class _PrivateKey:
    __slots__ = ("native", "point", "scalar", "sign", "sign_many")

    def __init__(self, native: "sm.Sm2PrivateKey") -> None:
        self.native = native
        self.point = native.point
        self.scalar = native.scalar
        self.sign = native.sign
        self.sign_many = native.sign_many

    def decrypt(self, c1: bytes, c3: bytes, c2: bytes) -> bytes:
        return _refusing(self.native.decrypt, c1, c3, c2)

    def shared_point(self, peer: bytes) -> bytes:
        return _refusing(self.native.shared_point, peer)

    def exchange(self, ephemeral: Self, peer: bytes, peer_ephemeral: bytes) -> bytes:
        return _refusing(self.native.exchange, ephemeral.native, peer, peer_ephemeral)


class NativeEngine:
    """The fastest engine, and the only one shown to be constant time by test."""

    name: Final = "native"

    def __init__(self) -> None:
        """Raise ``crypto.library.unsuitable`` when the module is absent or of another version."""
        try:
            from fengsui_native import sm

            self._sm = sm
            # Bound once: a method in between costs as much as a short hash.
            self.sm3 = sm.Sm3
            self.sm3_digest = sm.sm3_digest
            self.sm3_digest_many = sm.sm3_digest_many
            self.sm3_leaves = sm.sm3_leaves
            self.sm3_merkle_root = sm.sm3_merkle_root
            self.sm3_hmac = sm.sm3_hmac
            self.sm4_ecb_encrypt = sm.sm4_ecb_encrypt
            self.sm4_ecb_decrypt = sm.sm4_ecb_decrypt
            self.sm4_cbc_encrypt = sm.sm4_cbc_encrypt
            self.sm4_cbc_decrypt = sm.sm4_cbc_decrypt
            self.sm4_ctr = sm.sm4_ctr
            self.sm4_gcm_seal = sm.sm4_gcm_seal
            self.sm4_ccm_seal = sm.sm4_ccm_seal
        except (ImportError, AttributeError) as error:
            raise CryptoError(
                "crypto.library.unsuitable",
                f"The native module cannot be used ({error}): run make install where cargo is, or "
                "install the fengsui-native wheel of this version.",
                {"library": "fengsui-native", "reason": str(error)},
            ) from None

    def describe(self) -> str:
        return f"fengsui-native {self._sm.version()} ({', '.join(self._sm.paths())})"

    def sm2_generate(self) -> _PrivateKey:
        return _PrivateKey(self._sm.Sm2PrivateKey.generate())

    def sm2_private(self, scalar: bytes | bytearray) -> _PrivateKey:
        return _PrivateKey(_refusing(self._sm.Sm2PrivateKey.from_scalar, scalar))

    def sm2_public(self, point: bytes) -> _PublicKey:
        return _PublicKey(_refusing(self._sm.Sm2PublicKey.from_point, point))

    def sm2_verify_many(
        self, keys: Sequence[Sm2PublicKey], es: Sequence[bytes], signatures: Sequence[bytes]
    ) -> list[bool]:
        natives = [key.native for key in keys if isinstance(key, _PublicKey)]
        return self._sm.sm2_verify_many(natives, es, signatures)

    def sm4_gcm_open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        return _refusing(self._sm.sm4_gcm_open, key, nonce, sealed, aad)

    def sm4_ccm_open(
        self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes, tag_size: int
    ) -> bytes:
        return _refusing(self._sm.sm4_ccm_open, key, nonce, sealed, aad, tag_size)
