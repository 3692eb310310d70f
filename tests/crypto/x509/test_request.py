from pki import NOW, holder, key, needs_shared, order, refused, sample, shared, sub

from crypto import _asn1, _oid
from crypto.x509.authority import Order, Profile
from crypto.x509.extension import AlternativeName, NameKind
from crypto.x509.name import Name
from crypto.x509.request import CertificateRequest

SUBJECT = Name.of([("C", "CN"), ("CN", "请求")])
NAMES = (AlternativeName(NameKind.DNS, "a.gov.cn"),)


def test_a_request_carries_name_key_and_wishes_and_proves_the_key():
    made = CertificateRequest.build(SUBJECT, key("ask"), alternative_names=NAMES)
    read = CertificateRequest.from_pem(made.to_pem())
    read.verify()
    assert (read.subject, read.public) == (SUBJECT, key("ask").public)
    assert read.extensions.alternative_names == NAMES
    assert CertificateRequest.build(SUBJECT, key("ask")).extensions.alternative_names == ()


def test_requests_of_openssl_and_gmsm_are_read():
    for name, subject in (("openssl/ask.csr", "ask"), ("gmsm/sign.csr", "ask")):
        request = CertificateRequest.from_pem(sample(name))
        request.verify()
        assert request.subject.get("CN") == subject
        assert request.extensions.alternative_names


@needs_shared
def test_the_request_of_tongsuo_is_read():
    request = CertificateRequest.from_pem(shared("sm2-csr.pem"))
    assert request.subject.get("CN")


def test_a_request_signed_under_another_id_or_changed_is_refused():
    made = CertificateRequest.build(SUBJECT, key("ask"), domain="another")
    made.verify(domain="another")
    refused("crypto.request.signature", made.verify)
    changed = made.der.replace("请求".encode(), "请请".encode())
    read = CertificateRequest.from_der(changed)
    refused("crypto.request.signature", lambda: read.verify(domain="another"))


def test_the_certificate_of_an_outside_authority_must_fit_the_request():
    request = CertificateRequest.build(SUBJECT, key("ask"))
    ordered = Order(
        subject=request.subject,
        public=request.public,
        not_before_us=NOW,
        not_after_us=NOW + 1,
        entropy=bytes(16),
    )
    sub().issue(Profile.SIGNING, ordered).check_key(key("ask").public)
    refused(
        "crypto.certificate.key",
        lambda: holder(Profile.SIGNING).check_key(key("ask").public),
    )


def test_what_is_no_request_is_refused():
    made = CertificateRequest.build(SUBJECT, key("ask"), alternative_names=NAMES)
    with _asn1.Reader(made.der) as whole, whole.inside() as body:
        signed, algorithm, signature = body.raw(), body.raw(), body.raw()
    inner = _asn1.Reader(signed).inside()
    version, subject, spki, attributes = (inner.raw() for _ in range(4))
    wish = _asn1.Reader(attributes).inside(0xA0).raw()
    challenge = _asn1.sequence(
        _asn1.oid("1.2.840.113549.1.9.7"), _asn1.set_of([_asn1.octets(b"x")])
    )

    def request(*fields: bytes) -> bytes:
        return _asn1.sequence(_asn1.sequence(*fields), algorithm, signature)

    assert request(version, subject, spki, attributes) == made.der
    both = request(version, subject, spki, _asn1.explicit(0, wish, challenge))
    assert CertificateRequest.from_der(both).extensions.alternative_names == NAMES
    for der in (
        b"",
        made.der + b"\0",
        request(_asn1.integer(1), subject, spki, attributes),
        request(version, subject, spki),
        request(version, subject, spki, _asn1.explicit(0, wish, wish)),
        request(version, subject, spki, _asn1.explicit(0, *[challenge] * 17)),
        request(version, subject, spki, attributes + b"\0"),
        _asn1.sequence(signed, _oid.algorithm("1.2.840.10045.4.3.2"), signature),
        bytes(70000),
    ):
        refused("crypto.request.malformed", lambda der=der: CertificateRequest.from_der(der))


def test_an_order_can_be_made_of_a_request():
    request = CertificateRequest.build(SUBJECT, key("ask"), alternative_names=NAMES)
    ordered = order(
        "ask", subject=request.subject, alternative_names=request.extensions.alternative_names
    )
    made = sub().issue(Profile.SIGNING, ordered)
    assert (made.subject, made.extensions.alternative_names) == (SUBJECT, NAMES)
