"""The small sizes that a platform really works on: events, tokens, signatures.

As ``bench crypto``, against OpenSSL's C library from C. A call from Python costs about as much as
hashing 64 bytes, so the forms that take many at once (``digest_many``) stand beside single ones.
SM4: ours takes key and nonce with each call; the peer keeps its key schedule and sets a new IV.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from bench.peers import fetch
from bench.peers.peer import MissingPeer
from bench.peers.rounds import Pair, compare, repeat
from crypto import engines, sm2, sm3, sm4

KIB = 1024


def run() -> list[dict[str, object]]:
    """Operations, or megabytes, a CPU second."""
    engine = engines.current()
    about = f"ours {engine.name}: {engine.describe()}"
    try:
        peer, reason = fetch.start("openssl_c"), ""
    except MissingPeer as error:
        peer, reason = None, str(error)
    try:
        return compare(_digests() + _ciphers() + _signatures(), peer, reason, about=about)
    finally:
        if peer:
            peer.close()


def _bytes(
    what: str, call: Callable[[], object], peer: tuple[str, ...], size: int, *, many: int = 1
) -> Pair:
    note = f"ours {many} a call" if many > 1 else ""
    return Pair(
        what,
        repeat(call),
        peer,
        each=size * many / 1e6,
        peer_each=size / 1e6,
        unit="MB/cpu s",
        note=note,
    )


def _digests() -> list[Pair]:
    key = os.urandom(32)
    pairs = []
    for size, name in ((64, "64b"), (KIB, "1kib")):
        one = os.urandom(size)
        pairs.append(_bytes(f"sm3_{name}", lambda one=one: sm3.digest(one), (f"sm3_{size}",), size))
        for many in (64, 1024):
            messages = [os.urandom(size) for _ in range(many)]
            pairs.append(
                _bytes(
                    f"sm3_{name}_many_{many}",
                    lambda messages=messages: sm3.digest_many(messages),
                    (f"sm3_{size}",),
                    size,
                    many=many,
                )
            )
    data = os.urandom(KIB)
    pairs.append(_bytes("hmac_1kib", lambda: sm3.hmac(key, data), (f"hmac_{KIB}",), KIB))
    return pairs


def _ciphers() -> list[Pair]:
    key, nonce, counter, data = os.urandom(16), os.urandom(12), os.urandom(16), os.urandom(KIB)
    sealed = sm4.seal(key, nonce, data, b"")
    none = sm4.Padding.NONE
    gcm = (f"sm4_gcm_{KIB}", f"sm4_ctr_{KIB}")
    return [
        _bytes("sm4_gcm_1kib", lambda: sm4.seal(key, nonce, data, b""), gcm, KIB),
        _bytes("sm4_gcm_open_1kib", lambda: sm4.open(key, nonce, sealed, b""), gcm, KIB),
        _bytes("sm4_ctr_1kib", lambda: sm4.ctr(key, counter, data), (f"sm4_ctr_{KIB}",), KIB),
        _bytes(
            "sm4_cbc_1kib",
            lambda: sm4.cbc_encrypt(key, counter, data, padding=none),
            (f"sm4_cbc_{KIB}",),
            KIB,
        ),
    ]


def _signatures() -> list[Pair]:
    key = sm2.PrivateKey.generate()
    message = os.urandom(32)
    signature = key.sign(message, domain=sm2.DEFAULT_ID)
    triples = [(key.public, signature, message)] * 64
    point = key.public.point

    def verify_new_key() -> None:
        sm2.PublicKey.from_point(point).verify(signature, message, domain=sm2.DEFAULT_ID)

    return [
        Pair(
            "sm2_sign_32b",
            repeat(lambda: key.sign(message, domain=sm2.DEFAULT_ID)),
            ("sm2_sign",),
        ),
        Pair(
            "sm2_verify_32b",
            repeat(lambda: key.public.verify(signature, message, domain=sm2.DEFAULT_ID)),
            ("sm2_verify",),
        ),
        # The others verify with a key used before, as a collector does; here nothing is kept.
        Pair("sm2_verify_32b_new_key", repeat(verify_new_key), ("sm2_verify",)),
        Pair(
            "sm2_verify_32b_many_64",
            repeat(lambda: sm2.verify_many(triples, domain=sm2.DEFAULT_ID)),
            ("sm2_verify",),
            each=64,
            peer_each=1,
            note="ours 64 a call",
        ),
        Pair("sm2_ecdh", repeat(lambda: key.ecdh(key.public)), ()),
    ]
