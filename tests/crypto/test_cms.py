import pytest
from pki import holder

from crypto import _asn1, cms
from crypto.cms import ContentKind, Form, Holder
from crypto.x509.authority import Profile


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("kind", ContentKind)
def test_a_wrapped_content_is_found_under_its_kind_only(form, kind):
    wrapped = cms.wrap(form, kind, _asn1.null())
    assert cms.unwrap(wrapped, kind) == (form, _asn1.null())
    for other in ContentKind:
        if other is not kind:
            with pytest.raises(ValueError, match="is not"):
                cms.unwrap(wrapped, other)


def test_a_holder_is_named_by_issuer_and_serial_number_or_by_key():
    certificate, other = holder(Profile.SIGNING), holder(Profile.ENCRYPTION)
    by_key = Holder(None, 0, certificate.extensions.subject_key_id)
    for name in (Holder.of(certificate), by_key):
        assert Holder.read(_asn1.Reader(name.write())) == name
        assert name.is_of(certificate)
        assert not name.is_of(other)


def test_a_message_over_the_limit_is_refused_unread():
    with pytest.raises(ValueError, match="limit"):
        cms.unwrap(bytes(cms.SIZE_MAX + 1), ContentKind.SIGNED)
