from pki import key, refused, sample

from crypto import _asn1, _oid
from crypto.cms.enveloped_key import SIZE_MAX, open_key, seal_key
from crypto.sm2 import PrivateKey


def test_a_key_in_an_envelope_opens_with_the_signing_key_only():
    envelope = seal_key(key("enc"), key("sign").public)
    assert open_key(envelope, key("sign")).public == key("enc").public
    refused("crypto.envelope.key", lambda: open_key(envelope, key("other")))


def test_an_envelope_of_gmsm_opens():
    opened = open_key(
        sample("gmsm/enveloped-key.der"), PrivateKey.from_pem(sample("gmsm/sign.key"))
    )
    assert opened.public == PrivateKey.from_pem(sample("gmsm/enc.key")).public


def parts(envelope: bytes) -> list[bytes]:
    with _asn1.Reader(envelope) as whole, whole.inside() as body:
        return [body.raw() for _ in range(4)]


def test_the_bare_cipher_s_identifier_is_read_too():
    _, session, point, masked = parts(seal_key(key("enc"), key("sign").public))
    envelope = _asn1.sequence(_oid.algorithm(_oid.SM4, _asn1.null()), session, point, masked)
    assert open_key(envelope, key("sign")).public == key("enc").public


def test_one_answer_for_whatever_was_changed():
    algorithm, session, point, masked = parts(seal_key(key("enc"), key("sign").public))
    other = parts(seal_key(key("other"), key("sign").public))
    short = key("sign").public.encrypt(bytes(15))
    for changed in (
        (algorithm, session, other[2], masked),
        (algorithm, other[1], point, masked),
        (algorithm, session, point, other[3]),
        (algorithm, short, point, masked),
        (algorithm, session, point, _asn1.bits(bytes(32))),
    ):
        envelope = _asn1.sequence(*changed)
        refused("crypto.envelope.key", lambda envelope=envelope: open_key(envelope, key("sign")))


def test_what_is_no_envelope_is_refused():
    algorithm, session, point, masked = parts(seal_key(key("enc"), key("sign").public))
    for envelope in (
        b"",
        bytes(SIZE_MAX + 1),
        _asn1.sequence(algorithm, session, point),
        _asn1.sequence(algorithm, session, point, masked, masked),
        _asn1.sequence(_oid.algorithm(_oid.SM4_CBC), session, point, masked),
        _asn1.sequence(algorithm, session, point, _asn1.bits(bytes(64))),
        _asn1.sequence(algorithm, session, point, masked) + b"\0",
    ):
        refused(
            "crypto.envelope.malformed",
            lambda envelope=envelope: open_key(envelope, key("sign")),
        )
