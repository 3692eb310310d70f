"""The segment log against a disk that crashes, tears, fills up and loses what was not synced."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from crypto.sm2 import PrivateKey
from schema import batch, log, segment
from schema.batch import Batch, Chain
from schema.disk import PosixDisk
from schema.errors import FengsuiError
from schema.log import Cursor, Reader, Writer

FOLDER = Path("/log/web-1")
CHAIN = Chain(realm="duty", sensor="web-1", enrolment=1)
KEY = PrivateKey.generate()
SEGMENT_BYTES = 2500
"""Three or four small batches, so that a few appends cross several files."""
WINDOW_BYTES = 1500
"""Smaller than a segment and sometimes than a frame."""


def sealed(chain: Chain, size: int = 10, salt: int = 0) -> Batch:
    return batch.seal(
        chain,
        batch.Contents(
            payloads=[salt.to_bytes(4, "big") * size],
            min_time=0,
            max_time=0,
            low_watermark=0,
            positions={},
        ),
        key=KEY,
        boot_id="boot",
        salts=salt.to_bytes(16, "big"),
    )


class FakeDisk:
    """Files twice over: as programs see them, and as they would be after the power failed."""

    def __init__(self) -> None:
        self.live: dict[Path, bytes] = {}
        self.durable: dict[Path, bytes] = {}
        self.room: int | None = None
        self.sync_fails = False
        self.truncate_fails = False

    def heal(self) -> None:
        self.room, self.sync_fails, self.truncate_fails = None, False, False

    def append(self, path: Path, data: bytes) -> None:
        fits = len(data) if self.room is None else min(self.room, len(data))
        self.live[path] = self.live.get(path, b"") + data[:fits]
        if self.room is not None:
            self.room -= fits
        if fits < len(data):
            raise OSError(errno.ENOSPC, "disk full")

    def sync(self, path: Path) -> None:
        if self.sync_fails:
            raise OSError(errno.EIO, "sync failed")
        self.durable[path] = self.live[path]

    def read(self, path: Path, offset: int, size: int) -> bytes:
        return self.live[path][offset : offset + size]

    def truncate(self, path: Path, size: int) -> None:
        if self.truncate_fails:
            raise OSError(errno.EIO, "truncate failed")
        self.live[path] = self.durable[path] = self.live[path][:size]

    def names(self, folder: Path) -> list[str]:
        return sorted(path.name for path in self.live if path.parent == folder)

    def lose_power(self, kept: float, *, zeroed: bool) -> None:
        """Of each unsynced tail a part stays, as it was written or as zeros."""
        for path, live in list(self.live.items()):
            durable = self.durable.get(path)
            if durable is None and kept == 0:
                del self.live[path]
                continue
            tail = live[len(durable or b"") :]
            tail = tail[: int(len(tail) * kept)]
            after = (durable or b"") + (bytes(len(tail)) if zeroed else tail)
            self.live[path] = self.durable[path] = after


class LogMachine(RuleBasedStateMachine):
    """Acknowledged batches are all there, once, in order, whatever happens to disk and process."""

    @initialize()
    def begin(self) -> None:
        self.disk = FakeDisk()
        self.acknowledged: list[Batch] = []
        self.pending: Batch | None = None
        self.salt = 0
        self.seen: list[list[Batch]] = [[], [], []]
        self.readers = [self.reader(Cursor()) for _ in self.seen]
        self.reopen()

    def reader(self, cursor: Cursor) -> Reader:
        return Reader(FOLDER, cursor, self.disk, window_bytes=WINDOW_BYTES)

    def reopen(self) -> None:
        self.writer = Writer(FOLDER, self.disk, segment_bytes_max=SEGMENT_BYTES)
        head = self.writer.head
        if self.pending is not None and head is not None and head.hash == self.pending.hash:
            self.acknowledged.append(self.pending)
        self.pending = None

    @property
    def chain(self) -> Chain:
        return CHAIN.after(self.acknowledged[-1]) if self.acknowledged else CHAIN

    @rule(size=st.integers(0, 600))
    def append(self, size: int) -> None:
        if self.pending is None:
            self.salt += 1
            self.pending = sealed(self.chain, size, self.salt)
        try:
            self.writer.append(self.pending)
        except OSError:
            return
        self.acknowledged.append(self.pending)
        self.pending = None

    @rule()
    def close_segment(self) -> None:
        with suppress(OSError):
            self.writer.close_segment()

    @rule(room=st.integers(0, 1200))
    def fill_disk(self, room: int) -> None:
        self.disk.room = room

    @rule(truncate_fails=st.booleans())
    def break_disk(self, truncate_fails: bool) -> None:
        self.disk.sync_fails, self.disk.truncate_fails = True, truncate_fails

    @rule()
    def heal_disk(self) -> None:
        self.disk.heal()

    @rule()
    def kill_process(self) -> None:
        self.disk.heal()
        self.reopen()

    @rule(size=st.integers(0, 600), room=st.one_of(st.none(), st.integers(0, 1200)))
    def be_killed_while_writing(self, size: int, room: int | None) -> None:
        self.disk.room, self.disk.sync_fails, self.disk.truncate_fails = room, True, True
        self.append(size)
        self.kill_process()

    @rule(kept=st.floats(0, 1), zeroed=st.booleans())
    def lose_power(self, kept: float, zeroed: bool) -> None:
        self.disk.heal()
        self.disk.lose_power(kept, zeroed=zeroed)
        self.reopen()

    # A batch whose write and taking back both failed may be read before its writer is done with it.
    @precondition(lambda self: self.writer._torn is None)
    @rule(which=st.integers(0, 2), count=st.integers(1, 5))
    def read(self, which: int, count: int) -> None:
        before = self.readers[which].cursor
        try:
            self.seen[which] += self.readers[which].read(count)
        except OSError:
            assert self.readers[which].cursor == before

    @rule(which=st.integers(0, 2), hint=st.booleans())
    def go_on_from_the_cursor(self, which: int, hint: bool) -> None:
        cursor = self.readers[which].cursor
        self.readers[which] = self.reader(cursor if hint else Cursor(number=cursor.number))

    @invariant()
    def readers_saw_what_was_acknowledged_once_in_order(self) -> None:
        for seen in self.seen:
            assert [one.hash for one in seen] == [
                one.hash for one in self.acknowledged[: len(seen)]
            ]

    def teardown(self) -> None:
        if not hasattr(self, "disk"):
            return
        self.disk.heal()
        self.reopen()
        everything = self.reader(Cursor()).read(10_000)
        assert [one.hash for one in everything] == [one.hash for one in self.acknowledged]
        assert [batch.to_bytes(one) for one in everything] == [
            batch.to_bytes(one) for one in self.acknowledged
        ]


def test_a_footer_found_after_a_crash_outlasts_the_next_one() -> None:
    disk = FakeDisk()
    first = sealed(CHAIN, 600, 1)
    writer = Writer(FOLDER, disk, segment_bytes_max=SEGMENT_BYTES)
    writer.append(first)
    disk.sync_fails = disk.truncate_fails = True
    with suppress(OSError):
        # Closes the segment or not, and the process is killed over it.
        writer.close_segment()
    disk.heal()
    second = sealed(CHAIN.after(first), 0, 2)
    Writer(FOLDER, disk, segment_bytes_max=SEGMENT_BYTES).append(second)
    disk.lose_power(0.5, zeroed=False)
    found = Reader(FOLDER, Cursor(), disk).read(10)
    assert [one.hash for one in found] == [first.hash, second.hash]


LogMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAcknowledgedBatchesSurvive = LogMachine.TestCase


def filled(count: int = 12) -> tuple[FakeDisk, list[Batch]]:
    """A log of several closed segments and an open one."""
    disk, chain, written = FakeDisk(), CHAIN, []
    writer = Writer(FOLDER, disk, segment_bytes_max=SEGMENT_BYTES)
    for salt in range(count):
        written.append(sealed(chain, 10, salt))
        writer.append(written[-1])
        chain = chain.after(written[-1])
    return disk, written


def read_all(disk: FakeDisk) -> Iterator[Batch]:
    reader = Reader(FOLDER, disk=disk, window_bytes=WINDOW_BYTES)
    while found := reader.read(3):
        yield from found


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=150, deadline=None)
def test_a_flipped_bit_is_named_after_all_before_it_was_read(place: float, bit: int) -> None:
    disk, written = filled()
    sizes = {path: len(raw) for path, raw in sorted(disk.live.items())}
    at = int(place * sum(sizes.values()))
    path = min(sizes)
    while at >= sizes[path]:
        at -= sizes[path]
        path = min(one for one in sizes if one > path)
    raw = bytearray(disk.live[path])
    raw[at] ^= 1 << bit
    disk.live[path] = bytes(raw)
    got: list[Batch] = []
    named = None
    try:
        got.extend(read_all(disk))
    except FengsuiError as error:
        named = error.code, error.params["path"]
    assert named in {None, ("schema.segment.damaged", str(path))}
    hashes = [one.hash for one in written]
    assert [one.hash for one in got] == hashes[: len(got)]
    frames = list(segment.frames(bytes(raw), len(segment.MAGIC)))
    # The last frame of the newest file cannot be told from a torn write: the head's receipt tells.
    last_frame = path == max(sizes) and frames[-1] == segment.Broken(
        start=frames[-1].start, torn=True
    )
    in_magic = at < len(segment.MAGIC)
    assert named or in_magic or (last_frame and len(got) >= len(written) - 1)


def test_all_before_the_damage_is_handed_over_before_it_is_named() -> None:
    disk, written = filled()
    path = sorted(disk.live)[1]
    second = [one for one in segment.frames(disk.live[path], 8) if isinstance(one, segment.Frame)][
        1
    ]
    raw = bytearray(disk.live[path])
    raw[second.start + 40] ^= 1
    disk.live[path] = bytes(raw)
    reader = Reader(FOLDER, disk=disk)
    before = reader.read(100)
    assert len(before) == segment.first_number(path.name)
    with pytest.raises(FengsuiError) as caught:
        reader.read(100)
    assert caught.value.code == "schema.segment.damaged"
    assert caught.value.params["offset"] == second.start
    assert reader.cursor.number == len(before) < len(written)


def test_a_wiped_stretch_longer_than_any_frame_is_named_and_does_not_hang() -> None:
    disk, _ = filled(3)
    path = sorted(disk.live)[0]
    disk.live[path] = disk.live[path][:600] + bytes(segment.FRAME_BYTES_MAX + 3 * WINDOW_BYTES)
    with pytest.raises(FengsuiError) as caught:
        list(read_all(disk))
    assert caught.value.code == "schema.segment.damaged"


@pytest.mark.parametrize(
    ("which", "cut"),
    [(-1, False), (0, False), (0, True)],
    ids=["open", "closed", "closed tail cut"],
)
def test_reopening_never_cuts_a_batch_that_has_a_sound_one_behind_it(which: int, cut: bool) -> None:
    disk, _ = filled(11)
    path = sorted(disk.live)[which]
    if which == 0:
        for newer in sorted(disk.live)[1:]:
            # As after a crash in the first write of the next segment.
            disk.live[newer] = b""
            disk.live = dict(sorted(disk.live.items())[:2])
    raw = bytearray(disk.live[path])
    raw[60] ^= 1
    disk.live[path] = disk.live[path][:-60] if cut else bytes(raw)
    before = dict(disk.live)
    with pytest.raises(FengsuiError) as caught:
        Writer(FOLDER, disk)
    assert caught.value.code == "schema.segment.damaged"
    assert disk.live == before


def test_a_changed_magic_before_sound_batches_is_named() -> None:
    disk, _ = filled(2)
    path = sorted(disk.live)[-1]
    disk.live[path] = b"NOTFSSEG" + disk.live[path][8:]
    with pytest.raises(FengsuiError) as caught:
        Writer(FOLDER, disk)
    assert caught.value.code == "schema.segment.malformed"


@pytest.mark.parametrize(
    "torn", [b"", b"FSSE", segment.MAGIC, bytes(300), segment.MAGIC + b"B" * 80]
)
def test_a_first_write_that_never_reached_the_disk_is_cut(torn: bytes) -> None:
    disk, written = filled(4)
    Writer(FOLDER, disk).close_segment()
    disk.live[FOLDER / segment.file_name(5)] = torn
    writer = Writer(FOLDER, disk)
    assert writer.head is not None
    following = sealed(CHAIN.after(written[-1]))
    writer.append(following)
    assert [one.hash for one in read_all(disk)] == [one.hash for one in (*written, following)]


def test_a_batch_is_acknowledged_also_when_the_footer_behind_it_finds_no_room() -> None:
    disk, written = filled(2)
    writer = Writer(FOLDER, disk, segment_bytes_max=1)
    third = sealed(CHAIN.after(written[-1]))
    disk.room = len(segment.batch_frame(third)) + 10
    with pytest.raises(OSError, match="disk full"):
        writer.append(third)  # the full segment must be closed first
    disk.heal()
    disk.room = 41 + 8 + len(segment.batch_frame(third)) + 10
    writer.append(third)
    disk.heal()
    writer.append(sealed(CHAIN.after(third)))
    assert [one.header.number for one in read_all(disk)] == [1, 2, 3, 4]


def test_names_of_sensors_are_those_with_segments(tmp_path: Path) -> None:
    for name in ("b", "a"):
        Writer(tmp_path / name).append(sealed(CHAIN))
    (tmp_path / "empty").mkdir()
    assert log.sensors(tmp_path, PosixDisk()) == ["a", "b"]


def test_a_reader_goes_on_where_older_segments_were_freed() -> None:
    disk, written = filled()
    cursor = Cursor(number=7, segment=segment.file_name(1), offset=100)
    for path in sorted(disk.live):
        following = [one for one in sorted(disk.live) if one > path]
        if following and segment.first_number(following[0].name) <= cursor.number:
            del disk.live[path]
    found = Reader(FOLDER, cursor, disk).read(100)
    assert [one.hash for one in found] == [one.hash for one in written[7:]]


def test_a_real_disk_keeps_the_log_over_a_reopening(
    tmp_path: Path, seal: Callable[..., Batch]
) -> None:
    chain = CHAIN
    for _ in range(3):
        writer = Writer(tmp_path / "web-1", segment_bytes_max=1500)
        for _ in range(3):
            one = seal(chain)
            writer.append(one)
            chain = chain.after(one)
    found = Reader(tmp_path / "web-1").read(100)
    assert [one.header.number for one in found] == list(range(1, 10))
    assert len(list((tmp_path / "web-1").iterdir())) > 1
