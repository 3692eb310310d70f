"""Block modes of the formats, with PKCS#7 padding where a format pads.

None of them shows that a text was changed: a caller gives one answer for every failure, and takes
the content only after a signature or a key check said that it is whole.
"""

from typing import Final

__all__ = ["BLOCK_SIZE", "aes_cbc_open", "sm4_cbc_open", "sm4_cbc_seal", "sm4_ecb"]

BLOCK_SIZE: Final = 16


def sm4_cbc_seal(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Return SM4-CBC of the padded data."""
    fill = BLOCK_SIZE - len(data) % BLOCK_SIZE
    return _sm4_cbc(key, iv, data + bytes((fill,)) * fill, encrypt=True)


def sm4_cbc_open(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Return the data of ``sm4_cbc_seal``; raises ValueError when the padding is none."""
    _check_blocks(iv, data)
    return _unpad(_sm4_cbc(key, iv, data, encrypt=False))


def sm4_ecb(key: bytes, data: bytes, *, encrypt: bool) -> bytes:
    """Return each block by itself: for keys in transport, never for messages."""
    # One block under a zero IV is the bare cipher, so no mode of its own is needed.
    blocks = (data[at : at + BLOCK_SIZE] for at in range(0, len(data), BLOCK_SIZE))
    return b"".join(_sm4_cbc(key, bytes(BLOCK_SIZE), block, encrypt=encrypt) for block in blocks)


def aes_cbc_open(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Return the data of AES-CBC; raises ValueError when the padding is none."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    _check_blocks(iv, data)
    decryptor = Cipher(AES(key), CBC(iv)).decryptor()
    return _unpad(decryptor.update(data) + decryptor.finalize())


def _sm4_cbc(key: bytes, iv: bytes, data: bytes, *, encrypt: bool) -> bytes:
    """Return CBC of whole blocks, without padding."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import SM4
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    cipher = Cipher(SM4(key), CBC(iv))
    context = cipher.encryptor() if encrypt else cipher.decryptor()
    return context.update(data) + context.finalize()


def _check_blocks(iv: bytes, data: bytes) -> None:
    if len(iv) != BLOCK_SIZE or not data or len(data) % BLOCK_SIZE:
        raise ValueError("ciphertext is not whole blocks")


def _unpad(data: bytes) -> bytes:
    fill = data[-1]
    if not 0 < fill <= BLOCK_SIZE or data[-fill:] != bytes((fill,)) * fill:
        raise ValueError("padding is none")
    return data[:-fill]
