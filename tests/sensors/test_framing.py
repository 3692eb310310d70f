"""Records come out alike whatever pieces their bytes come in, and memory stays bounded."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import sm3
from sensors.framing import LINE_BYTES_MAX, Framer, joins_lines
from sensors.sources import FORMATS

BYTES = st.lists(st.sampled_from([b"a", b"\n", b"\t", b"\r\n", b"\xff", b"bc"])).map(b"".join)


def _begins(line: bytes) -> bool:
    return not line.startswith(b"\t")


def _all(framer: Framer) -> tuple[list[bytes], list[int]]:
    raws: list[bytes] = []
    starts: list[int] = []
    while framer.ready:
        records = framer.take(2, 1_000_000)
        raws += records.raws
        starts += records.starts
    return raws, starts


@given(data=BYTES, cuts=st.lists(st.integers(0, 60)), joins=st.booleans(), at=st.integers(0, 9))
def test_records_do_not_depend_on_the_pieces(
    data: bytes, cuts: list[int], joins: bool, at: int
) -> None:
    whole = Framer(_begins, joins=joins, at=at)
    whole.feed(data)
    whole.end()
    pieces = Framer(_begins, joins=joins, at=at)
    for start, stop in pairwise([0, *sorted(cuts), len(data)]):
        pieces.feed(data[start:stop])
    assert pieces.at == at + len(data)
    pieces.end()
    assert _all(pieces) == _all(whole)


@given(data=BYTES, joins=st.booleans())
def test_every_record_stands_where_it_is_said_to_begin(data: bytes, joins: bool) -> None:
    data = data.replace(b"\r", b"")
    framer = Framer(_begins, joins=joins)
    framer.feed(data)
    framer.end()
    raws, starts = _all(framer)
    assert all(
        data[start : start + len(raw)] == raw for raw, start in zip(raws, starts, strict=True)
    )
    assert b"\n".join(raws) == data.removesuffix(b"\n")


@given(data=BYTES, joins=st.booleans(), count=st.integers(0, 5))
def test_the_rest_follows_from_where_the_next_record_starts(
    data: bytes, joins: bool, count: int
) -> None:
    data = data.lstrip(b"\t")
    framer = Framer(_begins, joins=joins)
    framer.feed(data)
    framer.end()
    framer.take(count, 1_000_000)
    after = Framer(_begins, joins=joins, at=framer.next_start)
    after.feed(data[framer.next_start :])
    after.end()
    assert _all(after) == _all(framer)


def test_half_a_line_is_no_record_before_it_ends() -> None:
    framer = Framer(_begins, joins=False)
    framer.feed(b"half")
    assert not framer.ready
    assert framer.next_start == 0
    framer.feed(b" line\n")
    assert framer.take(9, 99).raws == [b"half line"]


def test_a_record_stays_open_until_another_begins_or_it_is_ended() -> None:
    framer = Framer(_begins, joins=True)
    framer.feed(b"one\n\tmore\n")
    assert framer.has_open_record
    assert not framer.ready
    framer.end_record()
    assert framer.take(9, 99).raws == [b"one\n\tmore"]


def test_at_most_so_many_bytes_are_taken_but_always_one_record() -> None:
    framer = Framer(_begins, joins=False)
    framer.feed(b"aaaa\nbbbb\ncccc\n")
    assert framer.take(9, 8).raws == [b"aaaa", b"bbbb"]
    assert framer.take(9, 1).raws == [b"cccc"]


@pytest.mark.parametrize("piece", [1000, 256 * 1024, 10 * LINE_BYTES_MAX])
def test_a_line_over_the_limit_is_cut_and_its_hash_is_of_the_whole(piece: int) -> None:
    long = b"x" * (2 * LINE_BYTES_MAX + 3)
    data = b"before\n" + long + b"\nafter\n"
    framer = Framer(_begins, joins=False)
    for at in range(0, len(data), piece):
        framer.feed(data[at : at + piece])
    records = framer.take(9, 1 << 30)
    assert [len(raw) for raw in records.raws] == [6, LINE_BYTES_MAX, 5]
    assert records.starts == [0, 7, 7 + len(long) + 1]
    assert records.cuts[1].size == len(long)
    assert records.cuts[1].sm3 == sm3.digest(long).hex()


def test_a_cut_in_the_middle_of_a_character_leaves_decodable_text() -> None:
    framer = Framer(_begins, joins=False)
    framer.feed(b"x" + "口".encode() * LINE_BYTES_MAX + b"\n")
    assert framer.take(1, 1).raws[0].decode().endswith("口")


def test_a_record_of_many_lines_is_ended_at_the_limit() -> None:
    framer = Framer(_begins, joins=True)
    line = b"\t" + b"x" * 99_999 + b"\n"
    for _ in range(25):
        framer.feed(line)
    framer.end()
    raws, _ = _all(framer)
    assert len(raws) == 3
    assert max(map(len, raws)) <= LINE_BYTES_MAX


@pytest.mark.parametrize(
    ("form", "joins"),
    [
        ("nginx_access", False),
        ("syslog_auth", False),
        ("postgresql_json", False),
        ("nginx_error", True),
        ("postgresql_text", True),
        ("postgresql_csv", True),
    ],
)
def test_formats_that_join_lines_are_known(form: str, joins: bool) -> None:
    assert joins_lines(FORMATS[form]()) is joins
