"""nginx's error log: the client it names is nginx's word, not the client's."""

from __future__ import annotations


def test_a_true_line_gives_all_fields(read) -> None:
    line = (
        "2026/11/23 13:16:12 [error] 27214#27214: *3 connect() failed (111: Connection refused) "
        'while connecting to upstream, client: 127.0.0.1, server: , request: "GET /u HTTP/1.1", '
        'upstream: "http://127.0.0.1:1/u", host: "127.0.0.1:18088", referrer: "http://a/"'
    )
    assert read("nginx_error", line) == [
        {
            "@timestamp": "2026-11-23T05:16:12.000000Z",
            "event.action": "http_error",
            "event.dataset": "nginx.error",
            "event.original": line,
            "host.name": "gov-app-01",
            "http.request.method": "GET",
            "http.request.referrer": "http://a/",
            "http.version": "1.1",
            "log.level": "error",
            "message": "connect() failed (111: Connection refused) while connecting to upstream",
            "process.pid": 27214,
            "source.ip": "127.0.0.1",
            "url.original": "/u",
            "url.path": "/u",
        }
    ]


def test_a_file_name_or_referrer_that_plays_the_client_is_not_believed(read) -> None:
    head = '2026/11/23 13:16:12 [error] 2#2: *3 open() "/www/x, client: 9.9.9.9, server: y" failed'
    (fields,) = read(
        "nginx_error",
        f'{head}, client: 127.0.0.1, server: s, request: "GET /x HTTP/1.1", host: "h", '
        'referrer: "a, client: 8.8.8.8, server: z"',
    )
    assert fields["source.ip"] == "127.0.0.1"
    assert fields["url.path"] == "/x"


def test_lines_of_a_back_end_continue_the_record(read) -> None:
    events = read(
        "nginx_error",
        '2026/11/23 13:16:12 [error] 2#2: *3 FastCGI sent in stderr: "PHP message: one',
        'two" while reading, client: 10.0.0.1, server: s, request: "GET / HTTP/1.1"',
        "2026/11/23 13:16:13 [notice] 1#1: signal 15 received",
    )
    assert [fields["log.level"] for fields in events] == ["error", "notice"]
    assert events[0]["message"] == 'FastCGI sent in stderr: "PHP message: one\ntwo" while reading'
    assert events[0]["source.ip"] == "10.0.0.1"
    assert events[1]["message"] == "signal 15 received"
