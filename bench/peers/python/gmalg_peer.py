"""``gmalg`` in the line protocol: pure Python, and one of the few with the key exchange."""

# ruff: noqa: D103 - each verb is described in ../README.md

import secrets
from collections.abc import Callable
from functools import partial

import gmalg
from _lines import ID, number, octets, parts, require, sequence, serve
from gmalg.base import KEYXCHG_MODE


def sign(private: bytes, name: bytes, message: bytes) -> bytes:
    r, s = gmalg.SM2(private, name, gmalg.SM2().generate_pk(private)).sign(message)
    return sequence(number(r) + number(s))


def verify(point: bytes, name: bytes, message: bytes, signature: bytes) -> None:
    r, s = parts(signature)
    require(gmalg.SM2(uid=name, pk=point).verify(message, r, s))


def encrypt(point: bytes, plaintext: bytes) -> bytes:
    raw = gmalg.SM2(pk=point).encrypt(plaintext)
    return sequence(number(raw[1:33]) + number(raw[33:65]) + octets(raw[65:97]) + octets(raw[97:]))


def decrypt(private: bytes, ciphertext: bytes) -> bytes:
    return gmalg.SM2(private).decrypt(b"\x04" + b"".join(parts(ciphertext)))


def sm3(data: bytes) -> bytes:
    state = gmalg.SM3()
    state.update(data)
    return state.value()


class _Exchange:
    """One run; this library makes no confirmations."""

    def begin(
        self, private: bytes, name: bytes, peer: bytes, peer_name: bytes, length: bytes
    ) -> bytes:
        self._own = gmalg.SM2(private, name, gmalg.SM2().generate_pk(private))
        self._peer = (peer_name, peer)
        self._length = int.from_bytes(length, "big")
        point, self._t = self._own.begin_key_exchange()
        return point

    def end(self, mode: KEYXCHG_MODE, theirs: bytes) -> bytes:
        return self._own.end_key_exchange(self._length, self._t, theirs, *self._peer, mode)


def _exchange_verbs() -> dict[str, object]:
    run = _Exchange()
    keys: list[bytes] = []

    def respond(*given: bytes) -> tuple[bytes, bytes]:
        own = run.begin(*given[:-1])
        keys[:] = [run.end(KEYXCHG_MODE.RESPONDER, given[-1])]
        return own, b""

    return {
        "initiate": run.begin,
        "finish": lambda theirs, _: (run.end(KEYXCHG_MODE.INITIATOR, theirs), b""),
        "respond": respond,
        "confirm": lambda _: keys[0],
    }


def _times() -> dict[str, Callable[[], object]]:
    private, message, kib = secrets.token_bytes(31).rjust(32, b"\x01"), bytes(32), bytes(1024)
    key = gmalg.SM2(private, ID, gmalg.SM2().generate_pk(private))
    r, s = key.sign(message)
    sealed = key.encrypt(message)
    return {
        "sm2_keygen": key.generate_keypair,
        "sm2_sign": lambda: key.sign(message),
        "sm2_verify": lambda: key.verify(message, r, s),
        "sm2_encrypt": lambda: key.encrypt(message),
        "sm2_decrypt": lambda: key.decrypt(sealed),
        "sm3_1024": lambda: sm3(kib),
    }


def _block(method: str, key: bytes, block: bytes) -> bytes:
    return bytes(getattr(gmalg.SM4(key), method)(block))


if __name__ == "__main__":
    serve(
        f"gmalg {gmalg.__version__} (Python)",
        {
            "sign": sign,
            "verify": verify,
            "encrypt": encrypt,
            "decrypt": decrypt,
            "sm3": sm3,
            "sm4_block": partial(_block, "encrypt"),
            **_exchange_verbs(),
        },
        _times(),
    )
