"""nginx's access log: true lines, their traps, and what each becomes."""

from __future__ import annotations

import pytest

from sensors.sources.nginx_access import decoded_path, request_fields


def test_a_true_combined_line_gives_all_fields(read) -> None:
    line = (
        '127.0.0.1 - - [23/Nov/2026:13:16:12 +0000] "GET /none?id=1%27%20OR%201=1 HTTP/1.1" '
        '404 153 "-" "sqlmap/1.8"'
    )
    assert read("nginx_access", line) == [
        {
            "@timestamp": "2026-11-23T13:16:12.000000Z",
            "event.action": "http_request",
            "event.dataset": "nginx.access",
            "event.original": line,
            "event.outcome": "failure",
            "host.name": "gov-app-01",
            "http.request.method": "GET",
            "http.response.body.bytes": 153,
            "http.response.status_code": 404,
            "http.version": "1.1",
            "source.ip": "127.0.0.1",
            "url.original": "/none?id=1%27%20OR%201=1",
            "url.path": "/none",
            "url.query": "id=1%27%20OR%201=1",
            "user_agent.original": "sqlmap/1.8",
        }
    ]


def line(
    request: str = "GET / HTTP/1.1", *, head: str = "10.0.0.1 - -", rest: str = '"-" "a"'
) -> str:
    return f'{head} [20/Nov/2026:20:13:05 +0800] "{request}" 200 5 {rest}'


def test_the_zone_of_the_line_counts_not_the_sources(read) -> None:
    (fields,) = read("nginx_access", line())
    assert fields["@timestamp"] == "2026-11-20T12:13:05.000000Z"


def test_user_and_referrer_are_kept_where_there_are_any(read) -> None:
    (fields,) = read("nginx_access", line(head="::1 - 王 五", rest='"http://a/" "Mozilla/5.0"'))
    assert fields["user.name"] == "王 五"
    assert fields["http.request.referrer"] == "http://a/"
    assert fields["source.ip"] == "::1"


@pytest.mark.parametrize(
    "request_text", [r"\x16\x03\x01\x02", "", "-", "GET", "hello world", "get / HTTP/1.1x y"]
)
def test_a_request_that_is_none_is_still_an_event(read, request_text: str) -> None:
    (fields,) = read("nginx_access", line(request_text))
    assert fields["event.action"] == "http_request"
    assert "http.request.method" not in fields


def test_what_a_site_appends_and_apaches_escaped_quotes_are_read(read) -> None:
    appended, escaped = read(
        "nginx_access",
        line(rest='"-" "a" "203.0.113.9" 0.004'),
        line(rest=r'"say \"hi\"" "agent \"x\" y"'),
    )
    assert appended["user_agent.original"] == "a"
    assert escaped["http.request.referrer"] == r"say \"hi\""
    assert escaped["user_agent.original"] == r"agent \"x\" y"


@pytest.mark.parametrize(
    "bad",
    [
        line().replace("Nov", "Nox"),
        line().replace("20/Nov", "31/Nov"),
        line().replace("20:13:05", "20:61:05"),
        line().replace("+0800", "+9900"),
        line().replace(" 200 ", " 2x0 "),
        '10.0.0.1 - - [20/Nov/2026:20:13:05 +0800] "GET / HTTP/1.1" 200',
    ],
)
def test_a_line_with_a_wrong_part_is_unparsed(read, bad: str) -> None:
    assert read("nginx_access", bad)[0]["event.action"] == "unparsed"


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("/a/%E5%BC%A0", "/a/张"),
        ("/%2e%2e%2fetc", "/../etc"),
        ("/%252e", "/%2e"),
        ("/%ff%C0%AF", "/\\xff\\xc0\\xaf"),
        ("/a%00b", "/a\\x00b"),
        (r"/\xE5\xBC\xA0", "/张"),
        ("/100%", "/100%"),
    ],
)
def test_paths_are_decoded_once(written: str, path: str) -> None:
    assert decoded_path(written) == path


def test_an_old_request_without_a_version_and_one_with_spaces_are_read() -> None:
    assert request_fields("GET /a")["http.version"] == "0.9"
    assert request_fields("GET /a b?c d HTTP/1.1")["url.original"] == "/a b?c d"
    assert request_fields("GET /? HTTP/1.1")["url.query"] == ""


def test_a_repeated_request_gives_fields_of_its_own(read) -> None:
    one, two = read("nginx_access", line(), line())
    one["url.path"] = "changed"
    assert two["url.path"] == "/"
