"""Our engine beside every other SM implementation that can be had here, each at its best.

As ``bench crypto``: ours from Python, CPU time, interleaved rounds, one peer after the other. Each
signs in its fastest way (``gmssl-pyx``: over a digest, without Z). What a peer does not offer has
no line; a peer that cannot be fetched has one that says so. The figures of GmSSL's own C library,
measured elsewhere, stand in ``bench/peers/README.md``.
"""

from __future__ import annotations

import os

from bench.peers import fetch
from bench.peers.peer import MissingPeer, Peer
from bench.peers.rounds import Pair, compare, repeat
from crypto import engines, sm2, sm3, sm4

MESSAGE = bytes(32)
BATCH = 64
MIB = 1 << 20
KIB = 1 << 10
# Pure Python takes seconds for a MiB.
SMALL = ("gmssl", "gmalg")


def run() -> list[dict[str, object]]:
    """Operations, or megabytes, a CPU second."""
    about = f"ours {engines.current().name}"
    results: list[dict[str, object]] = []
    for name in fetch.PEERS:
        if not name.startswith("openssl"):
            results += _against(name, about)
    return results


def _against(name: str, about: str) -> list[dict[str, object]]:
    pairs = [*_sm2_pairs(), *_symmetric_pairs(KIB if name in SMALL else MIB)]
    named = [pair._replace(what=f"{pair.what}:{name}") for pair in pairs]
    try:
        with fetch.start(name) as peer:
            offered = [pair for pair in named if _offers(peer, pair)]
            return compare(offered, peer, "", about=about)
    except MissingPeer as error:
        return compare(named[:1], None, f"{name} cannot be had here: {error}", about=about)


def _offers(peer: Peer, pair: Pair) -> bool:
    for what in pair.peer:
        try:
            peer.seconds(what, 1)
        except MissingPeer:
            continue
        return True
    return False


def _sm2_pairs() -> list[Pair]:
    key = sm2.PrivateKey.generate()
    public = sm2.PublicKey.from_point(key.public.point)
    signature = key.sign(MESSAGE, domain=sm2.DEFAULT_ID)
    ciphertext = public.encrypt(MESSAGE)
    many = [bytes((number,)) * 32 for number in range(BATCH)]
    signing = ("sm2_sign_digest", "sm2_sign")
    batch = repeat(lambda: key.sign_many(many, domain=sm2.DEFAULT_ID))
    return [
        Pair("sm2_keygen", repeat(sm2.PrivateKey.generate), ("sm2_keygen",)),
        Pair("sm2_sign_single", repeat(lambda: key.sign(MESSAGE, domain=sm2.DEFAULT_ID)), signing),
        Pair("sm2_sign_batch", batch, signing, each=BATCH, peer_each=1, note="ours 64 a call"),
        Pair(
            "sm2_verify",
            repeat(lambda: public.verify(signature, MESSAGE, domain=sm2.DEFAULT_ID)),
            ("sm2_verify",),
        ),
        Pair("sm2_encrypt", repeat(lambda: public.encrypt(MESSAGE)), ("sm2_encrypt",)),
        Pair("sm2_decrypt", repeat(lambda: key.decrypt(ciphertext)), ("sm2_decrypt",)),
    ]


def _symmetric_pairs(size: int) -> list[Pair]:
    key, nonce, block, data = os.urandom(16), os.urandom(12), os.urandom(16), os.urandom(size)
    none = sm4.Padding.NONE
    calls = {
        "sm3": lambda: sm3.digest(data),
        "sm4_gcm": lambda: sm4.seal(key, nonce, data, b""),
        "sm4_ctr": lambda: sm4.ctr(key, block, data),
        "sm4_cbc": lambda: sm4.cbc_encrypt(key, block, data, padding=none),
    }
    unit = "1mib" if size == MIB else "1kib"
    return [
        Pair(f"{what}_{unit}", repeat(call), (f"{what}_{size}",), each=size / 1e6, unit="MB/cpu s")
        for what, call in calls.items()
    ]
