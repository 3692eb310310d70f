"""pgaudit's entries are statements with their class, command and object, in every log form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.event import Fields
from sensors.sources.contract import Context
from sensors.sources.postgresql_audit import audit_fields
from sensors.sources.postgresql_text import PostgresqlText

ENTRY = (
    'AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.person,"select id, ""name""\nfrom person",<none>'
)


def test_an_entry_tells_class_command_object_and_statement() -> None:
    assert audit_fields(ENTRY) == {
        "event.action": "db_statement",
        "event.provider": "pgaudit",
        "gov.db.audit_class": "READ",
        "gov.db.command": "SELECT",
        "gov.db.object_type": "TABLE",
        "gov.db.object": "public.person",
        "gov.db.statement": 'select id, "name"\nfrom person',
    }


def test_rows_and_parameters_are_told_where_they_are_logged() -> None:
    fields = audit_fields('AUDIT: OBJECT,2,1,WRITE,UPDATE,TABLE,public.pay,update pay,"1,x",37')
    assert fields is not None
    assert fields["gov.db.rows"] == 37
    assert fields["labels.parameter"] == "1,x"
    fields = audit_fields("AUDIT: SESSION,2,1,DDL,DROP TABLE,,,<previously logged>,<not logged>")
    assert fields == {
        "event.action": "db_statement",
        "event.provider": "pgaudit",
        "gov.db.audit_class": "DDL",
        "gov.db.command": "DROP TABLE",
    }


@pytest.mark.parametrize(
    "message",
    [
        "",
        "AUDIT: ",
        "AUDIT: SESSION,1,1,READ",
        'AUDIT: SESSION,1,1,READ,SELECT,TABLE,t,"never closed,<none>',
        "AUDIT: USER,1,1,READ,SELECT,TABLE,t,x,<none>",
        f"statement: {ENTRY}",
    ],
)
def test_anything_else_is_no_entry(message: str) -> None:
    assert audit_fields(message) is None


def test_the_text_log_carries_it(context: Context) -> None:
    line = "2026-11-23 13:16:22.179 UTC [7] pay@app/psql 127.0.0.1 LOG:  " + ENTRY.replace(
        "\n", "\n\t"
    )
    fields: Fields = PostgresqlText().parse([line.encode()], context)[0]
    assert fields["gov.db.object"] == "public.person"
    assert fields["gov.db.statement"] == 'select id, "name"\nfrom person'
    assert fields["user.name"] == "pay"
    assert "message" not in fields


@given(st.text())
def test_any_text_is_an_entry_or_none(text: str) -> None:
    fields = audit_fields(f"AUDIT: SESSION,1,1,{text}")
    assert fields is None or fields["event.action"] == "db_statement"
