"""PyPI ``gmssl`` in the line protocol: pure Python, kept as an oracle only."""

# ruff: noqa: D103 - each verb is described in ../README.md

import secrets
from collections.abc import Callable
from functools import partial

from _lines import ID, identity, number, octets, parts, require, sequence, serve
from gmssl import sm2, sm3, sm4

_N = int(sm2.default_ecc_table["n"], 16)


def _sm3(data: bytes) -> bytes:
    return bytes.fromhex(sm3.sm3_hash(list(data)))


def _key(*, private: bytes = b"", point: bytes = b"") -> sm2.CryptSM2:
    # Mode 1 is C1C3C2.
    return sm2.CryptSM2(private_key=private.hex(), public_key=point[1:].hex(), mode=1)


def _point(private: bytes) -> bytes:
    key = _key()
    return bytes.fromhex("04" + key._kg(int.from_bytes(private, "big"), sm2.default_ecc_table["g"]))


def _digest(point: bytes, name: bytes, message: bytes) -> bytes:
    return _sm3(_sm3(identity(point, name)) + message)


def sign(private: bytes, name: bytes, message: bytes) -> bytes:
    point = _point(private)
    nonce = secrets.randbelow(_N - 1) + 1
    raw = _key(private=private, point=point).sign(_digest(point, name, message), f"{nonce:064x}")
    return sequence(number(bytes.fromhex(raw[:64])) + number(bytes.fromhex(raw[64:])))


def verify(point: bytes, name: bytes, message: bytes, signature: bytes) -> None:
    raw = b"".join(parts(signature)).hex()
    require(_key(point=point).verify(raw, _digest(point, name, message)))


def encrypt(point: bytes, plaintext: bytes) -> bytes:
    raw = _key(point=point).encrypt(plaintext)
    return sequence(number(raw[:32]) + number(raw[32:64]) + octets(raw[64:96]) + octets(raw[96:]))


def decrypt(private: bytes, ciphertext: bytes) -> bytes:
    # It never compares C3, so a changed ciphertext gives changed text: no refusal comes from here.
    return bytes(_key(private=private).decrypt(b"".join(parts(ciphertext))))


def _cbc(mode: int, key: bytes, iv: bytes, data: bytes) -> bytes:
    cipher = sm4.CryptSM4()
    cipher.set_key(key, mode)
    return bytes(cipher.crypt_cbc(iv, data))


def _times() -> dict[str, Callable[[], object]]:
    private, message = secrets.token_bytes(31).rjust(32, b"\x01"), bytes(32)
    point = _point(private)
    key = _key(private=private, point=point)
    e = _digest(point, ID, message)
    raw = key.sign(e, "01" * 32)
    sealed = key.encrypt(message)
    kib, block = bytes(1024), bytes(16)
    return {
        "sm2_sign": lambda: key.sign(_digest(point, ID, message), f"{secrets.randbelow(_N):064x}"),
        "sm2_verify": lambda: key.verify(raw, _digest(point, ID, message)),
        "sm2_encrypt": lambda: key.encrypt(message),
        "sm2_decrypt": lambda: key.decrypt(sealed),
        "sm3_1024": lambda: _sm3(kib),
        "sm4_cbc_1024": lambda: _cbc(sm4.SM4_ENCRYPT, block, block, kib),
    }


if __name__ == "__main__":
    serve(
        "gmssl 3.2.2 (Python)",
        {
            "sign": sign,
            "verify": verify,
            "encrypt": encrypt,
            "decrypt": decrypt,
            "sm3": _sm3,
            "sm4_cbc_encrypt": partial(_cbc, sm4.SM4_ENCRYPT),
            "sm4_cbc_decrypt": partial(_cbc, sm4.SM4_DECRYPT),
        },
        _times(),
    )
