"""A keyed field leaves as its hash, and its value stands nowhere else in the event."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import sm3
from schema import privacy
from schema.event import Fields, Value
from sensors.keyed import KEYED
from sensors.mask import Masker

KEY = bytes(range(32))
CITIZEN = "350502199003071236"
CARD = "6222021402001234563"
TOKEN = 'eyJhbGciOi"J9/x+y='


def digest(text: str) -> str:
    return sm3.hmac(KEY, text.encode()).hex()


def masked(fields: Fields) -> Fields:
    events = [dict(fields)]
    Masker(KEY).mask(events)
    return events[0]


def test_the_catalogue_marks_tokens_holders_and_accounts() -> None:
    assert {"gov.auth.token_hmac", "gov.cert.id_hmac", "gov.pay.payee_hmac"} <= KEYED


def test_the_value_becomes_its_hash_and_a_mark_in_every_other_text() -> None:
    fields = masked(
        {
            "event.original": json.dumps({"token": TOKEN}),
            "url.query": f"access_token={quote(TOKEN, safe='')}&x=1",
            "message": f"token {TOKEN} refused",
            "related.user": ["alice", TOKEN],
            f"labels.{TOKEN}": "x",
            "gov.auth.token_hmac": TOKEN,
        }
    )
    mark = f"<<key:{digest(TOKEN)[:16]}>>"
    assert fields == {
        "event.original": f'{{"token": "{mark}"}}',
        "url.query": f"access_token={mark}&x=1",
        "message": f"token {mark} refused",
        "related.user": ["alice", mark],
        f"labels.{mark}": "x",
        "gov.auth.token_hmac": digest(TOKEN),
    }


def test_a_citizens_number_in_any_spelling_is_the_subject() -> None:
    fields = masked(
        {"event.original": f"holder={CITIZEN}", "gov.cert.id_hmac": "350502 19900307 1236"}
    )
    assert fields["gov.cert.id_hmac"] == fields["gov.subject.id_hmac"] == digest(CITIZEN)
    assert fields["event.original"] == f"holder=<<id:{digest(CITIZEN)[:16]}>>"
    assert fields["gov.pii.count"] == 1


def test_a_number_that_stands_in_the_keyed_field_alone_is_told_too() -> None:
    fields = masked({"event.original": "x", "gov.cert.id_hmac": CITIZEN})
    assert fields["gov.subject.id_hmac"] == digest(CITIZEN)
    assert fields["gov.pii.types"] == ["citizen_id"]


def test_the_numbers_of_the_line_come_before_those_of_keyed_fields() -> None:
    other = "11010519491231002X"
    fields = masked({"event.original": f"asked for {other}", "gov.cert.id_hmac": CITIZEN})
    assert fields["gov.subject.id_hmac"] == digest(other)
    assert fields["gov.cert.id_hmac"] == digest(CITIZEN)


def test_a_card_is_hidden_also_where_it_would_be_none() -> None:
    fields = masked({"event.original": f"acct=000{CARD} {CARD}", "gov.pay.payee_hmac": CARD})
    mark = f"<<card:{digest(CARD)[:16]}>>"
    assert fields["event.original"] == f"acct=000{mark} {mark}"
    assert fields["gov.pay.payee_hmac"] == digest(CARD)


def test_a_short_value_is_hidden_as_a_word_of_its_own() -> None:
    fields = masked({"event.original": "payee=0042 order=PO100420", "gov.pay.payee_hmac": "0042"})
    assert fields["event.original"] == f"payee=<<key:{digest('0042')[:16]}>> order=PO100420"


def test_who_did_what_is_not_lost_to_a_token_that_spells_it() -> None:
    given: Fields = {
        "event.original": "token=c000001",
        "user.id": "c000001",
        "event.action": "c000001",
        "gov.auth.token_hmac": "c000001",
    }
    fields = masked(given)
    assert fields["user.id"] == fields["event.action"] == "c000001"
    assert "c000001" not in str(fields["event.original"])


def test_a_value_of_sixty_four_hex_digits_is_keyed_like_any_other() -> None:
    assert masked({"gov.auth.token_hmac": "ab" * 32})["gov.auth.token_hmac"] == digest("ab" * 32)


@pytest.mark.parametrize("value", ["", "  ", []])
def test_an_empty_value_is_none(value: Value) -> None:
    assert masked({"gov.auth.token_hmac": value, "message": "x"}) == {"message": "x"}


def test_an_integer_is_keyed_as_it_is_written() -> None:
    fields = masked({"gov.pay.payee_hmac": 110099001, "labels.payee": 110099001})
    assert fields["gov.pay.payee_hmac"] == digest("110099001")
    assert fields["labels.payee"] == f"<<key:{digest('110099001')[:16]}>>"


def test_the_marks_are_clean_to_whoever_looks_again() -> None:
    fields = masked({"event.original": TOKEN, "gov.auth.token_hmac": TOKEN})
    assert not any(privacy.find(str(value)) for value in fields.values())


@given(st.text(min_size=8).filter(lambda text: text.strip() == text), st.text())
def test_no_value_stands_in_the_line_whatever_it_is(value: str, around: str) -> None:
    line = f"{around}{value}{around}"
    fields = masked({"event.original": line, "gov.auth.token_hmac": value})
    assert len(str(fields["gov.auth.token_hmac"])) == 64
    assert value not in str(fields["event.original"]) or value in "<<key:0123456789abcdef>>"
