"""A journal is checked offline, from its first entry to its signed heads."""

import shutil
from pathlib import Path

import msgspec
import pytest
from journalled import NOON, FakeClock, groups, mark, open_journal, resummed, the_file

from collector.state.database import Database
from crypto.sm2 import PrivateKey
from dashboard_api.signing import journal_verify
from dashboard_api.signing.heads import Heads, Teller
from dashboard_api.signing.journal_verify import Checked, slots, verify

KEY = PrivateKey.generate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Slot 0 with twelve entries in three files; a head at every fourth."""
    slot = tmp_path / "signing" / "0"
    database = Database(tmp_path / "state.db")
    clock = FakeClock()
    heads = Heads(0, slot, KEY, clock, database)
    journal = open_journal(slot, file_bytes_max=1_500)
    teller = Teller(0, journal, clock)
    for number in range(1, 13):
        journal.add(mark(NOON + number))
        journal.commit()
        if number % 4 == 0:
            head = teller.head(closing=True)
            assert head is not None
            heads.sign(head)
    journal.close()
    database.close()
    return slot


def checked(folder: Path) -> Checked:
    return verify(0, folder, KEY.public)


def code(folder: Path) -> str:
    error = checked(folder).error
    return error.code.rpartition(".")[2] if error else ""


def test_a_sound_journal_is_counted(folder: Path) -> None:
    found = checked(folder)
    assert found.error is None
    assert (found.files, found.groups, found.entries) == (3, 12, 12)
    assert (found.heads, found.signed, found.torn_bytes) == (3, 12, 0)
    assert found.digest == groups(folder)[-1].digest
    assert [one.n for one in journal_verify.read(folder)] == list(range(1, 13))


def test_a_write_that_was_never_acknowledged_is_no_damage(folder: Path) -> None:
    with the_file(folder, 2).open("ab") as file:
        file.write(b"group 0000")
    found = checked(folder)
    assert (found.error, found.entries, found.torn_bytes) == (None, 12, 10)


def test_a_cut_tail_is_found_by_its_head(folder: Path) -> None:
    path = the_file(folder, 2)
    path.write_bytes(path.read_bytes()[: groups(folder)[-1].offset])
    found = checked(folder)
    assert code(folder) == "cut"
    assert found.error is not None
    assert "ends with entry 11" in str(found.error)
    shutil.rmtree(folder / "journal")
    assert code(folder) == "cut"


def test_a_flipped_bit_is_named_with_what_was_sound_before_it(folder: Path) -> None:
    path = the_file(folder, 1)
    raw = bytearray(path.read_bytes())
    raw[300] ^= 4
    path.write_bytes(raw)
    found = checked(folder)
    assert code(folder) == "broken"
    assert found.error is not None
    assert found.error.params["n"] == found.entries + 1
    assert path.name in str(found.error)


def test_the_last_entry_changed_with_its_checksums_is_found_by_its_head(folder: Path) -> None:
    path, last = the_file(folder, 2), groups(folder)[-1]
    lines = last.raw[126:].replace(b"payments.receipt", b"payments.forgery")
    path.write_bytes(path.read_bytes()[: last.offset] + resummed(last.raw, lines=lines))
    assert code(folder) == "cut"


def test_a_missing_file_is_named(folder: Path) -> None:
    the_file(folder, 1).unlink()
    assert code(folder) == "broken"


def test_heads_of_another_key_or_slot_are_refused(folder: Path) -> None:
    other = verify(0, folder, PrivateKey.generate().public).error
    assert other is not None
    assert other.code == "dashboard_api.journal.head_broken"
    assert verify(1, folder, KEY.public).error is not None
    # Without a key they still say where the journal stood.
    assert verify(0, folder, None).error is None


@pytest.mark.parametrize("line", [b"", b"{}", b"\xff", b"null"])
def test_what_is_no_head_is_named(folder: Path, line: bytes) -> None:
    path = folder / "heads.jsonl"
    path.write_bytes(line + b"\n" + path.read_bytes())
    assert code(folder) == "head_broken"


def test_heads_out_of_order_are_named(folder: Path) -> None:
    path = folder / "heads.jsonl"
    path.write_bytes(b"".join(reversed(path.read_bytes().splitlines(keepends=True))))
    assert code(folder) == "head_broken"


def test_a_slot_is_a_folder_named_by_its_number(tmp_path: Path) -> None:
    for name in ("0", "10", "2", "01", "x", "²"):
        (tmp_path / name).mkdir()
    (tmp_path / "3").touch()
    assert [number for number, _ in slots(tmp_path)] == [0, 2, 10]
    assert slots(tmp_path / "none") == []


def test_a_slot_that_never_wrote_is_sound(tmp_path: Path) -> None:
    found = checked(tmp_path)
    assert (found.error, found.entries) == (None, 0)


def test_the_format_is_what_its_description_says(folder: Path) -> None:
    """A second reader, from the description alone."""
    from crypto import sm3

    previous, number = "0" * 64, 0
    for path in sorted((folder / "journal").iterdir()):
        raw = path.read_bytes()
        while raw:
            word, first, count, size, link, _, _ = raw[:126].decode().split()
            assert (word, int(first), link) == ("group", number + 1, previous)
            whole = 126 + int(size)
            for line in raw[126:whole].decode().splitlines():
                number += 1
                assert msgspec.json.decode(line)["n"] == number
            assert number == int(first) + int(count) - 1
            previous, raw = sm3.digest(raw[:whole]).hex(), raw[whole:]
    assert number == 12
