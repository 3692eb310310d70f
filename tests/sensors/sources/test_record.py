"""Text of raw records: readable where it can be, escaped where not, bounded always."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import privacy
from sensors.sources import record


@pytest.mark.parametrize(
    ("raw", "text", "escaped"),
    [
        ("泉州★".encode(), "泉州★", False),
        ("泉州市公安局，★".encode("gbk"), "泉州市公安局，★", False),
        ("朱镕基 logged in".encode("gb18030"), "朱镕基 logged in", False),
        ("Zoë café".encode("latin-1"), "Zo\\xeb caf\\xe9", True),
        (b"\xff\xfe\0a", "\\xff\\xfe\\x00a", True),
        (b"/..\xc0\xaf..\xc0\xaf", "/..\\xc0\\xaf..\\xc0\\xaf", True),
        (b"%c0\xc0\xae\xc0\xae\xc0\xaf", "%c0\\xc0\\xae\\xc0\\xae\\xc0\\xaf", True),
        (b"a\0b", "a\\x00b", False),
    ],
)
def test_bytes_are_read_as_what_they_most_likely_are(raw: bytes, text: str, escaped: bool) -> None:
    assert record.decode(raw) == (text, escaped)


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.text(max_size=9).map(lambda t: t.encode("utf-8", "surrogatepass")),
        ),
        max_size=6,
    )
)
def test_many_records_decode_as_each_does(records: list[bytes]) -> None:
    texts, escaped = record.decode_many(records)
    assert list(zip(texts, [at in escaped for at in range(len(records))], strict=True)) == [
        record.decode(raw) for raw in records
    ]


@given(st.text(min_size=50), st.integers(40, 60))
def test_a_cut_is_never_longer_than_its_limit(text: str, limit: int) -> None:
    assert len(record.cut(text, limit)) <= limit


def test_a_cut_leaves_no_part_of_a_number() -> None:
    text = "abc 350502199003071236 tail " + "x" * 40
    for limit in range(4, 22):
        assert record.cut(text, limit).strip() in {"abc", "abc"[:limit], ""} or limit > 21


def test_a_cut_carries_the_marking_over() -> None:
    assert record.cut("z" * 100 + "机密★10年", 50) == "z" * 47 + "机密★"
    assert privacy.find(record.cut("内容" * 100 + "%E7%A7%98%E5%AF%86%E2%98%85", 60))


def test_addresses_are_told_from_names() -> None:
    assert record.is_address("10.0.0.1")
    assert record.is_address("fe80::1")
    assert not record.is_address("unix:")
