import pytest
from pki import DAY, NOW, holder, key, order, refused, root, sub

from crypto.x509.authority import TIME_STAMPING, Authority, Profile, key_identifier
from crypto.x509.extension import AlternativeName, KeyUsage, NameKind


def test_a_root_signs_itself_and_may_issue():
    certificate = root().certificate
    certificate.verify(certificate.public)
    extensions = certificate.extensions
    assert (extensions.authority, extensions.path_length) == (True, None)
    assert extensions.usage == KeyUsage.AUTHORITY
    assert extensions.subject_key_id == extensions.authority_key_id


def test_an_intermediate_names_its_issuer_and_issues_holders_only():
    certificate = sub().certificate
    certificate.verify(root().certificate.public)
    assert certificate.issuer == root().certificate.subject
    assert certificate.extensions.path_length == 0
    assert certificate.extensions.authority_key_id == key_identifier(key("root").public)


def test_each_profile_has_its_own_uses():
    uses = {profile: holder(profile).extensions for profile in Profile}
    assert uses[Profile.SIGNING].usage == KeyUsage.SIGNING
    assert uses[Profile.ENCRYPTION].usage == KeyUsage.ENCRYPTION
    assert uses[Profile.TIME_STAMPING].extended == (TIME_STAMPING,)
    assert uses[Profile.TIME_STAMPING].extended_critical
    assert not any(
        uses[profile].authority for profile in Profile if profile is not Profile.INTERMEDIATE
    )


def test_the_serial_number_comes_from_the_entropy_and_has_one_length():
    for entropy in (bytes(16), b"\xff" * 16, b"\x80" + bytes(31)):
        certificate = sub().issue(Profile.SIGNING, order("signing", entropy=entropy))
        assert certificate.serial.bit_length() == 127
        assert certificate.serial.to_bytes(16, "big")[1:] == entropy[1:16]


def test_other_names_stand_in_the_certificate():
    names = (AlternativeName(NameKind.DNS, "a.gov.cn"), AlternativeName(NameKind.IP, "10.0.0.1"))
    made = sub().issue(Profile.SIGNING, order("signing", alternative_names=names))
    assert made.extensions.alternative_names == names


@pytest.mark.parametrize(
    "changes",
    [
        {"entropy": bytes(15)},
        {"not_before_us": NOW - 2 * DAY},
        {"not_after_us": NOW + 4000 * DAY},
        {"not_before_us": NOW + DAY, "not_after_us": NOW},
    ],
)
def test_an_order_that_cannot_be_met_is_refused(changes):
    refused(
        "crypto.certificate.order",
        lambda: sub().issue(Profile.SIGNING, order("signing", **changes)),
    )


def test_a_name_that_cannot_be_written_is_refused():
    names = (AlternativeName(NameKind.DIRECTORY, "CN=x"),)
    refused(
        "crypto.certificate.malformed",
        lambda: sub().issue(Profile.SIGNING, order("signing", alternative_names=names)),
    )


def test_an_authority_is_a_certificate_that_may_issue_and_its_key():
    refused("crypto.certificate.key", lambda: Authority(root().certificate, key("other")))
    refused(
        "crypto.certificate.usage",
        lambda: Authority(holder(Profile.SIGNING), key("signing")),
    )


def test_another_id_can_be_signed_under():
    made = Authority.root(order("other"), key("other"), domain="provincial-ca")
    made.certificate.verify(key("other").public, domain="provincial-ca")
    refused("crypto.certificate.signature", lambda: made.certificate.verify(key("other").public))
