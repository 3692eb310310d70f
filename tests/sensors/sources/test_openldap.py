"""slapd's stats lines, joined."""

from __future__ import annotations

from schema import times
from schema.event import Fields
from sensors.sources import Context
from sensors.sources.openldap import CONNECTIONS_MAX, OpenLdap

NOW = times.from_text("2026-11-23T14:00:00.000000Z")
CONTEXT = Context(host="ldap", utc_offset_minutes=480, now=lambda: NOW)
HEAD = "6b043f0a.104c5d56 0x7fa86ffff6c0 "
ACCEPT = "conn=1001 fd=12 ACCEPT from IP=10.30.1.9:40952 (IP=0.0.0.0:389)"
BIND = 'conn=1001 op=0 BIND dn="uid=li.na,ou=people,dc=district,dc=example" method=128'
WRONG = "conn=1001 op=0 RESULT tag=97 err=49 qtime=0.000017 etime=0.000102 text="
RIGHT = "conn=1001 op=0 RESULT tag=97 err=0 qtime=0.000017 etime=0.000102 text="
SEARCH = 'conn=1001 op=1 SRCH base="dc=example" scope=2 deref=0 filter="(uid=x)"'
FOUND = "conn=1001 op=1 SEARCH RESULT tag=101 err=0 qtime=0.000012 etime=0.000201 nentries=1 text="


def read(*messages: str, form: OpenLdap | None = None) -> list[Fields]:
    return (form or OpenLdap()).parse([(HEAD + one).encode() for one in messages], CONTEXT)


def test_a_refused_bind_says_who_and_from_where() -> None:
    answer = read(ACCEPT, BIND, WRONG)[-1]
    assert answer["@timestamp"] == "2026-11-23T13:26:34.273440Z"
    assert (answer["event.action"], answer["event.outcome"]) == ("ldap_bind", "failure")
    assert answer["event.reason"] == "invalid_credentials"
    assert (answer["user.id"], answer["source.ip"]) == ("li.na", "10.30.1.9")


def test_a_search_is_whose_connection_it_is() -> None:
    answer = read(ACCEPT, BIND, RIGHT, SEARCH, FOUND)[-1]
    assert (answer["event.action"], answer["event.outcome"]) == ("ldap_search", "success")
    assert answer["user.id"] == "li.na"


def test_a_password_that_was_changed_is_answered_by_the_number_of_the_operation() -> None:
    ask = "conn=1001 op=1 EXT oid=1.3.6.1.4.1.4203.1.11.1"
    change = 'conn=1001 op=1 PASSMOD id="uid=xia.li,ou=people,dc=district,dc=example" new'
    done = "conn=1001 op=1 RESULT oid= err=0 qtime=0.000012 etime=0.000239 text="
    answer = read(ACCEPT, BIND, RIGHT, ask, change, done)[-1]
    assert (answer["event.action"], answer["event.outcome"]) == ("ldap_password", "success")
    assert answer["user.id"] == "li.na"


def test_a_connection_number_used_again_is_nobodys() -> None:
    events = read(ACCEPT, BIND, RIGHT, "conn=1001 fd=12 closed", SEARCH)
    assert events[3]["source.ip"] == "10.30.1.9"
    assert "user.id" not in events[4]
    assert "source.ip" not in events[4]


def test_an_answer_whose_question_was_not_seen_is_told_by_its_tag() -> None:
    (answer,) = read(WRONG)
    assert (answer["event.action"], answer["event.outcome"]) == ("ldap_bind", "failure")
    assert "user.id" not in answer


def test_lines_through_syslog_are_read_too() -> None:
    (event,) = OpenLdap().parse([f"Nov 23 21:16:12 ldap slapd[123]: {BIND}".encode()], CONTEXT)
    assert event["@timestamp"] == "2026-11-23T13:16:12.000000Z"
    assert (event["event.action"], event["user.id"]) == ("ldap_bind_ask", "li.na")


def test_connections_are_remembered_up_to_a_limit() -> None:
    form = OpenLdap()
    for number in range(CONNECTIONS_MAX + 1):
        read(ACCEPT.replace("1001", str(number)), form=form)
    forgotten, known = read(
        BIND.replace("1001", "0"), BIND.replace("1001", str(CONNECTIONS_MAX)), form=form
    )
    assert "source.ip" not in forgotten
    assert known["source.ip"] == "10.30.1.9"


def test_a_line_of_something_else_is_a_log() -> None:
    (event,) = read("slapd starting")
    assert (event["event.action"], event["message"]) == ("log", "slapd starting")
