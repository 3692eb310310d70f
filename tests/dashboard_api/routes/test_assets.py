"""Assets that events show and nobody declared are listed and accepted into a proposal."""

from standin import problem

from dashboard_api.access.roles import Role


def test_a_host_nobody_declared_is_accepted_and_holds_once_somebody_else_approves(site):
    zhang, li = site.officer(), site.officer()
    found = zhang.get("/v1/assets/work").json()
    assert [(one["finding"], one["asset"]) for one in found["items"]] == [
        ("unknown", "gate"),
        ("unknown", "pay"),
    ]
    version = zhang.post("/v1/assets/work:accept", json={"asset": "gate"}).json()
    assert (version["state"], version["added"]) == ("proposed", 1)
    li.post(f"/v1/registers/assets/versions/{version['number']}:approve")
    site.clock.forward(1)
    left = zhang.get("/v1/assets/work").json()["items"]
    assert [(one["finding"], one["asset"]) for one in left] == [
        ("unknown", "pay"),
        ("orphan", "gate"),
    ]
    orphan = zhang.post("/v1/assets/work:accept", json={"asset": "gate"})
    assert problem(orphan) == (404, "collector.register.unknown_asset")


def test_the_list_is_of_the_whole_site(site):
    tax = site.officer(units=("tax",))
    assert problem(tax.get("/v1/assets/work")) == (403, "dashboard_api.unit.foreign")


def test_only_what_is_asked_for_is_listed(site):
    found = site.officer().get("/v1/assets/work", params={"finding": "vanished"}).json()
    assert found == {"items": [], "total": 0, "counts": {"unknown": 2}}


def accept(person, asset, **more):
    return person.post("/v1/assets/work:accept", json={"asset": asset, **more})


def test_hosts_accepted_one_by_one_are_one_proposal_with_their_unit_and_owner(site):
    zhang, li = site.officer(), site.officer()
    accept(zhang, "gate", finding="unknown", unit="tax", owner="王工", reason="盘点")
    version = accept(zhang, "pay", finding="unknown", unit="pay", owner="李工").json()
    assert (version["added"], version["source"]) == (2, "events")
    waiting = zhang.get("/v1/assets/work").json()["items"]
    assert {one["proposed_in"] for one in waiting} == {version["number"]}
    li.post(f"/v1/registers/assets/versions/{version['number']}:approve")
    site.clock.forward(1)
    assert zhang.get("/v1/assets/work").json()["items"] == []
    rows = zhang.get("/v1/registers/assets/rows").json()["items"]
    assert [(one["key"], one["fields"]) for one in rows] == [
        (["gate"], {"unit": "tax", "owner": "王工"}),
        (["pay"], {"unit": "pay", "owner": "李工"}),
    ]


def test_an_orphan_is_accepted_once_somebody_says_whose_it_is(site):
    zhang, li = site.officer(), site.officer()
    number = accept(zhang, "gate").json()["number"]
    li.post(f"/v1/registers/assets/versions/{number}:approve")
    site.clock.forward(1)
    half = accept(zhang, "gate", finding="orphan", unit="tax")
    assert problem(half) == (404, "collector.register.unknown_asset")
    whole = accept(zhang, "gate", finding="orphan", unit="tax", owner="王工")
    assert (whole.status_code, whole.json()["changed"]) == (201, 1)


def test_what_somebody_else_proposed_is_not_lost_by_accepting(site):
    zhang, li = site.officer(), site.officer()
    accept(zhang, "gate")
    assert problem(accept(li, "pay")) == (409, "collector.register.waits")


def test_an_entry_set_aside_is_gone_with_its_reason_kept_until_it_is_taken_back(site):
    li = site.officer()
    entry = {"asset": "gate", "finding": "unknown"}
    blank = li.post("/v1/assets/work:dismiss", json={**entry, "reason": " "})
    assert blank.status_code == 422
    told = li.post("/v1/assets/work:dismiss", json={**entry, "reason": "测试机，月底拆除"}).json()
    assert (told["dismissed_by"], told["reason"]) == ("u0", "测试机，月底拆除")
    assert [one["asset"] for one in li.get("/v1/assets/work").json()["items"]] == ["pay"]
    assert li.get("/v1/assets/dismissed").json()["items"] == [told]
    again = li.post("/v1/assets/work:dismiss", json={**entry, "reason": "又一次"})
    assert problem(again) == (404, "collector.assets.unknown")
    assert li.post("/v1/assets/work:restore", json=entry).status_code == 204
    assert li.get("/v1/assets/dismissed").json()["items"] == []
    assert len(li.get("/v1/assets/work").json()["items"]) == 2
    assert problem(li.post("/v1/assets/work:restore", json=entry))[0] == 404
    assert ("u0", "asset.dismiss", "unknown gate", "done") in site.acts()
    assert ("u0", "asset.restore", "unknown gate", "done") in site.acts()


def test_who_may_only_propose_sets_nothing_aside(site):
    entry = {"asset": "gate", "finding": "unknown", "reason": "测试机"}
    answer = site.browser(Role.INTEGRATOR).post("/v1/assets/work:dismiss", json=entry)
    assert problem(answer) == (403, "dashboard_api.permission.missing")
    tax = site.officer(units=("tax",))
    assert problem(tax.post("/v1/assets/work:dismiss", json=entry))[0] == 403
    assert problem(tax.get("/v1/assets/dismissed"))[0] == 403


def test_every_host_seen_is_listed_page_by_page(site):
    zhang = site.officer()
    first = zhang.get("/v1/assets", params={"limit": 1}).json()
    assert [one["host"] for one in first["items"]] == ["gate"]
    second = zhang.get("/v1/assets", params={"cursor": first["next_cursor"]}).json()
    assert [one["host"] for one in second["items"]] == ["pay"]
    assert second["next_cursor"] is None
    tax = site.officer(units=("tax",))
    assert problem(tax.get("/v1/assets")) == (403, "dashboard_api.unit.foreign")
