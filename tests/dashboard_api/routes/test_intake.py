import base64

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standin import PUSH_TOKEN, Browser, key, problem, receipt

from schema.heartbeat import Signed
from schema.receipt import Receipt, verify_receipt

BEARER = {"Authorization": f"Bearer {PUSH_TOKEN}", "Origin": None}
ENROL = {
    "token": "good",
    "name": "gate-2",
    "unit": "tax",
    "public_key": "04" + "ab" * 64,
    "proof": "30450221",
}


@pytest.fixture
def machine(site):
    return Browser(site.app)


def test_batches_are_answered_with_receipts_as_they_were_signed(site, machine):
    answer = machine.post("/v1/batches", content=b"sealed", headers={"Origin": None})
    assert answer.status_code == 200
    assert site.door.bodies == [b"sealed"]
    (found,) = msgspec.json.decode(answer.content)["receipts"]
    given_back = msgspec.convert(found, Receipt)
    assert given_back == receipt("gate")
    verify_receipt(given_back, key("receipt").public)
    assert "fengsui_collector_received_bytes_total 6" in site.stream.metrics.text()


def test_a_refused_batch_says_what_was_expected(machine):
    answer = machine.post("/v1/batches", content=b"forked")
    assert problem(answer) == (409, "schema.batch.forked")
    assert answer.json()["params"] == {"expected": 5}


def test_a_heartbeat_is_taken_as_base64(site, machine):
    body = {"payload": base64.b64encode(b"{}").decode(), "signature": "c2ln"}
    assert machine.post("/v1/heartbeats", json=body).status_code == 204
    assert site.door.beats == [Signed(payload=b"{}", signature=b"sig")]
    sent = msgspec.json.encode(site.door.beats[0])
    assert machine.post("/v1/heartbeats", content=sent).status_code == 204


def test_a_registered_client_pushes_events(site, machine):
    event = {"@timestamp": "2026-11-20T08:00:00.000000Z", "event.action": "pay", "amount": 100}
    body = {"batch_id": "b1", "events": [event]}
    answer = machine.post("/v1/events:batch", json=body, headers=BEARER)
    assert answer.json() == {"accepted": 1, "refused": []}
    assert site.push.pushed == [("portal", "b1", [event])]


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "dashboard_api.session.missing"),
        ("Basic eDp5", "dashboard_api.session.missing"),
        ("Bearer ", "dashboard_api.session.missing"),
        ("Bearer wrong", "collector.client.unknown"),
    ],
)
def test_a_push_without_a_known_token_is_refused(site, machine, authorization, code):
    body = {"batch_id": "b1", "events": []}
    headers = {"Authorization": authorization}
    answer = machine.post("/v1/events:batch", json=body, headers=headers)
    assert problem(answer) == (401, code)
    assert site.push.pushed == []


def test_a_session_is_no_token(site):
    answer = site.officer().post("/v1/events:batch", json={"batch_id": "b", "events": []})
    assert problem(answer)[0] == 401


def test_too_many_events_are_refused(machine):
    body = {"batch_id": "b1", "events": [{}] * 1001}
    answer = machine.post("/v1/events:batch", json=body, headers=BEARER)
    assert problem(answer) == (413, "dashboard_api.push.too_many")


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_doors(site, machine, raw):
    for path in ("/v1/heartbeats", "/v1/events:batch"):
        answer = machine.post(path, content=raw, headers=BEARER)
        assert problem(answer) == (400, "dashboard_api.request.malformed")


def test_a_sensor_is_let_in_by_its_token_and_audited_by_name(site, machine):
    answer = machine.post("/v1/enrolments", json=ENROL, headers={"Origin": None})
    assert answer.status_code == 201
    assert answer.json() == {
        "sensor": "gate-2",
        "enrolment": 1,
        "realm": "duty",
        "receipt_public_key": "04",
        "last_batch": 0,
    }
    assert site.acts()[-1] == ("-", "sensor.enrol", "gate-2", "done")


def test_a_wrong_token_and_a_wrong_form_let_no_sensor_in(site, machine):
    answer = machine.post("/v1/enrolments", json={**ENROL, "token": "used"})
    assert problem(answer) == (401, "collector.enrolment.token_invalid")
    assert site.acts()[-1] == ("-", "sensor.enrol", "gate-2", "refused")
    for wrong in ({"name": "../x"}, {"public_key": "05"}, {"proof": "zz"}, {"more": 1}):
        answer = machine.post("/v1/enrolments", json={**ENROL, **wrong})
        assert problem(answer) == (422, "dashboard_api.request.invalid")
