from pki import NOW, holder, key, refused, signing, sub, trust

from crypto import _asn1, _oid
from crypto.cms import Form
from crypto.cms.signed_data import SignedData
from crypto.cms.signer import Signer, sign
from crypto.x509.authority import Profile


def test_the_identifiers_are_those_of_the_form():
    national, international = (sign(b"x", [signing()], form=form) for form in Form)
    for identifier in ("1.2.156.10197.6.1.4.2.1", "1.2.156.10197.6.1.4.2.2", _oid.SM2_SIGNATURE):
        assert _asn1.oid(identifier) in national
        assert _asn1.oid(identifier) not in international
    for identifier in ("1.2.840.113549.1.7.1", "1.2.840.113549.1.7.2"):
        assert _asn1.oid(identifier) in international
        assert _asn1.oid(identifier) not in national
    assert _oid.algorithm(_oid.SM3) in national


def test_a_detached_message_does_not_carry_its_content():
    content = b"the content that stays at home"
    assert content in sign(content, [signing()])
    assert content not in sign(content, [signing()], detached=True)


def test_the_bytes_are_canonical():
    for signed_at_us in (None, NOW):
        _asn1.check(sign(b"x", [signing(), signing()], signed_at_us=signed_at_us))


def test_a_signer_is_a_certificate_for_signing_and_its_key():
    refused("crypto.message.signer", lambda: sign(b"x", []))
    foreign = Signer(holder(Profile.SIGNING), key("other"))
    refused("crypto.certificate.key", lambda: sign(b"x", [foreign]))
    sealing = Signer(holder(Profile.ENCRYPTION), key("encryption"))
    refused("crypto.certificate.usage", lambda: sign(b"x", [sealing]))


def test_the_certificates_above_a_signer_go_along_where_they_are_given():
    message = SignedData.from_der(sign(b"x", [signing()], authorities=[sub().certificate]))
    assert set(message.certificates) == {signing().certificate, sub().certificate}
    message.verify(trust=trust(intermediates=()))
