import pytest
from standin import UNITS, event_id, key, problem, sealed

from crypto import sm2
from dashboard_api.access.roles import Role
from schema import batch as batches
from schema import merkle
from schema.event import encode


@pytest.fixture
def officer(site):
    return site.officer()


def test_events_are_found_newest_first_and_page_by_page(officer):
    first = officer.get("/v1/events", params={"limit": 4}).json()
    more = {"limit": 4, "cursor": first["next_cursor"]}
    second = officer.get("/v1/events", params=more).json()
    items = first["items"] + second["items"]
    assert len(items) == 6
    assert second["next_cursor"] is None
    assert set(items[0]) == {"id", "sensor", "number", "index", "fields"}
    times = [item["fields"]["@timestamp"] for item in items]
    assert times == sorted(times, reverse=True)


def test_events_are_found_by_filter_and_time(officer):
    found = officer.get("/v1/events", params={"filter": "host.name:gate"}).json()["items"]
    assert {item["sensor"] for item in found} == {"gate"}
    window = {"start": "2026-11-20T08:00:01Z", "end": "2026-11-20T16:00:02+08:00"}
    found = officer.get("/v1/events", params=window).json()["items"]
    assert {item["fields"]["source.ip"] for item in found} == {"203.0.113.1"}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"start": "yesterday"}, "dashboard_api.time.malformed"),
        ({"filter": '"'}, "schema.filter.malformed"),
        ({"limit": 0}, "dashboard_api.request.invalid"),
        ({"limit": 501}, "dashboard_api.request.invalid"),
        ({"filter": "x" * 5000}, "dashboard_api.request.invalid"),
    ],
)
def test_a_query_that_is_not_understood_is_a_problem(officer, params, code):
    assert problem(officer.get("/v1/events", params=params))[1] == code


def test_values_are_counted(officer):
    found = officer.get("/v1/events/count", params={"field": "host.name"}).json()["items"]
    assert found == [{"key": "gate", "count": 3}, {"key": "pay", "count": 3}]


def test_one_event_is_read_by_its_id(officer):
    found = officer.get(f"/v1/events/{event_id('pay', 1)}").json()
    assert (found["sensor"], found["index"]) == ("pay", 1)
    assert problem(officer.get(f"/v1/events/{'0' * 32}")) == (404, "dashboard_api.event.unknown")


def test_events_of_another_unit_are_not_there(site):
    officer = site.officer(units=("tax",))
    found = officer.get("/v1/events").json()["items"]
    assert {item["sensor"] for item in found} == {"gate"}
    counts = officer.get("/v1/events/count", params={"field": "host.name"}).json()["items"]
    assert counts == [{"key": "gate", "count": 3}]
    for path in ("", "/proof"):
        answer = officer.get(f"/v1/events/{event_id('pay', 0)}{path}")
        assert problem(answer) == (404, "dashboard_api.event.unknown")
    assert officer.get(f"/v1/events/{event_id('gate', 0)}/proof").status_code == 200
    nothing = site.officer(units=())
    assert nothing.get("/v1/events").json() == {"items": [], "next_cursor": None}


def test_a_proof_can_be_repeated_with_nothing_but_its_answer(officer):
    wanted = event_id("gate", 2)
    found = officer.get(f"/v1/events/{wanted}/proof").json()
    fields = officer.get(f"/v1/events/{wanted}").json()["fields"]
    assert [step["ok"] for step in found["steps"]] == [True, True, True]
    public = sm2.PublicKey.from_point(bytes.fromhex(found["public_key"]))
    assert public == key("sensor").public
    header = found["header"].encode()
    public.verify(bytes.fromhex(found["signature"]), header, domain=batches.DOMAIN)
    (leaf,) = merkle.leaves([bytes(16)], [encode(fields)])
    assert leaf.hex() == found["leaf"]
    path = tuple(bytes.fromhex(step) for step in found["path"])
    proof = merkle.Proof(index=found["index"], count=found["count"], path=path)
    merkle.check(leaf, proof, bytes.fromhex(found["root"]))
    assert found["root"] in found["header"]
    assert found["header_hash"] == sealed("gate").hash == found["receipt"]["head"]["hash"]
    assert "不多也不少" in found["means_zh"]


def test_every_proof_is_audited(site, officer):
    officer.get(f"/v1/events/{event_id('gate', 0)}/proof")
    assert site.acts()[-1] == ("u0", "event.prove", event_id("gate", 0), "done")
    answer = officer.get(f"/v1/events/{'0' * 32}/proof")
    assert problem(answer) == (404, "dashboard_api.event.unknown")
    assert site.acts()[-1][-1] == "refused"


def test_nobody_without_events_may_prove_them(site):
    viewer = site.browser(Role.VIEWER)
    for sensor in UNITS:
        answer = viewer.get(f"/v1/events/{event_id(sensor, 0)}/proof")
        assert problem(answer) == (403, "dashboard_api.permission.missing")
