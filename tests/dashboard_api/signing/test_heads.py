"""Heads prove where a journal stood, and bring its counts over exactly once."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journalled import NOON, FakeClock, mark, open_journal, the_file

from collector.state.database import Database
from crypto.sm2 import PrivateKey
from dashboard_api.signing import heads as module
from dashboard_api.signing import usage
from dashboard_api.signing.heads import Head, Heads, SignedHead, Teller, newest, read
from dashboard_api.signing.journal import FileJournal
from schema import times
from schema.errors import FengsuiError

KEY = PrivateKey.generate()
DAY = "2026-11-27"


class Slot:
    """Both sides of slot 2 in one process; either can die and come back."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "signing" / "2"
        self.clock = FakeClock()
        self.database = Database(root / "state.db")
        self.heads = Heads(2, self.folder, KEY, self.clock, self.database)
        self.open()

    def open(self) -> None:
        found = self.heads.newest()
        self.heads.catch_up()
        self.journal = open_journal(self.folder, newest=found, file_bytes_max=2_000)
        self.teller = Teller(2, self.journal, self.clock, told=found.n if found else 0)

    def write(self, entries: int = 1) -> None:
        for _ in range(entries):
            self.journal.add(mark(NOON))
        self.journal.commit()

    def tell(self, *, closing: bool = False) -> SignedHead | None:
        head = self.teller.head(closing=closing)
        return None if head is None else self.heads.sign(head)

    def items(self) -> int:
        with self.database.read() as state:
            return usage.daily_items(state, "payments", DAY)

    def close(self) -> None:
        self.journal.close()
        self.database.close()


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[Slot]:
    opened = Slot(tmp_path)
    yield opened
    opened.close()


def test_a_head_is_told_at_most_once_a_second_and_when_it_closes(slot: Slot) -> None:
    assert slot.tell() is None
    slot.write()
    assert slot.tell() is not None
    slot.write()
    slot.clock.time += times.SECOND - 1
    assert slot.tell() is None
    slot.clock.time += 1
    assert slot.tell() is not None
    assert slot.tell(closing=True) is None
    slot.write()
    assert slot.tell(closing=True) is not None


def test_a_clock_that_was_set_back_keeps_no_head_untold(slot: Slot) -> None:
    slot.write()
    slot.tell()
    slot.clock.time -= times.DAY
    slot.write()
    assert slot.tell() is not None


def test_a_head_passes_as_the_message_it_is_between_the_processes(slot: Slot) -> None:
    slot.write(3)
    head = slot.teller.head()
    raw = msgspec.msgpack.encode(head)
    assert msgspec.msgpack.decode(raw, type=Head) == head
    assert msgspec.msgpack.decode(raw)[0] == 3


def test_a_signed_head_holds_for_its_slot_and_its_journal(slot: Slot) -> None:
    slot.write(2)
    signed = slot.tell()
    assert signed == slot.heads.newest()
    assert (signed.n, signed.digest, signed.at) == (2, slot.journal.digest, slot.clock.time)
    with pytest.raises(FengsuiError) as caught:
        newest(slot.folder, 1, KEY.public)
    assert caught.value.code == "dashboard_api.journal.head_broken"
    with pytest.raises(FengsuiError):
        newest(slot.folder, 2, PrivateKey.generate().public)


@pytest.mark.parametrize("field", ["n", "digest", "at", "signature"])
def test_a_changed_head_is_refused(slot: Slot, field: str) -> None:
    slot.write(2)
    signed = slot.tell()
    value = getattr(signed, field)
    other = value + 1 if isinstance(value, int) else value[:-1] + ("0" if value[-1] != "0" else "1")
    path = slot.folder / "heads.jsonl"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(signed, **{field: other})) + b"\n")
    with pytest.raises(FengsuiError) as caught:
        slot.heads.newest()
    assert caught.value.code == "dashboard_api.journal.head_broken"


def test_a_folder_that_was_rolled_back_is_found_by_its_head(slot: Slot) -> None:
    slot.write()
    slot.tell()
    path = the_file(slot.folder)
    old = path.read_bytes()
    slot.write()
    slot.tell(closing=True)
    slot.journal.close()
    path.write_bytes(old)
    with pytest.raises(FengsuiError) as caught:
        FileJournal(slot.folder, bytes(32), slot.heads.newest())
    assert caught.value.code == "dashboard_api.journal.cut"


def test_one_rolled_back_with_its_heads_is_found_by_what_was_counted(slot: Slot) -> None:
    slot.write()
    slot.tell()
    kept = {
        path: path.read_bytes() for path in (the_file(slot.folder), slot.folder / "heads.jsonl")
    }
    slot.write()
    slot.tell(closing=True)
    slot.journal.close()
    for path, old in kept.items():
        path.write_bytes(old)
    with pytest.raises(FengsuiError, match="counted up to 2") as caught:
        slot.open()
    assert caught.value.code == "dashboard_api.journal.cut"


def test_a_line_that_a_crash_tore_is_written_over(slot: Slot) -> None:
    slot.write()
    signed = slot.tell()
    path = slot.folder / "heads.jsonl"
    raw = path.read_bytes()
    for end in range(len(raw)):
        path.write_bytes(raw + raw[:end])
        assert slot.heads.newest() == signed
    slot.write()
    second = slot.tell(closing=True)
    assert read(slot.folder) == [signed, second]


def test_heads_are_thinned_before_they_fill_the_disk(
    slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEADS_BYTES_MAX", 20_000)
    for _ in range(200):
        slot.write()
        slot.tell(closing=True)
    found = read(slot.folder)
    assert found[-1].n == 200
    assert found[0].n == 1
    assert (slot.folder / "heads.jsonl").stat().st_size < 21_000


def test_a_head_signed_twice_counts_once(slot: Slot) -> None:
    slot.write(3)
    head = slot.teller.head()
    assert head is not None
    slot.heads.sign(head)
    slot.heads.sign(head)
    assert slot.items() == 3
    assert slot.heads.newest() is not None


def test_a_head_that_was_overtaken_is_not_written_behind_the_newer(slot: Slot) -> None:
    slot.write(3)
    older = slot.teller.head()
    slot.write(2)
    slot.tell(closing=True)
    assert older is not None
    slot.heads.sign(older)
    assert [head.n for head in read(slot.folder)] == [5]
    assert slot.items() == 5


def test_a_head_whose_counts_were_lost_is_counted_from_the_files_with_the_next(slot: Slot) -> None:
    slot.write(3)
    assert slot.teller.head() is not None
    slot.write(2)
    slot.tell(closing=True)
    assert slot.items() == 5


STEPS = st.lists(
    st.sampled_from(["write", "write", "tell", "lose", "signed only", "crash", "half"]), max_size=25
)


@given(STEPS)
@settings(max_examples=40, deadline=None)
def test_counts_equal_what_was_written_after_crashes_at_any_moment(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    slot = Slot(tmp_path_factory.mktemp("site"))
    total = 0
    for step in steps:
        if step == "write":
            slot.write(2)
            total += 2
        elif step == "tell":
            slot.tell(closing=True)
        elif step == "lose":
            slot.teller.head(closing=True)
        elif step == "signed only":
            # The API process dies between the head and the transaction of its counts.
            head = slot.teller.head(closing=True)
            if head is not None:
                module._append(
                    slot.folder / "heads.jsonl",
                    module._sign(2, head, NOON, KEY),
                )
        else:
            slot.journal.close()
            if step == "half" and slot.journal.n:
                with sorted((slot.folder / "journal").iterdir())[-1].open("ab") as file:
                    file.write(b"group 00")
            slot.open()
            assert slot.items() == total
    slot.tell(closing=True)
    slot.heads.catch_up()
    assert slot.items() == total
    slot.close()
