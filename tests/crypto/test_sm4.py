import pytest
from gmssl.sm4 import SM4_ENCRYPT, CryptSM4
from hypothesis import given
from hypothesis import strategies as st

from crypto import sm4
from crypto.errors import CryptoError

pytestmark = pytest.mark.usefixtures("engine")

KEY, NONCE = bytes(range(16)), bytes(range(12))


def test_seal_and_open_give_the_answer_of_rfc_8998(vectors):
    vector = {name: bytes.fromhex(value) for name, value in vectors["sm4"]["gcm"].items()}
    sealed = sm4.seal(vector["key"], vector["nonce"], vector["plaintext"], vector["aad"])
    assert sealed == vector["ciphertext"] + vector["tag"]
    assert sm4.open(vector["key"], vector["nonce"], sealed, vector["aad"]) == vector["plaintext"]


def test_the_key_stream_comes_from_the_block_cipher_of_a_second_implementation():
    # GCM encrypts its first block with the counter block nonce ‖ 2 (NIST SP 800-38D, 7.1).
    block = CryptSM4()
    block.set_key(KEY, SM4_ENCRYPT)
    stream = bytes(block.one_round(block.sk, list(NONCE + (2).to_bytes(4, "big"))))
    assert sm4.seal(KEY, NONCE, bytes(16), b"")[:16] == stream


@given(
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=12, max_size=12),
    st.binary(max_size=200),
    st.binary(max_size=50),
)
def test_what_was_sealed_opens(key, nonce, plaintext, aad):
    sealed = sm4.seal(key, nonce, plaintext, aad)
    assert len(sealed) == len(plaintext) + sm4.TAG_SIZE
    assert sm4.open(key, nonce, sealed, aad) == plaintext


@given(st.integers(0, 8 * 36 - 1))
def test_every_flipped_bit_is_refused(bit):
    sealed = bytearray(sm4.seal(KEY, NONCE, b"twenty bytes of text", b"aad"))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CryptoError) as caught:
        sm4.open(KEY, NONCE, bytes(sealed), b"aad")
    assert caught.value.code == "crypto.ciphertext.invalid"


@pytest.mark.parametrize(
    ("key", "nonce", "aad", "size"),
    [
        (KEY[::-1], NONCE, b"aad", 20),
        (KEY, NONCE[::-1], b"aad", 20),
        (KEY, NONCE, b"", 20),
        (KEY, NONCE, b"aad", 19),
        (KEY, NONCE, b"aad", 15),
        (KEY, NONCE, b"aad", 0),
    ],
    ids=["key", "nonce", "aad", "cut", "cut in the tag", "empty"],
)
def test_another_key_nonce_or_aad_or_a_cut_is_refused(key, nonce, aad, size):
    sealed = sm4.seal(KEY, NONCE, b"text", b"aad")
    with pytest.raises(CryptoError) as caught:
        sm4.open(key, nonce, sealed[:size], aad)
    assert caught.value.code == "crypto.ciphertext.invalid"


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_a_key_of_another_size_is_refused(size):
    with pytest.raises(CryptoError) as caught:
        sm4.seal(bytes(size), NONCE, b"", b"")
    assert caught.value.code == "crypto.key.malformed"


@pytest.mark.parametrize("size", [0, 11, 13, 16])
def test_a_nonce_of_another_size_is_refused(size):
    with pytest.raises(CryptoError) as caught:
        sm4.open(KEY, bytes(size), bytes(16), b"")
    assert caught.value.code == "crypto.nonce.malformed"


def test_text_over_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(sm4, "PLAINTEXT_SIZE_MAX", 8)
    with pytest.raises(CryptoError) as caught:
        sm4.seal(KEY, NONCE, bytes(9), b"")
    assert caught.value.code == "crypto.plaintext.size"
    with pytest.raises(CryptoError) as caught:
        sm4.open(KEY, NONCE, bytes(9 + sm4.TAG_SIZE), b"")
    assert caught.value.code == "crypto.ciphertext.invalid"
