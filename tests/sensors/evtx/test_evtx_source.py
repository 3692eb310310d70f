"""EVTX files: each record once, whatever becomes of the file; damage costs what it lies on alone.

No file of a true Windows is kept here: set FENGSUI_EVTX to one, such as the sample in the source
distribution of the package evtx 0.8.0, and it is read too.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evtx import made_file

from schema.batch import Position
from schema.errors import FengsuiError
from schema.event import Fields
from sensors.evtx import EvtxFile, EvtxSource, layout
from sensors.evtx.source import LOOK_EVERY_US
from sensors.sources.contract import Context
from sensors.sources.windows_xml import WindowsXml

SPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
GUID = "{54849625-5478-4994-a5ba-3e3b0328c30d}"


class Hand:
    """A clock set by hand."""

    def __init__(self) -> None:
        self.at = 1_700_000_000_000_000

    def now(self) -> int:
        self.at += LOOK_EVERY_US
        return self.at


def logged(number: int, user: str = "zhang") -> str:
    return (
        f'<Event xmlns="{SPACE}"><System><Provider Name="Made-Up" Guid="{GUID}"/>'
        "<EventID>4625</EventID><Keywords>0x8010000000000000</Keywords>"
        '<TimeCreated SystemTime="2026-11-20T08:00:00.123456Z"/>'
        f"<EventRecordID>{number}</EventRecordID><Channel>Security</Channel>"
        "<Computer>pc1.example</Computer></System><EventData>"
        f'<Data Name="TargetUserName">{user}</Data><Data Name="IpAddress">192.0.2.7</Data>'
        "</EventData></Event>"
    )


def numbered(*numbers: int) -> list[tuple[int, str]]:
    return [(number, logged(number)) for number in numbers]


def source(path: Path, position: Position | None = None) -> EvtxSource:
    context = Context(host="collector", utc_offset_minutes=480, now=Hand().now)
    made = EvtxSource("pc1", str(path), context=context)
    if position is not None:
        made.restore(position)
    return made


def told(polled: list[Fields]) -> list[int]:
    return [int(str(fields["winlog.record_id"])) for fields in polled]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "Security.evtx"


def test_a_record_has_the_fields_that_its_forwarded_xml_has(path: Path) -> None:
    path.write_bytes(made_file([(1, logged(1, "李")), *numbered(2)]))
    context = Context(host="collector", utc_offset_minutes=480, now=lambda: 0)
    forwarded = WindowsXml().parse([logged(1, "李").encode(), logged(2).encode()], context)
    binary = list(source(path).poll(10).events)
    for fields in (*forwarded, *binary):
        del fields["event.original"]
    assert binary == forwarded
    assert binary[0]["user.target.name"] == "李"


def test_a_growing_file_is_followed_and_no_record_read_twice_over_a_restart(path: Path) -> None:
    path.write_bytes(made_file(numbered(1, 2, 3)))
    first = source(path)
    assert told(list(first.poll(2).events)) == [1, 2]
    sealed = first.poll(2).position
    path.write_bytes(made_file(numbered(1, 2, 3, 4), numbered(5)))
    again = source(path, sealed)
    polled = again.poll(10)
    assert told(list(polled.events)) == [4, 5]
    assert polled.troubles["records_missing"] == 0
    assert not again.poll(10).events


def test_a_ring_that_wrapped_is_read_by_its_numbers_and_what_it_lost_is_counted(
    path: Path,
) -> None:
    path.write_bytes(made_file(numbered(1, 2), numbered(3, 4)))
    one = source(path)
    assert told(list(one.poll(10).events)) == [1, 2, 3, 4]
    path.write_bytes(made_file(numbered(9, 10), numbered(7, 8)))
    polled = one.poll(10)
    assert told(list(polled.events)) == [7, 8, 9, 10]
    assert polled.troubles["records_missing"] == 2


@pytest.mark.parametrize("after", [[(1, "li")], [(n, "li") for n in range(1, 5)]])
def test_a_cleared_log_that_counts_anew_is_another_log(
    path: Path, after: list[tuple[int, str]]
) -> None:
    path.write_bytes(made_file(numbered(1, 2, 3)))
    one = source(path)
    before = set(one.poll(10).places)
    path.write_bytes(made_file([(number, logged(number, user)) for number, user in after]))
    polled = one.poll(10)
    assert told(list(polled.events)) == [number for number, _ in after]
    assert before.isdisjoint(polled.places)


def test_a_record_that_is_no_binary_xml_is_told_and_all_others_are_read(path: Path) -> None:
    raw = bytearray(made_file(numbered(1, 2, 3)))
    start = layout.FILE_HEADER_BYTES + layout.records(bytes(raw[4096:]))[1].start
    raw[start + 24 : start + 40] = b"\xff" * 16
    path.write_bytes(bytes(raw))
    first, second, third = source(path).poll(10).events
    assert (told([first]), told([third])) == ([1], [3])
    assert second["event.action"] == "unparsed"
    assert str(second["event.original"]).startswith("EVTX record 2 cannot be read: ")


def test_a_record_without_its_head_is_counted_and_all_others_are_read(path: Path) -> None:
    raw = bytearray(made_file(numbered(1, 2, 3), numbered(4)))
    start = layout.FILE_HEADER_BYTES + layout.records(bytes(raw[4096:]))[1].start
    raw[start : start + 8] = bytes(8)
    path.write_bytes(bytes(raw))
    polled = source(path).poll(10)
    assert told(list(polled.events)) == [1, 3, 4]
    assert polled.troubles["records_missing"] == 1


def test_a_chunk_without_its_head_still_gives_its_records_and_a_lost_one_is_told(
    path: Path,
) -> None:
    raw = bytearray(made_file(numbered(1, 2), numbered(3), numbered(4)))
    raw[4096 : 4096 + 512] = b"\xaa" * 512
    raw[4096 + 65536 : 4096 + 2 * 65536] = b"\xaa" * 65536
    path.write_bytes(bytes(raw))
    polled = source(path).poll(10)
    assert told(list(polled.events)) == [1, 2, 4]
    assert (polled.troubles["chunks_damaged"], polled.troubles["records_missing"]) == (1, 1)


def test_a_record_half_written_waits_until_it_is_whole(path: Path) -> None:
    whole = made_file(numbered(1, 2))
    last = layout.records(whole[4096:])[1]
    cut = bytearray(whole)
    cut[4096 + last.start + last.size - 4 : 4096 + last.start + last.size] = bytes(4)
    path.write_bytes(bytes(cut))
    one = source(path)
    assert told(list(one.poll(10).events)) == [1]
    path.write_bytes(whole)
    assert told(list(one.poll(10).events)) == [2]


def test_records_of_an_earlier_use_of_a_chunk_are_not_read_behind_its_end(path: Path) -> None:
    raw = bytearray(made_file(numbered(90, 91, 92)))
    raw[4096:] = made_file(numbered(1))[4096:][:2048].ljust(2048, b"\0") + raw[4096 + 2048 :]
    path.write_bytes(bytes(raw))
    assert told(list(source(path).poll(10).events)) == [1]


def test_what_is_no_evtx_file_is_told_as_trouble_and_one_that_is_away_is_waited_for(
    path: Path,
) -> None:
    one = source(path)
    assert one.poll(10).troubles["unreadable"] == 0
    path.write_bytes(b"a line of text\n")
    polled = one.poll(10)
    assert polled.troubles["unreadable"] == 1
    assert "is no EVTX file" in polled.problem
    path.write_bytes(made_file(numbered(1)))
    assert told(list(one.poll(10).events)) == [1]


def test_a_position_of_another_kind_of_source_is_refused(path: Path) -> None:
    with pytest.raises(FengsuiError, match="give it a new name"):
        source(path, Position(generation="3,18a3b;9f0c,1f40", offset=7))


@settings(max_examples=150, deadline=None)
@given(
    edits=st.lists(
        st.tuples(st.integers(4096, 4096 + 2600), st.binary(min_size=1, max_size=24)), max_size=12
    ),
    size=st.integers(0, 4096 + 65536),
)
def test_no_damage_raises_or_gives_a_number_twice(
    edits: list[tuple[int, bytes]], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("evtx") / "fuzzed.evtx"
    raw = bytearray(made_file(numbered(1, 2, 3, 4)))
    for at, piece in edits:
        raw[at : at + len(piece)] = piece
    path.write_bytes(bytes(raw[:size]) if size % 3 else bytes(raw))
    one = source(path)
    polled = one.poll(100)
    numbers = [number for _, number in polled.places]
    assert numbers == sorted(set(numbers))
    assert len(polled.events) == len(numbers)
    assert not one.poll(100).events


@pytest.mark.skipif("FENGSUI_EVTX" not in os.environ, reason="FENGSUI_EVTX names no file")
def test_every_record_of_a_true_file_parses() -> None:
    path = Path(os.environ["FENGSUI_EVTX"])
    with EvtxFile(path) as file:
        lines = [one.xml for one in file.after(0)]
    context = Context(host="collector", utc_offset_minutes=480, now=lambda: 0)
    found = WindowsXml().parse(lines, context)
    assert lines
    assert not [fields for fields in found if fields.get("event.action") == "unparsed"]
