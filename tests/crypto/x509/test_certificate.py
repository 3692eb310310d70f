import pytest
from pki import DAY, NOW, holder, key, needs_shared, refused, root, sample, shared, sub

from crypto import _asn1, _der, _oid
from crypto.errors import CryptoError
from crypto.sm2 import PrivateKey
from crypto.x509.authority import Profile
from crypto.x509.certificate import SIZE_MAX, Certificate, find, load_all
from crypto.x509.extension import KeyUsage

SIGNED = holder(Profile.SIGNING)


def test_a_certificate_of_openssl_is_read_and_its_signature_holds():
    certificate = Certificate.from_pem(sample("openssl/root.crt"))
    certificate.verify(certificate.public)
    assert str(certificate.subject) == "CN=root,O=openssl,C=CN"
    assert certificate.is_self_issued
    assert certificate.extensions.authority
    certificate.check_key(PrivateKey.from_pem(sample("openssl/sec1.key")).public)


def test_a_certificate_under_sm2_s_own_key_identifier_is_read():
    certificate = Certificate.from_pem(sample("openssl/sm2-identifier.crt"))
    assert certificate.subject.get("CN") == "RootCA"
    assert certificate.public.point[:5].hex() == "042f07687f"
    # It was signed under the empty ID, which is no domain here.
    refused("crypto.certificate.signature", lambda: certificate.verify(certificate.public))


def test_certificates_of_gmsm_are_read():
    made = [Certificate.from_pem(sample(f"gmsm/{name}.pem")) for name in ("root", "sign", "enc")]
    for certificate in made:
        certificate.verify(made[0].public)
    assert made[0].not_after_us == 2_713_910_400 * 1_000_000  # 2056 is a GeneralizedTime
    assert find(made, issuer=made[0].subject, serial=2) == made[1]
    assert find(made, issuer=made[1].subject, serial=2) is None
    assert made[2].extensions.usage == KeyUsage.ENCRYPTION


@needs_shared
def test_the_double_certificates_of_tongsuo_hold_link_by_link():
    top, middle = load_all(shared("sm2/chain-ca.crt"))
    top.verify(top.public)
    middle.verify(top.public)
    for name in ("client_sign", "client_enc", "server_sign", "server_enc"):
        certificate = Certificate.from_pem(shared(f"sm2/{name}.crt"))
        certificate.verify(middle.public)
        usage = KeyUsage.SIGNING if name.endswith("sign") else KeyUsage.ENCRYPTION
        assert certificate.extensions.usage == usage


@needs_shared
def test_a_certificate_signed_without_z_is_refused():
    certificate = Certificate.from_pem(shared("sm2-noza-cert.pem"))
    issuer = Certificate.from_pem(shared("sm2-noza-root-cert.pem"))
    refused("crypto.certificate.signature", lambda: certificate.verify(issuer.public))


def test_another_key_or_another_id_does_not_verify():
    SIGNED.verify(key("sub").public)
    refused("crypto.certificate.signature", lambda: SIGNED.verify(key("root").public))
    refused(
        "crypto.certificate.signature",
        lambda: SIGNED.verify(key("sub").public, domain="1234567812345679"),
    )


def test_a_certificate_is_for_one_key():
    SIGNED.check_key(key("signing").public)
    error = refused("crypto.certificate.key", lambda: SIGNED.check_key(key("other").public))
    assert error.params["subject"] == "CN=signing,O=示例省大数据局,C=CN"


def test_silence_about_usage_allows_nothing_to_a_holder():
    silent = Certificate.from_pem(sample("openssl/root.crt"))
    refused("crypto.certificate.usage", lambda: silent.check_usage(KeyUsage.SIGNING))
    silent.check_usage(KeyUsage.KEY_CERT_SIGN, stated=False)
    SIGNED.check_usage(KeyUsage.DIGITAL_SIGNATURE)
    refused("crypto.certificate.usage", lambda: SIGNED.check_usage(KeyUsage.ENCRYPTION))


def test_the_period_includes_its_ends():
    SIGNED.check_time(NOW - DAY)
    SIGNED.check_time(NOW + 365 * DAY)
    refused("crypto.certificate.not_yet_valid", lambda: SIGNED.check_time(NOW - DAY - 1))
    refused("crypto.certificate.expired", lambda: SIGNED.check_time(NOW + 365 * DAY + 1))


def test_pem_and_der_survive():
    assert Certificate.from_pem(SIGNED.to_pem()) == SIGNED
    assert Certificate.from_der(SIGNED.der).to_pem() == SIGNED.to_pem()
    bundle = root().certificate.to_pem() + b"text between\n" + sub().certificate.to_pem()
    assert load_all(bundle) == [root().certificate, sub().certificate]
    refused("crypto.certificate.malformed", lambda: load_all(b"nothing"))
    refused("crypto.certificate.malformed", lambda: Certificate.from_pem(bundle))


def parts() -> tuple[list[bytes], bytes, bytes]:
    """Return the fields of the signed part, the algorithm and the signature."""
    with _asn1.Reader(SIGNED.der) as whole, whole.inside() as body:
        signed, algorithm, signature = body.raw(), body.raw(), body.raw()
    fields = []
    inner = _asn1.Reader(signed).inside()
    while inner.more:
        fields.append(inner.raw())
    return fields, algorithm, signature


def with_field(number: int, *values: bytes) -> bytes:
    fields, algorithm, signature = parts()
    fields[number : number + 1] = values
    return _asn1.sequence(_asn1.sequence(*fields), algorithm, signature)


VERSION, SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, SPKI, EXTENSIONS = range(8)
P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
MALFORMED = {
    "empty": b"",
    "text": b"certificate",
    "byte after the end": SIGNED.der + b"\0",
    "cut": SIGNED.der[:-1],
    "too long": bytes(SIZE_MAX + 1),
    "version 1 written out": with_field(VERSION, _asn1.explicit(0, _asn1.integer(0))),
    "version 2": with_field(VERSION, _asn1.explicit(0, _asn1.integer(1))),
    "version 4": with_field(VERSION, _asn1.explicit(0, _asn1.integer(3))),
    "extensions in version 1": with_field(VERSION),
    "negative serial": with_field(SERIAL, _asn1.integer(-1)),
    "serial of 21 bytes": with_field(SERIAL, _asn1.integer(1 << 160)),
    "padded serial": with_field(SERIAL, b"\x02\x02\x00\x01"),
    "another algorithm inside": with_field(ALGORITHM, _oid.algorithm("1.2.840.10045.4.3.2")),
    "NULL inside only": with_field(ALGORITHM, _oid.algorithm(_oid.SM2_WITH_SM3, _asn1.null())),
    "no issuer": with_field(ISSUER, _asn1.sequence()),
    "period upside down": with_field(
        VALIDITY, _asn1.sequence(_asn1.time(NOW + DAY), _asn1.time(NOW))
    ),
    "period of one time": with_field(VALIDITY, _asn1.sequence(_asn1.time(NOW))),
    "key on P-256": with_field(SPKI, P256 + SIGNED.public.point),
    "point off the curve": with_field(SPKI, _der.encode_spki(b"\x04" + bytes(63) + b"\x01")),
    "compressed point": with_field(
        SPKI,
        _asn1.sequence(
            _oid.algorithm(_oid.EC_PUBLIC_KEY, _asn1.oid(_oid.SM2)),
            _asn1.bits(b"\x02" + SIGNED.public.point[1:33]),
        ),
    ),
    "unique identifier": with_field(SPKI, parts()[0][SPKI], _asn1.element(0x81, b"\0\1")),
    "extensions empty twice": with_field(EXTENSIONS, parts()[0][EXTENSIONS] * 2),
    "extensions bare": with_field(EXTENSIONS, _asn1.explicit(3)),
    "signature no DER": _asn1.sequence(SIGNED.signed, parts()[1], _asn1.bits(bytes(64))),
    "signature with unused bits": SIGNED.der.replace(parts()[2][:3], parts()[2][:2] + b"\1"),
}


@pytest.mark.parametrize("der", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_strict_certificate_is_refused(der):
    assert with_field(SERIAL, parts()[0][SERIAL]) == SIGNED.der
    refused("crypto.certificate.malformed", lambda: Certificate.from_der(der))


def test_a_null_beside_the_algorithm_is_the_same_algorithm():
    fields, _, signature = parts()
    algorithm = _oid.algorithm(_oid.SM2_WITH_SM3, _asn1.null())
    fields[ALGORITHM] = algorithm
    der = _asn1.sequence(_asn1.sequence(*fields), algorithm, signature)
    assert Certificate.from_der(der).serial == SIGNED.serial


def test_every_changed_bit_is_noticed():
    der = SIGNED.der
    for at in range(len(der)):
        changed = der[:at] + bytes((der[at] ^ 1,)) + der[at + 1 :]
        with pytest.raises(CryptoError) as caught:
            Certificate.from_der(changed).verify(key("sub").public)
        assert caught.value.code in ("crypto.certificate.malformed", "crypto.certificate.signature")


def test_a_fingerprint_is_sm3_of_the_bytes():
    assert len(bytes.fromhex(SIGNED.fingerprint)) == 32
    assert SIGNED.fingerprint != root().certificate.fingerprint
