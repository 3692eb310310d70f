"""The quick look over sealed bytes never passes over what the close look would find."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import rescan
from schema import privacy
from schema.event import Fields, Value, encode

NUMBERS = [
    "11010519491231002X",
    "11010519491231002x",
    "110105 19491231 002X",
    "110105-19491231-002X",
    "1101051949\t1231002X",
    "１１０１０５１９４９１２３１００２Ｘ",
    "%31%31%30%31%30%35%31%39%34%39%31%32%33%31%30%30%32%58",
    r"\x3110105194912\x331002X",
    "13800138000",
    "+86 138 0013 8000",
    "6222021402001234563",
    "机密★20年",
    "绝密 ☆",
    "秘\t密\n★",
    "%E6%9C%BA%E5%AF%86%E2%98%85",
    r"\u673a\u5bc6\u2605",
]
AROUND = st.text(st.sampled_from('ab 0"\\\n\t-%/中.,:;\0\x1f'), max_size=12)


@settings(deadline=None)
@given(st.sampled_from(NUMBERS), AROUND, AROUND, st.sampled_from(["message", "labels.x", "key"]))
def test_the_quick_look_stops_at_everything_the_close_look_finds(
    number: str, before: str, after: str, where: str
) -> None:
    text = before + number + after
    event: Fields = {text: "x"} if where == "key" else {where: text}
    event["event.dataset"] = "x"
    if privacy.find(text):
        assert rescan.worth_a_look([b"{}", encode(event), b"{}"]) == [1]
        assert rescan.kinds_in(event)


@pytest.mark.parametrize("number", NUMBERS)
def test_each_spelling_is_found_in_text_list_and_key(number: str) -> None:
    for event in ({"message": number}, {"labels.x": [number, "a"]}, {f"labels.{number}": "a"}):
        assert rescan.worth_a_look([encode(event)]) == [0]
        assert rescan.kinds_in(event)


def test_a_number_in_an_integer_nobody_knows_is_found_but_a_size_is_none() -> None:
    assert rescan.kinds_in({"labels.id": 13800138000})
    assert not rescan.kinds_in({"event.duration": 13800138000, "gov.sensor.offset": 13800138000})


def test_clean_events_are_passed_over() -> None:
    event: Fields = {
        "@timestamp": "2026-11-20T08:00:00.000000Z",
        "event.original": '10.0.0.1 - - [20/Nov/2026:08:00:00 +0000] "GET /a HTTP/1.1" 200 12',
        "message": "办件查询",
    }
    assert rescan.worth_a_look([encode(event)] * 100) == []
    assert rescan.worth_a_look([None, b""]) == []


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=40))
def test_any_bytes_can_be_looked_at(payloads: list[bytes]) -> None:
    assert set(rescan.worth_a_look(payloads)) <= set(range(len(payloads)))


@pytest.mark.parametrize("value", ["350502900307123", 350502900307123, ["350502900307123"]])
def test_the_old_number_is_found_where_the_fields_name_says_what_it_is(value: Value) -> None:
    assert rescan.worth_a_look([encode({"labels.id_card": value})]) == [0]
    assert rescan.kinds_in({"labels.id_card": value}) == ("citizen_id",)
    assert rescan.kinds_in({"labels.order": value}) == ()
