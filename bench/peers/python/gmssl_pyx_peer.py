"""``gmssl-pyx`` (GmSSL 3.2 inside) in the line protocol."""

# ruff: noqa: D103 - each verb is described in ../README.md

from collections.abc import Callable

import gmssl_pyx as peer
from _lines import ID, require, serve
from gmalg import SM2


def _public(private: bytes) -> bytes:
    """Return the point by another package: this one makes no key of a scalar."""
    return SM2().generate_pk(private)[1:]


def sign(private: bytes, name: bytes, message: bytes) -> bytes:
    return peer.sm2_sign(private, _public(private), message, name)


def verify(point: bytes, name: bytes, message: bytes, signature: bytes) -> None:
    require(peer.sm2_verify(point[1:], message, signature, name))


def encrypt(point: bytes, plaintext: bytes) -> bytes:
    return peer.sm2_encrypt(point[1:], plaintext)


def gcm_seal(key: bytes, nonce: bytes, data: bytes, aad: bytes) -> bytes:
    text, tag = peer.sm4_gcm_encrypt(key, nonce, aad, data)
    return text + tag


def gcm_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    return peer.sm4_gcm_decrypt(key, nonce, aad, sealed[:-16], sealed[-16:])


def _times() -> dict[str, Callable[[], object]]:
    public, private = peer.sm2_key_generate()
    message, mib = bytes(32), bytes(1 << 20)
    digest = bytes(range(32))
    signature = peer.sm2_sign(private, public, message, ID)
    sealed = peer.sm2_encrypt(public, message)
    key, nonce, block = bytes(16), bytes(12), bytes(16)
    return {
        "sm2_keygen": peer.sm2_key_generate,
        "sm2_sign": lambda: peer.sm2_sign(private, public, message, ID),
        "sm2_sign_digest": lambda: peer.sm2_sign_sm3_digest(private, digest),
        "sm2_verify": lambda: peer.sm2_verify(public, message, signature, ID),
        "sm2_encrypt": lambda: peer.sm2_encrypt(public, message),
        "sm2_decrypt": lambda: peer.sm2_decrypt(private, sealed),
        "sm3_1048576": lambda: peer.sm3_hash(mib),
        "sm4_gcm_1048576": lambda: peer.sm4_gcm_encrypt(key, nonce, b"", mib),
        "sm4_ctr_1048576": lambda: peer.sm4_ctr_encrypt(key, block, mib),
        "sm4_cbc_1048576": lambda: peer.sm4_cbc_padding_encrypt(key, block, mib),
    }


if __name__ == "__main__":
    serve(
        f"gmssl-pyx {peer.__version__}",
        {
            "sign": sign,
            "verify": verify,
            "encrypt": encrypt,
            "decrypt": peer.sm2_decrypt,
            "sm3": peer.sm3_hash,
            "hmac": peer.sm3_hmac,
            "sm4_cbc_encrypt": peer.sm4_cbc_padding_encrypt,
            "sm4_cbc_decrypt": peer.sm4_cbc_padding_decrypt,
            "sm4_ctr": peer.sm4_ctr_encrypt,
            "sm4_gcm_seal": gcm_seal,
            "sm4_gcm_open": gcm_open,
        },
        _times(),
    )
