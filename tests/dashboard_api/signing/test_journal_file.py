"""Whatever is done to a journal's files, what is read is what was written, or damage is named."""

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from journalled import NOON, groups, mark, numbers, resummed, the_file, written

from dashboard_api.signing.journal_file import (
    GENESIS,
    HEADER_BYTES,
    Group,
    Place,
    Reader,
    entries,
    entry_of,
    pack,
    parse_header,
)
from schema.errors import FengsuiError

BROKEN = "dashboard_api.journal.broken"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Group]]:
    """Three groups of two, one and three entries: the file, and what stands in it."""
    folder = tmp_path_factory.mktemp("made")
    written(folder, (2, 1, 3))
    return the_file(folder).read_bytes(), groups(folder)


def laid(folder: Path, raw: bytes) -> Path:
    """A slot whose journal is this one file."""
    (folder / "journal").mkdir(parents=True, exist_ok=True)
    path = folder / "journal" / "0000000000000001.log"
    path.write_bytes(raw)
    return path


def damage(folder: Path, raw: bytes) -> FengsuiError:
    """What reading such a file raises."""
    laid(folder, raw)
    with pytest.raises(FengsuiError) as caught:
        numbers(folder)
    assert caught.value.code == BROKEN
    assert "0000000000000001.log" in str(caught.value)
    return caught.value


def test_a_header_has_its_width_and_comes_back() -> None:
    raw = pack(7, 2, b"one\ntwo\n", GENESIS)
    header = parse_header(raw[:HEADER_BYTES])
    assert header is not None
    assert (header.first, header.count, header.size, header.previous) == (7, 2, 8, GENESIS)
    assert raw[HEADER_BYTES:] == b"one\ntwo\n"


def test_a_group_of_nothing_is_none() -> None:
    with pytest.raises(ValueError, match="1 to"):
        pack(1, 0, b"", GENESIS)


def test_every_flipped_bit_of_committed_data_is_named(
    tmp_path: Path, made: tuple[bytes, list[Group]]
) -> None:
    raw, found = made
    path = laid(tmp_path, raw)
    with path.open("r+b", buffering=0) as file:
        for at, byte in enumerate(raw):
            group = next(one for one in reversed(found) if one.offset <= at)
            # Of entries one bit a byte: every one of them is under the same checksum.
            in_header = at < group.offset + HEADER_BYTES
            for bit in range(8) if in_header else (at % 8,):
                os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), at)
                with pytest.raises(FengsuiError) as caught:
                    numbers(tmp_path)
                assert caught.value.code == BROKEN
                assert group.header.first <= int(caught.value.params["n"]) <= group.last
            os.pwrite(file.fileno(), bytes([byte]), at)
    assert numbers(tmp_path) == [1, 2, 3, 4, 5, 6]


def test_the_changed_entry_of_a_group_is_named_where_it_can_be_told(
    tmp_path: Path, made: tuple[bytes, list[Group]]
) -> None:
    raw, _ = made
    at = raw.index(b'{"n":5,') + 5
    error = damage(tmp_path, raw[:at] + b"6" + raw[at + 1 :])
    assert error.params["n"] == 5


@pytest.mark.parametrize(
    ("order", "entry"),
    [((0, 2), 3), ((1, 2), 1), ((1, 0, 2), 1), ((0, 2, 1), 3), ((0, 0, 1, 2), 3), ((0, 1, 1), 4)],
)
def test_a_removed_repeated_or_swapped_group_is_named(
    tmp_path: Path, made: tuple[bytes, list[Group]], order: tuple[int, ...], entry: int
) -> None:
    _, found = made
    error = damage(tmp_path, b"".join(found[index].raw for index in order))
    assert error.params["n"] == entry


def test_a_removed_group_is_named_though_the_next_was_renumbered(
    tmp_path: Path, made: tuple[bytes, list[Group]]
) -> None:
    _, found = made
    third = resummed(found[2].raw, first=b"%016d" % 3)
    assert damage(tmp_path, found[0].raw + third).params["n"] == 3
    # And where it is linked anew its entries still have their numbers.
    linked = resummed(third, previous=found[0].digest.encode())
    assert damage(tmp_path, found[0].raw + linked).params["n"] == 3


def test_a_changed_entry_breaks_the_link_behind_it_though_checksums_were_made_anew(
    tmp_path: Path, made: tuple[bytes, list[Group]]
) -> None:
    _, found = made
    lines = found[1].raw[HEADER_BYTES:].replace(b'"payments"', b'"somebody"')
    forged = resummed(found[1].raw, lines=lines)
    error = damage(tmp_path, found[0].raw + forged + found[2].raw)
    assert error.params["n"] == 4


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b'{"n":3}', b"\xff\xfe", b'{"n":3,"at":"yesterday"', b"null"],
)
def test_what_is_no_entry_is_named_though_its_checksum_holds(
    tmp_path: Path, made: tuple[bytes, list[Group]], line: bytes
) -> None:
    _, found = made
    error = damage(tmp_path, found[0].raw + resummed(found[1].raw, lines=line + b"\n"))
    assert error.params["n"] == 3


def test_an_entry_at_no_time_is_named(tmp_path: Path, made: tuple[bytes, list[Group]]) -> None:
    _, found = made
    lines = found[1].raw[HEADER_BYTES:].replace(b"2026-11-27T", b"2026-13-27T")
    error = damage(tmp_path, found[0].raw + resummed(found[1].raw, lines=lines))
    assert error.params["n"] == 3


def test_a_group_that_holds_other_than_its_count_is_named(
    tmp_path: Path, made: tuple[bytes, list[Group]]
) -> None:
    _, found = made
    assert damage(tmp_path, resummed(found[0].raw, count=b"00000003")).params["n"] == 1


def test_an_empty_line_is_no_entry(tmp_path: Path, made: tuple[bytes, list[Group]]) -> None:
    _, found = made
    lines = found[1].raw[HEADER_BYTES:] + b"\n"
    forged = resummed(found[1].raw, lines=lines, count=b"00000002")
    assert damage(tmp_path, found[0].raw + forged).params["n"] == 4


def test_anything_behind_the_last_group_that_no_crash_leaves_is_named(
    tmp_path: Path, made: tuple[bytes, list[Group]]
) -> None:
    raw, _ = made
    for more in (b"x", b"\n", b"grouping", raw[1:], b"x" * 5000):
        assert damage(tmp_path, raw + more).params["n"] == 7


def test_only_the_last_file_may_be_torn(tmp_path: Path, made: tuple[bytes, list[Group]]) -> None:
    raw, found = made
    path = laid(tmp_path, raw[:-1])
    assert len(list(Reader(path, Place(), last=True).groups())) == 2
    with pytest.raises(FengsuiError, match="entry 4") as caught:
        list(Reader(path, Place(), last=False).groups())
    assert caught.value.code == BROKEN
    assert found[2].header.first == 4
    path.write_bytes(b"")
    with pytest.raises(FengsuiError, match="empty"):
        list(Reader(path, Place(), last=False).groups())


HEAD = pack(1, 1, b"{}\n", GENESIS)


@given(
    st.one_of(
        st.binary(max_size=2000),
        st.lists(st.sampled_from([HEAD, HEAD[:50], b"group ", b"\n", bytes(600), b"{}\n"])).map(
            b"".join
        ),
        st.binary(max_size=300).map(lambda lines: pack(1, 1, lines, GENESIS)),
    ),
    st.booleans(),
)
@example(pack(1, 10**8 - 1, b"\n", GENESIS), True)  # drawn as above
@settings(max_examples=500, deadline=1000)
def test_arbitrary_bytes_are_read_or_named(
    tmp_path_factory: pytest.TempPathFactory,
    raw: bytes,
    last: bool,  # drawn as above
) -> None:
    path = laid(tmp_path_factory.mktemp("fuzz"), raw)
    try:
        for group in Reader(path, Place(), last=last).groups():
            entries(group, path)
    except FengsuiError as error:
        assert error.code == BROKEN  # noqa: PT017  # or nothing is raised


@given(
    st.lists(
        st.text(max_size=30).filter(lambda text: text.isprintable() or "\n" in text), max_size=5
    )
)
@settings(max_examples=100, deadline=None)
def test_words_of_any_kind_come_back(
    tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    found = [entry_of(number, mark(NOON, key=word)) for number, word in enumerate(words, 1)]
    lines = b"".join(msgspec.json.encode(one) + b"\n" for one in found)
    if words:
        path = laid(tmp_path_factory.mktemp("words"), pack(1, len(words), lines, GENESIS))
        (group,) = Reader(path, Place(), last=True).groups()
        assert entries(group, path) == found
