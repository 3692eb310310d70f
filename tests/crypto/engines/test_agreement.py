"""Every engine gives the same bytes where nothing is random."""

import hashlib
import json
from pathlib import Path

import nonces
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import engines
from crypto.engines.curve import N
from crypto.engines.port import Refused

VECTORS = Path(__file__).parents[2] / "vectors" / "sm"
# GB/T 32918.5-2017, A.2 and C.2 use one nonce.
NONCE = bytes.fromhex("59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21")

SCALARS = st.integers(1, N - 2).map(lambda number: number.to_bytes(32, "big"))
BLOCKS = st.binary(max_size=640).map(lambda text: text[: len(text) // 16 * 16])
KEYS = st.binary(min_size=16, max_size=16)


@pytest.fixture(scope="module")
def reference():
    return engines.available()["libcrypto"]


@pytest.fixture(scope="module")
def sm2():
    return json.loads((VECTORS / "sm2.json").read_text("utf-8"))


def test_the_signature_of_the_standard_comes_out_of_its_nonce(engine, sm2):
    vector = sm2["signature"]
    made = nonces.sign(engine, bytes.fromhex(vector["private"]), bytes.fromhex(vector["e"]), NONCE)
    assert made.hex() == (vector["r"] + vector["s"]).lower()


def test_the_ciphertext_of_the_standard_comes_out_of_its_nonce(engine, sm2):
    key, vector = sm2["signature"], sm2["encryption"]
    point = bytes.fromhex("04" + key["x"] + key["y"])
    c1, c3, c2 = nonces.encrypt(engine, point, vector["plaintext_text"].encode(), NONCE)
    assert c1.hex() == "04" + (vector["c1_x"] + vector["c1_y"]).lower()
    assert (c3.hex(), c2.hex()) == (vector["c3"].lower(), vector["c2"].lower())


@settings(max_examples=15, deadline=None)
@given(d=SCALARS, k=SCALARS, e=st.binary(min_size=32, max_size=32))
def test_one_nonce_gives_one_signature(engine, reference, d, k, e):
    made = nonces.sign(engine, d, e, k)
    assert made == nonces.sign(reference, d, e, k)
    point = engine.sm2_private(d).point()
    assert reference.sm2_public(point).verify(e, made)
    assert engine.sm2_public(point).verify(e, made)


@settings(max_examples=15, deadline=None)
@given(d=SCALARS, k=SCALARS, text=st.binary(min_size=1, max_size=200))
def test_one_nonce_gives_one_ciphertext(engine, reference, d, k, text):
    point = engine.sm2_private(d).point()
    assert nonces.encrypt(engine, point, text, k) == nonces.encrypt(reference, point, text, k)


@settings(max_examples=15, deadline=None)
@given(scalars=st.tuples(SCALARS, SCALARS, SCALARS, SCALARS))
def test_shared_points_agree(engine, reference, scalars):
    ours, theirs = ([made.sm2_private(d) for d in scalars] for made in (engine, reference))
    points = [key.point() for key in theirs]
    assert [key.point() for key in ours] == points
    assert ours[0].shared_point(points[1]) == theirs[0].shared_point(points[1])
    assert ours[0].exchange(ours[1], points[2], points[3]) == theirs[0].exchange(
        theirs[1], points[2], points[3]
    )


@pytest.mark.parametrize("scalar", [0, N - 1, N, 2**256 - 1])
def test_a_scalar_outside_the_range_is_refused(engine, scalar):
    with pytest.raises(Refused):
        engine.sm2_private(scalar.to_bytes(32, "big"))


def test_other_forms_of_a_good_point_are_refused(engine):
    point = engine.sm2_generate().point()
    for other in (
        b"\x06" + point[1:],
        b"\x07" + point[1:],
        b"\x02" + point[1:33],
        point[1:],
        b"\0",
    ):
        with pytest.raises(Refused):
            engine.sm2_public(other)


def test_points_off_the_curve_are_refused_by_every_operation(engine):
    key = engine.sm2_generate()
    bad = b"\x04" + bytes(63) + b"\x01"
    for call in (
        lambda: engine.sm2_public(bad),
        lambda: key.shared_point(bad),
        lambda: key.decrypt(bad, bytes(32), b"text"),
        lambda: key.exchange(key, bad, key.point()),
        lambda: key.exchange(key, key.point(), bad),
    ):
        with pytest.raises(Refused):
            call()


@given(chunks=st.lists(st.binary(max_size=300), max_size=40), prefix=st.binary(max_size=80))
@settings(max_examples=40, deadline=None)
def test_digests_agree(engine, reference, chunks, prefix):
    many = engine.sm3_digest_many(chunks, prefix)
    assert many == reference.sm3_digest_many(chunks, prefix)
    assert many == [engine.sm3_digest(prefix + chunk) for chunk in chunks]
    salts = [hashlib.sha256(chunk).digest()[:16] for chunk in chunks]
    assert engine.sm3_leaves(salts, chunks) == reference.sm3_leaves(salts, chunks)
    leaves = reference.sm3_leaves(salts, chunks)
    if leaves:
        assert engine.sm3_merkle_root(leaves) == reference.sm3_merkle_root(leaves)
    assert [engine.sm3_hmac(prefix, one) for one in chunks] == [
        reference.sm3_hmac(prefix, one) for one in chunks
    ]
    state = engine.sm3()
    for chunk in chunks:
        state.update(chunk)
    assert state.copy().hexdigest() == engine.sm3_digest(b"".join(chunks)).hex()
    assert (state.name, state.digest_size, state.block_size) == ("sm3", 32, 64)


@given(key=KEYS, iv=KEYS, blocks=BLOCKS, text=st.binary(max_size=600), aad=st.binary(max_size=90))
@settings(max_examples=60, deadline=None)
def test_modes_agree(engine, reference, key, iv, blocks, text, aad):
    for made in (engine, reference):
        assert made.sm4_ecb_decrypt(key, made.sm4_ecb_encrypt(key, blocks)) == blocks
        assert made.sm4_cbc_decrypt(key, iv, made.sm4_cbc_encrypt(key, iv, blocks)) == blocks
    pairs = [
        (made.sm4_ecb_encrypt(key, blocks),
         made.sm4_cbc_encrypt(key, iv, blocks),
         made.sm4_ctr(key, iv, text),
         made.sm4_ctr(key, b"\xff" * 16, text),
         made.sm4_gcm_seal(key, iv[:12], text, aad),
         made.sm4_ccm_seal(key, iv[:12], text, aad, 16),
         made.sm4_ccm_seal(key, iv[:7], text, aad, 4))
        for made in (engine, reference)
    ]  # fmt: skip
    assert pairs[0] == pairs[1]
    assert engine.sm4_gcm_open(key, iv[:12], pairs[0][4], aad) == text
    assert engine.sm4_ccm_open(key, iv[:12], pairs[0][5], aad, 16) == text


@pytest.mark.parametrize("size", [0, 15, 16, 36])
def test_changed_or_cut_text_is_refused(engine, size):
    key, nonce = bytes(16), bytes(12)
    for seal, unseal in (
        (engine.sm4_gcm_seal, engine.sm4_gcm_open),
        (
            lambda *given: engine.sm4_ccm_seal(*given, 16),
            lambda *given: engine.sm4_ccm_open(*given, 16),
        ),
    ):
        sealed = seal(key, nonce, bytes(20), b"aad")
        changed = bytearray(sealed)
        changed[-1] ^= 1
        for text, aad in ((sealed[: size - 1 if size == 36 else size], b"aad"),
                          (bytes(changed), b"aad"), (sealed, b"add")):  # fmt: skip
            with pytest.raises(Refused):
                unseal(key, nonce, text, aad)
