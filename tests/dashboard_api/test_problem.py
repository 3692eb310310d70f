import msgspec
import pytest

from dashboard_api.problem import respond
from dashboard_api.statuses import status_of
from dashboard_api.titles import TITLES, title_of
from schema.errors import FengsuiError


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("schema.batch.out_of_order", 409),
        ("schema.batch.forked", 409),
        ("schema.batch.signature_invalid", 403),
        ("schema.batch.malformed", 400),
        ("schema.filter.malformed", 400),
        ("collector.batch.too_large", 413),
        ("collector.batch.unenrolled", 403),
        ("collector.alert.unknown", 404),
        ("collector.client.unknown", 401),
        ("dashboard_api.login.locked", 429),
        ("dashboard_api.session.missing", 401),
        ("dashboard_api.permission.missing", 403),
        ("somebody.elses.reason", 400),
    ],
)
def test_an_error_code_has_one_status(code, status):
    assert status_of(code) == status
    assert status in TITLES


def test_a_problem_carries_code_detail_and_params():
    error = FengsuiError("dashboard_api.login.locked", "wait", retry_seconds=60)
    response = respond(error, languages="en")
    assert response.media_type == "application/problem+json"
    assert response.headers["retry-after"] == "60"
    assert response.headers["cache-control"] == "no-store"
    assert msgspec.json.decode(response.body) == {
        "type": "urn:fengsui:problem:dashboard_api.login.locked",
        "title": "Too many attempts",
        "status": 429,
        "code": "dashboard_api.login.locked",
        "detail": "wait",
        "params": {"retry_seconds": 60},
    }


def test_titles_exist_in_both_languages():
    for status, (chinese, english) in TITLES.items():
        assert title_of(status, "zh-CN,en;q=0.5") == chinese
        assert title_of(status, "en-US") == english
        assert chinese.isprintable()
        assert english.isascii()
    assert title_of(418, "") == TITLES[400][1]
    assert title_of(599, "") == TITLES[500][1]


@pytest.mark.parametrize("languages", ["", "*", "fr", "en", "zh-CN", "ZH"])
def test_title_and_detail_are_in_the_same_language(languages):
    error = FengsuiError("dashboard_api.session.missing", "nobody is signed in")
    told = msgspec.json.decode(respond(error, languages=languages).body)
    assert told["title"].isascii() == told["detail"].isascii()
