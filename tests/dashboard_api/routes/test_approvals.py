import base64

import msgspec
import pytest
from standin import Browser, problem

from dashboard_api.access.roles import Role
from dashboard_api.applications.approval import Asker
from dashboard_api.applications.records import Hand
from dashboard_api.signing.call import Admitted, Reply
from schema.errors import FengsuiError

PATH = "/v1/crypto/approvals"


@pytest.fixture
def asking(site):
    """An integrator who has asked for the export of a key, and the approval's id."""
    site.applications.register(Hand("sysadmin", "p1"), "payments", name="支付", unit="finance")
    browser = site.browser(Role.INTEGRATOR)
    me = browser.get("/v1/me").json()
    browser.asker = Asker(kind="person", id=me["id"], name=me["name"])
    return browser


def ask(site, browser, kind="export", key="payments.receipt"):
    params = {"to": "6b1f0c7de2a84356"}
    return site.approvals.ask(kind, key, asked_by=browser.asker, params=params).id


def test_a_second_person_approves_and_the_asker_takes_the_key_once(site, asking):
    approval = ask(site, asking)
    shown = asking.get(f"{PATH}/{approval}").json()
    assert (shown["state"], shown["params"]) == ("waiting", {"to": "6b1f0c7de2a84356"})
    assert problem(asking.post(f"{PATH}/{approval}:approve"))[0] == 403
    assert problem(asking.post(f"{PATH}/{approval}:take")) == (409, "dashboard_api.approval.open")
    second = site.browser(Role.SECURITY_ADMIN)
    done = second.post(f"{PATH}/{approval}:approve").json()
    assert (done["state"], done["decided_by"], done["material_waits"]) == ("done", "u1", True)
    assert site.keydesk.carried == [("export", "payments.receipt")]
    assert problem(second.post(f"{PATH}/{approval}:take"))[0] == 403
    other = site.browser(Role.INTEGRATOR)
    answer = other.post(f"{PATH}/{approval}:take")
    assert problem(answer) == (404, "dashboard_api.approval.unknown")
    taken = asking.post(f"{PATH}/{approval}:take").json()
    assert base64.b64decode(taken["material"]) == b"wrapped payments.receipt"
    assert problem(asking.post(f"{PATH}/{approval}:take")) == (409, "dashboard_api.approval.given")
    again = second.post(f"{PATH}/{approval}:approve")
    assert problem(again) == (409, "dashboard_api.approval.over")


def test_a_refusal_is_final(site, asking):
    approval = ask(site, asking, "destroy")
    second = site.browser(Role.SECURITY_ADMIN)
    assert second.post(f"{PATH}/{approval}:refuse").json()["state"] == "refused"
    answer = second.post(f"{PATH}/{approval}:approve")
    assert problem(answer) == (409, "dashboard_api.approval.over")
    assert site.keydesk.carried == []
    assert site.acts()[-1] == ("u1", "approval.approve", approval, "refused")


def test_what_cannot_be_carried_out_says_why(site, asking):
    approval = ask(site, asking, "destroy")
    site.keydesk.refusal = FengsuiError("crypto.key.unknown", "there is no such key")
    second = site.browser(Role.SECURITY_ADMIN)
    ended = second.post(f"{PATH}/{approval}:approve").json()
    assert (ended["state"], ended["failure"]) == ("failed", "crypto.key.unknown")


def test_people_see_and_decide_on_keys_of_their_units_only(site, asking):
    ours, sites = ask(site, asking), ask(site, asking, key="site.timestamp")
    theirs = site.browser(Role.SECURITY_ADMIN, units=("tax",))
    assert theirs.get(PATH).json() == {"items": [], "next_cursor": None}
    for approval in (ours, sites):
        for answer in (
            theirs.get(f"{PATH}/{approval}"),
            theirs.post(f"{PATH}/{approval}:approve"),
            theirs.post(f"{PATH}/{approval}:refuse"),
        ):
            assert problem(answer) == (404, "dashboard_api.approval.unknown")
    finance = site.browser(Role.SECURITY_ADMIN, units=("finance",))
    assert [one["id"] for one in finance.get(PATH).json()["items"]] == [ours]


def test_approvals_are_filtered_and_paged_newest_first(site, asking):
    ids = []
    for number in range(4):
        site.clock.forward(1)
        ids.append(ask(site, asking, "destroy" if number % 2 else "export", f"payments.k{number}"))
    found, cursor = [], ""
    while cursor is not None:
        page = asking.get(PATH, params={"limit": 3, "cursor": cursor}).json()
        found += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert found == ids[::-1]
    for params, wanted in (
        ({"kind": "destroy"}, [ids[3], ids[1]]),
        ({"key": "payments.k2"}, [ids[2]]),
        ({"state": "done"}, []),
        ({"state": "waiting", "kind": "export"}, [ids[2], ids[0]]),
    ):
        items = asking.get(PATH, params=params).json()["items"]
        assert [one["id"] for one in items] == wanted


class SigningProcess:
    """Believes the application that is named, and lets it do anything with keys of its own."""

    async def call(self, operation, *, authorization, key, **_):
        name = authorization.removeprefix("Bearer ")
        admitted = Admitted(
            application=name,
            unit="finance",
            credential="0" * 16,
            key=f"{name}.{key}" if key else "",
        )
        return Reply(1, 200, msgspec.json.encode(admitted))


def test_an_application_follows_and_takes_what_it_asked_for(site, asking):
    object.__setattr__(site.services, "signing", SigningProcess())
    asker = Asker.application("payments")
    approval = site.approvals.ask("export", "payments.seal", asked_by=asker, params={}).id
    program = Browser(site.app)

    def sent(method, path, name="payments", key="seal"):
        headers = {"Authorization": f"Bearer {name}"}
        return program.request(method, path, params={"key": key}, headers=headers)

    path = f"{PATH}/{approval}"
    assert sent("GET", path).json()["state"] == "waiting"
    assert problem(sent("POST", f"{path}:take")) == (409, "dashboard_api.approval.open")
    site.browser(Role.SECURITY_ADMIN).post(f"{path}:approve")
    unknown = (404, "dashboard_api.approval.unknown")
    assert problem(sent("POST", f"{path}:take", name="portal")) == unknown
    assert problem(sent("POST", f"{path}:take", key="other")) == unknown
    assert problem(sent("POST", f"{path}:take", key="")) == unknown
    assert problem(sent("GET", path, key="other")) == unknown
    assert problem(asking.post(f"{path}:take")) == unknown
    taken = sent("POST", f"{path}:take").json()
    assert base64.b64decode(taken["material"]) == b"wrapped payments.seal"
    assert problem(sent("POST", f"{path}:take")) == (409, "dashboard_api.approval.given")
    assert problem(sent("POST", f"{path}:approve")) == (401, "dashboard_api.session.missing")
    takes = [act for act in site.acts() if act[1] == "approval.take" and act[3] == "done"]
    assert takes == [("application:payments", "approval.take", approval, "done")]


def test_who_moved_to_other_units_takes_nothing(site, asking):
    approval = ask(site, asking)
    site.browser(Role.SECURITY_ADMIN).post(f"{PATH}/{approval}:approve")
    site.database.write(
        lambda state: state.execute(
            "UPDATE user_units SET unit = 'tax' WHERE user_id = ?", (asking.asker.id,)
        )
    )
    answer = asking.post(f"{PATH}/{approval}:take")
    assert problem(answer) == (404, "dashboard_api.approval.unknown")
