"""Data operations through the whole app, with a signing service that tells what it was asked."""

import asyncio
import dataclasses

import pytest
from standin import BASE, Browser, problem

from dashboard_api import guard
from dashboard_api.app import create_app
from dashboard_api.door import BODY_BYTES_MAX, data_entries
from dashboard_api.signing import shf
from dashboard_api.signing.call import Reply
from dashboard_api.signing.refusal import busy, reply_to

TOKEN = {"Authorization": "Bearer fsk1.payments.x", "Origin": None}
SIGN = "/v1/crypto/sign"


class FakeSigning:
    def __init__(self):
        self.asked = []
        self.reply = Reply(1, 200, b'{"signature":"x"}')

    async def call(self, operation, **rest):
        self.asked.append((operation.value, rest))
        return self.reply


@pytest.fixture
def signing():
    return FakeSigning()


def app_of(site, signing, **more):
    services = dataclasses.replace(site.services, signing=signing)
    return create_app(services, webui=None, **more)


@pytest.fixture
def browser(site, signing):
    return Browser(app_of(site, signing))


@pytest.mark.parametrize("path", sorted(data_entries()))
def test_every_data_operation_reaches_the_signing_process_as_it_was_sent(browser, signing, path):
    answer = browser.post(f"{path}?a=%20b", content=b"\x00{", headers=TOKEN)
    assert (answer.status_code, answer.json()) == (200, {"signature": "x"})
    assert answer.headers["content-type"] == "application/json"
    ((operation, asked),) = signing.asked
    assert operation == data_entries()[path].operation.value
    assert (asked["method"], asked["target"], asked["body"]) == ("POST", f"{path}?a=%20b", b"\x00{")
    assert asked["authorization"] == TOKEN["Authorization"]


def test_under_a_prefix_the_target_is_still_what_was_sent(site, signing):
    browser = Browser(app_of(site, signing, root_path="/here/"))
    assert browser.post(f"/here{SIGN}", headers=TOKEN).status_code == 200
    assert signing.asked[0][1]["target"] == f"/here{SIGN}"


def test_a_refusal_of_the_signing_process_keeps_its_status_and_says_when_to_come(browser, signing):
    signing.reply = reply_to(1, busy(3), "en")
    answer = browser.post(SIGN, headers=TOKEN)
    assert problem(answer) == (503, "dashboard_api.signing.busy")
    assert answer.headers["retry-after"] == "3"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_another_method_is_refused_and_the_right_one_named(browser, signing, method):
    answer = browser.request(method, SIGN, headers=TOKEN)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert signing.asked == []


def test_a_session_alone_is_no_credential(site, signing):
    officer = site.officer(app=app_of(site, signing))
    for origin in (BASE, None):
        answer = officer.post(SIGN, headers={"Origin": origin})
        assert problem(answer) == (401, "dashboard_api.credential.missing")
        assert "www-authenticate" in answer.headers
    assert signing.asked == []


def test_a_page_of_another_origin_is_refused_whatever_it_carries(browser, signing):
    for origin in ("https://evil.example", "null"):
        answer = browser.post(SIGN, headers=TOKEN | {"Origin": origin})
        assert problem(answer) == (403, "dashboard_api.origin.foreign")
    assert browser.post(SIGN, headers=TOKEN | {"Origin": BASE}).status_code == 200
    assert len(signing.asked) == 1


def test_a_host_name_that_is_not_ours_is_refused(browser, signing):
    answer = browser.post(SIGN, headers=TOKEN | {"Host": "evil.example"})
    assert problem(answer) == (421, "dashboard_api.host.foreign")
    assert signing.asked == []


def test_a_body_of_256_items_is_taken_and_one_over_the_limit_is_not(browser, signing):
    assert browser.post(SIGN, headers=TOKEN, content=bytes(BODY_BYTES_MAX)).status_code == 200
    answer = browser.post(SIGN, headers=TOKEN, content=bytes(BODY_BYTES_MAX + 1))
    assert problem(answer) == (413, "dashboard_api.body.too_large")
    assert len(signing.asked) == 1


def test_too_many_bodies_at_once_are_refused_and_their_room_comes_back(browser, monkeypatch):
    monkeypatch.setattr(guard, "BUFFERED_BYTES_MAX", 100)
    for _ in range(3):
        assert browser.post(SIGN, headers=TOKEN, content=bytes(80)).status_code == 200
        answer = browser.post(SIGN, headers=TOKEN, content=bytes(120))
        assert problem(answer) == (503, "dashboard_api.body.busy")


def test_a_data_answer_carries_the_headers_of_every_other(browser):
    page, data = browser.get("/v1/site"), browser.post(SIGN, headers=TOKEN)
    for name, value in guard.SECURITY_HEADERS:
        assert data.headers[name] == page.headers[name] == value
    assert data.headers["cache-control"] == "no-store"


def test_over_tls_it_names_strict_transport(site, signing):
    browser = Browser(app_of(site, signing), BASE.replace("http:", "https:"))
    answer = browser.post(SIGN, headers=TOKEN)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_data_calls_are_counted_by_status(site, browser):
    browser.post(SIGN, headers=TOKEN)
    text = site.stream.metrics.text()
    assert 'fengsui_dashboard_api_requests_total{status="200"} 1' in text


def test_foreign_forms_are_answered_where_they_are_wanted_and_only_there(site, signing):
    path, (operation, form) = next(iter(shf.PATHS.items()))
    answer = Browser(app_of(site, signing)).post(path, headers=TOKEN | {"Origin": BASE})
    assert answer.status_code in (404, 405)
    assert signing.asked == []
    site.services = dataclasses.replace(site.services, foreign_forms=True)
    browser = Browser(app_of(site, signing))
    answer = browser.post(path, headers=TOKEN, content=b"{}")
    assert answer.headers["content-type"] == shf.media_type(form, b"{}")
    assert signing.asked[-1][0] == operation.value
    assert signing.asked[-1][1]["form"] == form
    signing.reply = reply_to(1, busy(3), "en")
    assert problem(browser.post(path, headers=TOKEN)) == (503, "dashboard_api.signing.busy")
    assert path in browser.get("/openapi.json").json()["paths"]


def test_where_nobody_signs_every_path_says_so(site):
    answer = Browser(site.app).post(SIGN, headers=TOKEN)
    assert problem(answer) == (404, "dashboard_api.signing.absent")


def test_a_program_manages_without_an_origin_only_by_its_credential(browser):
    answer = browser.post("/v1/crypto/nothing", headers=TOKEN)
    assert problem(answer) == (404, "dashboard_api.path.unknown")
    answer = browser.post("/v1/crypto/nothing", headers={"Origin": None})
    assert problem(answer) == (403, "dashboard_api.origin.foreign")
    answer = browser.post("/v1/login", headers=TOKEN)
    assert problem(answer) == (403, "dashboard_api.origin.foreign")


def send_raw(app, path, headers):
    """The status of a request whose headers are sent as they stand, repeated ones too."""
    told = []

    async def receive():
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message):
        told.append(message)

    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": headers, "scheme": "http", "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1), "http_version": "1.1",
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return told[0]["status"]


@pytest.mark.parametrize("path", [SIGN, "/v1/crypto/keys"])
@pytest.mark.parametrize("repeated", [b"authorization", b"host"])
def test_a_header_that_could_be_read_two_ways_is_refused(site, signing, path, repeated):
    headers = [(b"host", b"127.0.0.1"), (b"authorization", b"Bearer fsk1.payments.x")]
    again = next(one for one in headers if one[0] == repeated)
    assert send_raw(app_of(site, signing), path, [*headers, again]) == 400
    assert signing.asked == []
