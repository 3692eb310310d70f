import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin import BASE, Browser, problem

from dashboard_api import guard
from dashboard_api.app import create_app
from dashboard_api.guard import BODY_BYTES_MAX, authority
from dashboard_api.metrics import Metrics
from schema.errors import FengsuiError

LOGIN = {"name": "officer", "password": "wrong password"}


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "a b", "[::1", "@"])
def test_a_host_name_that_is_not_ours_is_refused(site, host):
    answer = Browser(site.app).get("/v1/site", headers={"Host": host})
    assert problem(answer) == (421, "dashboard_api.host.foreign")


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8750", "LOCALHOST"])
def test_loopback_names_are_ours(site, host):
    assert Browser(site.app).get("/v1/site", headers={"Host": host}).status_code == 200


def test_a_configured_name_is_ours(site):
    app = create_app(site.services, host_names=["Fengsui.district.gov.cn"])
    browser = Browser(app, "https://fengsui.district.gov.cn")
    assert browser.get("/v1/site").status_code == 200
    assert browser.post("/v1/login", json=LOGIN).status_code == 401


@pytest.mark.parametrize(
    "origin",
    [None, "null", "https://evil.example", "http://127.0.0.1:8751", "ftp://127.0.0.1:8750", "[",
     "http://127.0.0.1:8750@evil.example", "http://localhost:8750"],
)  # fmt: skip
def test_a_write_from_another_origin_is_refused(site, origin):
    answer = Browser(site.app).post("/v1/login", json=LOGIN, headers={"Origin": origin})
    assert problem(answer) == (403, "dashboard_api.origin.foreign")


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": None, "Sec-Fetch-Site": "cross-site"},
     {"Origin": None, "Sec-Fetch-Site": "same-site"}],
)  # fmt: skip
def test_a_stream_for_another_page_is_refused(site, headers):
    answer = site.officer().get("/v1/stream", headers=headers)
    assert problem(answer) == (403, "dashboard_api.origin.foreign")


def test_programs_may_leave_the_origin_out_but_pages_may_not_lie_about_it(site):
    browser = Browser(site.app)
    assert browser.post("/v1/batches", content=b"x", headers={"Origin": None}).status_code == 200
    answer = browser.post("/v1/batches", content=b"x", headers={"Origin": "https://evil.example"})
    assert problem(answer) == (403, "dashboard_api.origin.foreign")


def test_a_body_over_its_limit_is_refused_by_its_length_and_by_its_bytes(site):
    browser = Browser(site.app)
    long = b" " * (BODY_BYTES_MAX + 1)
    assert problem(browser.post("/v1/login", content=long)) == (413, "dashboard_api.body.too_large")

    async def chunks():
        for _ in range(3):
            yield long[: BODY_BYTES_MAX // 2]

    answer = browser.post("/v1/login", content=chunks())
    assert problem(answer) == (413, "dashboard_api.body.too_large")


def test_the_body_of_a_reading_has_the_same_limit(site):
    long = b" " * (BODY_BYTES_MAX + 1)

    async def chunks():
        for _ in range(3):
            yield long[: BODY_BYTES_MAX // 2]

    for body in (long, chunks()):
        answer = Browser(site.app).request("GET", "/v1/crypto/keys", content=body)
        assert problem(answer) == (413, "dashboard_api.body.too_large")


def test_batches_have_a_limit_of_their_own(site):
    browser = Browser(site.app)
    assert browser.post("/v1/batches", content=bytes(BODY_BYTES_MAX + 1)).status_code == 200
    said = {"Content-Length": str(guard.BATCHES_BYTES_MAX + 1)}
    answer = browser.post("/v1/batches", content=b"", headers=said)
    assert problem(answer) == (413, "dashboard_api.body.too_large")


def test_too_many_bodies_at_once_are_refused_and_their_room_comes_back(site, monkeypatch):
    monkeypatch.setattr(guard, "BUFFERED_BYTES_MAX", 100)
    browser = Browser(site.app)
    for _ in range(3):
        assert browser.post("/v1/batches", content=bytes(80)).status_code == 200
        answer = browser.post("/v1/batches", content=bytes(120))
        assert problem(answer) == (503, "dashboard_api.body.busy")


def test_a_body_that_does_not_come_is_given_up(site, monkeypatch):
    monkeypatch.setattr(guard, "BODY_SECONDS_MAX", 0.05)

    async def drip():
        yield b"{"
        await asyncio.sleep(10)

    answer = Browser(site.app).post("/v1/login", content=drip())
    assert problem(answer) == (408, "dashboard_api.body.slow")


def test_a_client_that_leaves_in_the_middle_is_no_crash(site):
    sent = []

    async def run():
        messages = [{"type": "http.request", "body": b"x", "more_body": True},
                    {"type": "http.disconnect"}]  # fmt: skip

        async def receive():
            return messages.pop(0)

        async def send(message):
            sent.append(message)

        headers = [(b"host", b"localhost"), (b"origin", b"http://localhost")]
        scope = {"type": "http", "method": "POST", "path": "/v1/login", "headers": headers,
                 "scheme": "http", "query_string": b""}  # fmt: skip
        await site.app(scope, receive, send)

    asyncio.run(run())
    assert sent[0]["status"] == 400


def test_every_answer_carries_the_security_headers(site):
    browser = Browser(site.app)
    for path in ("/", "/v1/site", "/v1/me", "/v1/nothing", "/openapi.json"):
        headers = browser.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert browser.get("/v1/site").headers["cache-control"] == "no-store"


def test_requests_are_counted_by_status(site):
    Browser(site.app).get("/v1/me")
    text = site.stream.metrics.text()
    assert 'fengsui_dashboard_api_requests_total{status="401"} 1' in text


def test_what_is_not_http_passes_by():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    one = guard.Guard(app, root_path="", host_names=(), metrics=Metrics())
    asyncio.run(one({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]


@given(st.text(max_size=80))
def test_no_host_header_breaks_the_check(text):
    assert isinstance(authority(text), str)
    with contextlib.suppress(FengsuiError):
        guard._check_host(text, guard.LOOPBACK)


def test_the_base_of_these_tests_is_loopback():
    assert authority(BASE.removeprefix("http://")) == "127.0.0.1"
