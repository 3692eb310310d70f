"""Lines of real machines: only their times are moved, and each is written as rsyslog does."""

from __future__ import annotations

from pathlib import Path

import pytest
from district.calendar import SECOND_US

pytest.importorskip("pg8000", reason="pg8000 is not installed (range/README.md)")
pytest.importorskip("paramiko", reason="paramiko is not installed (range/README.md)")

from living.daily.pages import AccessLog
from living.daily.stamp import combined, rfc3339
from living.daily.syslog import line_of
from living.daily.wire import query

from sensors.packets.dns import question

AT = 1_794_900_000 * SECOND_US + 250_000
ACCESS = (
    '198.18.0.3 - - [26/Nov/2026:07:40:01 +0800] "GET /a?t=[26/Nov/2026:07:40:02%20+0800] HTTP/1.1"'
    ' 200 12 "-" "[26/Nov/2026:07:40:03 +0800]"'
)


def test_an_access_line_is_moved_by_the_time_in_its_place_alone() -> None:
    assert combined(ACCESS, AT) == ACCESS.replace(
        "26/Nov/2026:07:40:01", "17/Nov/2026:15:20:00", 1
    )  # fmt: skip


@pytest.mark.parametrize("stamp", [combined, rfc3339])
def test_a_line_without_a_time_is_refused(stamp) -> None:
    with pytest.raises(ValueError, match="no time in its place"):
        stamp("web-01 sshd[1]: x", AT)


def test_a_packet_becomes_a_line_of_auth_log() -> None:
    line = line_of(b"<86>Nov 26 07:36:33 sshd[12]: first\nsecond\n\0", "web-01", AT)
    assert line == "2026-11-17T15:20:00.250000+08:00 web-01 sshd[12]: first#012second"
    assert rfc3339(line, AT + 1) == line.replace(".250000", ".250001")


def test_what_is_of_no_login_goes_to_another_file() -> None:
    assert line_of(b"<78>Nov 26 07:36:33 CRON[12]: (root) CMD (true)", "web-01", AT) is None
    with pytest.raises(ValueError, match="not a local syslog packet"):
        line_of(b"hello", "web-01", AT)


def test_a_line_is_never_older_than_its_request(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = AccessLog("web-web-01", path)
    log.asked(100.0006)
    log.asked(100.5)
    path.write_text("one\ntwo\n", encoding="ascii")
    path.with_name("log.side").write_text("100.000\n100.502\n", encoding="ascii")
    assert list(log.read()) == [(100.0006, "one"), (100.502, "two")]


def test_a_question_is_what_the_packet_view_reads() -> None:
    asked = question(query("a1.t.cdn-sync.example", "NULL"))
    assert asked is not None
    assert (asked.name, asked.type) == ("a1.t.cdn-sync.example", "NULL")
