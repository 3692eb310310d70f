"""A register's file is read whole or refused with file, line and column; nothing else happens."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.registers import importer
from collector.registers.description import Description, load, parse
from collector.registers.exporter import csv_lines
from collector.registers.importer import draft, read
from schema.errors import FengsuiError
from schema.event import Fields
from schema.registers import ALWAYS, FOREVER, Draft, Row, unpack_fields, unpack_key
from schema.times import DAY, from_written
from sensors.mask import Masker

KEY = bytes(32)
MASK = Masker(KEY).mask
SHIPPED = load()
GRANTS = SHIPPED.get("grants")
DECOYS = SHIPPED.get("decoys")
CITIZEN = "11010519491231002X"
"""The published specimen number of GB 11643."""

FULL = (
    "requester,service,grant,fields,quota_per_day,valid_from,valid_to\r\n"
    "r1,s1,G1,name;birth,100,2026-01-01,2026-12-31\r\n"
    '"r,2",s1,G2,,,,\r\n'
)


def rows(found: list[Draft]) -> list[tuple[tuple[str, ...], Fields]]:
    return [(unpack_key(one.key), unpack_fields(one.fields)) for one in found]


def read_text(text: str, description: Description = GRANTS, file: str = "g.csv") -> list[Draft]:
    return read(description, text.encode(), file=file, mask=MASK)


def test_cells_become_what_their_columns_hold() -> None:
    found = read_text(FULL)
    assert rows(found) == [
        (("r1", "s1"), {"grant": "G1", "fields": ["name", "birth"], "quota_per_day": 100}),
        (("r,2", "s1"), {"grant": "G2"}),
    ]
    assert found[0].valid_from == from_written("2026-01-01")
    assert (found[1].valid_from, found[1].valid_to, found[1].line) == (None, FOREVER, 3)


def test_a_list_of_none_is_said_and_an_empty_cell_says_nothing() -> None:
    said = [
        (("a", "s"), {"grant": "G1", "fields": []}),
        (("b", "s"), {"grant": "G2"}),
    ]
    assert rows(read_text("requester,service,grant,fields\na,s,G1,;\nb,s,G2,\n")) == said
    lines = (
        '{"requester": "a", "service": "s", "grant": "G1", "fields": []}\n'
        '{"requester": "b", "service": "s", "grant": "G2", "fields": null}\n'
    )
    found = read_text(lines, file="g.jsonl")
    assert rows(found) == said
    held = [
        Row(
            register="grants",
            key=unpack_key(one.key),
            fields=unpack_fields(one.fields),
            valid_from=ALWAYS,
            valid_to=FOREVER,
            known_from=0,
            version=1,
        )
        for one in found
    ]
    assert rows(read_text("".join(csv_lines(GRANTS, held)))) == said


def test_the_day_named_as_the_end_still_counts() -> None:
    assert read_text(FULL)[0].valid_to == from_written("2026-12-31") + DAY


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_chinese_headings_and_cells_are_read_in_every_encoding(encoding: str) -> None:
    text = "请求方,服务,授权编号,用途\n甲局,婚姻登记,G1,办理低保\n"
    found = read(GRANTS, text.encode(encoding), file="g.csv", mask=MASK)
    assert rows(found) == [(("甲局", "婚姻登记"), {"grant": "G1", "purpose": "办理低保"})]


def test_json_lines_say_the_same_as_csv() -> None:
    lines = (
        '{"requester":"r1","service":"s1","grant":"G1","fields":["name","birth"],'
        '"quota_per_day":100,"valid_from":"2026-01-01","valid_to":"2026-12-31"}\n\n'
        '{"requester":"r,2","service":"s1","grant":"G2","purpose":null}\n'
    )
    assert rows(read_text(lines, file="g.jsonl")) == rows(read_text(FULL))


HEAD = "requester,service,grant,quota_per_day,valid_from,valid_to\n"
WRONG = {
    "an unknown column": ("requester,service,grant,colour\n", "line 1, column colour"),
    "a column twice": ("requester,service,grant,grant\n", "line 1, column grant: is named twice"),
    "a missing column": ("requester,service\n", "these are missing: grant"),
    "a short line": (HEAD + "r1,s1\n", "line 2: 2 cells where the first line names 6"),
    "an empty key": (HEAD + "r1,,G1,,,\n", "line 2, column service: must not be empty"),
    "an odd number": (HEAD + "r1,s1,G1,1.5,,\n", "line 2, column quota_per_day"),
    "a long number": (HEAD + f"r1,s1,G1,{'9' * 19},,\n", "line 2, column quota_per_day"),
    "an odd date": (HEAD + "r1,s1,G1,1,tomorrow,\n", "line 2, column valid_from: is no date"),
    "an end before": (HEAD + "r1,s1,G1,1,2026-02-01,2026-01-01\n", "ends before it begins"),
    "a key twice": (HEAD + "r1,s1,G1,,,\nr1,s1,G2,,,\n", "line 3: the key stands on line 2"),
    "an overlap": (
        HEAD + "r1,s1,G1,,2026-01-01,2026-03-01\nr1,s1,G2,,2026-02-01,\n",
        "line 3: the key stands on line 2",
    ),
    "a control character": (HEAD + "r1,s1,G\x001,,,\n", "line 2"),
    "an open quote": (HEAD + '"r1,s1,G1,,,\n', "is no CSV"),
    "a long cell": (HEAD + f"r1,s1,{'G' * 2001},,,\n", "has over 2000 characters"),
    "a marking": (HEAD + "r1,s1,机密★10年,,,\n", "column grant: carries a classified marking"),
    "nothing": ("", "is empty"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_fault_is_told_by_line_and_column(text: str, message: str) -> None:
    with pytest.raises(FengsuiError) as raised:
        read_text(text)
    assert message in str(raised.value)
    assert "g.csv" in str(raised.value)
    assert "nothing was imported" in str(raised.value)


def test_a_fault_never_repeats_the_cell() -> None:
    with pytest.raises(FengsuiError) as raised:
        read_text(HEAD + f"r1,s1,G1,{CITIZEN},,\n")
    assert CITIZEN not in str(raised.value)


def test_rows_that_follow_each_other_may_share_a_key() -> None:
    found = read_text(HEAD + "r1,s1,G1,,2026-01-01,2026-01-31\nr1,s1,G2,,2026-02-01,\n")
    assert [one.valid_to for one in found] == [from_written("2026-02-01"), FOREVER]


def test_a_persons_number_becomes_what_events_carry() -> None:
    events: list[Fields] = [{"gov.subject.id_hmac": CITIZEN}]
    MASK(events)
    ((key, _),) = rows(read_text(f"subject\n{CITIZEN}\n", DECOYS))
    assert key == (events[0]["gov.subject.id_hmac"],)
    ((_, fields),) = rows(read_text(HEAD + f"r1,s1,G1 {CITIZEN},,,\n"))
    assert CITIZEN not in str(fields)


def test_a_keyed_hash_stays_as_it_is() -> None:
    ((key, _),) = rows(read_text(f"subject\n{'a' * 64}\n", DECOYS))
    assert key == ("a" * 64,)


def test_a_person_no_event_could_name_is_refused() -> None:
    with pytest.raises(FengsuiError, match="column subject: is no citizen's"):
        read_text("subject\nli-si\n", DECOYS)


def test_a_row_typed_in_is_checked_as_one_of_a_file() -> None:
    one = draft(GRANTS, {"requester": "r", "service": "s", "grant": "G"}, mask=MASK, valid_from=7)
    assert (unpack_key(one.key), one.valid_from) == (("r", "s"), 7)
    with pytest.raises(FengsuiError, match="has no such column"):
        draft(GRANTS, {"requester": "r", "service": "s", "grant": "G", "x": 1}, mask=MASK)


def test_more_rows_than_a_register_may_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "ROWS_MAX", 2)
    assert len(read_text("requester,service,grant\n" + "".join(f"r{n},s,G\n" for n in range(2))))
    with pytest.raises(FengsuiError, match="more than 2 rows"):
        read_text("requester,service,grant\n" + "".join(f"r{n},s,G\n" for n in range(3)))


@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.jsonl"]))
def test_no_bytes_do_more_than_be_refused(data: bytes, file: str) -> None:
    with suppress(FengsuiError):
        read(GRANTS, data, file=file, mask=MASK)


CELLS = st.lists(st.text(max_size=12), min_size=6, max_size=6)


@given(st.lists(CELLS, max_size=4))
def test_no_cells_do_more_than_be_refused(lines: list[list[str]]) -> None:
    text = HEAD + "".join(",".join(cells) + "\n" for cells in lines)
    with suppress(FengsuiError):
        read(GRANTS, text.encode("utf-8", "replace"), file="a.csv", mask=MASK)


def test_a_pattern_and_choices_hold_for_whole_cells() -> None:
    text = (
        'name = "x"\ntitle = {zh = "甲", en = "X"}\nkey = ["a"]\n'
        '[columns.a]\ntitle = {zh = "乙", en = "A"}\npattern = "[0-9]+"\n'
        '[columns.b]\ntitle = {zh = "丙", en = "B"}\nchoices = ["p", "q"]\n'
    )
    one = parse(text.encode(), "x.toml")
    assert rows(read_text("a,b\n12,p\n", one)) == [(("12",), {"b": "p"})]
    with pytest.raises(FengsuiError, match="column a: does not look like"):
        read_text("a,b\n12x,p\n", one)
    with pytest.raises(FengsuiError, match="column b: is none of p, q"):
        read_text("a,b\n12,pq\n", one)
