import pytest

from crypto.keystore.model import Policy, Use
from crypto.sm2 import PublicKey
from crypto.x509.name import Name
from crypto.x509.revocation import Reason
from dashboard_api.custody.authority import Wanted
from dashboard_api.custody.certificate_rows import Kind
from dashboard_api.custody.expiry import LOOK_US, OVER_TOLD_US, Expiries, stage_of
from schema.times import DAY


@pytest.fixture
def expiries(site):
    return Expiries(site.room, site.database, site.clock)


def key(site, name, days):
    policy = Policy(expires_at_us=site.clock.now() + days * DAY)
    return site.room.store.create(name, Use.SIGN, policy)


def certificate(site, name, days, *, instead_of=""):
    found = site.room.store.key(name)
    wanted = Wanted(
        owner="payments",
        key=name,
        version=1,
        kind=Kind.SIGN,
        subject=Name.of((("CN", "receipt"),)),
        public=PublicKey.from_point(found.latest.public),
        days=days,
    )
    return site.authority.issue(wanted, instead_of=instead_of)


def told(expiries):
    return [(one.what, one.name.partition(" ")[0], one.days) for one in expiries.look()]


def test_a_site_without_keys_opens_no_store_to_look(site, expiries):
    assert expiries.look() == ()
    assert not site.room.exists


def test_a_key_is_told_of_in_three_stages_and_then_no_more(site, expiries):
    key(site, "payments.receipt", 90)
    found = {}
    for day in range(90 + OVER_TOLD_US // DAY + 2):
        for one in told(expiries):
            found.setdefault(one, day)
        site.clock.time += DAY
    assert found == {
        ("key", "payments.receipt", 30): 60,
        ("key", "payments.receipt", 7): 83,
        ("key", "payments.receipt", 0): 90,
    }
    assert told(expiries) == []


def test_a_stage_begins_at_the_same_moment_however_often_one_looks(site, expiries):
    made = key(site, "payments.receipt", 90)
    site.clock.time += 61 * DAY
    (first,) = expiries.look()
    site.clock.time += DAY
    assert expiries.look() == (first,)
    assert first.begun_at == made.policy.expires_at_us - 30 * DAY


def test_who_makes_a_key_for_a_week_is_not_told_at_once(site, expiries):
    key(site, "payments.receipt", 7)
    assert told(expiries) == []
    site.clock.time += 7 * DAY
    assert told(expiries) == [("key", "payments.receipt", 0)]


def test_a_disabled_key_is_nobodys_trouble(site, expiries):
    key(site, "payments.receipt", 40)
    site.clock.time += 20 * DAY
    site.room.store.disable("payments.receipt")
    assert told(expiries) == []


def test_a_certificate_is_told_of_until_it_is_renewed_or_revoked(site, expiries):
    site.room.store.create("payments.receipt", Use.SIGN)
    site.room.store.create("payments.other", Use.SIGN)
    old = certificate(site, "payments.receipt", 60)
    other = certificate(site, "payments.other", 60)
    site.clock.time += 40 * DAY
    assert sorted(told(expiries)) == [
        ("certificate", "payments.other", 30),
        ("certificate", "payments.receipt", 30),
    ]
    certificate(site, "payments.receipt", 60, instead_of=old.fingerprint)
    site.authority.revoke(other, Reason.SUPERSEDED)
    assert told(expiries) == []


def test_a_look_is_kept_for_some_minutes(site, expiries):
    assert expiries() == ()
    key(site, "payments.receipt", 40)
    site.clock.time += LOOK_US - 1
    assert expiries() == ()
    site.clock.time += 20 * DAY
    assert [one.name for one in expiries()] == ["payments.receipt"]


@pytest.mark.parametrize(
    ("now", "stage"),
    [(69, None), (70, (30, 70)), (92, (30, 70)), (93, (7, 93)), (100, (0, 100)), (130, None)],
)
def test_stages_begin_and_end_on_their_day(now, stage):
    found = stage_of(0, 100 * DAY, now * DAY)
    assert found == (stage and (stage[0], stage[1] * DAY))
