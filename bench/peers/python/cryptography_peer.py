"""The ``cryptography`` package in the line protocol: SM3 and SM4, it has no SM2."""

# ruff: noqa: D103 - each verb is described in ../README.md

import cryptography
from _lines import serve
from cryptography.hazmat.primitives import hashes, hmac, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def sm3(data: bytes) -> bytes:
    state = hashes.Hash(hashes.SM3())
    state.update(data)
    return state.finalize()


def mac(key: bytes, data: bytes) -> bytes:
    state = hmac.HMAC(key, hashes.SM3())
    state.update(data)
    return state.finalize()


def cbc_encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    padder = padding.PKCS7(128).padder()
    context = Cipher(algorithms.SM4(key), modes.CBC(iv)).encryptor()
    return context.update(padder.update(data) + padder.finalize()) + context.finalize()


def cbc_decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    unpadder = padding.PKCS7(128).unpadder()
    context = Cipher(algorithms.SM4(key), modes.CBC(iv)).decryptor()
    return unpadder.update(context.update(data) + context.finalize()) + unpadder.finalize()


def ctr(key: bytes, counter: bytes, data: bytes) -> bytes:
    context = Cipher(algorithms.SM4(key), modes.CTR(counter)).encryptor()
    return context.update(data) + context.finalize()


def gcm_seal(key: bytes, nonce: bytes, data: bytes, aad: bytes) -> bytes:
    context = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    context.authenticate_additional_data(aad)
    return context.update(data) + context.finalize() + context.tag


def gcm_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
    context = Cipher(algorithms.SM4(key), modes.GCM(nonce, sealed[-16:])).decryptor()
    context.authenticate_additional_data(aad)
    return context.update(sealed[:-16]) + context.finalize()


if __name__ == "__main__":
    block, nonce, mib = bytes(16), bytes(12), bytes(1 << 20)
    serve(
        f"cryptography {cryptography.__version__}",
        {
            "sm3": sm3,
            "hmac": mac,
            "sm4_cbc_encrypt": cbc_encrypt,
            "sm4_cbc_decrypt": cbc_decrypt,
            "sm4_ctr": ctr,
            "sm4_gcm_seal": gcm_seal,
            "sm4_gcm_open": gcm_open,
        },
        {
            "sm3_1048576": lambda: sm3(mib),
            "sm4_gcm_1048576": lambda: gcm_seal(block, nonce, mib, b""),
            "sm4_ctr_1048576": lambda: ctr(block, block, mib),
            "sm4_cbc_1048576": lambda: cbc_encrypt(block, block, mib),
        },
    )
