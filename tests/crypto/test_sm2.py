import copy
import pickle
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from gmssl import sm2 as gmssl_sm2
from gmssl import sm3 as gmssl_sm3
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import _asn1, _der, _identity, engines, sm2, sm3
from crypto.engines import curve
from crypto.engines.libcrypto import LibcryptoEngine
from crypto.engines.port import Refused
from crypto.errors import CryptoError
from crypto.sm2 import Form, Policy, PrivateKey, PublicKey, ciphertext_to_der

DOMAIN = "fengsui/batch/1"
STANDARD_ID = "1234567812345678"
P, N = curve.P, curve.N


def refused(code, call):
    with pytest.raises(CryptoError) as caught:
        call()
    assert caught.value.code == code
    return caught.value


def second_opinion(key: PublicKey, secret: str = "") -> gmssl_sm2.CryptSM2:
    return gmssl_sm2.CryptSM2(private_key=secret, public_key=key.point[1:].hex())


def digest_by_hand(key: PublicKey, message: bytes, domain: str) -> bytes:
    """Return e by the second implementation's SM3 and curve table."""
    table = gmssl_sm2.default_ecc_table
    head = (8 * len(domain)).to_bytes(2, "big") + domain.encode()
    curve = bytes.fromhex(table["a"] + table["b"] + table["g"])
    z = gmssl_sm3.sm3_hash(list(head + curve + key.point[1:]))
    return bytes.fromhex(gmssl_sm3.sm3_hash(list(bytes.fromhex(z) + message)))


# Signatures


def test_the_signature_of_the_standard_verifies(vectors, standard_public, standard_key):
    vector = vectors["sm2"]["signature"]
    signature = _der.encode_signature(int(vector["r"], 16), int(vector["s"], 16))
    message = vector["message_text"].encode()
    standard_public.verify(signature, message, domain=vector["id_text"])
    standard_key.public.verify(signature, message, domain=vector["id_text"])
    assert standard_key.public == standard_public


def test_z_and_e_are_those_of_the_standard(vectors, standard_public):
    vector = vectors["sm2"]["signature"]
    digest = standard_public._digest
    assert digest.identity(vector["id_text"]).hex() == vector["z"]
    assert digest(vector["message_text"].encode(), vector["id_text"]).hex() == vector["e"]


@settings(max_examples=30, deadline=None)
@given(message=st.binary(max_size=3000), domain=st.text(min_size=1, max_size=40))
def test_what_was_signed_verifies_and_is_canonical(key, message, domain):
    signature = key.sign(message, domain=domain)
    key.public.verify(signature, message, domain=domain)
    assert len(signature) <= 72
    assert _der.encode_signature(*_der.decode_signature(signature)) == signature


def test_another_message_domain_or_key_is_refused(key, other_key):
    signature = key.sign(b"message", domain=DOMAIN)
    for public, message, domain in (
        (key.public, b"message.", DOMAIN),
        (key.public, b"", DOMAIN),
        (key.public, b"message", "fengsui/audit/1"),
        (key.public, b"message", DOMAIN + "0"),
        (other_key.public, b"message", DOMAIN),
    ):
        error = refused(
            "crypto.signature.invalid",
            lambda p=public, m=message, d=domain: p.verify(signature, m, domain=d),
        )
        assert error.params == {"key_id": public.key_id, "domain": domain}


def malformed_signatures(r: int, s: int) -> dict[str, bytes]:
    """Other encodings of a good signature, and its values moved out of range."""
    good = _der.encode_signature(r, s)
    body = good[2:]
    r_der, s_der = (_asn1.integer(value) for value in (r, s))
    padded = b"\x02" + bytes((r_der[1] + 1,)) + b"\0" + r_der[2:]

    def sequence(content: bytes) -> bytes:
        return b"\x30" + bytes((len(content),)) + content

    return {
        "empty": b"",
        "trailing byte": good + b"\0",
        "trailing byte inside": sequence(body + b"\0"),
        "third integer": sequence(body + b"\x02\x01\x01"),
        "cut": good[:-1],
        "head only": good[:2],
        "long form of the length": b"\x30\x81" + good[1:],
        "indefinite length": b"\x30\x80" + body + b"\0\0",
        "padded r": sequence(padded + s_der),
        "r without its sign byte": sequence(b"\x02\x20" + r.to_bytes(32, "big") + s_der),
        "set for sequence": b"\x31" + good[1:],
        "raw r and s": r.to_bytes(32, "big") + s.to_bytes(32, "big"),
        "long length of r": sequence(b"\x02\x81" + r_der[1:] + s_der),
        "r only": sequence(r_der),
        "empty r": sequence(b"\x02\x00" + s_der),
        "swapped": _der.encode_signature(s, r),
        "r = 0": _der.encode_signature(0, s),
        "s = 0": _der.encode_signature(r, 0),
        "both 0": _der.encode_signature(0, 0),
        "r = n": _der.encode_signature(N, s),
        "s = n": _der.encode_signature(r, N),
        "r + n": _der.encode_signature(r + N, s),
        "s + n": _der.encode_signature(r, s + N),
        "n - s": _der.encode_signature(r, N - s),
        "n - r": _der.encode_signature(N - r, s),
        "r + s = n": _der.encode_signature(r, N - r),
        "s of 2000 bytes": b"\x30\x82\x07\xf7" + r_der + b"\x02\x82\x07\xd0\x01" + bytes(1999),
    }


# The signature of GB/T 32918.5-2017, A.2; its r and s both need a sign byte.
STANDARD_R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
STANDARD_S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
MALFORMED = malformed_signatures(STANDARD_R, STANDARD_S)


@pytest.mark.parametrize("case", MALFORMED)
def test_any_other_form_of_a_good_signature_is_refused(case, standard_public):
    signature = MALFORMED[case]
    refused(
        "crypto.signature.invalid",
        lambda: standard_public.verify(signature, b"message digest", domain=STANDARD_ID),
    )


def test_every_flipped_bit_of_a_signature_is_refused(standard_public):
    good = _der.encode_signature(STANDARD_R, STANDARD_S)
    for bit in range(8 * len(good)):
        signature = bytearray(good)
        signature[bit // 8] ^= 1 << bit % 8
        refused(
            "crypto.signature.invalid",
            lambda changed=bytes(signature): standard_public.verify(
                changed, b"message digest", domain=STANDARD_ID
            ),
        )


@given(signature=st.binary(max_size=80))
def test_arbitrary_bytes_are_refused_and_nothing_else_happens(standard_public, signature):
    refused(
        "crypto.signature.invalid", lambda: standard_public.verify(signature, b"m", domain=DOMAIN)
    )


@pytest.mark.parametrize("domain", ["", "x" * 8192, "\ud800"], ids=["empty", "too long", "no text"])
def test_a_domain_outside_the_limits_is_refused(domain, key):
    refused("crypto.domain.malformed", lambda: key.sign(b"", domain=domain))
    refused("crypto.domain.malformed", lambda: key.public.verify(b"", b"", domain=domain))


def test_the_longest_domain_and_many_domains_work_within_the_cache_limit(standard_key):
    for domain in ["x" * 8191, *(f"fengsui/test/{number}" for number in range(40))]:
        standard_key.public.verify(standard_key.sign(b"", domain=domain), b"", domain=domain)
    assert len(standard_key.public._digest._states) <= _identity._DOMAINS_CACHED_MAX


def test_two_signatures_of_one_message_differ(key):
    assert key.sign(b"m", domain=DOMAIN) != key.sign(b"m", domain=DOMAIN)


# A second implementation


@pytest.mark.parametrize("domain", [DOMAIN, STANDARD_ID])
def test_gmssl_verifies_ours_and_we_verify_gmssl(domain, vectors, standard_key):
    secret = vectors["sm2"]["signature"]["private"]
    oracle = second_opinion(standard_key.public, secret)
    for number in range(2):
        message = f"message {number}".encode()
        e = digest_by_hand(standard_key.public, message, domain)
        r, s = _der.decode_signature(standard_key.sign(message, domain=domain))
        assert oracle.verify(f"{r:064x}{s:064x}", e)
        theirs = oracle.sign(e, f"{random.randrange(1, N):064x}")
        signature = _der.encode_signature(int(theirs[:64], 16), int(theirs[64:], 16))
        standard_key.public.verify(signature, message, domain=domain)


def test_gmssl_decrypts_ours_and_we_decrypt_gmssl(vectors, standard_key):
    oracle = second_opinion(standard_key.public, vectors["sm2"]["signature"]["private"])
    oracle.mode = 1  # C1C3C2
    x, y, tag, masked = _der.decode_ciphertext(standard_key.public.encrypt(b"plaintext"))
    raw = x.to_bytes(32, "big") + y.to_bytes(32, "big") + tag + masked
    assert oracle.decrypt(raw) == b"plaintext"
    theirs = oracle.encrypt(b"plaintext")
    x, y = int.from_bytes(theirs[:32], "big"), int.from_bytes(theirs[32:64], "big")
    ciphertext = _der.encode_ciphertext(x, y, theirs[64:96], theirs[96:])
    assert standard_key.decrypt(ciphertext) == b"plaintext"


# Encryption


def standard_ciphertext(vectors) -> tuple[int, int, bytes, bytes]:
    vector = vectors["sm2"]["encryption"]
    return (
        int(vector["c1_x"], 16),
        int(vector["c1_y"], 16),
        bytes.fromhex(vector["c3"]),
        bytes.fromhex(vector["c2"]),
    )


def test_the_ciphertext_of_the_standard_decrypts(vectors, standard_key):
    ciphertext = _der.encode_ciphertext(*standard_ciphertext(vectors))
    assert standard_key.decrypt(ciphertext) == b"encryption standard"


@settings(max_examples=20, deadline=None)
@given(plaintext=st.binary(min_size=16, max_size=400))
def test_what_was_encrypted_decrypts_and_is_canonical(key, plaintext):
    ciphertext = key.public.encrypt(plaintext)
    assert key.decrypt(ciphertext) == plaintext
    assert _der.encode_ciphertext(*_der.decode_ciphertext(ciphertext)) == ciphertext


def test_the_longest_plaintext_encrypts_and_decrypts(key):
    plaintext = bytes(sm2.PLAINTEXT_SIZE_MAX)
    assert key.decrypt(key.public.encrypt(plaintext)) == plaintext


@pytest.mark.parametrize("size", [0, sm2.PLAINTEXT_SIZE_MAX + 1])
def test_a_plaintext_outside_the_limits_is_refused(size, key):
    refused("crypto.plaintext.size", lambda: key.public.encrypt(bytes(size)))


def test_changed_ciphertexts_are_refused_with_one_answer(vectors, standard_key, other_key):
    x, y, tag, masked = standard_ciphertext(vectors)
    good = _der.encode_ciphertext(x, y, tag, masked)
    cases = {
        "empty": b"",
        "trailing byte": good + b"\0",
        "cut": good[:-1],
        "zero C3": _der.encode_ciphertext(x, y, bytes(32), masked),
        "short C3": _der.encode_ciphertext(x, y, tag[:-1], masked),
        "changed C2": _der.encode_ciphertext(x, y, tag, masked[::-1]),
        "empty C2": _der.encode_ciphertext(x, y, tag, b""),
        "long C2": _der.encode_ciphertext(x, y, tag, bytes(sm2.PLAINTEXT_SIZE_MAX + 1)),
        "C1 off the curve": _der.encode_ciphertext(x, y ^ 1, tag, masked),
        "C1 not reduced": _der.encode_ciphertext(x + P, y, tag, masked),
        "mirrored C1": _der.encode_ciphertext(x, P - y, tag, masked),
    }
    messages = set()
    for ciphertext in cases.values():
        error = refused("crypto.ciphertext.invalid", lambda c=ciphertext: standard_key.decrypt(c))
        messages.add(str(error))
    assert len(messages) == 1
    refused("crypto.ciphertext.invalid", lambda: other_key.decrypt(good))


# Keys


def test_a_public_key_is_its_point(standard_public, other_key):
    twin = PublicKey.from_point(standard_public.point)
    assert twin == standard_public
    assert hash(twin) == hash(standard_public)
    assert twin != other_key.public
    assert twin != standard_public.point
    assert len(standard_public.point) == 65
    assert standard_public.key_id == sm3.digest(standard_public.point)[:8].hex()
    assert repr(standard_public) == f"<PublicKey {standard_public.key_id}>"
    assert pickle.loads(pickle.dumps(standard_public)) == standard_public


def test_points_off_the_curve_and_other_forms_are_refused(standard_public):
    point = standard_public.point
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    cases = {
        "y changed": point[:-1] + bytes((point[-1] ^ 1,)),
        "x changed": point[:1] + bytes((point[1] ^ 1,)) + point[2:],
        "zero": b"\x04" + bytes(64),
        "infinity": b"\0",
        "compressed": bytes((2 + (y & 1),)) + point[1:33],
        "hybrid": bytes((6 + (y & 1),)) + point[1:],
        "no head": point[1:],
        "trailing byte": point + b"\0",
        "empty": b"",
        "x and y swapped": b"\x04" + point[33:] + point[1:33],
        "all ones": b"\x04" + b"\xff" * 64,
    }
    for case in cases.values():
        refused("crypto.key.malformed", lambda c=case: PublicKey.from_point(c))
    assert PublicKey.from_point(
        b"\x04" + x.to_bytes(32, "big") + (P - y).to_bytes(32, "big")
    ) != PublicKey.from_point(point)


def test_an_unreduced_coordinate_is_refused():
    # x = 0 is on the curve when b is a square; its other name, x = p, must not be.
    y = pow(curve.B, (P + 1) // 4, P)
    if y * y % P == curve.B:
        PublicKey.from_point(b"\x04" + bytes(32) + y.to_bytes(32, "big"))
    refused(
        "crypto.key.malformed",
        lambda: PublicKey.from_point(b"\x04" + P.to_bytes(32, "big") + y.to_bytes(32, "big")),
    )


@pytest.mark.parametrize("scalar", [0, N - 1, N, N + 1, 2**256 - 1])
def test_private_scalars_outside_the_range_are_refused(scalar, pem_of_scalar):
    error = refused("crypto.key.malformed", lambda: PrivateKey.from_pem(pem_of_scalar(scalar)))
    assert f"{scalar:x}" not in str(error) or scalar == 0


@pytest.mark.parametrize("scalar", [1, 2, N - 2])
def test_private_scalars_at_the_ends_of_the_range_work(scalar, pem_of_scalar):
    key = PrivateKey.from_pem(pem_of_scalar(scalar))
    key.public.verify(key.sign(b"m", domain=DOMAIN), b"m", domain=DOMAIN)
    if scalar == 1:
        assert key.public.point == b"\x04" + b"".join(v.to_bytes(32, "big") for v in curve.G)


def test_a_key_whose_halves_differ_is_refused(key, other_key):
    _, der = _der.decode_pem(key.to_pem(), ("PRIVATE KEY",))
    forged = der.replace(key.public.point, other_key.public.point)
    assert forged != der
    pem = _der.encode_pem("PRIVATE KEY", forged)
    refused("crypto.key.malformed", lambda: PrivateKey.from_pem(pem))


def test_a_private_key_shows_its_key_id_only(vectors, standard_key):
    secret = vectors["sm2"]["signature"]["private"]
    for text in (repr(standard_key), str(standard_key), f"{standard_key}"):
        assert text == f"<PrivateKey {standard_key.public.key_id}>"
        assert secret not in text
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be pickled"):
            leave(standard_key)
    assert not hasattr(standard_key, "__dict__")


def test_errors_and_their_causes_hold_no_key_material(vectors, key):
    secret = vectors["sm2"]["signature"]["private"]
    body = _der.encode_pem("PRIVATE KEY", bytes.fromhex(secret))
    for pem in (body, body.replace(b"KEY-----\n", b"KEY-----\n!", 1)):
        error = refused("crypto.key.malformed", lambda p=pem: PrivateKey.from_pem(p))
        shown = f"{error!r}{error.__cause__!r}{error.params}"
        assert secret not in shown
        assert body.splitlines()[1].decode() not in shown


@pytest.mark.parametrize("fault", [Refused, RuntimeError])
def test_an_engine_that_fails_on_good_input_is_named(fault):
    class Failing(LibcryptoEngine):
        def sm2_generate(self):
            raise fault

    with engines.using(Failing()):
        error = refused("crypto.library.failed", PrivateKey.generate)
    assert error.params["library"] == Failing().describe()


def test_a_key_goes_by_its_policy(engine, key):
    e = key.public.digest(b"m", domain=DOMAIN)
    refused("crypto.key.policy", lambda: key.sign_e(e))
    willing = PrivateKey.from_scalar(key.scalar(), Policy(sign_e=True))
    signature = willing.sign_e(e)
    key.public.verify(signature, b"m", domain=DOMAIN)
    key.public.verify_e(signature, e)
    refused("crypto.signature.invalid", lambda: key.public.verify_e(signature, bytes(32)))
    refused("crypto.digest.malformed", lambda: willing.sign_e(e[:31]))
    nothing = Policy(sign=False, decrypt=False, exchange=False)
    unwilling = PrivateKey.from_scalar(key.scalar(), nothing)
    for call in (
        lambda: unwilling.sign(b"m", domain=DOMAIN),
        lambda: unwilling.sign_many([b"m"], domain=DOMAIN),
        lambda: unwilling.sign_stream([b"m"], domain=DOMAIN),
        lambda: unwilling.decrypt(b""),
        lambda: unwilling.ecdh(key.public),
    ):
        refused("crypto.key.policy", call)


@settings(max_examples=10, deadline=None)
@given(messages=st.lists(st.binary(max_size=100), max_size=70))
def test_many_signatures_at_once_verify_each_and_together(key, messages):
    signatures = key.sign_many(messages, domain=DOMAIN)
    for message, signature in zip(messages, signatures, strict=True):
        key.public.verify(signature, message, domain=DOMAIN)
    items = [(key.public, s, m) for s, m in zip(signatures, messages, strict=True)]
    sm2.verify_many(items, domain=DOMAIN)


def test_verifying_many_names_the_first_bad_one(key, other_key):
    good = key.sign(b"m", domain=DOMAIN)
    for bad in ((other_key.public, good, b"m"), (key.public, good[:-1], b"m")):
        items = [(key.public, good, b"m")] * 3 + [bad, bad]
        error = refused(
            "crypto.signature.invalid", lambda i=items: sm2.verify_many(i, domain=DOMAIN)
        )
        assert error.params["index"] == 3


@given(st.lists(st.binary(max_size=40), max_size=5))
@settings(max_examples=10, deadline=None)
def test_a_stream_is_signed_like_its_whole(key, chunks):
    whole = b"".join(chunks)
    key.public.verify(key.sign_stream(chunks, domain=DOMAIN), whole, domain=DOMAIN)
    key.public.verify_stream(key.sign(whole, domain=DOMAIN), chunks, domain=DOMAIN)


def test_raw_and_der_signatures_are_two_forms_of_one(key):
    signature = key.sign(b"m", domain=DOMAIN)
    raw = sm2.signature_to_raw(signature)
    assert len(raw) == 64
    assert sm2.signature_from_raw(raw) == signature
    refused("crypto.signature.malformed", lambda: sm2.signature_to_raw(signature + b"\0"))
    refused("crypto.signature.malformed", lambda: sm2.signature_from_raw(raw[:-1]))


@pytest.mark.parametrize("form", sm2.Form)
def test_every_form_of_a_ciphertext_is_read_back_and_refused_when_changed(form, key):
    ciphertext = key.public.encrypt(b"plaintext", form=form)
    assert key.decrypt(ciphertext, form=form) == b"plaintext"
    for changed in (ciphertext[:-1], ciphertext + b"\0", b"", bytes(200), ciphertext[:66]):
        refused("crypto.ciphertext.invalid", lambda c=changed: key.decrypt(c, form=form))


def test_a_ciphertext_read_in_another_order_is_refused(key):
    ciphertext = key.public.encrypt(b"p" * 32, form=sm2.Form.C1C3C2)
    refused("crypto.ciphertext.invalid", lambda: key.decrypt(ciphertext, form=sm2.Form.C1C2C3))


def test_both_sides_share_one_secret(key, other_key):
    assert key.ecdh(other_key.public) == other_key.ecdh(key.public)
    assert len(key.ecdh(other_key.public)) == 32


def test_a_scalar_comes_out_and_goes_in(key):
    scalar = key.scalar()
    assert isinstance(scalar, bytearray)
    assert PrivateKey.from_scalar(scalar).public == key.public


def test_keys_of_one_engine_verify_what_another_signed(engine):
    for other in engines.available().values():
        with engines.using(other):
            theirs = PrivateKey.generate()
            signature = theirs.sign(b"m", domain=DOMAIN)
            sealed = theirs.public.encrypt(b"secret")
        public = PublicKey.from_point(theirs.public.point)
        public.verify(signature, b"m", domain=DOMAIN)
        sm2.verify_many([(theirs.public, signature, b"m")], domain=DOMAIN)
        assert PrivateKey.from_scalar(theirs.scalar()).decrypt(sealed) == b"secret"


# Threads


def test_eight_threads_share_one_key(pem_of_scalar):
    key = PrivateKey.from_pem(pem_of_scalar(12345))
    public = PublicKey.from_point(key.public.point)
    start = threading.Barrier(8)

    def work(worker: int) -> int:
        start.wait(timeout=30)
        for number in range(40):
            message = f"{worker}/{number}".encode()
            signature = key.sign(message, domain=DOMAIN)
            public.verify(signature, message, domain=DOMAIN)
            refused(
                "crypto.signature.invalid",
                lambda s=signature: public.verify(s, b"other", domain=DOMAIN),
            )
        return worker

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == list(range(8))


@pytest.mark.parametrize("form", list(Form))
def test_a_ciphertext_of_any_form_opens_from_its_der_form(form):
    key = PrivateKey.generate()
    der = ciphertext_to_der(key.public.encrypt(b"text", form=form), form=form)
    assert key.decrypt(der) == b"text"


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("bad", [b"", b"\x04" * 97, bytes(200), b"\x30\x00"])
def test_what_is_no_ciphertext_has_no_der_form(form, bad):
    with pytest.raises(CryptoError) as caught:
        ciphertext_to_der(bad, form=form)
    assert caught.value.code == "crypto.ciphertext.invalid"
