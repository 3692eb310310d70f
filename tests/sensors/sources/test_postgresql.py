"""PostgreSQL: one meaning in three forms, and no form lets a client write entries."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.sources.postgresql import time_of_text
from sensors.sources.postgresql_csv import PostgresqlCsv

STAMP = "2026-11-23 13:16:22.179 CST"
UTC = "2026-11-23T05:16:22.179000Z"


def text_line(level: str, message: str) -> str:
    return f"{STAMP} [27374] pay@postgres/app 127.0.0.1 {level}:  " + message.replace("\n", "\n\t")


def csv_line(level: str, message: str, *, code: str = "", statement: str = "") -> str:
    cells = [STAMP, "pay", "postgres", "27374", "127.0.0.1:39952", "6b0.6a", "2", "", STAMP, "3/5"]
    cells += ["0", level, code, message, "", "", "", "", "", statement, "", "", "app"]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([*cells, "client backend", "", "0"])
    return out.getvalue()[:-1]


def json_line(level: str, message: str, *, code: str = "", statement: str = "") -> str:
    told = {"timestamp": STAMP, "user": "pay", "dbname": "postgres", "pid": 27374}
    told |= {"remote_host": "127.0.0.1", "remote_port": 39952, "error_severity": level}
    told |= {"message": message, "application_name": "app", "query_id": 0}
    if code:
        told["state_code"] = code
    if statement:
        told["statement"] = statement
    return json.dumps(told, ensure_ascii=False)


MEANINGS = [
    ("LOG", "", "connection received: host=127.0.0.1 port=4", "db_connection_received"),
    ("LOG", "", "connection authorized: user=pay database=p application_name=x", "db_login"),
    ("LOG", "", "disconnection: session time: 0:00:00.010 user=a database=b host=127.0.0.1 port=4",
     "db_disconnection"),
    ("FATAL", "28P01", 'password authentication failed for user "pay"', "db_login"),
    ("FATAL", "28000", 'no pg_hba.conf entry for host "1.2.3.4", user "x"', "db_login"),
    ("FATAL", "28000", 'role "nobody" does not exist', "db_login"),
    ("FATAL", "3D000", 'database "nope" does not exist', "db_login"),
    ("ERROR", "42501", "permission denied for table api_secret", "db_permission_denied"),
    ("ERROR", "42501", "must be superuser to create superusers", "db_permission_denied"),
    ("ERROR", "42601", 'syntax error at or near "FORM"', "db_syntax_error"),
    ("ERROR", "42601", 'unterminated quoted string at or near "\'"', "db_syntax_error"),
    ("ERROR", "42P01", 'relation "nope" does not exist at character 15', "db_undefined"),
    ("ERROR", "42703", 'column "x" does not exist at character 8', "db_undefined"),
    ("ERROR", "42703", "column t.x does not exist", "db_undefined"),
    ("ERROR", "42883", "function pg_sleep_(integer) does not exist", "db_undefined"),
    ("ERROR", "42883", "operator does not exist: text = integer", "db_undefined"),
    ("ERROR", "", "deadlock detected", "db_error"),
    ("LOG", "", "statement: SELECT 1", "db_statement"),
    ("LOG", "", "execute <unnamed>: SELECT 1", "db_statement"),
    ("LOG", "", "duration: 0.123 ms  statement: SELECT 1", "db_statement"),
    ("LOG", "", "duration: 0.123 ms", "db_statement"),
    ("LOG", "", "checkpoint starting: time", "log"),
    ("WARNING", "", "there is no transaction in progress", "log"),
]  # fmt: skip


@pytest.mark.parametrize(("level", "code", "message", "action"), MEANINGS)
def test_every_form_gives_a_message_the_same_meaning(read, level, code, message, action) -> None:
    forms = {
        "postgresql_text": text_line(level, message),
        "postgresql_csv": csv_line(level, message, code=code),
        "postgresql_json": json_line(level, message, code=code),
    }
    for name, line in forms.items():
        (fields,) = read(name, line)
        told = {
            "@timestamp": UTC,
            "event.action": action,
            "event.dataset": "postgresql.log",
            "event.original": line,
            "gov.db.application": "app",
            "gov.db.name": "postgres",
            "host.name": "gov-app-01",
            "log.level": level,
            "process.pid": 27374,
            "source.ip": "127.0.0.1",
            "user.name": "pay",
        }
        assert {key: fields.get(key) for key in told} == told
        assert fields.get("event.code", "") == code
        if level in {"ERROR", "FATAL"}:
            assert fields["event.outcome"] == "failure"
            assert fields["message"] == message
        if "SELECT" in message:
            assert fields["gov.db.statement"] == "SELECT 1"
        if "duration" in message:
            assert fields["event.duration"] == 123_000


def test_a_statement_over_several_lines_is_one_event_in_every_form(read) -> None:
    message = 'statement: SELECT "a",\n 1 -- 张\n2026-11-23 13:16:22.179 CST,"evil"'
    for name, line in (
        ("postgresql_text", text_line("LOG", message)),
        ("postgresql_csv", csv_line("LOG", message)),
        ("postgresql_json", json_line("LOG", message)),
    ):
        (fields, after) = read(name, *line.split("\n"), _next(name))
        assert fields["gov.db.statement"] == message.removeprefix("statement: ")
        assert after["event.action"] == "log"


def _next(name: str) -> str:
    forms = {"postgresql_text": text_line, "postgresql_csv": csv_line, "postgresql_json": json_line}
    return forms[name]("LOG", "x")


def test_the_erring_statement_stands_with_the_error_where_the_form_has_it(read) -> None:
    (fields,) = read(
        "postgresql_csv", csv_line("ERROR", "no", code="42601", statement="SELECT\n1 FORM t")
    )
    assert fields["gov.db.statement"] == "SELECT\n1 FORM t"
    error, statement = read(
        "postgresql_text", text_line("ERROR", "no"), text_line("STATEMENT", "SELECT 1 FORM t")
    )
    assert "gov.db.statement" not in error
    assert statement["event.action"] == "db_statement_context"
    assert statement["gov.db.statement"] == "SELECT 1 FORM t"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("[1] LOG:  x", {"process.pid": 1}),
        ("[1] a@b LOG:  x", {"user.name": "a", "gov.db.name": "b"}),
        ("[1] [unknown]@[unknown]/[unknown] 10.0.0.1 LOG:  x", {"source.ip": "10.0.0.1"}),
        ("[1] a@b/my app 10.0.0.1 LOG:  x", {"gov.db.application": "my app"}),
        ("[1] a@b/psql [local] LOG:  x", {"gov.db.application": "psql"}),
        ("[1] a@b/LOG:  evil 10.0.0.1 LOG:  x", {"message": "x", "source.ip": "10.0.0.1"}),
        ("[1] a@b/psql 10.0.0.1 错误:  x", {"log.level": "ERROR"}),
    ],
)
def test_prefixes_of_the_text_form_are_read(read, head: str, expected: dict[str, object]) -> None:
    (fields,) = read("postgresql_text", f"{STAMP} {head}")
    assert {name: fields.get(name) for name in expected} == expected
    assert fields["message"] == "x"
    assert "[unknown]" not in fields.values()


def test_a_local_client_has_no_address(read) -> None:
    line = json_line("LOG", "x").replace("127.0.0.1", "[local]").replace("39952", "0")
    (fields,) = read("postgresql_json", line)
    assert "source.ip" not in fields
    assert "source.port" not in fields


def test_the_true_lines_of_the_reference_are_read(read) -> None:
    (fields,) = read(
        "postgresql_csv",
        '2026-11-23 13:16:22.179 UTC,"pay","postgres",27374,"127.0.0.1:39952",6b043ca6.6aee,2,'
        '"authentication",2026-11-23 13:16:22 UTC,3/5,0,FATAL,28P01,"password authentication '
        'failed for user ""pay""","Connection matched pg_hba.conf line 91: ""host ... '
        'scram-sha-256""",,,,,,,,"","client backend",,0',
    )
    assert fields["event.action"] == "db_login"
    assert (fields["source.ip"], fields["source.port"]) == ("127.0.0.1", 39952)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-23 13:16:22.179 UTC", "2026-11-23T13:16:22.179000Z"),
        ("2026-11-23 13:16:22 GMT", "2026-11-23T13:16:22.000000Z"),
        ("2026-11-23 13:16:22.179 CST", UTC),
        ("2026-11-23 13:16:22.179 +08", UTC),
        ("2026-11-23 13:16:22.179 -0330", "2026-11-23T16:46:22.179000Z"),
        ("2026-11-23 13:16:22.179 XYZ", "2026-11-23T12:16:22.179000Z"),
        ("2026-11-31 13:16:22 UTC", ""),
        ("2026-11-23 13:16:22 +99", ""),
        ("yesterday", ""),
    ],
)
def test_zones_are_told(text: str, utc: str) -> None:
    assert time_of_text(text, default=60) == utc


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_csv_records_are_framed_whatever_the_messages_hold(messages: list[str]) -> None:
    messages = [message.replace("\r", "").replace("\0", "") for message in messages]
    form, count = PostgresqlCsv(), 0
    for message in messages:
        for line in csv_line("LOG", f"statement: {message}").split("\n"):
            count += form.begins(line.encode())
    assert count == len(messages)


def test_a_quote_that_never_closes_is_given_up_after_a_mebibyte() -> None:
    form = PostgresqlCsv()
    good = csv_line("LOG", "x").encode()
    assert form.begins(b'"open')
    for _ in range(5):
        assert not form.begins(b"x" * 250_000)
    assert not form.begins(b"no entry")
    assert form.begins(good)
    assert form.begins(good)
