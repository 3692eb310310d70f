"""Every engine gives the answers of the standards: ours from ``vectors/sm``, and the peers' own."""

import json
from pathlib import Path

import nonces
import openssl_vectors
import pytest
from openssl_vectors import Stanza

from crypto import _der, sm2, sm3, sm4
from crypto.errors import CryptoError
from crypto.sm2 import Form, PrivateKey, PublicKey
from crypto.sm2_exchange import Exchange, Role

FOLDER = Path(__file__).parent.parent / "vectors" / "sm"
SM2, SM3, SM4 = (
    json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    for name in ("sm2", "sm3", "sm4")
)
_hex = bytes.fromhex


def octets(vector, *names):
    return [_hex(vector[name]) for name in names]


def point(vector, prefix=""):
    return _hex("04" + vector[f"{prefix}x"] + vector[f"{prefix}y"])


def test_every_entry_names_its_source():
    for vectors in (SM2, SM3, SM4):
        assert set(vectors["sources"]) == set(vectors) - {"sources"}


# SM2


def test_signing_with_the_nonce_of_the_standard_gives_its_signature(engine):
    vector = SM2["signature"]
    private, e, nonce = octets(vector, "private", "e", "nonce")
    key = PrivateKey.from_scalar(private)
    assert key.public.point == point(vector)
    message, domain = vector["message_text"].encode(), vector["id_text"]
    assert key.public.identity(domain=domain).hex() == vector["z"]
    assert key.public.digest(message, domain=domain) == e
    assert nonces.sign(engine, private, e, nonce).hex() == vector["r"] + vector["s"]
    signature = sm2.signature_from_raw(_hex(vector["r"] + vector["s"]))
    key.public.verify(signature, message, domain=domain)
    key.public.verify_e(signature, e)


def test_encrypting_with_the_nonce_of_the_standard_gives_its_ciphertext(engine):
    vector = SM2["encryption"]
    key = PrivateKey.from_scalar(_hex(vector["private"]))
    plaintext = vector["plaintext_text"].encode()
    c1, c3, c2 = nonces.encrypt(engine, key.public.point, plaintext, _hex(vector["nonce"]))
    assert (c1, c3.hex(), c2.hex()) == (point(vector, "c1_"), vector["c3"], vector["c2"])
    assert key.decrypt(c1 + c3 + c2, form=Form.C1C3C2) == plaintext
    assert key.decrypt(c1 + c2 + c3, form=Form.C1C2C3) == plaintext


def test_the_exchange_of_the_standard_gives_its_key_and_confirmations(engine):
    vector = SM2["exchange"]

    def side(role, name, other):
        return Exchange(
            role,
            PrivateKey.from_scalar(_hex(vector[f"{name}_private"])),
            identity=vector["id_text"],
            peer=PublicKey.from_point(point(vector, f"{other}_")),
            peer_identity=vector["id_text"],
            ephemeral=PrivateKey.from_scalar(_hex(vector[f"{name}_ephemeral_private"])),
        )

    initiator = side(Role.INITIATOR, "initiator", "responder")
    responder = side(Role.RESPONDER, "responder", "initiator")
    assert initiator.point == point(vector, "initiator_ephemeral_")
    assert responder.point == point(vector, "responder_ephemeral_")
    first = initiator.agree(responder.point, 16)
    second = responder.agree(initiator.point, 16)
    assert first.confirmation.hex() == vector["initiator_confirmation"]
    assert second.confirmation.hex() == vector["responder_confirmation"]
    assert first.key(second.confirmation).hex() == vector["key"]
    assert second.key(first.confirmation).hex() == vector["key"]


def test_the_shared_point_of_the_standard_is_that_of_ecdh(engine):
    vector = SM2["encryption"]
    key = PrivateKey.from_scalar(_hex(vector["private"]))
    assert key.ecdh(PublicKey.from_point(point(vector, "c1_"))).hex() == vector["shared_x"]


# SM3


def test_digests_are_those_of_the_standard_however_they_are_asked_for(engine):
    messages = [_hex(vector["message"]) for vector in SM3["digests"]]
    expected = [_hex(vector["digest"]) for vector in SM3["digests"]]
    assert [sm3.digest(message) for message in messages] == expected
    assert [sm3.new(message).digest() for message in messages] == expected
    assert sm3.digest_many(messages) == expected
    for message, digest in zip(messages, expected, strict=True):
        state = sm3.new()
        for byte in message:
            state.update(bytes((byte,)))
        assert state.digest() == digest


@pytest.mark.parametrize("vector", SM3["macs"], ids=lambda v: f"{len(v['key']) // 2}B")
def test_hmac_gives_the_answer_of_the_standard(vector, engine):
    key, message = octets(vector, "key", "message")
    assert sm3.hmac(key, message).hex() == vector["mac"]


@pytest.mark.parametrize("vector", SM3["hkdf"], ids=lambda v: f"{len(v['key']) // 2}B")
def test_hkdf_gives_the_agreed_answer(vector, engine):
    secret, salt, info, key = octets(vector, "secret", "salt", "info", "key")
    assert sm3.hkdf(secret, len(key), salt=salt, info=info) == key


@pytest.mark.parametrize("vector", SM3["pbkdf2"], ids=lambda v: f"{v['rounds']}")
def test_pbkdf2_over_our_hmac_gives_the_agreed_answer(vector, engine):
    # Thousands of HMACs end to end (RFC 8018, 5.2): a slip in one of them would show.
    password, salt, key = octets(vector, "password", "salt", "key")
    out = b""
    for number in range(1, -(-len(key) // 32) + 1):
        block = sm3.hmac(password, salt + number.to_bytes(4, "big"))
        total = int.from_bytes(block, "big")
        for _ in range(vector["rounds"] - 1):
            block = sm3.hmac(password, block)
            total ^= int.from_bytes(block, "big")
        out += total.to_bytes(32, "big")
    assert out[: len(key)] == key


# SM4


def test_one_block_is_that_of_the_standard_both_ways(engine):
    key, plaintext, ciphertext = octets(SM4["block"], "key", "plaintext", "ciphertext")
    assert engine.sm4_ecb_encrypt(key, plaintext) == ciphertext
    assert engine.sm4_ecb_decrypt(key, ciphertext) == plaintext


def test_a_million_rounds_give_the_block_of_the_standard(engine):
    vector = SM4["million"]
    key, plaintext, ciphertext = octets(vector, "key", "plaintext", "ciphertext")
    # CBC over zeros encrypts the block before again and again.
    blocks = sm4.cbc_encrypt(key, plaintext, bytes(16 * vector["rounds"]), padding=sm4.Padding.NONE)
    assert blocks[-16:] == ciphertext
    back = sm4.cbc_decrypt(key, plaintext, blocks, padding=sm4.Padding.NONE)
    assert back == bytes(len(blocks))
    one_by_one = plaintext
    for _ in range(1000):
        one_by_one = engine.sm4_ecb_encrypt(key, one_by_one)
    assert one_by_one == blocks[16 * 999 : 16 * 1000]


def test_gcm_gives_the_answer_of_rfc_8998(engine):
    vector = SM4["gcm"]
    key, nonce, aad, plaintext = octets(vector, "key", "nonce", "aad", "plaintext")
    sealed = sm4.seal(key, nonce, plaintext, aad)
    assert sealed.hex() == vector["ciphertext"] + vector["tag"]
    assert sm4.open(key, nonce, sealed, aad) == plaintext


def test_ccm_gives_the_answer_of_rfc_8998(engine):
    vector = SM4["ccm"]
    key, nonce, aad, plaintext = octets(vector, "key", "nonce", "aad", "plaintext")
    sealed = sm4.ccm_seal(key, nonce, plaintext, aad)
    assert sealed.hex() == vector["ciphertext"] + vector["tag"]
    assert sm4.ccm_open(key, nonce, sealed, aad) == plaintext


def test_ecb_cbc_and_ctr_give_the_answers_of_the_draft(engine):
    key, plaintext, ciphertext = octets(SM4["ecb"], "key", "plaintext", "ciphertext")
    assert engine.sm4_ecb_encrypt(key, plaintext) == ciphertext
    assert engine.sm4_ecb_decrypt(key, ciphertext) == plaintext
    for name, padding in (("cbc", sm4.Padding.NONE), ("cbc_padded", sm4.Padding.PKCS7)):
        key, iv, plaintext, ciphertext = octets(SM4[name], "key", "iv", "plaintext", "ciphertext")
        assert sm4.cbc_encrypt(key, iv, plaintext, padding=padding) == ciphertext
        assert sm4.cbc_decrypt(key, iv, ciphertext, padding=padding) == plaintext
    key, iv, plaintext, ciphertext = octets(SM4["ctr"], "key", "iv", "plaintext", "ciphertext")
    for size in (0, 1, 15, 16, 17, 63, 64):
        assert sm4.ctr(key, iv, plaintext[:size]) == ciphertext[:size]


# The files of OpenSSL and Tongsuo, where the shared folder stands beside the checkout

needs_shared = pytest.mark.skipif(
    not openssl_vectors.FOLDER.exists(),
    reason="the vectors of OpenSSL and Tongsuo are not on this machine",
)
ORIGINS = ("openssl-3.0.20", "tongsuo")
# Not ours to have: other modes, other digests under SM2, random results, the library's own options.
_OTHER_MODES = ("SM4-OFB", "SM4-CFB", "SM4-XTS")


def of(origin: str, name: str) -> list[Stanza]:
    return list(openssl_vectors.stanzas(openssl_vectors.FOLDER / origin / name))


@needs_shared
@pytest.mark.parametrize("origin", ORIGINS)
def test_signatures_and_ciphertexts_of_openssl(origin, engine):
    seen = []
    for stanza in of(origin, "evppkey_sm2.txt"):
        other_digest = "SM3" not in stanza.values.get("Ctrl", "SM3")
        # Their Sign stanza only shows that a random signature cannot come out again.
        if stanza.kind not in ("Verify", "Decrypt") or other_digest:
            continue
        key = PrivateKey.from_pem(_der.encode_pem("PRIVATE KEY", stanza.keys[stanza.name]))
        given, expected = stanza.octets("Input"), stanza.octets("Output")
        if stanza.kind == "Verify":
            key.public.verify_e(expected, given)
        else:
            assert key.decrypt(given) == expected
        seen.append(stanza.kind)
    assert [seen.count(kind) for kind in ("Verify", "Decrypt")] == [2, 4]


def _cipher(stanza: Stanza, engine) -> str:
    key, iv, plaintext, ciphertext = (
        stanza.octets(name) for name in ("Key", "IV", "Plaintext", "Ciphertext")
    )
    aad, tag = stanza.octets("AAD"), stanza.octets("Tag")
    none = sm4.Padding.NONE
    if stanza.name == "SM4-ECB":
        assert engine.sm4_ecb_encrypt(key, plaintext) == ciphertext
        assert engine.sm4_ecb_decrypt(key, ciphertext) == plaintext
    elif stanza.name == "SM4-CBC":
        assert sm4.cbc_encrypt(key, iv, plaintext, padding=none) == ciphertext
        assert sm4.cbc_decrypt(key, iv, ciphertext, padding=none) == plaintext
    elif stanza.name == "SM4-CTR":
        assert sm4.ctr(key, iv, plaintext) == ciphertext
    elif stanza.name == "SM4-GCM":
        assert sm4.seal(key, iv, plaintext, aad) == ciphertext + tag
        assert sm4.open(key, iv, ciphertext + tag, aad) == plaintext
    elif stanza.name == "SM4-CCM":
        assert sm4.ccm_seal(key, iv, plaintext, aad) == ciphertext + tag
        assert sm4.ccm_open(key, iv, ciphertext + tag, aad) == plaintext
    else:
        assert stanza.name in _OTHER_MODES
    return stanza.name


@needs_shared
@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("openssl-3.0.20", {"SM4-ECB": 1, "SM4-CBC": 1, "SM4-CTR": 1}),
        ("tongsuo", {"SM4-ECB": 1, "SM4-CBC": 3, "SM4-CTR": 1, "SM4-GCM": 1, "SM4-CCM": 1}),
    ],
)
def test_ciphers_of_openssl(origin, expected, engine):
    seen = [_cipher(stanza, engine) for stanza in of(origin, "evpciph_sm4.txt")]
    assert {name: seen.count(name) for name in seen if name not in _OTHER_MODES} == expected


@needs_shared
@pytest.mark.parametrize("origin", ORIGINS)
def test_digests_and_macs_of_openssl(origin, engine):
    digests = [one for one in of(origin, "evpmd_sm3.txt") if one.name == "SM3"]
    for one in digests:
        repeated = one.octets("Input") * int(one.values.get("Ncopy", 1))
        assert sm3.digest(repeated) == one.octets("Output")
    macs = [one for one in of(origin, "evpmac_sm3.txt") if one.values.get("Algorithm") == "SM3"]
    for one in macs:
        assert sm3.hmac(one.octets("Key"), one.octets("Input")) == one.octets("Output")
    assert (len(digests), len(macs)) == (8, 4)


def test_a_vector_with_one_bit_flipped_is_refused(engine):
    vector = SM4["ccm"]
    key, nonce, aad = octets(vector, "key", "nonce", "aad")
    for name in ("gcm", "ccm"):
        sealed = bytearray(_hex(SM4[name]["ciphertext"] + SM4[name]["tag"]))
        sealed[0] ^= 1
        opener = sm4.open if name == "gcm" else sm4.ccm_open
        with pytest.raises(CryptoError) as caught:
            opener(key, nonce, bytes(sealed), aad)
        assert caught.value.code == "crypto.ciphertext.invalid"
