"""Every event is found by its id, in open and closed segments, after restarts and lost files."""

from pathlib import Path

import pytest
from collected import START, FakeSensor, Site

from collector.idfile import Block, Closed, Open
from collector.idindex import IdIndex
from schema import batch as batches
from schema import log
from schema.filter import parse


def _filled(site: Site, sensor: FakeSensor) -> list[str]:
    """Two closed segments and an open one; the ids of their events."""
    writer = log.Writer(site.segments / "gate")
    for number in range(6):
        writer.append(sensor.batch())
        if number in (1, 3):
            site.rounds(1)
            writer.close_segment()
    site.rounds()
    page = site.index.search(parse("sensor:gate"), start=0, end=START * 2, limit=100)
    return [hit.id for hit in page.hits]


def _files(site: Site) -> list[str]:
    return sorted(path.name for path in (site.segments / "gate").iterdir())


def test_closed_segments_have_a_sorted_index_and_the_open_one_a_journal(
    site: Site, sensor: FakeSensor
) -> None:
    _filled(site, sensor)
    assert _files(site) == [
        "000000000001.idx",
        "000000000001.seg",
        "000000000003.idx",
        "000000000003.seg",
        "000000000005.ids",
        "000000000005.seg",
    ]


@pytest.mark.parametrize("lost", ["", "*.idx", "*.ids", "*.id?", "torn", "flipped"])
def test_every_event_is_found_again_whatever_was_lost(
    site: Site, sensor: FakeSensor, lost: str
) -> None:
    found = _filled(site, sensor)
    for path in (site.segments / "gate").glob(lost if "*" in lost else "-"):
        path.unlink()
    if lost == "torn":
        journal = site.segments / "gate" / "000000000005.ids"
        journal.write_bytes(journal.read_bytes()[:-5])
        closed = site.segments / "gate" / "000000000003.idx"
        closed.write_bytes(closed.read_bytes()[:-5])
    if lost == "flipped":
        for path in (site.segments / "gate").glob("*.id?"):
            raw = bytearray(path.read_bytes())
            raw[len(raw) // 2] ^= 4
            path.write_bytes(raw)
    site.close()
    again = Site(site.folder, clock=site.clock)
    assert len(found) == 18
    for event_id in found:
        hit = again.ids.fetch(bytes.fromhex(event_id))
        assert hit is not None
        assert hit.id == event_id
    assert again.ids.find(bytes(16)) is None
    again.close()


def test_leaf_beginnings_are_known_for_every_event_of_every_batch(
    site: Site, sensor: FakeSensor
) -> None:
    _filled(site, sensor)
    for ids in (site.ids, IdIndex(site.segments)):
        known = ids.leaves("gate")
        assert sorted(known)[:4] == [1, 2, 3, 4]
        for number, name in ((1, "000000000001.seg"), (4, "000000000003.seg")):
            batch = ids.batch("gate", name, number)
            assert batch is not None
            leaves = batches.leaf_hashes(batches.unpack_body(batch.body, 3))
            assert known[number] == [leaf[:8] for leaf in leaves]


def test_a_redacted_event_is_not_given_out(site: Site, sensor: FakeSensor) -> None:
    _filled(site, sensor)
    batch = sensor.seal(sensor.events(1, message="机密★10年") + sensor.events(1))
    log.Writer(site.segments / "gate").append(batch)
    site.rounds()
    page = site.index.search(parse("sensor:gate number:7"), start=0, end=START * 2, limit=9)
    assert [hit.index for hit in page.hits] == [1]
    assert site.index.get(page.hits[0].id) == page.hits[0]


def _block(number: int, count: int) -> Block:
    return Block(
        number=number,
        received_at=number * 10,
        leaves=[bytes([number, at]) * 16 for at in range(count)],
        ids=[bytes([at, number]) * 8 for at in range(count)],
        indexes=range(count),
    )


def test_a_journal_and_its_sorted_form_answer_alike(tmp_path: Path) -> None:
    path = tmp_path / "000000000001.seg"
    path.write_bytes(b"FSSEG001")
    journal = Open(tmp_path / "j.ids")
    for number in range(1, 60):
        journal.add(_block(number, number))
        journal.add(_block(number, 1))
    closed = journal.sort(path, tmp_path / "s.idx")
    for one in (journal, Open(tmp_path / "j.ids"), closed):
        for number in (1, 7, 59):
            for at in (0, number - 1):
                assert one.find(bytes([at, number]) * 8) == (number, at, number * 10)
        assert one.find(bytes([59, 1]) * 8) is None
        assert one.find(b"\xff" * 16) is None
        assert [len(leaves) for leaves in one.leaves().values()] == list(range(1, 60))


def test_a_file_that_is_no_index_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.idx"
    assert Closed.load(path) is None
    for raw in (b"", b"short", b"FSIDX002" + b"\xff" * 40, bytes(100)):
        path.write_bytes(raw)
        assert Closed.load(path) is None


@pytest.mark.parametrize("place", range(4, 24))
def test_a_journal_with_any_flipped_bit_in_its_head_is_worked_out_again(
    tmp_path: Path, place: int
) -> None:
    journal = tmp_path / "j.ids"
    Open(journal).add(_block(1, 2))
    raw = bytearray(journal.read_bytes())
    raw[place] ^= 1
    journal.write_bytes(raw)
    assert Open(journal).numbers == {}


def test_a_sorted_index_with_any_flipped_bit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "000000000001.seg"
    path.write_bytes(b"FSSEG001")
    journal = Open(tmp_path / "j.ids")
    journal.add(_block(1, 3))
    journal.sort(path, tmp_path / "s.idx")
    whole = (tmp_path / "s.idx").read_bytes()
    for place in range(len(whole)):
        raw = bytearray(whole)
        raw[place] ^= 1
        (tmp_path / "s.idx").write_bytes(raw)
        assert Closed.load(tmp_path / "s.idx") is None
