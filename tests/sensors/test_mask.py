"""Nothing that must not leave the machine leaves the mask, wherever in an event it stood."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import sm3
from schema import event, limits, privacy
from schema.event import Fields, Value
from sensors.mask import CLASSIFIED, MARKING_RULE, Masker

KEY = bytes(range(32))
CITIZEN = "350502199003071236"
OTHER = "11010519491231002X"
PHONE = "13800138000"
CARD = "6222021402001234563"
DIGEST = sm3.hmac(KEY, CITIZEN.encode()).hex()
MASK = f"<<id:{DIGEST[:16]}>>"


def masked(fields: Fields) -> Fields:
    events = [dict(fields)]
    Masker(KEY).mask(events)
    return events[0]


def test_a_clean_event_stays_as_it_is() -> None:
    fields: Fields = {
        "@timestamp": "2026-11-20T12:00:00.000000Z",
        "event.original": "GET / 200",
        "event.category": ["session"],
        "process.pid": 7,
        "gov.time.assumed": True,
    }
    assert masked(fields) == fields


def test_a_number_is_replaced_in_every_field_and_told_once() -> None:
    fields = masked(
        {
            "event.original": f"GET /?id={CITIZEN} HTTP",
            "url.query": f"id={CITIZEN}",
            "url.path": "/",
        }
    )
    assert fields == {
        "event.original": f"GET /?id={MASK} HTTP",
        "url.query": f"id={MASK}",
        "url.path": "/",
        "gov.pii.types": ["citizen_id"],
        "gov.pii.count": 1,
        "gov.subject.id_hmac": DIGEST,
    }


@pytest.mark.parametrize("value", ["350502900307123", 350502900307123, ["350502900307123"]])
def test_the_old_number_is_masked_where_the_fields_name_says_what_it_is(value: Value) -> None:
    fields = masked({"labels.id_card": value, "labels.order": "350502900307123"})
    assert fields["labels.id_card"] == ([MASK] if isinstance(value, list) else MASK)
    assert fields["labels.order"] == "350502900307123"
    assert fields["gov.subject.id_hmac"] == DIGEST


def test_all_spellings_of_a_number_get_one_mask() -> None:
    encoded = "".join(f"%{ord(char):02x}" for char in CITIZEN)
    full = CITIZEN.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    for text in (encoded, full, "350502 19900307 1236", quote(full)):
        assert masked({"message": f"x={text};"})["message"] == f"x={MASK};"


def test_lower_case_x_is_the_same_person() -> None:
    assert (
        masked({"a": OTHER.lower()})["gov.subject.id_hmac"]
        == masked({"a": OTHER})["gov.subject.id_hmac"]
    )


def test_phones_and_cards_have_their_own_marks() -> None:
    fields = masked({"message": f"{PHONE} {CARD}"})
    assert re.fullmatch(r"<<phone:[0-9a-f]{16}>> <<card:[0-9a-f]{16}>>", str(fields["message"]))
    assert fields["gov.pii.types"] == ["card", "phone"]
    assert fields["gov.pii.count"] == 2
    assert "gov.subject.id_hmac" not in fields


def test_the_first_number_of_the_line_is_the_subject() -> None:
    fields = masked({"a.other": OTHER, "event.original": f"{CITIZEN} {OTHER}"})
    assert fields["gov.subject.id_hmac"] == DIGEST
    assert fields["gov.pii.count"] == 2


def test_lists_labels_and_the_names_of_labels_are_masked() -> None:
    shared = ["alice", CITIZEN]
    fields = masked({"related.user": shared, "labels.note": CITIZEN, f"labels.{CITIZEN}": "x"})
    assert fields["related.user"] == ["alice", MASK]
    assert fields["labels.note"] == MASK
    assert fields[f"labels.{MASK}"] == "x"
    assert CITIZEN not in json.dumps(fields)
    assert shared == ["alice", CITIZEN]


def test_two_names_that_mask_alike_are_both_kept() -> None:
    fields = masked({f"labels.{CITIZEN}": "a", f"labels.{CITIZEN[:6]}-{CITIZEN[6:]}": "b"})
    assert {fields[f"labels.{MASK}"], fields[f"labels.{MASK}.2"]} == {"a", "b"}


def test_a_number_given_as_an_integer_is_masked_too() -> None:
    fields = masked({"labels.no": int(CITIZEN), "labels.tel": int(PHONE), "network.bytes": 5})
    assert fields["labels.no"] == MASK
    assert str(fields["labels.tel"]).startswith("<<phone:")


def test_a_duration_that_looks_like_a_phone_is_kept_but_no_citizen_hides_in_one() -> None:
    assert masked({"event.duration": int(PHONE)}) == {"event.duration": int(PHONE)}
    fields = masked({"network.bytes": int(CITIZEN)})
    assert "network.bytes" not in fields
    assert fields["labels.network.bytes"] == MASK


@pytest.mark.parametrize(
    "marking", ["秘密★10年", "%E6%9C%BA%E5%AF%86%E2%98%85", r"\xBE\xF8\xC3\xDC\xA1\xEF"]
)
def test_a_marking_hides_its_whole_field_and_leaves_the_others(marking: str) -> None:
    text = f"GET /?title={marking} 关于某事的请示"
    fields = masked({"message": text, "user.name": "alice", "event.original": f"0 {text}"})
    assert fields == {
        "message": CLASSIFIED,
        "user.name": "alice",
        "event.original": CLASSIFIED,
        "gov.mask.rule": MARKING_RULE,
        "gov.mask.length": len(f"0 {text}"),
        "gov.mask.hmac": sm3.hmac(KEY, f"0 {text}".encode()).hex(),
    }


def test_during_a_rotation_both_values_are_written() -> None:
    events: list[Fields] = [{"message": CITIZEN}]
    Masker(b"n" * 32, KEY).mask(events)
    assert events[0]["gov.subject.id_hmac"] == sm3.hmac(b"n" * 32, CITIZEN.encode()).hex()
    assert events[0]["gov.subject.id_hmac_previous"] == DIGEST


def test_masking_again_changes_nothing() -> None:
    once = masked({"event.original": f"{CITIZEN} {PHONE} {CARD}", "message": "秘密★"})
    assert masked(once) == once


def test_a_text_once_clean_is_remembered_and_a_dirty_one_is_not() -> None:
    masker = Masker(KEY)
    for _ in range(3):
        events: list[Fields] = [{"message": f"id {CITIZEN}", "user.name": "clean-user-name"}]
        masker.mask(events)
        assert events[0]["message"] == f"id {MASK}"


def test_a_long_event_stays_under_the_limit_after_masking() -> None:
    line = f"{PHONE}," * 680
    fields = masked(dict.fromkeys(("event.original", "message", "url.query", "labels.a"), line))
    assert len(event.encode(fields)) <= limits.EVENT_BYTES_MAX
    assert PHONE not in json.dumps(fields)


def test_the_key_is_never_printed() -> None:
    assert KEY.hex() not in repr(Masker(KEY))
    assert repr(KEY) not in repr(Masker(KEY))


values = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [CITIZEN, OTHER, PHONE, CARD, "秘密★", "%31", "<<id:", CITIZEN[:9], CITIZEN[9:]]
    ),
)
words = st.lists(values, max_size=6).map(lambda parts: "".join(parts))
names = st.one_of(
    st.sampled_from(["event.original", "message", "url.query"]), words.map("labels.{}".format)
)


@given(
    st.lists(
        st.dictionaries(
            names, st.one_of(words, st.lists(words, max_size=3), st.integers(-(2**63), 2**63))
        ),
        max_size=4,
    )
)
def test_nothing_is_left_to_find_in_any_masked_event(events: list[Fields]) -> None:
    count = len(events)
    Masker(KEY).mask(events)
    assert len(events) == count
    for fields in events:
        for name, value in fields.items():
            texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
            assert privacy.find(name) == []
            assert all(privacy.find(text) == [] for text in texts)
