import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pki import holder, key, order, refused, sample, sub

from crypto import _asn1, _oid
from crypto.cms import Form
from crypto.cms.enveloped_data import decrypt, decrypt_any, encrypt
from crypto.sm2 import Policy, PrivateKey
from crypto.x509.authority import Profile
from crypto.x509.certificate import Certificate

SEALED = holder(Profile.ENCRYPTION)
KEY = key("encryption")


@settings(max_examples=10, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(Form))
def test_a_message_opens_for_each_recipient(content, form):
    other = sub().issue(Profile.ENCRYPTION, order("other"))
    message = encrypt(content, [other, SEALED], form=form)
    assert decrypt(message, SEALED, KEY) == content
    assert decrypt(message, other, key("other")) == content


@pytest.mark.parametrize(
    "name", ["enveloped.der", "enveloped-cfca.der", "enveloped-international.der"]
)
def test_messages_of_gmsm_open(name):
    certificate = Certificate.from_pem(sample("gmsm/enc.pem"))
    opened = decrypt(
        sample(f"gmsm/{name}"), certificate, PrivateKey.from_pem(sample("gmsm/enc.key"))
    )
    assert opened == sample("gmsm/content")


def test_the_content_types_are_named_after_the_form():
    national, international = (encrypt(b"x", [SEALED], form=form) for form in Form)
    assert _asn1.oid("1.2.156.10197.6.1.4.2.3") in national
    assert _asn1.oid("1.2.156.10197.6.1.4.2.1") in national
    assert _asn1.oid("1.2.840.113549.1.7.3") in international


def test_only_certificates_for_encryption_are_recipients():
    refused("crypto.certificate.usage", lambda: encrypt(b"x", [holder(Profile.SIGNING)]))
    refused("crypto.message.recipient", lambda: encrypt(b"x", []))


def test_a_message_for_others_does_not_open():
    other = sub().issue(Profile.ENCRYPTION, order("other"))
    message = encrypt(b"x", [other])
    refused("crypto.message.recipient", lambda: decrypt(message, SEALED, KEY))
    refused("crypto.certificate.key", lambda: decrypt(message, other, KEY))


def test_a_holder_without_its_certificate_at_hand_opens_too_and_learns_by_which_key():
    other = sub().issue(Profile.ENCRYPTION, order("other"))
    message = encrypt(b"x", [other, SEALED])
    assert decrypt_any(message, [key("stranger"), KEY]) == (b"x", KEY)
    assert decrypt_any(message, [key("other")]) == (b"x", key("other"))
    refused("crypto.message.recipient", lambda: decrypt_any(message, [key("stranger")]))
    refused("crypto.message.recipient", lambda: decrypt_any(message, []))
    refused("crypto.message.malformed", lambda: decrypt_any(b"x", [KEY]))


def test_a_key_whose_policy_forbids_it_is_told_so_and_not_taken_for_another_recipient():
    silent = PrivateKey.from_scalar(KEY.scalar(), Policy(decrypt=False))
    refused("crypto.key.policy", lambda: decrypt_any(encrypt(b"x", [SEALED]), [silent]))


def parts(message: bytes) -> tuple[bytes, list[bytes], bytes]:
    with _asn1.Reader(message) as whole, whole.inside() as outer:
        kind = outer.raw()
        with outer.inside(0xA0) as wrapped, wrapped.inside() as body:
            version = body.raw()
            recipients = body.inside(_asn1.SET)
            infos = []
            while recipients.more:
                infos.append(recipients.raw())
            content = body.raw()
    return kind + version, infos, content


def joined(head: bytes, infos: list[bytes], content: bytes) -> bytes:
    kind, version = head[:-3], head[-3:]
    body = _asn1.sequence(version, _asn1.set_of(infos), content)
    return _asn1.sequence(kind, _asn1.explicit(0, body))


def test_a_changed_message_has_one_answer():
    message = encrypt(b"x" * 40, [SEALED])
    head, infos, content = parts(message)
    assert joined(head, infos, content) == message
    with _asn1.Reader(content) as whole, whole.inside() as body:
        kind, algorithm, sealed = body.raw(), body.raw(), body.octets(0x80)
    swapped = _asn1.sequence(kind, algorithm, _asn1.implicit(0, sealed[:-1] + b"\0"))
    short = _asn1.sequence(kind, algorithm, _asn1.implicit(0, sealed[:-1]))
    empty = _asn1.sequence(kind, algorithm, _asn1.implicit(0, b""))
    for changed in (swapped, short, empty):
        refused(
            "crypto.ciphertext.invalid",
            lambda changed=changed: decrypt(joined(head, infos, changed), SEALED, KEY),
        )
    info = _asn1.Reader(infos[0]).inside()
    version, name, transport = info.raw(), info.raw(), info.raw()
    for key_bytes in (bytes(15), bytes(17), bytes(16)):
        info = _asn1.sequence(
            version, name, transport, _asn1.octets(SEALED.public.encrypt(key_bytes))
        )
        refused(
            "crypto.ciphertext.invalid",
            lambda info=info: decrypt(joined(head, [info], content), SEALED, KEY),
        )


def test_what_is_no_enveloped_message_is_refused():
    head, infos, content = parts(encrypt(b"x", [SEALED]))
    with _asn1.Reader(content) as whole, whole.inside() as body:
        kind, _, sealed = body.raw(), body.raw(), body.raw()
    aes = _oid.algorithm("2.16.840.1.101.3.4.1.2", _asn1.octets(bytes(16)))
    short_iv = _oid.algorithm(_oid.SM4_CBC, _asn1.octets(bytes(8)))
    for message in (
        b"",
        encrypt(b"x", [SEALED]) + b"\0",
        joined(head[:-1] + b"\7", infos, content),
        joined(head, [infos[0][:-1]], content),
        joined(head, infos, _asn1.sequence(kind, aes, sealed)),
        joined(head, infos, _asn1.sequence(kind, short_iv, sealed)),
        joined(head, infos, content + b"\0"),
        joined(_asn1.oid("1.2.840.113549.1.7.2") + head[-3:], infos, content),
    ):
        refused(
            "crypto.message.malformed",
            lambda message=message: decrypt(message, SEALED, KEY),
        )


def test_a_recipient_s_version_fits_its_name():
    head, infos, content = parts(encrypt(b"x", [SEALED]))
    body = _asn1.Reader(infos[0]).inside()
    version, rest = body.raw(), infos[0][infos[0].index(b"\x02\x01\x01") + 3 :]
    assert version == _asn1.integer(1)
    for number in (2, 3):
        info = _asn1.sequence(_asn1.integer(number), rest)
        refused(
            "crypto.message.malformed",
            lambda info=info: decrypt(joined(head, [info], content), SEALED, KEY),
        )
    many = [infos[0]] * 1025
    refused("crypto.message.malformed", lambda: decrypt(joined(head, many, content), SEALED, KEY))
