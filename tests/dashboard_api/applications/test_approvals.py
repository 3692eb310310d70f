import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standin import StandIn

from dashboard_api.access.principal import Principal, Scope
from dashboard_api.access.roles import Role, check_roles
from dashboard_api.applications import approvals as module
from dashboard_api.applications.approval import ApprovalQuery, Asker
from dashboard_api.applications.approvals import Approvals
from dashboard_api.applications.records import Hand
from schema.errors import FengsuiError

DAY_SECONDS = 24 * 3600


def person(name, *roles, units=("*",)):
    return Principal(
        id=f"id-{name}",
        name=name,
        display_name=name,
        roles=frozenset(roles),
        scope=Scope(units),
        must_set_password=False,
    )


INTEGRATOR = person("li", Role.INTEGRATOR)
SECOND = person("wang", Role.SECURITY_ADMIN)
REGISTRAR = person("zhao", Role.SYSTEM_ADMIN)


@pytest.fixture
def payments(site):
    hand = Hand.of(REGISTRAR)
    return site.applications.register(hand, "payments", name="支付", unit="finance")


def refused(call):
    with pytest.raises(FengsuiError) as caught:
        call()
    return caught.value.code.removeprefix("dashboard_api.")


def ask(site, kind="export", key="payments.receipt", asker=None, **params):
    asked_by = asker or Asker.person(INTEGRATOR)
    return site.approvals.ask(kind, key, asked_by=asked_by, params=params)


def test_each_step_stands_in_the_audit_chain(site, payments):
    approval = ask(site, asker=Asker.application("payments"))
    done = site.approvals.approve(approval.id, SECOND)
    site.approvals.take(approval.id, Asker.application("payments"))
    assert site.acts()[-4:] == [
        ("application:payments", "approval.ask", approval.id, "done"),
        ("wang", "approval.approve", approval.id, "done"),
        ("wang", "approval.export", f"{approval.id} payments.receipt", "done"),
        ("application:payments", "approval.take", approval.id, "done"),
    ]
    details = [entry.detail for entry, _ in site.audit.page(0, 4)]
    assert details[0] == "export payments.receipt asked by application:payments"
    assert (done.unit, done.state, done.decided_by) == ("finance", "done", "wang")


def test_whoever_could_have_asked_may_not_approve(site, payments):
    own = ask(site, asker=Asker.person(SECOND))
    assert refused(lambda: site.approvals.approve(own.id, SECOND)) == "approval.asker"
    once = person("qian", Role.SECURITY_ADMIN)
    issued = site.applications.issue_token(Hand.of(once), "payments")[1]
    site.applications.revoke(Hand.of(REGISTRAR), "payments", issued.id)
    theirs = ask(site, "destroy", asker=Asker.application("payments"))
    registrar = person("zhao", Role.SECURITY_ADMIN)
    for hand in (once, registrar):
        call = lambda hand=hand: site.approvals.approve(theirs.id, hand)  # noqa: E731
        assert refused(call) == "approval.hand"
    assert site.approvals.get(theirs.id, SECOND).state == "waiting"
    assert site.approvals.approve(theirs.id, SECOND).state == "done"


def test_only_who_may_approve_approves_or_refuses(site, payments):
    approval = ask(site)
    for roles in ({Role.INTEGRATOR}, {Role.SYSTEM_ADMIN}, {Role.AUDIT_ADMIN}, set()):
        somebody = person("sun", *roles)
        for act in (site.approvals.approve, site.approvals.refuse):
            assert (
                refused(lambda act=act, who=somebody: act(approval.id, who)) == "permission.missing"
            )
    assert site.keydesk.carried == []


def test_a_week_later_nobody_approves_what_nobody_answered(site, payments):
    approval = ask(site)
    site.clock.forward(7 * DAY_SECONDS - 1)
    assert site.approvals.get(approval.id, SECOND).state == "waiting"
    site.clock.forward(1)
    assert refused(lambda: site.approvals.approve(approval.id, SECOND)) == "approval.over"
    assert site.approvals.get(approval.id, SECOND).state == "expired"
    assert ("fengsui", "approval.expire", approval.id, "done") in site.acts()
    assert ask(site).state == "waiting"


def test_an_exported_key_nobody_takes_is_dropped(site, payments):
    approval = ask(site)
    site.approvals.approve(approval.id, SECOND)
    site.clock.forward(7 * DAY_SECONDS)
    asker = Asker.person(INTEGRATOR)
    assert refused(lambda: site.approvals.take(approval.id, asker)) == "approval.given"
    with site.database.read() as state:
        assert state.execute("SELECT material FROM approvals").fetchall()[0][0] is None
    assert site.acts()[-1] == ("fengsui", "approval.drop", approval.id, "done")


def test_a_key_is_given_to_who_asked_and_once(site, payments):
    approval = ask(site)
    asker = Asker.person(INTEGRATOR)
    assert refused(lambda: site.approvals.take(approval.id, asker)) == "approval.open"
    site.approvals.approve(approval.id, SECOND)
    for other in (Asker.person(SECOND), Asker.application("payments"), Asker.operator("li")):
        assert refused(lambda o=other: site.approvals.take(approval.id, o)) == "approval.unknown"
        assert refused(lambda o=other: site.approvals.of(approval.id, o)) == "approval.unknown"
    assert site.approvals.of(approval.id, asker).material_waits
    assert site.approvals.take(approval.id, asker) == b"wrapped payments.receipt"
    assert refused(lambda: site.approvals.take(approval.id, asker)) == "approval.given"
    destroyed = ask(site, "destroy")
    site.approvals.approve(destroyed.id, SECOND)
    assert refused(lambda: site.approvals.take(destroyed.id, asker)) == "approval.over"


def test_the_same_is_not_asked_twice_and_not_without_end(site, payments, monkeypatch):
    first = ask(site)
    with pytest.raises(FengsuiError) as caught:
        ask(site)
    assert caught.value.code == "dashboard_api.approval.exists"
    assert caught.value.params["id"] == first.id
    assert ask(site, "destroy").id != first.id
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    assert refused(lambda: ask(site, key="payments.other")) == "approval.limit"
    assert ask(site, key="site.timestamp").unit == "*"


def test_what_is_asked_names_one_key_of_somebody_and_little_else(site, payments):
    for key in ("*", "-"):
        assert refused(lambda key=key: ask(site, key=key)) == "approval.params"
    assert refused(lambda: ask(site, key="receipt")) == "grant.key"
    assert refused(lambda: ask(site, key="ghost.receipt")) == "application.unknown"
    assert refused(lambda: ask(site, to="x" * 5000)) == "approval.params"


def test_what_passes_is_tried_again_and_carried_out_once(site, payments):
    approval = ask(site, "destroy")
    site.keydesk.refusal = FengsuiError("crypto.keystore.busy", "another process has it")
    assert refused(lambda: site.approvals.approve(approval.id, SECOND)) == "crypto.keystore.busy"
    site.approvals.resume()
    assert site.approvals.get(approval.id, SECOND).state == "approved"
    site.keydesk.refusal = None
    assert site.approvals.approve(approval.id, SECOND).state == "done"
    site.approvals.resume()
    assert len(site.keydesk.carried) == 3


def test_what_was_approved_before_a_crash_is_carried_out_at_the_next_start(site, payments):
    class Crashing:
        def carry_out(self, approval):
            raise KeyboardInterrupt

    parts = {"clock": site.clock, "entropy": site.entropy}
    crashing = Approvals(site.database, site.audit, desk=Crashing(), **parts)
    approval = ask(site)
    with pytest.raises(KeyboardInterrupt):
        crashing.approve(approval.id, SECOND)
    assert site.approvals.get(approval.id, SECOND).state == "approved"
    site.approvals.resume()
    assert site.approvals.get(approval.id, SECOND).state == "done"
    assert site.approvals.take(approval.id, Asker.person(INTEGRATOR))


def test_two_who_approve_at_once_have_it_done_once(site, payments):
    approval = ask(site, "destroy")
    start, states = threading.Barrier(8), []

    def press(number):
        start.wait()
        second = person(f"w{number}", Role.SECURITY_ADMIN)
        try:
            states.append(site.approvals.approve(approval.id, second).state)
        except FengsuiError as error:
            states.append(error.code)

    threads = [threading.Thread(target=press, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert set(states) <= {"done", "dashboard_api.approval.over"}
    assert site.keydesk.carried == [("destroy", "payments.receipt")]
    assert sum(act[1] == "approval.approve" for act in site.acts()) == 1


def test_who_asked_cannot_be_rewritten(site, payments):
    approval = ask(site)
    with pytest.raises(Exception, match="not changed"):
        site.database.write(
            lambda state: state.execute(
                "UPDATE approvals SET asker = 'x' WHERE id = ?", (approval.id,)
            )
        )


def test_old_ones_that_ended_make_room(site, payments, monkeypatch):
    monkeypatch.setattr(module, "KEPT_MAX", 2)
    for number in range(5):
        approval = ask(site, "destroy", f"payments.k{number}")
        site.approvals.refuse(approval.id, SECOND)
        site.clock.forward(1)
    assert len(site.approvals.page(ApprovalQuery(), ["*"])) == 3


NAMES = ("a", "b")
ROLES = {
    "issue": Role.SYSTEM_ADMIN,
    "ask": Role.INTEGRATOR,
    "approve": Role.SECURITY_ADMIN,
}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(["issue", "ask", "ask as the application", "approve"]),
    ),
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(steps=STEPS)
def test_no_way_leads_one_person_through_both_ends(tmp_path_factory, steps):
    """Whatever roles two people hold one after another: nobody approves what they could ask."""
    site = StandIn(tmp_path_factory.mktemp("approvals"))
    try:
        _walk(site, steps)
    finally:
        site.close()


def _walk(site, steps):
    """Each step is done by a person who was given the very role for it, and no other."""
    holders, could_ask = set(), {}
    site.applications.register(Hand("command line"), "payments", name="支付", unit="finance")
    for number, (name, step) in enumerate(steps):
        site.clock.forward(1)
        who, key = person(name, *check_roles([ROLES[step]] if step in ROLES else [])), f"k{number}"
        if step == "issue":
            issued = site.applications.issue_token(Hand.of(who), "payments")[1]
            site.applications.revoke(Hand.of(who), "payments", issued.id)
            holders.add(name)
        elif step == "ask":
            could_ask[ask(site, "destroy", f"payments.{key}", Asker.person(who)).id] = {name}
        elif step == "ask as the application" and name in holders:
            asker = Asker.application("payments")
            could_ask[ask(site, "destroy", f"payments.{key}", asker).id] = holders
        elif step == "approve":
            for approval_id, askers in could_ask.items():
                _try(site, approval_id, who, may=name not in askers)


def _try(site, approval_id, who, *, may):
    before = site.approvals.get(approval_id, SECOND).state
    try:
        site.approvals.approve(approval_id, who)
    except FengsuiError:
        assert not may or before == "done"
    else:
        assert may
