"""Whatever bytes come in, a reader reads them or answers with a CryptoError, and quickly."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pki import NOW, SAMPLES, holder, key, root, signing, sub, trust

from crypto import _asn1, _der, pkcs8, sm3
from crypto.cms import Form, enveloped_data, enveloped_key
from crypto.cms.signed_data import SignedData
from crypto.cms.signer import Signer, sign
from crypto.cms.timestamp import TimeStamp, TimeStampRequest, verify_response
from crypto.cms.timestamp_authority import respond
from crypto.errors import CryptoError
from crypto.sm2 import PrivateKey
from crypto.x509.authority import Profile
from crypto.x509.certificate import Certificate, load_all
from crypto.x509.name import Name
from crypto.x509.request import CertificateRequest
from crypto.x509.revocation import RevocationList

# Found by fuzzing, mended, and kept (tests/fuzz says how to look for more).
KEPT = sorted((Path(__file__).parent.parent / "fuzz" / "kept").glob("*/*"))

ASKED = TimeStampRequest(digest=sm3.digest(b"m"), nonce=5)
SERVICE = Signer(holder(Profile.TIME_STAMPING), key(Profile.TIME_STAMPING.value))
RESPONSE = respond(ASKED, SERVICE, serial=1, time_us=NOW, policy="1.2.3")
SEALED = key("any").to_pem(b"secret", iterations=pkcs8.ITERATIONS_WRITTEN_MIN)


def pem_content(pem: bytes) -> bytes:
    return _der.decode_pem(pem, pkcs8.LABELS)[1]


def open_key(data: bytes) -> None:
    # A changed count of rounds up to the usual limit is seconds of honest work.
    PrivateKey.from_pem(data, b"secret", iterations_max=12_000)


def verify_message(data: bytes) -> None:
    SignedData.from_der(data).verify(b"content", trust=trust())


PARSERS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "key": (open_key, [pem_content(SEALED), SEALED, pem_content(key("any").to_pem())]),
    "name": (Name.from_der, [root().certificate.subject.der]),
    "certificate": (Certificate.from_der, [holder(profile).der for profile in Profile]),
    "bundle": (load_all, [root().certificate.to_pem() + sub().certificate.to_pem()]),
    "request": (
        CertificateRequest.from_der,
        [CertificateRequest.build(sub().certificate.subject, key("ask")).der],
    ),
    "list": (
        RevocationList.from_der,
        [
            RevocationList.build(
                sub().certificate, key("sub"), number=1, this_update_us=NOW, next_update_us=NOW
            ).der
        ],
    ),
    "signed": (
        verify_message,
        [
            sign(b"content", [signing()], form=form, signed_at_us=at_us)
            for form in Form
            for at_us in (None, NOW)
        ],
    ),
    "enveloped": (
        lambda data: enveloped_data.decrypt(data, holder(Profile.ENCRYPTION), key("encryption")),
        [enveloped_data.encrypt(b"content", [holder(Profile.ENCRYPTION)])],
    ),
    "enveloped key": (
        lambda data: enveloped_key.open_key(data, key("sign")),
        [enveloped_key.seal_key(key("enc"), key("sign").public)],
    ),
    "stamp request": (TimeStampRequest.from_der, [ASKED.to_der()]),
    "stamp": (TimeStamp.from_der, [verify_response(RESPONSE, ASKED, trust=trust()).token]),
    "stamp response": (lambda data: verify_response(data, ASKED, trust=trust()), [RESPONSE]),
}
parsers = pytest.mark.parametrize(
    ("parse", "good"), PARSERS.values(), ids=[name.replace(" ", "-") for name in PARSERS]
)


def answered(parse: Callable[[bytes], object], data: bytes) -> bool:
    """Tell whether the reader took the bytes; anything but a CryptoError fails the test."""
    try:
        parse(data)
    except CryptoError:
        return False
    return True


@parsers
def test_what_was_made_is_read(parse, good):
    assert all(answered(parse, data) for data in good)


@parsers
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(parse, good, data):
    assert not answered(parse, data)


@parsers
@settings(max_examples=120, deadline=None)
@given(choice=st.randoms(use_true_random=False))
def test_changed_bytes_get_an_answer(parse, good, choice):
    data = bytearray(choice.choice(good))
    for _ in range(choice.randint(1, 4)):
        at = choice.randrange(len(data) + 1)
        match choice.randrange(5):
            case 0:
                data[at : at + 1] = bytes([choice.randrange(256)])
            case 1:
                data[at : at + choice.randrange(1, 20)] = b""
            case 2:
                data[at:at] = choice.randbytes(choice.randrange(1, 9))
            case 3:
                data[at:at] = data[at : at + choice.randrange(1, 60)]
            case _:
                data[at : at + 1] = (
                    bytes([data[at] ^ 1 << choice.randrange(8)]) if data[at:] else b""
                )
    answered(parse, bytes(data))


@parsers
def test_a_cut_or_lengthened_form_is_refused(parse, good):
    for data in good:
        if data.startswith(b"-----"):
            continue
        for size in range(0, len(data), 7):
            assert not answered(parse, data[:size])
        assert not answered(parse, data + b"\0")


def test_a_change_that_a_certificate_survives_is_no_second_encoding():
    good = holder(Profile.SIGNING).der
    for at in range(len(good)):
        for bit in range(8):
            changed = good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :]
            if answered(Certificate.from_der, changed):
                _asn1.check(changed)


def test_a_count_in_a_length_costs_nothing():
    for size in ("84ffffffff", "83ffffff", "8400000001", "85ffffffffff"):
        head = bytes.fromhex("30" + size)
        for parse, _ in PARSERS.values():
            assert not answered(parse, head)


def test_deep_nesting_ends_in_an_answer():
    deep = _asn1.null()
    for _ in range(400):
        deep = _asn1.sequence(deep)
    for parse, _ in PARSERS.values():
        assert not answered(parse, deep)


def test_what_fuzzing_found_gets_an_answer():
    for file in KEPT:
        for parse, _ in PARSERS.values():
            answered(parse, file.read_bytes())


def test_samples_of_others_are_answered_by_every_reader():
    files = [file for file in SAMPLES.glob("*/*") if file.is_file()]
    assert len(files) > 20
    for file in files:
        for parse, _ in PARSERS.values():
            answered(parse, file.read_bytes())
