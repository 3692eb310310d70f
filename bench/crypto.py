"""SM2, SM3 and SM4 called from Python against OpenSSL's C library called from C.

Signatures: 32 bytes of message, ID 1234567812345678, e = SM3(Z ‖ M) inside the timed call on both
sides; ours keeps Z of a key it has used before, OpenSSL works Z out at each call as its
digest-sign path does (under 2 % of its time). Encryption: 32 bytes. Key generation: ours checks
and encodes the public half. SM4: the key schedule is inside our call, the peer keeps its own.
A "batch" is one call of ours with 64 messages; the peer has no batch and signs one by one.

One process each, contexts made once, interleaved rounds, medians of CPU time.
"""

from __future__ import annotations

import os

from bench.peers import fetch
from bench.peers.peer import MissingPeer
from bench.peers.rounds import Pair, compare, repeat
from crypto import engines, sm2, sm3, sm4

MESSAGE = bytes(32)
BATCH = 64
MIB = 1 << 20
MB_EACH = MIB / 1e6


def run() -> list[dict[str, object]]:
    """Operations, or megabytes, a CPU second."""
    engine = engines.current()
    about = f"ours {engine.name}: {engine.describe()}"
    try:
        peer, reason = fetch.start("openssl_c"), ""
    except MissingPeer as error:
        peer, reason = None, str(error)
    try:
        return compare(_sm2_pairs() + _mib_pairs(), peer, reason, about=about)
    finally:
        if peer:
            peer.close()


def _sm2_pairs() -> list[Pair]:
    key = sm2.PrivateKey.generate()
    public = sm2.PublicKey.from_point(key.public.point)
    signature = key.sign(MESSAGE, domain=sm2.DEFAULT_ID)
    ciphertext = public.encrypt(MESSAGE)
    many = [bytes((number,)) * 32 for number in range(BATCH)]
    return [
        Pair("sm2_keygen", repeat(sm2.PrivateKey.generate), ("sm2_keygen",)),
        Pair(
            "sm2_sign_single",
            repeat(lambda: key.sign(MESSAGE, domain=sm2.DEFAULT_ID)),
            ("sm2_sign",),
        ),
        Pair(
            "sm2_sign_batch",
            repeat(lambda: key.sign_many(many, domain=sm2.DEFAULT_ID)),
            ("sm2_sign",),
            each=BATCH,
            peer_each=1,
            note=f"ours {BATCH} a call",
        ),
        Pair(
            "sm2_verify",
            repeat(lambda: public.verify(signature, MESSAGE, domain=sm2.DEFAULT_ID)),
            ("sm2_verify",),
        ),
        Pair("sm2_encrypt", repeat(lambda: public.encrypt(MESSAGE)), ("sm2_encrypt",)),
        Pair("sm2_decrypt", repeat(lambda: key.decrypt(ciphertext)), ("sm2_decrypt",)),
    ]


def _mib_pairs() -> list[Pair]:
    key, nonce, counter, data = os.urandom(16), os.urandom(12), os.urandom(16), os.urandom(MIB)
    none = sm4.Padding.NONE
    calls = {
        "sm3_1mib": (lambda: sm3.digest(data), (f"sm3_{MIB}",)),
        "sm4_gcm_1mib": (
            lambda: sm4.seal(key, nonce, data, b""),
            (f"sm4_gcm_{MIB}", f"sm4_ctr_{MIB}"),
        ),
        "sm4_ctr_1mib": (lambda: sm4.ctr(key, counter, data), (f"sm4_ctr_{MIB}",)),
        "sm4_cbc_1mib": (
            lambda: sm4.cbc_encrypt(key, counter, data, padding=none),
            (f"sm4_cbc_{MIB}",),
        ),
    }
    return [
        Pair(what, repeat(call), peer, each=MB_EACH, unit="MB/cpu s")
        for what, (call, peer) in calls.items()
    ]
