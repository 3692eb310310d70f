"""A mapping file instead of code: every shape, every conversion, and nothing of a record lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import FengsuiError
from schema.event import Fields, encode
from sensors.sources import Context, is_format
from sensors.sources import open_format as open_any
from sensors.sources.mapping import MappingFormat, open_format, read, shipped
from sensors.sources.mapping.form import SECRET

CONTEXT = Context(host="h1", utc_offset_minutes=480, now=lambda: 1_790_000_000_000_000)
HEAD = """
name = "till"
title = {zh = "收费机", en = "Till"}
dataset = "payment.till"
"""


def form(body: str) -> MappingFormat:
    return MappingFormat(read((HEAD + body).encode(), "till.toml"))


def parsed(body: str, *lines: str, encoding: str = "utf-8") -> list[Fields]:
    return form(body).parse([line.encode(encoding) for line in lines], CONTEXT)


JSON = """
shape = "json"
[time]
from = "ts"
[[field]]
to = "event.action"
from = "op"
values = {QUERY = "notice_query"}
otherwise = "other"
[[field]]
to = "source.ip"
from = "caller.ip"
[[field]]
to = "gov.pay.amount_fen"
from = "amt"
as = "fen_from_yuan"
[[field]]
to = "gov.share.fields"
from = "fields"
[[field]]
to = "organization.id"
value = "110099001"
[[field]]
to = "gov.app.id"
from = "path"
pattern = "/apps/([a-z]+)/"
"""


def test_a_json_record_becomes_the_fields_it_is_mapped_to() -> None:
    line = (
        '{"ts":"2026-11-26T10:00:00.5+08:00","op":"QUERY","caller":{"ip":"10.1.2.3","port":5},'
        '"amt":"12.30","fields":["name","sex"],"path":"/apps/tax/x","more":"kept"}'
    )
    (fields,) = parsed(JSON, line)
    assert fields == {
        "@timestamp": "2026-11-26T02:00:00.500000Z",
        "event.action": "notice_query",
        "event.dataset": "payment.till",
        "event.original": line,
        "gov.app.id": "tax",
        "gov.pay.amount_fen": 1230,
        "gov.share.fields": ["name", "sex"],
        "host.name": "h1",
        "labels.caller.port": "5",
        "labels.more": "kept",
        "organization.id": "110099001",
        "source.ip": "10.1.2.3",
    }


def test_a_value_that_its_field_cannot_hold_is_kept_as_a_label() -> None:
    (fields,) = parsed(JSON, '{"ts":"2026-11-26T10:00:00","amt":"1.005","caller":{"ip":"gate"}}')
    assert "gov.pay.amount_fen" not in fields
    assert fields["labels.amt"] == "1.005"
    assert fields["labels.caller.ip"] == "gate"


def test_a_value_nobody_named_becomes_what_stands_for_the_others() -> None:
    (fields,) = parsed(JSON, '{"ts":"2026-11-26T10:00:00","op":"ERASE"}')
    assert fields["event.action"] == "other"


DELIMITED = """
shape = "delimited"
encoding = "gb18030"
remarks = ["合计"]
[delimited]
separator = "|"
columns = ["date", "time", "unit", "amount"]
[time]
from = ["date", "time"]
form = "%Y%m%d %H%M%S"
zone = "+08:00"
[[field]]
to = "organization.id"
from = "unit"
[[field]]
to = "gov.pay.amount_fen"
from = "amount"
as = "fen_from_yuan"
"""


def test_a_delimited_line_of_gbk_is_read_in_its_own_encoding() -> None:
    (fields,) = parsed(DELIMITED, "20261126|101500|教育局|1,200.00", encoding="gb18030")
    assert fields["@timestamp"] == "2026-11-26T02:15:00.000000Z"
    assert fields["organization.id"] == "教育局"
    assert fields["gov.pay.amount_fen"] == 120_000
    assert "labels.date" not in fields


def test_bytes_that_are_not_of_the_encoding_are_marked_and_kept() -> None:
    (fields,) = form(DELIMITED).parse([b"20261126|101500|\xff\xff|1.00"], CONTEXT)
    assert fields["gov.line.undecodable"] is True
    assert fields["gov.pay.amount_fen"] == 100


def test_a_cell_in_quotes_may_hold_separators_and_quotes() -> None:
    (fields,) = parsed(DELIMITED, '20261126|101500|"a|b ""c"""|1.00', encoding="gb18030")
    assert fields["organization.id"] == 'a|b "c"'


@pytest.mark.parametrize("line", ["a|b", "20261126|101500|u|1|more", "20261399|101500|u|1", ""])
def test_a_line_that_does_not_fit_is_kept_as_unparsed(line: str) -> None:
    (fields,) = parsed(DELIMITED, line, encoding="gb18030")
    assert fields["event.action"] == "unparsed"
    assert fields["event.original"] == line


def test_a_files_total_is_a_remark_and_no_record() -> None:
    first, second = parsed(DELIMITED, "20261126|101500|u|1.00", "合计|1|1.00", encoding="gb18030")
    assert second["event.action"] == "remark"
    assert second["@timestamp"] == first["@timestamp"]


FIXED = """
shape = "fixed"
encoding = "gb18030"
[fixed]
unit = "bytes"
columns = {dept = [0, 6], name = [6, 16], amount = [16, 26]}
[time]
form = "delivery"
[[field]]
to = "gov.pay.dept_code"
from = "dept"
[[field]]
to = "organization.id"
from = "name"
[[field]]
to = "gov.pay.amount_fen"
from = "amount"
"""


def test_places_are_counted_in_bytes_of_the_files_encoding() -> None:
    (fields,) = parsed(FIXED, "104   财政局    0000012300", encoding="gb18030")
    assert fields["gov.pay.dept_code"] == "104"
    assert fields["organization.id"] == "财政局"
    assert fields["gov.pay.amount_fen"] == 12300


def test_a_scheduled_file_has_the_time_it_came() -> None:
    (fields,) = parsed(FIXED, "104   财政局    0000012300", encoding="gb18030")
    assert fields["@timestamp"] == "2026-09-21T14:13:20.000000Z"


PAIRS = """
shape = "pairs"
[time]
from = "time"
form = "unix"
[[field]]
to = "source.ip"
from = "src"
[[field]]
to = "user.name"
from = "user"
when = {type = ["login", "logout"]}
"""


def test_words_of_a_firewall_are_read_by_their_names() -> None:
    line = 'fw01 time=1790000000 type=login src=10.0.0.1 user="li na" msg="a=b c"'
    (fields,) = parsed(PAIRS, line)
    assert fields["@timestamp"] == "2026-09-21T14:13:20.000000Z"
    assert fields["source.ip"] == "10.0.0.1"
    assert fields["user.name"] == "li na"
    assert fields["labels.msg"] == "a=b c"


def test_a_field_is_given_only_where_its_columns_say_so() -> None:
    (fields,) = parsed(PAIRS, "time=1790000000 type=deny src=10.0.0.1 user=x")
    assert "user.name" not in fields
    assert fields["labels.user"] == "x"


def test_a_secret_stands_nowhere_in_the_event() -> None:
    body = JSON.replace('shape = "json"', 'shape = "json"\nsecrets = ["token"]')
    line = '{"ts":"2026-11-26T10:00:00","token":"abc/123","note":"used abc/123"}'
    (fields,) = parsed(body, line)
    assert not any("abc/123" in str(value) for value in fields.values())
    assert fields["labels.note"] == f"used {SECRET}"


def test_a_secret_that_spells_a_year_leaves_the_time_alone() -> None:
    body = JSON.replace('shape = "json"', 'shape = "json"\nsecrets = ["pin"]')
    (fields,) = parsed(body, '{"ts":"2026-11-26T10:00:00","pin":"2026"}')
    assert str(fields["@timestamp"]).startswith("2026-11-26T")
    assert "2026" not in str(fields["event.original"])


def test_a_short_secret_hides_the_whole_line() -> None:
    body = JSON.replace('shape = "json"', 'shape = "json"\nsecrets = ["pin"]')
    (fields,) = parsed(body, '{"ts":"2026-11-26T10:00:00","pin":"123"}')
    assert fields["event.original"] == SECRET


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('shape = "json"\n', "time"),
        ('shape = "delimited"\n[time]\nfrom = "a"\n', "columns"),
        ('shape = "json"\n[time]\nfrom = "a"\nform = "soon"\n', "time.form"),
        ('shape = "json"\n[time]\nfrom = "a"\n[[field]]\nto = "no.such"\nfrom = "b"\n', "no.such"),
        ('shape = "json"\n[time]\nfrom = "a"\n[[field]]\nto = "user.id"\n', "user.id"),
        ('shape = "json"\n[time]\nfrom = "a"\n[[field]]\nto = "user.id"\nfrom="b"\npattern="("\n',
         "pattern"),
        ('shape = "json"\nspeed = 3\n[time]\nfrom = "a"\n', "speed"),
        ('shape = "xml"\n[time]\nfrom = "a"\n', "shape"),
    ],
)  # fmt: skip
def test_a_mapping_file_that_says_nothing_is_refused_by_name_and_key(body: str, told: str) -> None:
    with pytest.raises(FengsuiError) as raised:
        read((HEAD + body).encode(), "till.toml")
    assert raised.value.code == "sensors.mapping.refused"
    assert "till.toml" in str(raised.value)
    assert told in str(raised.value)


def test_a_mapping_is_opened_by_its_name_or_its_path(tmp_path: Path) -> None:
    path = tmp_path / "till.toml"
    path.write_text(HEAD + JSON, encoding="utf-8")
    assert open_any(f"mapping:{path}").dataset == "payment.till"
    assert is_format("mapping:anything")
    with pytest.raises(FengsuiError, match="there is no mapping 'nobody'"):
        open_format("nobody")
    with pytest.raises(FengsuiError, match="cannot be read"):
        open_format(str(tmp_path / "none.toml"))


def test_every_shipped_mapping_is_sound_and_named_in_both_languages() -> None:
    for name, one in shipped().items():
        assert one.name == name
        assert one.title.zh
        assert one.title.en


@given(st.sampled_from([JSON, DELIMITED, FIXED, PAIRS]), st.lists(st.binary(max_size=300)))
def test_any_bytes_give_as_many_sound_events_as_records(body: str, raw: list[bytes]) -> None:
    records = [one.replace(b"\n", b"") for one in raw]
    events = form(body).parse(records, CONTEXT)
    assert len(events) == len(records)
    for fields in events:
        assert fields["@timestamp"]
        encode(fields)


@given(st.dictionaries(st.text(max_size=20), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner,
                                                                max_size=4),
)))  # fmt: skip
def test_any_json_object_gives_an_event_of_known_types(told: dict[str, object]) -> None:
    import json

    line = json.dumps(told | {"ts": "2026-11-26T10:00:00"}).encode()
    (fields,) = form(JSON).parse([line], CONTEXT)
    assert all(isinstance(value, str | int | bool | list) for value in fields.values())
    encode(fields)
