import time
from dataclasses import replace

import pytest
from pki import (
    DAY,
    NOW,
    holder,
    key,
    needs_shared,
    order,
    refused,
    root,
    sample,
    shared,
    sub,
    trust,
)

from crypto import _asn1, _der, _oid
from crypto.sm2 import DEFAULT_ID
from crypto.x509.authority import TIME_STAMPING, Authority, Profile, key_identifier
from crypto.x509.certificate import Certificate, load_all
from crypto.x509.chain import DEPTH_MAX, Trust
from crypto.x509.extension import Extensions, KeyUsage
from crypto.x509.revocation import Revocation, RevocationList

SIGNED = holder(Profile.SIGNING)


def issued(by: Authority, name: str, extensions: Extensions, *, extra: bytes = b"") -> Certificate:
    """Return a certificate that our own authority would not issue."""
    ordered = order(name)
    body = _asn1.Reader(extensions.write()).inside()
    listed = []
    while body.more:
        listed.append(body.raw())
    signed = _asn1.sequence(
        _asn1.explicit(0, _asn1.integer(2)),
        _asn1.integer(int.from_bytes(name.encode(), "big")),
        _oid.algorithm(_oid.SM2_WITH_SM3),
        by.certificate.subject.der,
        _asn1.sequence(_asn1.time(ordered.not_before_us), _asn1.time(ordered.not_after_us)),
        ordered.subject.der,
        _der.encode_spki(ordered.public.point),
        _asn1.explicit(3, _asn1.sequence(*listed, extra)),
    )
    signature = by.key.sign(signed, domain=DEFAULT_ID)
    algorithm = _oid.algorithm(_oid.SM2_WITH_SM3)
    return Certificate.from_der(_asn1.sequence(signed, algorithm, _asn1.bits(signature)))


def test_a_path_leads_from_a_holder_to_the_root():
    path = trust().check(SIGNED, usage=KeyUsage.SIGNING)
    assert path == (SIGNED, sub().certificate, root().certificate)
    assert trust().check(root().certificate) == (root().certificate,)


def test_certificates_that_came_along_may_help_and_are_not_trusted():
    bare = trust(intermediates=())
    assert len(bare.check(SIGNED, others=[sub().certificate])) == 3
    refused("crypto.certificate.untrusted", lambda: bare.check(SIGNED))
    stranger = Authority.root(order("stranger"), key("stranger"))
    theirs = stranger.issue(Profile.SIGNING, order("theirs"))
    refused(
        "crypto.certificate.untrusted",
        lambda: bare.check(theirs, others=[stranger.certificate]),
    )


def test_a_pinned_holder_needs_no_authority():
    assert Trust(roots=(SIGNED,), at_us=NOW).check(SIGNED) == (SIGNED,)


@pytest.mark.parametrize(
    ("at_us", "code"),
    [
        (NOW - 2 * DAY, "crypto.certificate.not_yet_valid"),
        (NOW + 366 * DAY, "crypto.certificate.expired"),
    ],
)
def test_the_time_is_the_one_passed_in(at_us, code):
    refused(code, lambda: trust(at_us=at_us).check(SIGNED))


def test_an_expired_authority_ends_the_path():
    short = Authority(root().issue(Profile.INTERMEDIATE, order("short")), key("short"))
    old = Authority(
        root().issue(Profile.INTERMEDIATE, order("short", not_after_us=NOW - 1)), key("short")
    )
    leaf = short.issue(Profile.SIGNING, order("leaf"))
    refused(
        "crypto.certificate.expired",
        lambda: trust(intermediates=(old.certificate,)).check(leaf),
    )
    # A renewed certificate of the same authority beside it saves the path.
    both = trust(intermediates=(old.certificate, short.certificate))
    assert both.check(leaf)[1] == short.certificate


def test_an_impostor_with_the_authority_s_name_signs_nothing():
    impostor = Authority.root(order("impostor", subject=sub().certificate.subject), key("impostor"))
    leaf = impostor.issue(Profile.SIGNING, order("leaf"))
    # Its own key identifier keeps it from linking to the true authority.
    refused("crypto.certificate.untrusted", lambda: trust().check(leaf))
    forged = issued(
        replace(impostor, domain=DEFAULT_ID),
        "leaf",
        Extensions(authority=False, usage=KeyUsage.SIGNING),
    )
    refused("crypto.certificate.signature", lambda: trust().check(forged))


def test_a_holder_is_no_authority():
    fake = Extensions(authority=False, usage=KeyUsage.SIGNING)
    holding = replace(sub(), certificate=sub().certificate)
    middle = issued(holding, "middle", Extensions(authority=False, usage=KeyUsage.KEY_CERT_SIGN))
    leaf = issued(Authority(middle, key("middle")), "leaf", fake)
    refused(
        "crypto.certificate.constraint",
        lambda: trust(intermediates=(sub().certificate, middle)).check(leaf),
    )


def test_an_authority_s_key_must_be_for_certificates():
    middle = issued(root(), "middle", Extensions(authority=True, usage=KeyUsage.CRL_SIGN))

    class Careless:
        certificate, key = middle, key("middle")

    leaf = issued(Careless, "leaf", Extensions(usage=KeyUsage.SIGNING))
    refused("crypto.certificate.usage", lambda: trust(intermediates=(middle,)).check(leaf))


def test_a_path_length_is_kept():
    low = Authority(sub().issue(Profile.INTERMEDIATE, order("low")), key("low"))
    leaf = low.issue(Profile.SIGNING, order("leaf"))
    refused(
        "crypto.certificate.constraint",
        lambda: trust(intermediates=(sub().certificate, low.certificate)).check(leaf),
    )
    wide_certificate = root().issue(Profile.INTERMEDIATE, order("wide"), path_length=1)
    wide = Authority(wide_certificate, key("wide"))
    low = Authority(wide.issue(Profile.INTERMEDIATE, order("low")), key("low"))
    leaf = low.issue(Profile.SIGNING, order("leaf"))
    path = trust(intermediates=(wide_certificate, low.certificate)).check(leaf)
    assert len(path) == 4


def test_a_path_has_an_end():
    authorities = [root()]
    for number in range(DEPTH_MAX):
        made = authorities[-1].issue(
            Profile.INTERMEDIATE, order(f"level-{number}"), path_length=None
        )
        authorities.append(Authority(made, key(f"level-{number}")))
    long = trust(intermediates=tuple(one.certificate for one in authorities[1:]))
    allowed = authorities[DEPTH_MAX - 2].issue(Profile.SIGNING, order("leaf"))
    assert len(long.check(allowed)) == DEPTH_MAX
    beyond = authorities[DEPTH_MAX].issue(Profile.SIGNING, order("leaf"))
    refused("crypto.certificate.untrusted", lambda: long.check(beyond))


def test_a_heap_of_certificates_that_name_each_other_costs_no_more_than_the_bound():
    name, public = sub().certificate.subject, key("heap").public
    orders = [
        order(f"heap-{n}", subject=name, public=public, entropy=bytes([n] * 16)) for n in range(60)
    ]
    heap = [Authority.root(one, key("heap")).certificate for one in orders]
    leaf = issued(
        Authority(heap[0], key("heap")), "leaf", Extensions(authority=False, usage=KeyUsage.SIGNING)
    )
    began = time.process_time()
    circle = Trust(roots=(root().certificate,), at_us=NOW, intermediates=tuple(heap))
    refused("crypto.certificate.untrusted", lambda: circle.check(leaf))
    assert time.process_time() - began < 2


@pytest.mark.parametrize("place", ["leaf", "authority"])
def test_a_critical_extension_nobody_understands_is_refused(place):
    flag = _asn1.sequence(_asn1.oid("1.2.3.4"), _asn1.boolean(True), _asn1.octets(b""))
    if place == "leaf":
        leaf = issued(sub(), "leaf", Extensions(usage=KeyUsage.SIGNING), extra=flag)
        refused("crypto.certificate.extension", lambda: trust().check(leaf))
        return
    authority = Extensions(authority=True, usage=KeyUsage.AUTHORITY)
    middle = issued(root(), "middle", authority, extra=flag)
    leaf = issued(Authority(middle, key("middle")), "leaf", Extensions(usage=KeyUsage.SIGNING))
    refused("crypto.certificate.extension", lambda: trust(intermediates=(middle,)).check(leaf))


def test_uses_and_purposes_are_asked_of_the_holder():
    stamper = holder(Profile.TIME_STAMPING)
    trust().check(stamper, purpose=TIME_STAMPING)
    refused("crypto.certificate.usage", lambda: trust().check(SIGNED, purpose=TIME_STAMPING))
    refused("crypto.certificate.usage", lambda: trust().check(SIGNED, usage=KeyUsage.ENCRYPTION))
    sealed = holder(Profile.ENCRYPTION)
    refused("crypto.certificate.usage", lambda: trust().check(sealed, usage=KeyUsage.SIGNING))


def revocations(by: Authority, *serials: int, next_update_us: int = NOW + DAY) -> RevocationList:
    return RevocationList.build(
        by.certificate,
        by.key,
        number=1,
        this_update_us=NOW - DAY,
        next_update_us=next_update_us,
        entries=[Revocation(serial, NOW - DAY) for serial in serials],
    )


def test_revocation_is_asked_at_every_link():
    clean = (revocations(sub(), 1), revocations(root(), 1))
    trust(revocation_lists=clean, revocation_needed=True).check(SIGNED)
    for lists in (
        (revocations(sub(), SIGNED.serial), revocations(root())),
        (revocations(sub()), revocations(root(), sub().certificate.serial)),
    ):
        refused(
            "crypto.certificate.revoked",
            lambda lists=lists: trust(revocation_lists=lists).check(SIGNED),
        )


def test_a_stale_or_missing_list_is_not_taken_for_nothing_revoked():
    stale = revocations(sub(), next_update_us=NOW - 1)
    refused("crypto.crl.stale", lambda: trust(revocation_lists=(stale,)).check(SIGNED))
    half = trust(revocation_lists=(revocations(sub()),), revocation_needed=True)
    refused("crypto.certificate.unchecked", lambda: half.check(SIGNED))


def test_the_list_of_a_renewed_key_does_not_stand_in_for_the_old_one():
    renewed = Authority.root(order("renewed", subject=sub().certificate.subject), key("renewed"))
    lists = (revocations(renewed), revocations(sub()))
    trust(revocation_lists=lists).check(SIGNED)
    assert renewed.certificate.extensions.subject_key_id == key_identifier(key("renewed").public)


def test_the_chain_of_gmsm_holds():
    top, leaf = (Certificate.from_pem(sample(f"gmsm/{name}.pem")) for name in ("root", "sign"))
    assert len(Trust(roots=(top,), at_us=NOW).check(leaf, usage=KeyUsage.SIGNING)) == 2


@needs_shared
def test_the_double_certificates_of_tongsuo_hold_and_the_expired_do_not():
    top, middle = load_all(shared("sm2/chain-ca.crt"))
    checks = Trust(roots=(top,), at_us=NOW, intermediates=(middle,))
    for name in ("client_sign", "client_enc", "server_sign", "server_enc"):
        assert len(checks.check(Certificate.from_pem(shared(f"sm2/{name}.crt")))) == 3
        old = Certificate.from_pem(shared(f"sm2/{name}_expire.crt"))
        refused("crypto.certificate.expired", lambda old=old: checks.check(old))
    for name in ("server_sign2", "server_enc2"):
        other = Certificate.from_pem(shared(f"sm2/{name}.crt"))
        at_us = (other.not_before_us + other.not_after_us) // 2
        refused(
            "crypto.certificate.untrusted",
            lambda other=other, at_us=at_us: replace(checks, at_us=at_us).check(other),
        )
