import pytest
from pki import DAY, NOW, holder, key, refused, root, sample, sub

from crypto import _asn1, _oid
from crypto.x509.authority import Profile
from crypto.x509.certificate import Certificate
from crypto.x509.revocation import SIZE_MAX, Reason, Revocation, RevocationList

SIGNED, SEALED = holder(Profile.SIGNING), holder(Profile.ENCRYPTION)
ENTRIES = (
    Revocation(SEALED.serial, NOW - DAY, Reason.KEY_COMPROMISE),
    Revocation(7, NOW - DAY),
)


def made(**changes) -> RevocationList:
    values = {
        "number": 3,
        "this_update_us": NOW - DAY,
        "next_update_us": NOW + DAY,
        "entries": ENTRIES,
    } | changes
    return RevocationList.build(sub().certificate, key("sub"), **values)


def test_a_list_names_the_revoked_and_no_other():
    read = RevocationList.from_pem(made().to_pem())
    read.verify(sub().certificate, at_us=NOW)
    assert (read.number, dict(read.entries)) == (3, {one.serial: one for one in ENTRIES})
    read.check(SIGNED, at_us=NOW)
    error = refused("crypto.certificate.revoked", lambda: read.check(SEALED, at_us=NOW))
    assert "KEY_COMPROMISE" in str(error)


def test_a_revocation_counts_from_its_own_time_on():
    made().check(SEALED, at_us=NOW - DAY - 1)
    refused("crypto.certificate.revoked", lambda: made().check(SEALED, at_us=NOW - DAY))


def test_a_list_says_nothing_about_certificates_of_another_issuer():
    read = made(entries=[Revocation(root().certificate.serial, NOW - DAY)])
    read.check(root().certificate, at_us=NOW)


def test_an_empty_list_is_a_list():
    read = RevocationList.from_der(made(entries=()).der)
    read.verify(sub().certificate, at_us=NOW)
    assert not read.entries


def test_a_list_of_gmsm_is_read():
    read = RevocationList.from_pem(sample("gmsm/root.crl"))
    issuer = Certificate.from_pem(sample("gmsm/root.pem"))
    read.verify(issuer, at_us=NOW)
    assert read.entries[3].reason is Reason.KEY_COMPROMISE
    sealed = Certificate.from_pem(sample("gmsm/enc.pem"))
    refused("crypto.certificate.revoked", lambda: read.check(sealed, at_us=NOW))


def test_a_list_is_refused_outside_its_time_and_from_others():
    read = made()
    read.verify(sub().certificate, at_us=NOW + DAY)
    refused("crypto.crl.stale", lambda: read.verify(sub().certificate, at_us=NOW + DAY + 1))
    refused("crypto.crl.not_yet_valid", lambda: read.verify(sub().certificate, at_us=NOW - 2 * DAY))
    refused("crypto.crl.issuer", lambda: read.verify(root().certificate, at_us=NOW))
    refused(
        "crypto.crl.signature",
        lambda: read.verify(sub().certificate, at_us=NOW, domain="another"),
    )


def test_only_who_may_sign_lists_does():
    refused(
        "crypto.certificate.usage",
        lambda: RevocationList.build(
            SIGNED, key("signing"), number=1, this_update_us=NOW, next_update_us=NOW
        ),
    )


def rebuilt(read: RevocationList, *replacements: tuple[bytes, bytes]) -> bytes:
    """Return the list with parts of its signed bytes replaced, signed anew."""
    with _asn1.Reader(read.signed) as whole, whole.inside() as body:
        fields = [body.raw() for _ in range(7)]
    content = b"".join(fields)
    for old, new in replacements:
        assert old in content
        content = content.replace(old, new)
    signed = _asn1.sequence(content)
    signature = key("sub").sign(signed, domain="1234567812345678")
    return _asn1.sequence(signed, _oid.algorithm(_oid.SM2_WITH_SM3), _asn1.bits(signature))


def extension(identifier: str, content: bytes, *, critical: bool) -> bytes:
    flag = _asn1.boolean(True) if critical else b""
    return _asn1.sequence(_asn1.oid(identifier), flag, _asn1.octets(content))


NUMBER = extension("2.5.29.20", _asn1.integer(3), critical=False)


@pytest.mark.parametrize("identifier", ["2.5.29.28", "2.5.29.27", "1.2.3"])
def test_a_list_that_covers_a_part_only_is_refused(identifier):
    with _asn1.Reader(made().signed) as whole, whole.inside() as body:
        fields = [body.raw() for _ in range(7)]
    part = extension(identifier, _asn1.sequence(), critical=True)
    fields[6] = _asn1.explicit(0, _asn1.sequence(NUMBER, part))
    signed = _asn1.sequence(*fields)
    signature = key("sub").sign(signed, domain="1234567812345678")
    der = _asn1.sequence(signed, _oid.algorithm(_oid.SM2_WITH_SM3), _asn1.bits(signature))
    read = RevocationList.from_der(der)
    refused("crypto.crl.extension", lambda: read.verify(sub().certificate, at_us=NOW))


@pytest.mark.parametrize("critical", [True, False])
def test_an_entry_with_a_critical_extension_nobody_understands_spoils_the_list(critical):
    reason = extension("2.5.29.21", _asn1.integer(1, _asn1.ENUMERATED), critical=False)
    other = extension("2.5.29.29", _asn1.sequence(), critical=critical)
    entry = _asn1.sequence(_asn1.integer(SEALED.serial), _asn1.time(NOW - DAY))[2:]
    old = _asn1.sequence(entry, _asn1.sequence(reason))
    new = _asn1.sequence(entry, _asn1.sequence(reason, other))
    with _asn1.Reader(made().signed) as whole, whole.inside() as body:
        fields = [body.raw() for _ in range(7)]
    listed = _asn1.Reader(fields[5]).inside().raw()
    assert listed == old
    fields[5] = _asn1.sequence(new)
    signed = _asn1.sequence(*fields)
    signature = key("sub").sign(signed, domain="1234567812345678")
    der = _asn1.sequence(signed, _oid.algorithm(_oid.SM2_WITH_SM3), _asn1.bits(signature))
    read = RevocationList.from_der(der)
    if critical:
        refused("crypto.crl.extension", lambda: read.verify(sub().certificate, at_us=NOW))
    else:
        read.verify(sub().certificate, at_us=NOW)
        assert read.entries[SEALED.serial].reason is Reason.KEY_COMPROMISE


def test_what_is_no_list_is_refused():
    read = made()
    reason = _asn1.integer(1, _asn1.ENUMERATED)
    for der in (
        b"",
        read.der + b"\0",
        rebuilt(read, (reason, _asn1.integer(7, _asn1.ENUMERATED))),
        rebuilt(read, (reason, _asn1.integer(1))),
        rebuilt(read, (_asn1.time(NOW + DAY), b"")),
        rebuilt(read, (NUMBER, NUMBER + NUMBER)),
        rebuilt(read, (NUMBER, b"")),
        rebuilt(read, (NUMBER, extension("2.5.29.20", b"", critical=False))),
        bytes(SIZE_MAX + 1),
        SIGNED.der,
    ):
        refused("crypto.crl.malformed", lambda der=der: RevocationList.from_der(der))
    twice = [ENTRIES[0], ENTRIES[0]]
    refused("crypto.crl.malformed", lambda: made(entries=twice))
