import contextlib
import json
import socket
import time

import httpx
import pytest
from standin import START, problem

from dashboard_api import live
from dashboard_api.access.roles import Role
from dashboard_api.routes import stream as route
from dashboard_api.server import Server
from schema.times import DAY, to_text


@pytest.fixture
def base(site, monkeypatch):
    """The address of a real server that polls quickly."""
    monkeypatch.setattr(live, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(live, "STATUS_SECONDS", 0.1)
    monkeypatch.setattr(route, "SESSION_CHECK_SECONDS", 0.1)
    server = Server(site.app)
    yield server.start()
    server.stop()


@contextlib.contextmanager
def reading(base, browser, *, headers=None, **more):
    """The parsed events of a stream, as they come."""
    token = browser.cookies["fengsui_session"]
    sent = {"Cookie": f"fengsui_session={token}", **(headers or {})}
    with (
        httpx.Client(timeout=5) as client,
        client.stream("GET", f"{base}/v1/stream", headers=sent, **more) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield parsed(response.iter_lines())


def parsed(lines):
    one = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            one[name] = value
        elif one:
            yield one
            one = {}


def next_of(events, kind):
    return next(one for one in events if one.get("event") == kind)


def test_the_status_comes_first_and_then_alerts_as_they_change(site, base):
    site.alerts.put("before")
    with reading(base, site.officer()) as events:
        assert next(events) == {"retry": "2000"}
        status = json.loads(next_of(events, "status")["data"])
        assert status == {
            "events": 6,
            "events_per_second": 0,
            "lag_seconds": 4,
            "sensors": 2,
            "quarantined": 2,
            "watermark": "2026-11-20T08:00:00.000000Z",
            "exceptions_changed_at": None,
            "troubles": [],
        }
        row = site.alerts.put("203.0.113.1")
        alert = next_of(events, "alert")
        assert alert["id"] == "2"
        data = json.loads(alert["data"])
        assert (data["id"], data["seq"], data["state"]) == (row.id, 2, "final")
        assert "sensors" not in data


def test_a_verdict_of_somebody_else_comes_too(site, base):
    row, other = site.alerts.put("203.0.113.1"), site.officer()
    with reading(base, site.officer()) as events:
        next_of(events, "status")
        other.post(f"/v1/alerts/{row.id}/acknowledge", json={"verdict": "benign"})
        data = json.loads(next_of(events, "alert")["data"])
        assert data["acknowledged"]["verdict"] == "benign"


def test_a_reader_who_comes_back_misses_nothing(site, base):
    officer = site.officer()
    for number in range(5):
        site.alerts.put(str(number))
    with reading(base, officer, headers={"Last-Event-ID": "3"}) as events:
        assert [next_of(events, "alert")["id"] for _ in range(2)] == ["4", "5"]
    with reading(base, officer, params={"after": 4}) as events:
        assert next_of(events, "alert")["id"] == "5"


def test_a_reader_who_was_away_too_long_is_told_to_start_anew(site, base, monkeypatch):
    monkeypatch.setattr(live, "BEHIND_MAX", 3)
    for number in range(10):
        site.alerts.put(str(number))
    for last in ("2", "999"):
        with reading(base, site.officer(), headers={"Last-Event-ID": last}) as events:
            assert next_of(events, "reset")["id"] == "10"
            assert list(events) == []


def test_alerts_and_status_of_other_units_do_not_come(site, base):
    with reading(base, site.officer(units=("tax",))) as events:
        assert json.loads(next_of(events, "status")["data"])["sensors"] == 1
        site.alerts.put("others", sensors=["pay"])
        site.alerts.put("both", sensors=["gate", "pay"])
        mine = site.alerts.put("mine", sensors=["gate"])
        assert json.loads(next_of(events, "alert")["data"])["id"] == mine.id


def test_a_viewer_is_not_told_on_whom_alerts_are(site, base):
    with reading(base, site.browser(Role.VIEWER)) as events:
        next_of(events, "status")
        site.alerts.put("li.na", entity_field="user.id")
        told = json.loads(next_of(events, "alert")["data"])
    assert (told["entity"], told["score"]) == ("***", None)


def test_the_stream_ends_with_the_session(site, base):
    officer = site.officer()
    with reading(base, officer) as events:
        next_of(events, "status")
        officer.post("/v1/logout")
        began = time.monotonic()
        for _ in events:
            assert time.monotonic() - began < 3


def test_the_stream_ends_with_the_right_to_it(site, base):
    officer = site.officer()
    granter = site.browser(Role.SECURITY_ADMIN)
    own = officer.get("/v1/me").json()["id"]
    with reading(base, officer) as events:
        next_of(events, "status")
        granter.put(f"/v1/users/{own}/roles", json={"roles": ["integrator"], "units": ["*"]})
        assert all(one["event"] != "alert" for one in events)


def test_a_reader_who_takes_nothing_is_dropped(site, base, monkeypatch):
    monkeypatch.setattr(route, "SEND_SECONDS_MAX", 0.2)
    token = site.officer().cookies["fengsui_session"]
    host, port = base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = (
            f"GET /v1/stream HTTP/1.1\r\nHost: {host}\r\nCookie: fengsui_session={token}\r\n\r\n"
        )
        slow.sendall(request.encode())
        slow.recv(100)
        deadline = time.monotonic() + 5
        while "streams_dropped_total 1" not in site.stream.metrics.text():
            site.alerts.put("x" * 1_000_000)
            time.sleep(0.02)
            assert time.monotonic() < deadline
    assert "fengsui_dashboard_api_stream_clients 0" in site.stream.metrics.text()


def test_more_readers_than_there_is_room_for_are_refused(site, monkeypatch):
    monkeypatch.setattr(live, "READERS_MAX", 0)
    answer = site.officer().get("/v1/stream")
    assert problem(answer) == (503, "dashboard_api.stream.full")


def test_nobody_without_alerts_may_listen(site):
    assert problem(site.browser(Role.AUDIT_ADMIN).get("/v1/stream"))[0] == 403


def test_the_stream_leaves_hidden_alerts_out_and_says_when_exceptions_changed(site, base):
    officer = site.officer()
    new = {
        "rule": "gateway-path-probing",
        "entity": "203.0.113.1",
        "reason": "why",
        "owner": "who",
        "expires_at": to_text(START + DAY),
    }
    with (
        reading(base, officer) as events,
        reading(base, officer, params={"hidden": "true"}) as everything,
    ):
        for one in (events, everything):
            status = json.loads(next_of(one, "status")["data"])
            assert status["exceptions_changed_at"] is None
        hidden = site.alerts.put("203.0.113.1", exception="e1")
        shown = site.alerts.put("203.0.113.2")
        assert json.loads(next_of(events, "alert")["data"])["id"] == shown.id
        told = json.loads(next_of(everything, "alert")["data"])
        assert (told["id"], told["exception"]["id"]) == (hidden.id, "e1")
        officer.post("/v1/exceptions", json=new)
        changed = (json.loads(one["data"]) for one in events if one.get("event") == "status")
        assert next(one for one in changed if one["exceptions_changed_at"]) is not None
