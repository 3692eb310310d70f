"""Restamping changes timestamps and nothing else; sessions and bursts stay as they were."""

import itertools
import random
import re

import pytest
from clock import Warp
from restamp import KINDS, Line, restamped, retime, rewrite

FIRST_S = 1795175996.0  # 2026-11-20 19:59:56 in Shanghai
WARP = Warp([(0.0, 4.0), (100.0, 40_004.0), (160.0, 40_604.0)])

SAMPLES = {
    "sshd": (
        b"Nov 24 03:26:32 gov-app-01 sshd[7]: Failed password for invalid user \xe5\xbc\xa0 from "
        b"127.20.9.5 port 40000 ssh2"
    ),
    "nginx_access": (
        b'127.20.9.5 - - [24/Nov/2026:03:26:32 +0800] "GET /a?d=[24/Nov/2026:03:26:32 +0800] '
        b'HTTP/1.1" 404 153 "-" "\\xE5\\xBC\\xA0"'
    ),
    "nginx_error": (
        b'2026/11/24 03:26:32 [error] 9#9: *3 open() "/srv/www/2026/11/24 03:26:32" failed'
    ),
    "postgresql_text": (
        b"2026-11-24 03:26:32.125 CST [9] a@b/c 127.0.0.1 LOG:  statement: SELECT\n"
        b"\t 1 -- 2026-11-24 03:26:32.125\n"
        b"2026-11-24 03:26:32.125 CST [9] a@b/c 127.0.0.1 DETAIL:  x"
    ),
    "postgresql_json": (
        b'{"timestamp":"2026-11-24 03:26:32.125 CST","pid":9,"session_id":"6b049364.126",'
        b'"session_start":"2026-11-24 03:26:30 CST","message":"at 2026-11-24 03:26:32.125 CST"}'
    ),
}
STAMPS = {
    "sshd": rb"^\w{3} [ \d]\d \d\d:\d\d:\d\d",
    "nginx_access": rb"(?<=- - )\[[^\]]+\]",
    "nginx_error": rb"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d",
    "postgresql_text": rb"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}",
    "postgresql_json": rb'(?<="timestamp":")[\d:. -]+|(?<="session_start":")[\d: -]+',
}


def _session(key: str, *times: float) -> list[Line]:
    return [Line(true_s=at, key=key, text=SAMPLES["sshd"]) for at in times]


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_timestamps_of_a_line_change(kind):
    line = Line(true_s=0, key="k", text=SAMPLES[kind], new_s=FIRST_S + 4.678)
    new = rewrite(kind, line, session_s=FIRST_S + 4.0)
    assert new != line.text
    assert re.sub(STAMPS[kind], b"T", new) == re.sub(STAMPS[kind], b"T", line.text)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("sshd", b"Nov 20 20:00:00 gov-app-01 "),
        ("nginx_access", b"127.20.9.5 - - [20/Nov/2026:20:00:00 +0800] "),
        ("nginx_error", b"2026/11/20 20:00:00 [error]"),
        ("postgresql_text", b"2026-11-20 20:00:00.678 CST [9]"),
        ("postgresql_json", b'{"timestamp":"2026-11-20 20:00:00.678 CST","pid":9'),
    ],
)
def test_the_new_time_is_written_in_the_form_of_its_server(kind, expected):
    line = Line(true_s=0, key="k", text=SAMPLES[kind], new_s=FIRST_S + 4.678)
    assert rewrite(kind, line, session_s=FIRST_S).startswith(expected)


def test_a_day_below_ten_keeps_the_second_place_of_syslog():
    line = Line(true_s=0, key="k", text=SAMPLES["sshd"], new_s=FIRST_S + 11 * 86_400)
    assert rewrite("sshd", line, session_s=FIRST_S).startswith(b"Dec  1 19:59:56 ")


@pytest.mark.parametrize("kind", ["sshd", "nginx_access", "nginx_error", "postgresql_json"])
def test_a_line_without_its_timestamp_is_an_error(kind):
    with pytest.raises(ValueError, match="no timestamp"):
        rewrite(kind, Line(true_s=0, key="k", text=b"no time here"), session_s=0)


def test_a_burst_in_one_connection_keeps_its_true_distances():
    burst = _session("ssh 127.0.0.1 1", 50.0, 50.03, 50.1, 50.12)
    retime(burst, WARP, first_s=FIRST_S)
    begin = burst[0].new_s
    assert begin == FIRST_S + WARP(50.0)
    distances = [round(line.new_s - begin, 6) for line in burst]
    assert distances == [0.0, 0.03, 0.1, 0.12]


def test_guess_then_success_keeps_its_sequence_across_connections():
    tries = [_session(f"ssh 127.0.0.1 {n}", 110.0 + n * 0.3)[0] for n in range(20)]
    retime(tries, WARP, first_s=FIRST_S)
    new = [line.new_s for line in tries]
    assert new == sorted(new)
    # The pace near an attack is ten here: 0.3 true seconds are three recorded ones.
    assert all(2.9 < later - earlier < 3.1 for earlier, later in itertools.pairwise(new))


def test_order_inside_a_connection_never_changes_for_any_times():
    for seed in range(200):
        dice = random.Random(seed)
        lines = [
            Line(true_s=dice.uniform(-2, 165), key=f"k{dice.randrange(4)}", text=b"")
            for _ in range(60)
        ]
        retime(lines, WARP, first_s=FIRST_S)
        for key in {line.key for line in lines}:
            session = sorted((x for x in lines if x.key == key), key=lambda x: x.true_s)
            new = [line.new_s for line in session]
            assert new == sorted(new), f"seed {seed}"


def test_a_file_comes_out_sorted_whole_and_the_same_each_time():
    def once() -> list[bytes]:
        dice = random.Random(3)
        lines = [
            Line(true_s=dice.uniform(0, 160), key=f"k{n % 7}", text=SAMPLES["sshd"] + b" %d" % n)
            for n in range(300)
        ]
        lines.sort(key=lambda line: line.true_s)
        retime(lines, WARP, first_s=FIRST_S)
        ordered = restamped("sshd", lines)
        assert len(ordered) == 300
        times = [line.new_s for line, _ in ordered]
        assert times == sorted(times)
        return [text for _, text in ordered]

    assert once() == once()
    assert {text.rsplit(b" ", 1)[1] for text in once()} == {b"%d" % n for n in range(300)}


def test_lines_of_one_moment_keep_their_order():
    lines = [Line(true_s=5.0, key="k", text=SAMPLES["sshd"] + b" %d" % n) for n in range(9)]
    retime(lines, WARP, first_s=FIRST_S)
    assert [text[-1:] for _, text in restamped("sshd", lines)] == [b"%d" % n for n in range(9)]


def test_a_json_session_starts_at_its_first_line():
    lines = [
        Line(true_s=at, key="share 127.0.0.1 1", text=SAMPLES["postgresql_json"])
        for at in (10.0, 10.05, 90.0)
    ]
    retime(lines, WARP, first_s=FIRST_S)
    texts = [text for _, text in restamped("postgresql_json", lines)]
    starts = {re.search(rb'"session_start":"([^"]+)"', text)[1] for text in texts}
    assert starts == {b"2026-11-20 21:06:40 CST"}
