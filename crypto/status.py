"""The self-test: the engine gives the standards' own answers before anything is signed with it.

Which engine is in use is shown, never hidden: see the package's docstring for what it is not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from crypto import _der, engines, sm2, sm2_exchange, sm3, sm4
from crypto.errors import CryptoError

__all__ = ["MODULE", "Status", "self_test"]

_hex = bytes.fromhex

_SM3: Final = {
    b"abc": "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
    b"abcd" * 16: "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
}

# GB/T 32907-2016, A.1; the key is the plaintext too.
_SM4_KEY: Final = _hex("0123456789abcdeffedcba9876543210")
_SM4_BLOCK: Final = _hex("681edf34d206965e86b3e94f536e4246")

# RFC 8998, appendix A.1.
_GCM_NONCE: Final = _hex("00001234567800000000abcd")
_GCM_AAD: Final = _hex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
_GCM_PLAIN: Final = b"".join(
    _hex(pair) * 8 for pair in ("aa", "bb", "cc", "dd", "ee", "ff", "ee", "aa")
)
_GCM_SEALED: Final = _hex(
    "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
    "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
    "83de3541e4c2b58177e065a9bf7b62ec"
)

# GB/T 32918.5-2017, A.2, on the recommended curve.
_ID: Final = "1234567812345678"
_MESSAGE: Final = b"message digest"
_POINT: Final = _hex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
_R: Final = 0xF5A03B06_48D2C463_0EEAC513_E1BB81A1_5944DA38_27D5B741_43AC7EAC_EEE720B3
_S: Final = 0xB1B6AA29_DF212FD8_763182BC_0D421CA1_BB9038FD_1F7F42D4_840B69C4_85BBC1AA


MODULE: Final = "software, not a certified module"
"""What status pages and key rows say of every key this package holds itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is in use and which vectors it passed."""

    backend: str
    library: str
    module: str
    vectors: tuple[str, ...]


def self_test() -> Status:
    """Run every vector in a few ms; raises ``crypto.selftest.failed`` naming the first failure."""
    engine = engines.current()
    for name, check in _CHECKS.items():
        try:
            passed = check()
        except CryptoError as error:
            raise _failed(name, engine.describe()) from error
        if not passed:
            raise _failed(name, engine.describe())
    return Status(
        backend=engine.name, library=engine.describe(), module=MODULE, vectors=tuple(_CHECKS)
    )


def _failed(name: str, library: str) -> CryptoError:
    return CryptoError(
        "crypto.selftest.failed",
        f"The self-test {name} failed with {library}. Nothing may be signed or verified here: "
        "repair or replace the library, or pin another with crypto.backend.",
        {"test": name, "library": library},
    )


def _sm3_digests() -> bool:
    return all(sm3.digest(message).hex() == expected for message, expected in _SM3.items())


def _sm3_many() -> bool:
    whole = sm3.digest_many([b"bc", b"bcd" + b"abcd" * 15], b"a")
    return [one.hex() for one in whole] == list(_SM3.values())


def _sm3_hmac() -> bool:
    # RFC 2104 written out with the plain digest: the standard's own example is in the tests.
    key, data = b"k" * 32, b"abc"
    inner, outer = (bytes(b ^ pad for b in key.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    return sm3.hmac(key, data) == sm3.digest(outer + sm3.digest(inner + data))


def _sm4_block() -> bool:
    # In counter mode the keystream is the encrypted counter block, so the block cipher shows.
    return sm4.ctr(_SM4_KEY, _SM4_KEY, bytes(16)) == _SM4_BLOCK


def _sm4_cbc() -> bool:
    padding = sm4.Padding.NONE
    sealed = sm4.cbc_encrypt(_SM4_KEY, bytes(16), _SM4_KEY * 2, padding=padding)
    return sealed[:16] == _SM4_BLOCK and (
        sm4.cbc_decrypt(_SM4_KEY, bytes(16), sealed, padding=padding) == _SM4_KEY * 2
    )


def _sm4_gcm() -> bool:
    sealed = sm4.seal(_SM4_KEY, _GCM_NONCE, _GCM_PLAIN, _GCM_AAD)
    return sealed == _GCM_SEALED and (
        sm4.open(_SM4_KEY, _GCM_NONCE, sealed, _GCM_AAD) == _GCM_PLAIN
    )


def _sm2_verify() -> bool:
    signature = _der.encode_signature(_R, _S)
    sm2.PublicKey.from_point(_POINT).verify(signature, _MESSAGE, domain=_ID)
    return True


def _sm2_round() -> bool:
    key = sm2.PrivateKey.generate()
    key.public.verify(key.sign(_MESSAGE, domain=_ID), _MESSAGE, domain=_ID)
    return key.decrypt(key.public.encrypt(_MESSAGE)) == _MESSAGE


def _sm2_exchange() -> bool:
    role, ours, theirs = sm2_exchange.Role, sm2.PrivateKey.generate(), sm2.PrivateKey.generate()
    a = sm2_exchange.Exchange(
        role.INITIATOR, ours, identity="a", peer=theirs.public, peer_identity="b"
    )
    b = sm2_exchange.Exchange(
        role.RESPONDER, theirs, identity="b", peer=ours.public, peer_identity="a"
    )
    at_a, at_b = a.agree(b.point, 16), b.agree(a.point, 16)
    return at_a.key(at_b.confirmation) == at_b.key(at_a.confirmation)


def _sm2_tampered() -> bool:
    public = sm2.PublicKey.from_point(_POINT)
    return (
        _refuses(public, _der.encode_signature(_R, _S ^ 1), _MESSAGE, _ID)
        and _refuses(public, _der.encode_signature(_R, _S), _MESSAGE + b".", _ID)
        and _refuses(public, _der.encode_signature(_R, _S), _MESSAGE, _ID + "9")
    )


def _refuses(public: sm2.PublicKey, signature: bytes, message: bytes, domain: str) -> bool:
    try:
        public.verify(signature, message, domain=domain)
    except CryptoError as error:
        return error.code == "crypto.signature.invalid"
    return False


_CHECKS: Final[dict[str, Callable[[], bool]]] = {
    "sm3/GB-T-32905-A": _sm3_digests,
    "sm3/many": _sm3_many,
    "sm3/hmac-RFC-2104": _sm3_hmac,
    "sm4/GB-T-32907-A.1": _sm4_block,
    "sm4/cbc": _sm4_cbc,
    "sm4-gcm/RFC-8998-A.1": _sm4_gcm,
    "sm2/GB-T-32918.5-A.2-verify": _sm2_verify,
    "sm2/sign-verify-encrypt-decrypt": _sm2_round,
    "sm2/exchange": _sm2_exchange,
    "sm2/tampered-refused": _sm2_tampered,
}
