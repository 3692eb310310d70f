import pytest

from crypto import sm3
from crypto.sm2 import PrivateKey, signature_to_raw
from dashboard_api.applications import credentials, registry
from dashboard_api.applications.credentials import DOMAIN, NewKey, proof_text
from dashboard_api.applications.model import DEFAULT, OFF_BY_DEFAULT, Operation, Quota
from dashboard_api.applications.records import Hand, hands
from dashboard_api.signing.changes import number
from schema.errors import FengsuiError
from schema.times import DAY

ADMIN, SECURITY = Hand("sysadmin", "p1"), Hand("secadmin", "p2")
OPERATOR = Hand("command line")


@pytest.fixture
def applications(site):
    return site.applications


@pytest.fixture
def payments(applications):
    return applications.register(ADMIN, "payments", name="支付平台", unit="finance")


def refused(call):
    with pytest.raises(FengsuiError) as caught:
        call()
    return caught.value.code.removeprefix("dashboard_api.")


def changed(site):
    with site.database.read() as state:
        return number(state)


def proven(application, private):
    text = proof_text(application, private.public.key_id)
    return NewKey(public=private.public, proof=private.sign(text, domain=DOMAIN))


def test_a_new_application_may_do_what_is_harmless_and_has_no_credential(applications, payments):
    assert payments.grants == {"*": DEFAULT, "-": DEFAULT}
    assert not DEFAULT & OFF_BY_DEFAULT
    assert {Operation.SIGN_E, Operation.DECRYPT, Operation.KEYS_MANAGE} <= OFF_BY_DEFAULT
    assert payments.credentials == ()
    assert (payments.quota, payments.disabled_at) == (Quota(), None)
    assert applications.everyone() == [payments] == [applications.get("payments")]


@pytest.mark.parametrize("wrong", ["", "Pay", "-pay", "pay-", "p.y", "site", "p" * 25, "支付"])
def test_an_id_that_could_not_stand_before_a_key_is_refused(applications, wrong):
    call = lambda: applications.register(ADMIN, wrong, name="x", unit="finance")  # noqa: E731
    assert refused(call) == "application.malformed"


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("", "finance"),
        ("x" * 65, "finance"),
        ("a\nb", "finance"),
        (" x", "finance"),
        ("x", "*"),
        ("x", ""),
    ],
)
def test_a_name_or_unit_nobody_could_read_is_refused(applications, name, unit):
    call = lambda: applications.register(ADMIN, "pay", name=name, unit=unit)  # noqa: E731
    assert refused(call) == "application.malformed"


def test_an_id_is_taken_once_and_there_is_a_most(applications, payments, monkeypatch):
    again = lambda: applications.register(ADMIN, "payments", name="x", unit="tax")  # noqa: E731
    assert refused(again) == "application.exists"
    monkeypatch.setattr(registry, "APPLICATIONS_MAX", 1)
    more = lambda: applications.register(ADMIN, "other", name="x", unit="tax")  # noqa: E731
    assert refused(more) == "application.limit"
    assert registry.APPLICATIONS_MAX == 1
    assert [one.id for one in applications.everyone()] == ["payments"]


def test_a_token_is_shown_once_and_only_its_sm3_is_kept(site, applications, payments):
    token, issued = applications.issue_token(ADMIN, "payments")
    assert token.startswith("fsk1.payments.")
    assert len(token) == len("fsk1.payments.") + 43
    assert issued.id == sm3.digest(token.encode()).hex()[:16]
    with site.database.read() as state:
        (row,) = state.execute("SELECT * FROM application_credentials").fetchall()
        assert row["token_hash"] == sm3.digest(token.encode())
        secret = token.rsplit(".", 1)[1]
        assert not any(secret in line for line in state.iterdump())


def test_a_key_is_enrolled_with_proof_in_either_form(applications, payments):
    for private, raw in ((PrivateKey.generate(), False), (PrivateKey.generate(), True)):
        new = proven("payments", private)
        if raw:
            new = NewKey(public=new.public, proof=signature_to_raw(new.proof))
        issued = applications.enrol_key(ADMIN, "payments", new)
        assert (issued.id, issued.kind) == (private.public.key_id, "sm2")
    assert len(applications.get("payments").credentials) == 2


def test_a_proof_for_another_application_key_or_use_proves_nothing(applications, payments):
    applications.register(ADMIN, "other", name="x", unit="tax")
    mine, theirs = PrivateKey.generate(), PrivateKey.generate()
    text = proof_text("payments", mine.public.key_id)
    wrong = [
        proven("other", mine),
        NewKey(public=mine.public, proof=proven("payments", theirs).proof),
        NewKey(public=mine.public, proof=theirs.sign(text, domain=DOMAIN)),
        NewKey(public=mine.public, proof=mine.sign(text, domain="fengsui/request/1")),
        NewKey(public=mine.public, proof=b""),
        NewKey(public=mine.public, proof=bytes(64)),
    ]
    for new in wrong:
        code = refused(lambda new=new: applications.enrol_key(ADMIN, "payments", new))
        assert code == "credential.proof_invalid"
    assert applications.get("payments").credentials == ()


def test_four_credentials_live_and_a_revoked_or_ended_one_makes_room(site, applications, payments):
    soon = site.clock.now() + DAY
    first = applications.issue_token(ADMIN, "payments", expires_at=soon)[1]
    for _ in range(3):
        last = applications.issue_token(ADMIN, "payments")[1]
    more = lambda: applications.issue_token(ADMIN, "payments")  # noqa: E731
    assert refused(more) == "credential.limit"
    applications.revoke(ADMIN, "payments", last.id)
    more()
    assert refused(more) == "credential.limit"
    site.clock.forward(24 * 3600)
    assert not first.lives(site.clock.now())
    more()


def test_a_credential_is_revoked_once_and_never_comes_back(applications, payments):
    private = PrivateKey.generate()
    applications.enrol_key(ADMIN, "payments", proven("payments", private))
    revoke = lambda: applications.revoke(ADMIN, "payments", private.public.key_id)  # noqa: E731
    (gone,) = revoke().credentials
    assert gone.revoked_at is not None
    assert refused(revoke) == "credential.revoked_before"
    again = lambda: applications.enrol_key(ADMIN, "payments", proven("payments", private))  # noqa: E731
    assert refused(again) == "credential.exists"
    absent = lambda: applications.revoke(ADMIN, "payments", "0" * 16)  # noqa: E731
    assert refused(absent) == "credential.absent"


def test_only_so_many_dead_credentials_are_kept(applications, payments, monkeypatch):
    monkeypatch.setattr(credentials, "KEPT_MAX", 3)
    ids = []
    for _ in range(5):
        ids.append(applications.issue_token(ADMIN, "payments")[1].id)
        applications.revoke(ADMIN, "payments", ids[-1])
    assert {one.id for one in applications.get("payments").credentials} <= set(ids)
    assert len(applications.get("payments").credentials) == 3


@pytest.mark.parametrize("days", [0, -1, 1101])
def test_a_credential_ends_in_a_time_somebody_will_see(site, applications, payments, days):
    ends = site.clock.now() + days * DAY
    call = lambda: applications.issue_token(ADMIN, "payments", expires_at=ends)  # noqa: E731
    assert refused(call) == "credential.expiry"


def test_grants_are_replaced_whole_or_key_by_key(applications, payments):
    some = {"payments.receipt": frozenset({Operation.SIGN_E})}
    after = applications.put_some_grants(SECURITY, "payments", some)
    assert after.grants == {"*": DEFAULT, "-": DEFAULT, **some}
    only = {"*": frozenset({Operation.SIGN})}
    assert applications.put_grants(SECURITY, "payments", only).grants == only
    none = {"*": frozenset()}
    assert applications.put_some_grants(SECURITY, "payments", none).grants == {}


def test_a_grant_names_a_key_that_could_be(applications, payments, monkeypatch):
    applications.register(ADMIN, "tax", name="x", unit="tax")
    put = lambda key: applications.put_grants(  # noqa: E731
        SECURITY, "payments", {key: frozenset({Operation.SIGN})}
    )
    for key in ("tax.seal", "site.timestamp", "payments.a_b"):
        put(key)
    for key in ("receipt", "Tax.seal", "tax.", ".seal", "tax.se.al", ""):
        assert refused(lambda key=key: put(key)) == "grant.key"
    assert refused(lambda: put("nobody.seal")) == "grant.unknown"
    monkeypatch.setattr("dashboard_api.applications.grants.GRANTS_MAX", 1)
    two = {"*": frozenset({Operation.SIGN, Operation.VERIFY})}
    assert refused(lambda: applications.put_grants(SECURITY, "payments", two)) == "grant.too_many"


def test_a_quota_is_set_within_bounds(applications, payments):
    quota = Quota(per_second=50, per_day=10_000, opens_per_minute=5)
    assert applications.set_quota(SECURITY, "payments", quota).quota == quota
    for wrong in (
        Quota(per_second=0),
        Quota(per_day=-1),
        Quota(opens_per_minute=0),
        Quota(per_day=registry.QUOTA_MAX + 1),
    ):
        code = refused(lambda wrong=wrong: applications.set_quota(SECURITY, "payments", wrong))
        assert code == "quota.malformed"


def test_an_application_is_disabled_and_enabled_by_turns(site, applications, payments):
    assert refused(lambda: applications.enable(ADMIN, "payments")) == "application.state"
    assert applications.disable(ADMIN, "payments").disabled_at == site.clock.now()
    assert refused(lambda: applications.disable(ADMIN, "payments")) == "application.state"
    assert applications.enable(ADMIN, "payments") == payments


def test_nothing_is_done_to_an_application_nobody_registered(applications):
    for call in (
        lambda: applications.get("ghost"),
        lambda: applications.issue_token(ADMIN, "ghost"),
        lambda: applications.revoke(ADMIN, "ghost", "0" * 16),
        lambda: applications.put_grants(SECURITY, "ghost", {}),
        lambda: applications.put_some_grants(SECURITY, "ghost", {}),
        lambda: applications.set_quota(SECURITY, "ghost", Quota()),
        lambda: applications.disable(ADMIN, "ghost"),
        lambda: applications.enable(ADMIN, "ghost"),
    ):
        assert refused(call) == "application.unknown"


def test_every_change_is_audited_by_name_and_seen_by_signing_processes(site, applications):
    seen = []

    def did(call):
        result = call()
        seen.append(changed(site))
        return result

    did(lambda: applications.register(ADMIN, "payments", name="支付平台", unit="finance"))
    issued = did(lambda: applications.issue_token(OPERATOR, "payments"))[1]
    private = PrivateKey.generate()
    did(lambda: applications.enrol_key(ADMIN, "payments", proven("payments", private)))
    did(lambda: applications.revoke(ADMIN, "payments", issued.id))
    did(lambda: applications.put_some_grants(
        SECURITY, "payments", {"-": DEFAULT - {Operation.HMAC}, "*": DEFAULT | OFF_BY_DEFAULT}
    ))  # fmt: skip
    did(lambda: applications.set_quota(SECURITY, "payments", Quota(per_second=5)))
    did(lambda: applications.disable(ADMIN, "payments"))
    did(lambda: applications.enable(ADMIN, "payments"))
    assert sorted(set(seen)) == seen
    assert site.acts() == [
        ("sysadmin", "application.register", "payments", "done"),
        ("command line", "credential.token", f"payments/{issued.id}", "done"),
        ("sysadmin", "credential.sm2", f"payments/{private.public.key_id}", "done"),
        ("sysadmin", "credential.revoke", f"payments/{issued.id}", "done"),
        ("secadmin", "application.grant", "payments *", "done"),
        ("secadmin", "application.grant", "payments -", "done"),
        ("secadmin", "application.quota", "payments", "done"),
        ("sysadmin", "application.disable", "payments", "done"),
        ("sysadmin", "application.enable", "payments", "done"),
    ]
    details = [entry.detail for entry, _ in reversed(site.audit.page(0, 100))]
    assert details[4].startswith("+certificates_manage+decrypt+envelope_open+keys_manage+sign_e")
    assert details[5] == "-hmac"
    assert details[6] == "5/s 0/d 600 opens/min"


def test_a_refused_change_changes_nothing_and_tells_nobody(site, applications, payments):
    before = changed(site), applications.get("payments"), site.acts()
    wrong = {"*": frozenset({Operation.SIGN}), "ghost.key": frozenset({Operation.SIGN})}
    assert refused(lambda: applications.put_grants(SECURITY, "payments", wrong)) == "grant.unknown"
    assert (changed(site), applications.get("payments"), site.acts()) == before


def test_who_held_a_credential_is_remembered_after_it_is_gone(site, applications, payments):
    issued = applications.issue_token(Hand("other", "p3"), "payments")[1]
    applications.issue_token(OPERATOR, "payments")
    applications.revoke(SECURITY, "payments", issued.id)
    with site.database.read() as state:
        assert hands(state, "payments") == {"p1", "p3"}


def test_all_operations_of_a_key_fit_one_audit_entry():
    from dashboard_api.applications.grants import Difference
    from dashboard_api.audit import WORD_CHARS_MAX

    everything = Difference(key="*", given=frozenset(Operation), taken=frozenset())
    assert len(everything.words) <= WORD_CHARS_MAX
