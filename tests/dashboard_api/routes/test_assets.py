"""Assets that events show and nobody declared are listed and accepted into a proposal."""

from standin import problem


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
    assert found == {"items": [], "total": 0}


def test_an_accepted_row_carries_the_unit_and_owner_somebody_named(site):
    zhang, li = site.officer(), site.officer()
    said = {"asset": "gate", "unit": "tax", "owner": "wang"}
    version = zhang.post("/v1/assets/work:accept", json=said).json()
    li.post(f"/v1/registers/assets/versions/{version['number']}:approve")
    site.clock.forward(1)
    left = zhang.get("/v1/assets/work").json()["items"]
    assert [(one["finding"], one["asset"]) for one in left] == [("unknown", "pay")]


def test_an_orphan_is_accepted_once_somebody_says_whose_it_is(site):
    zhang, li = site.officer(), site.officer()
    for said in ({"asset": "gate"}, {"asset": "gate", "unit": "tax", "owner": "wang"}):
        version = zhang.post("/v1/assets/work:accept", json=said).json()
        li.post(f"/v1/registers/assets/versions/{version['number']}:approve")
        site.clock.forward(1)
    left = zhang.get("/v1/assets/work").json()["items"]
    assert [one["asset"] for one in left] == ["pay"]


def test_every_host_seen_is_listed_page_by_page(site):
    zhang = site.officer()
    first = zhang.get("/v1/assets", params={"limit": 1}).json()
    assert [one["host"] for one in first["items"]] == ["gate"]
    second = zhang.get("/v1/assets", params={"cursor": first["next_cursor"]}).json()
    assert [one["host"] for one in second["items"]] == ["pay"]
    assert second["next_cursor"] is None
    tax = site.officer(units=("tax",))
    assert problem(tax.get("/v1/assets")) == (403, "dashboard_api.unit.foreign")
