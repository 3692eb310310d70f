import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pki import NOW, holder, key, order, refused, sample, signing, sub, trust

from crypto import _asn1, _oid, sm3
from crypto.cms import SIZE_MAX, Form, Holder
from crypto.cms.signed_data import SignedData
from crypto.cms.signer import Signer, sign
from crypto.x509.authority import Profile
from crypto.x509.certificate import Certificate
from crypto.x509.chain import Trust
from crypto.x509.extension import KeyUsage

CONTENT = "签名的内容".encode()
GMSM = Trust(roots=(Certificate.from_pem(sample("gmsm/root.pem")),), at_us=NOW)


@settings(max_examples=15, deadline=None)
@given(
    content=st.binary(max_size=200),
    detached=st.booleans(),
    signed_at_us=st.sampled_from([None, NOW]),
    form=st.sampled_from(Form),
)
def test_a_signed_message_holds_and_says_who_and_when(content, detached, signed_at_us, form):
    der = sign(content, [signing()], detached=detached, signed_at_us=signed_at_us, form=form)
    message = SignedData.from_der(der)
    assert message.content == (None if detached else content)
    (verified,) = message.verify(content if detached else None, trust=trust())
    assert verified.certificate == holder(Profile.SIGNING)
    assert verified.signed_at_us == signed_at_us
    assert message.form is form


def test_messages_of_gmsm_hold():
    content = sample("gmsm/content")
    message = SignedData.from_der(sample("gmsm/signed-attributes.der"))
    (verified,) = message.verify(trust=GMSM)
    assert (message.content, verified.certificate.serial) == (content, 2)
    assert verified.signed_at_us is not None
    plain = SignedData.from_der(sample("gmsm/signed-plain-detached.der"))
    plain.verify(content, trust=GMSM)
    refused("crypto.message.content", lambda: plain.verify(trust=GMSM))
    refused("crypto.message.signature", lambda: plain.verify(content + b".", trust=GMSM))


def test_every_signer_must_hold_and_be_trusted():
    two = SignedData.from_der(sample("gmsm/signed-two.der"))
    assert [one.certificate.serial for one in two.verify(trust=None)] == [2, 1]
    # The second signer is the root, whose key is for certificates only.
    refused("crypto.certificate.usage", lambda: two.verify(trust=GMSM))
    other = Signer(sub().issue(Profile.SIGNING, order("other")), key("other"))
    message = SignedData.from_der(sign(CONTENT, [signing(), other], signed_at_us=NOW))
    assert len(message.verify(trust=trust())) == 2
    stranger = trust(roots=(other.certificate,), intermediates=())
    refused("crypto.certificate.untrusted", lambda: message.verify(trust=stranger))


def test_content_type_and_digest_are_those_that_were_signed():
    for signed_at_us in (None, NOW):
        der = sign(CONTENT, [signing()], signed_at_us=signed_at_us)
        changed = SignedData.from_der(der.replace(CONTENT, CONTENT[::-1]))
        code = "crypto.message.signature" if signed_at_us is None else "crypto.message.content"
        refused(code, lambda changed=changed: changed.verify(trust=trust()))
    message = SignedData.from_der(sign(CONTENT, [signing()]))
    refused("crypto.message.content", lambda: message.verify(b"other", trust=trust()))
    message.verify(CONTENT, trust=trust())


def test_the_type_of_the_content_cannot_be_changed():
    der = sign(CONTENT, [signing()], signed_at_us=NOW)
    data, other = (_asn1.oid(f"1.2.156.10197.6.1.4.2.{n}") for n in (1, 4))
    content = _asn1.explicit(0, _asn1.octets(CONTENT))
    changed = SignedData.from_der(der.replace(data + content, other + content))
    refused("crypto.message.content", lambda: changed.verify(trust=trust()))


def test_signed_attributes_cannot_be_passed_off_as_content():
    der = sign(CONTENT, [signing()], signed_at_us=NOW)
    (info,) = SignedData.from_der(der).signers
    covered = info.signed_attributes
    algorithms = _oid.algorithm(_oid.SM3), _oid.algorithm(_oid.SM2_SIGNATURE)
    forged_info = _asn1.sequence(
        _asn1.integer(1),
        Holder.of(signing().certificate).write(),
        *algorithms,
        _asn1.octets(info.signature),
    )
    body = _asn1.sequence(
        _asn1.integer(1),
        _asn1.set_of([algorithms[0]]),
        _asn1.sequence(
            _asn1.oid("1.2.156.10197.6.1.4.2.1"), _asn1.explicit(0, _asn1.octets(covered))
        ),
        _asn1.set_of([signing().certificate.der], 0xA0),
        _asn1.set_of([forged_info]),
    )
    forged = _asn1.sequence(_asn1.oid("1.2.156.10197.6.1.4.2.2"), _asn1.explicit(0, body))
    message = SignedData.from_der(forged)
    # The signature itself is good: only the rule keeps the two readings apart.
    signing().key.public.verify(info.signature, covered, domain="1234567812345678")
    refused("crypto.message.content", lambda: message.verify(trust=trust()))


def test_a_signer_whose_certificate_is_not_there_is_refused_or_handed_in():
    der = sign(CONTENT, [signing()])
    certificates = _asn1.element(0xA0, signing().certificate.der)
    bare = rebuilt(der, certificates, b"")
    message = SignedData.from_der(bare)
    refused("crypto.message.signer", lambda: message.verify(trust=trust()))
    message.verify(trust=trust(), certificates=[signing().certificate])
    nobody = SignedData.from_der(rebuilt(der, None, b""))
    refused("crypto.message.signer", lambda: nobody.verify(trust=trust()))


def test_a_signer_named_by_its_key_identifier_is_found():
    der = sign(CONTENT, [signing()])
    key_id = _asn1.implicit(0, signing().certificate.extensions.subject_key_id)
    name = _asn1.integer(1) + Holder.of(signing().certificate).write()
    changed = rebuilt(der, name, _asn1.integer(3) + key_id, inside_signer=True)
    SignedData.from_der(changed).verify(trust=trust())


def rebuilt(der: bytes, old: bytes | None, new: bytes, *, inside_signer: bool = False) -> bytes:
    """Return the message with one part replaced; ``old`` None empties the signers."""
    with _asn1.Reader(der) as whole, whole.inside() as outer:
        kind = outer.raw()
        inner = outer.inside(0xA0).inside()
        fields = []
        while inner.more:
            fields.append(inner.raw())
    if old is None:
        fields[-1] = _asn1.set_of([])
    elif inside_signer:
        info = _asn1.Reader(fields[-1]).inside(_asn1.SET).read(_asn1.SEQUENCE)
        assert old in info
        fields[-1] = _asn1.set_of([_asn1.sequence(info.replace(old, new))])
    else:
        fields = [new if field == old else field for field in fields]
    return _asn1.sequence(kind, _asn1.explicit(0, _asn1.sequence(*fields)))


def test_another_id_is_another_signature():
    message = SignedData.from_der(sign(CONTENT, [signing()], domain="another"))
    message.verify(trust=trust(), domain="another")
    refused("crypto.message.signature", lambda: message.verify(trust=trust()))


def test_the_use_of_the_signer_s_key_is_asked():
    message = SignedData.from_der(sign(CONTENT, [signing()]))
    refused(
        "crypto.certificate.usage",
        lambda: message.verify(trust=trust(), usage=KeyUsage.CRL_SIGN),
    )


NAME = Holder.of(signing().certificate).write()
SM3 = _oid.algorithm(_oid.SM3)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (_asn1.integer(1) + NAME, _asn1.integer(3) + NAME),
        (_oid.algorithm(_oid.SM3), _oid.algorithm("2.16.840.1.101.3.4.2.1")),
        (_oid.algorithm(_oid.SM2_SIGNATURE), _oid.algorithm("1.2.840.10045.4.3.2")),
        (_oid.algorithm(_oid.SM2_SIGNATURE), b""),
        (NAME, NAME + _asn1.explicit(0)),
        (NAME, _asn1.implicit(0, b"")),
    ],
)
def test_a_signer_in_another_shape_is_refused(old, new):
    der = rebuilt(sign(CONTENT, [signing()]), old, new, inside_signer=True)
    refused_as_malformed_or_never_verifies(der)


def refused_as_malformed_or_never_verifies(der: bytes) -> None:
    error = refused_any(lambda: SignedData.from_der(der).verify(trust=trust()))
    assert error.code in ("crypto.message.malformed", "crypto.message.signature")


def refused_any(call):
    from crypto.errors import CryptoError

    with pytest.raises(CryptoError) as caught:
        call()
    return caught.value


def test_what_is_no_signed_message_is_refused():
    der = sign(CONTENT, [signing()], signed_at_us=NOW)
    for data in (
        b"",
        der + b"\0",
        der[:-1],
        bytes(SIZE_MAX + 1),
        signing().certificate.der,
        sample("gmsm/enveloped.der"),
        rebuilt(der, _asn1.integer(1), _asn1.integer(6)),
        rebuilt(der, _asn1.set_of([_oid.algorithm(_oid.SM3)]), b""),
        b"\x30\x80" + der[4:] + b"\0\0",
    ):
        refused("crypto.message.malformed", lambda data=data: SignedData.from_der(data))


def test_a_digest_in_two_attributes_or_two_values_is_refused():
    digest = _asn1.octets(sm3.digest(CONTENT))
    one = _asn1.sequence(_asn1.oid(_oid.MESSAGE_DIGEST), _asn1.set_of([digest]))
    two = _asn1.sequence(
        _asn1.oid(_oid.MESSAGE_DIGEST), _asn1.set_of([digest, _asn1.octets(bytes(32))])
    )
    der = sign(CONTENT, [signing()])
    for attributes in ([one, one], [two]):
        tagged = _asn1.set_of(attributes, 0xA0)
        algorithm = _oid.algorithm(_oid.SM3)
        changed = rebuilt(der, NAME + algorithm, NAME + algorithm + tagged, inside_signer=True)
        refused("crypto.message.malformed", lambda changed=changed: SignedData.from_der(changed))


def test_too_many_or_unsorted_signers_are_refused():
    two = sample("gmsm/signed-two.der")
    with _asn1.Reader(two) as whole, whole.inside() as outer:
        kind = outer.raw()
        inner = outer.inside(0xA0).inside()
        fields = [inner.raw() for _ in range(5)]
    listed = _asn1.Reader(fields[4]).inside(_asn1.SET)
    first, second = listed.raw(), listed.raw()

    def message(*infos: bytes) -> bytes:
        body = _asn1.sequence(*fields[:4], _asn1.element(_asn1.SET, *infos))
        return _asn1.sequence(kind, _asn1.explicit(0, body))

    assert message(first, second) == two
    for infos in ((second, first), (first,) * 65):
        refused(
            "crypto.message.malformed",
            lambda infos=infos: SignedData.from_der(message(*infos)),
        )


def test_a_content_that_only_begins_like_a_set_is_a_content():
    for content in (b"\x31", b"\x31\x00", _asn1.set_of([_asn1.null()])):
        SignedData.from_der(sign(content, [signing()])).verify(trust=trust())


def test_unsigned_attributes_say_nothing():
    der = sign(CONTENT, [signing()])
    (info,) = SignedData.from_der(der).signers
    signature = _asn1.octets(info.signature)
    other = _asn1.sequence(_asn1.oid("1.2.3"), _asn1.set_of([_asn1.null()]))
    changed = rebuilt(der, signature, signature + _asn1.explicit(1, other), inside_signer=True)
    (verified,) = SignedData.from_der(changed).verify(trust=trust())
    assert verified.attributes == {}


def test_a_heap_of_attributes_is_refused_unread():
    heap = _asn1.set_of([_asn1.sequence(*[_asn1.null()] * 600_000)])
    message = SignedData.from_der(sign(heap, [signing()]))
    began = time.process_time()
    message.verify(trust=trust())
    der = rebuilt(
        sign(CONTENT, [signing()]), NAME + SM3, NAME + SM3 + b"\xa0" + heap[1:], inside_signer=True
    )
    refused("crypto.message.malformed", lambda: SignedData.from_der(der))
    assert time.process_time() - began < 1
