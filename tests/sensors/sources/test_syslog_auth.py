"""auth.log: heads, years and zones; and the whole of a true log of attacks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from schema import times
from sensors.sources import Context
from sensors.sources.syslog_auth import SyslogAuth


def test_a_classic_line_gives_all_fields(read) -> None:
    line = (
        "Nov 20 20:13:05 gov-app-01 sshd[529]: Failed password for invalid user admin "
        "from 127.20.2.43 port 37329 ssh2"
    )
    assert read("syslog_auth", line) == [
        {
            "@timestamp": "2026-11-20T12:13:05.000000Z",
            "event.action": "ssh_login",
            "event.category": ["authentication"],
            "event.dataset": "system.auth",
            "event.original": line,
            "event.outcome": "failure",
            "event.reason": "invalid_user",
            "gov.auth.method": "password",
            "host.name": "gov-app-01",
            "process.name": "sshd",
            "process.pid": 529,
            "source.ip": "127.20.2.43",
            "source.port": 37329,
            "user.name": "admin",
        }
    ]


@pytest.mark.parametrize(
    ("stamp", "utc"),
    [
        ("2026-11-20T20:13:05.123456+08:00", "2026-11-20T12:13:05.123456Z"),
        ("2026-11-20T20:13:05+0800", "2026-11-20T12:13:05.000000Z"),
        ("2026-11-20T20:13:05.5Z", "2026-11-20T20:13:05.500000Z"),
        ("2026-11-20T20:13:05.123456789-03:30", "2026-11-20T23:43:05.123456Z"),
        ("Nov 20 20:13:05", "2026-11-20T12:13:05.000000Z"),
        ("Dec  1 00:00:00", "2025-11-30T16:00:00.000000Z"),  # not yet: last year's
        ("Nov 24 10:00:00", "2026-11-24T02:00:00.000000Z"),  # a clock up to a day ahead
        ("Nov 25 10:00:00", "2025-11-25T02:00:00.000000Z"),
        ("Feb 29 10:00:00", "2024-02-29T02:00:00.000000Z"),
    ],
)
def test_times_are_told_in_utc(read, stamp: str, utc: str) -> None:
    for fields in read("syslog_auth", *[f"{stamp} h sshd[1]: x"] * 2):
        assert fields["@timestamp"] == utc


@pytest.mark.parametrize(
    "stamp", ["Nov 31 10:00:00", "Nox 20 10:00:00", "Nov 20 10:00:60", "2026-13-01T10:00:00Z"]
)
def test_a_wrong_time_is_unparsed(read, stamp: str) -> None:
    good = "Nov 20 10:00:01 h sshd[1]: x"
    assert read("syslog_auth", good, f"{stamp} h sshd[1]: x")[1]["event.action"] == "unparsed"


def test_the_year_follows_the_clock_of_a_source_that_lives_long() -> None:
    now = times.from_text("2026-12-31T15:59:00.000000Z")
    clock = iter([now, now + 2 * times.DAY])
    context = Context(host="h", utc_offset_minutes=480, now=lambda: next(clock))
    form = SyslogAuth()
    (before,) = form.parse([b"Dec 31 23:59:30 h sshd[1]: x"], context)
    (after,) = form.parse([b"Jan  1 00:00:30 h sshd[1]: x"], context)
    assert before["@timestamp"] == "2026-12-31T15:59:30.000000Z"
    assert after["@timestamp"] == "2026-12-31T16:00:30.000000Z"


def test_the_split_server_of_new_openssh_is_one_program(read) -> None:
    session, auth = read(
        "syslog_auth",
        "Nov 20 20:13:05 h sshd-session[5]: Accepted publickey for a from 10.0.0.1 port 1 ssh2",
        "Nov 20 20:13:05 h sshd-auth[5]: Invalid user b from 10.0.0.1 port 2",
    )
    assert session["process.name"] == auth["process.name"] == "sshd"


def test_a_repeated_message_is_read_and_says_how_often(read) -> None:
    (fields,) = read(
        "syslog_auth",
        "Dec 10 07:13:56 LabSZ sshd[24227]: message repeated 5 times: "
        "[ Failed password for root from 5.36.59.76 port 42393 ssh2]",
    )
    assert fields["event.action"] == "ssh_login"
    assert fields["labels.repeated"] == 5
    assert fields["source.ip"] == "5.36.59.76"


def test_tags_without_a_process_number_are_read(read) -> None:
    (fields,) = read(
        "syslog_auth",
        "Nov 20 20:03:04 h sudo: pam_unix(sudo:session): session closed for user root",
    )
    assert fields["process.name"] == "sudo"
    assert "process.pid" not in fields
    assert fields["event.action"] == "session_closed"


SAMPLES = Path(__file__).parents[4] / "shared" / "data" / "loghub" / "OpenSSH_2k.log"


@pytest.mark.skipif(not SAMPLES.exists(), reason="the public OpenSSH sample is not on this machine")
def test_two_thousand_true_lines_of_attacks_are_told_apart(read) -> None:
    events = read("syslog_auth", *SAMPLES.read_bytes().splitlines())
    actions = Counter(fields["event.action"] for fields in events)
    assert actions == {
        "pam_auth": 646,
        "ssh_login": 525,
        "ssh_disconnect": 468,
        "log": 209,
        "ssh_invalid_user": 113,
        "ssh_connection_closed": 34,
        "ssh_max_attempts": 3,
        "session_opened": 1,
        "session_closed": 1,
    }
    assert all("source.ip" in fields for fields in events if fields["event.action"] == "ssh_login")
