from dataclasses import replace

import pytest
from pki import DAY, NOW, SECOND, holder, key, order, refused, sample, signing, sub, trust

from crypto import _asn1, _der, _oid, sm3
from crypto.cms import Form, signer
from crypto.cms.signer import Signer
from crypto.cms.timestamp import FUTURE_MAX_US, TimeStamp, TimeStampRequest, verify_response
from crypto.cms.timestamp_authority import respond
from crypto.x509.authority import Profile
from crypto.x509.certificate import Certificate

DIGEST = sm3.digest(b"stamped")
ASKED = TimeStampRequest(digest=DIGEST, nonce=2**63 + 5)
POLICY = "1.2.156.1.1"
SERVICE = Signer(holder(Profile.TIME_STAMPING), key(Profile.TIME_STAMPING.value))


def answer(request=ASKED, service=SERVICE, **changes) -> bytes:
    values = {"serial": 9, "time_us": NOW, "policy": POLICY} | changes
    return respond(request, service, **values)


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize(
    ("time_us", "accuracy_us"), [(NOW, None), (NOW + 123_400, 1_500_250), (NOW, 1), (NOW, 10**9)]
)
def test_a_stamp_says_when_how_exactly_and_by_whom(form, time_us, accuracy_us):
    response = answer(time_us=time_us, accuracy_us=accuracy_us, form=form)
    stamp = verify_response(response, ASKED, trust=trust())
    assert (stamp.time_us, stamp.accuracy_us) == (time_us, accuracy_us)
    assert (stamp.serial, stamp.policy, stamp.nonce) == (9, POLICY, ASKED.nonce)
    kept = TimeStamp.from_der(stamp.token)
    assert kept.verify(DIGEST, trust=trust()) == SERVICE.certificate


@pytest.mark.parametrize("policy", [None, POLICY])
@pytest.mark.parametrize("nonce", [None, 0, 2**200])
@pytest.mark.parametrize("wanted", [True, False])
def test_a_request_survives_its_encoding(policy, nonce, wanted):
    request = TimeStampRequest(digest=DIGEST, nonce=nonce, policy=policy, certificate_wanted=wanted)
    assert TimeStampRequest.from_der(request.to_der()) == request


def test_the_request_of_openssl_is_read_and_written_alike():
    request = TimeStampRequest.from_der(sample("openssl/stamp.tsq"))
    assert request.digest == sm3.digest(sample("openssl/root.crt"))
    # OpenSSL writes a NULL beside the digest's identifier; both forms are read.
    written = request.to_der()
    assert TimeStampRequest.from_der(written) == request


def test_a_stamp_over_something_else_or_for_another_request_is_refused():
    other = replace(ASKED, digest=sm3.digest(b"other"))
    refused("crypto.timestamp.imprint", lambda: verify_response(answer(), other, trust=trust()))
    later = replace(ASKED, nonce=7)
    refused("crypto.timestamp.nonce", lambda: verify_response(answer(), later, trust=trust()))
    bare = replace(ASKED, nonce=None)
    refused("crypto.timestamp.nonce", lambda: verify_response(answer(), bare, trust=trust()))
    strict = replace(ASKED, policy="1.2.3")
    refused("crypto.timestamp.policy", lambda: verify_response(answer(), strict, trust=trust()))


def test_a_stamp_from_the_future_is_refused():
    near = answer(time_us=NOW + FUTURE_MAX_US)
    verify_response(near, ASKED, trust=trust())
    far = answer(time_us=NOW + FUTURE_MAX_US + 1)
    refused("crypto.timestamp.time", lambda: verify_response(far, ASKED, trust=trust()))


def test_the_authority_must_have_been_certified_at_the_time_of_the_stamp():
    early = answer(time_us=NOW - 2 * DAY)
    refused(
        "crypto.certificate.not_yet_valid",
        lambda: verify_response(early, ASKED, trust=trust()),
    )


def test_only_a_key_for_time_stamping_alone_stamps():
    plain = answer(service=signing())
    refused("crypto.certificate.usage", lambda: verify_response(plain, ASKED, trust=trust()))


def test_an_authority_nobody_trusts_is_refused():
    strange = trust(roots=(holder(Profile.SIGNING),), intermediates=())
    refused(
        "crypto.certificate.untrusted",
        lambda: verify_response(answer(), ASKED, trust=strange),
    )


def test_a_refusal_of_the_authority_is_said():
    rejected = _asn1.sequence(
        _asn1.sequence(
            _asn1.integer(2),
            _asn1.sequence(_asn1.element(_asn1.UTF8_STRING, "不".encode())),
            _asn1.flags(1),
        )
    )
    error = refused(
        "crypto.timestamp.refused", lambda: verify_response(rejected, ASKED, trust=trust())
    )
    assert error.params == {"status": 2}


def stamped(attributes: dict[str, bytes], info: bytes, *, kind: str = _oid.TST_INFO) -> bytes:
    token = signer.build(kind, info, [SERVICE], attributes=attributes, form=Form.INTERNATIONAL)
    return _asn1.sequence(_asn1.sequence(_asn1.integer(0)), token)


def info_of(*changes: bytes) -> bytes:
    return _asn1.sequence(
        _asn1.integer(1),
        _asn1.oid(POLICY),
        ASKED.imprint,
        _asn1.integer(9),
        _asn1.generalized(NOW),
        *changes,
        _asn1.integer(ASKED.nonce or 0),
    )


def named(digest: bytes, *algorithm: bytes) -> dict[str, bytes]:
    one = _asn1.sequence(*algorithm, _asn1.octets(digest))
    return {_oid.SIGNING_CERTIFICATE: _asn1.sequence(_asn1.sequence(one))}


def test_the_token_must_name_the_certificate_it_was_made_with():
    import hashlib

    der, sm3_algorithm = SERVICE.certificate.der, _oid.algorithm(_oid.SM3)
    for good in (
        named(hashlib.sha256(der).digest()),
        named(sm3.digest(der), sm3_algorithm),
    ):
        verify_response(stamped(good, info_of()), ASKED, trust=trust())
    for bad in (
        {},
        named(sm3.digest(der)),
        named(hashlib.sha256(der).digest(), sm3_algorithm),
        named(sm3.digest(signing().certificate.der), sm3_algorithm),
    ):
        refused(
            "crypto.timestamp.authority",
            lambda bad=bad: verify_response(stamped(bad, info_of()), ASKED, trust=trust()),
        )


def test_what_is_no_stamp_is_refused():
    good = named(sm3.digest(SERVICE.certificate.der), _oid.algorithm(_oid.SM3))
    for response in (
        b"",
        answer() + b"\0",
        bytes(2_000_000),
        stamped(good, info_of(), kind="1.2.840.113549.1.7.1"),
        stamped(good, info_of(_asn1.boolean(False))),
        stamped(good, info_of(_asn1.explicit(1, _asn1.sequence()))),
        stamped(good, b""),
        stamped(good, info_of().replace(_asn1.integer(9), b"")),
    ):
        refused(
            "crypto.timestamp.malformed",
            lambda response=response: verify_response(response, ASKED, trust=trust()),
        )
    for request in (
        b"",
        bytes(20_000),
        ASKED.to_der() + b"\0",
        ASKED.to_der().replace(_asn1.boolean(True), _asn1.boolean(False)),
        _asn1.sequence(_asn1.integer(2), ASKED.imprint),
        replace(ASKED, digest=bytes(31)).to_der(),
        _asn1.sequence(_asn1.integer(1), ASKED.imprint, _asn1.integer(-1)),
        _asn1.sequence(_asn1.integer(1), ASKED.imprint, _asn1.explicit(0)),
    ):
        refused(
            "crypto.timestamp.malformed",
            lambda request=request: TimeStampRequest.from_der(request),
        )


def test_an_unordered_and_an_ordered_stamp_are_both_read():
    good = named(sm3.digest(SERVICE.certificate.der), _oid.algorithm(_oid.SM3))
    ordered = verify_response(stamped(good, info_of(_asn1.boolean(True))), ASKED, trust=trust())
    assert ordered.ordering
    assert not verify_response(answer(), ASKED, trust=trust()).ordering


def test_the_service_s_certificate_may_be_renewed_under_the_same_key():
    renewed = sub().issue(
        Profile.TIME_STAMPING,
        order("time-stamping", entropy=bytes(16), not_before_us=NOW - SECOND),
    )
    response = answer(service=Signer(renewed, SERVICE.key))
    assert verify_response(response, ASKED, trust=trust()).serial == 9


def test_a_stamp_has_one_signature_of_a_key_for_nothing_else():
    attributes = named(sm3.digest(SERVICE.certificate.der), _oid.algorithm(_oid.SM3))
    token = signer.build(
        _oid.TST_INFO,
        info_of(),
        [SERVICE, SERVICE],
        attributes=attributes,
        form=Form.INTERNATIONAL,
    )
    refused(
        "crypto.timestamp.authority",
        lambda: TimeStamp.from_der(token).verify(DIGEST, trust=trust()),
    )
    # The same key under a certificate whose purpose is not critical.
    loose = replace(SERVICE.certificate.extensions, extended_critical=False, not_understood=())
    certificate = certificate_with(loose)
    lax = Signer(certificate, SERVICE.key)
    response = answer(service=lax)
    refused("crypto.timestamp.authority", lambda: verify_response(response, ASKED, trust=trust()))


def certificate_with(extensions) -> Certificate:
    ordered = order("time-stamping")
    algorithm = _oid.algorithm(_oid.SM2_WITH_SM3)
    signed = _asn1.sequence(
        _asn1.explicit(0, _asn1.integer(2)),
        _asn1.integer(99),
        algorithm,
        sub().certificate.subject.der,
        _asn1.sequence(_asn1.time(ordered.not_before_us), _asn1.time(ordered.not_after_us)),
        ordered.subject.der,
        _der.encode_spki(ordered.public.point),
        _asn1.explicit(3, extensions.write()),
    )
    signature = sub().key.sign(signed, domain="1234567812345678")
    return Certificate.from_der(_asn1.sequence(signed, algorithm, _asn1.bits(signature)))


def test_the_name_of_the_authority_in_a_stamp_is_passed_over():
    good = named(sm3.digest(SERVICE.certificate.der), _oid.algorithm(_oid.SM3))
    name = _asn1.explicit(0, _asn1.explicit(4, SERVICE.certificate.subject.der))
    info = info_of()
    head = _asn1.Reader(info).read(_asn1.SEQUENCE)
    stamp = verify_response(stamped(good, _asn1.sequence(head, name)), ASKED, trust=trust())
    assert stamp.serial == 9
