"""The journal keeps every committed group whatever happens, and stops rather than lose one."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from journalled import KEY, NOON, BadDisk, groups, mark, numbers, open_journal, the_file, written

from crypto import sm3
from dashboard_api.signing.heads import SignedHead
from dashboard_api.signing.journal import Calls, FileJournal
from dashboard_api.signing.journal_file import HEADER_BYTES, entries
from schema.errors import FengsuiError


def head_at(folder: Path, index: int) -> SignedHead:
    """A signed head of a group; its signature is nobody's business here."""
    group = groups(folder)[index]
    return SignedHead(n=group.last, digest=group.digest, at=NOON, key_id="", signature="")


def test_entries_are_numbered_densely_over_groups_and_reopenings(tmp_path: Path) -> None:
    written(tmp_path, (1, 3))
    written(tmp_path, (2,))
    assert numbers(tmp_path) == [1, 2, 3, 4, 5, 6]
    assert [len(entries(group, tmp_path)) for group in groups(tmp_path)] == [1, 3, 2]


def test_an_entry_stands_in_the_file_as_it_was_told(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    told = mark(items=2, result="crypto.signature.invalid", failed=2, key="别的.钥匙")
    journal.add(told)
    journal.commit()
    journal.close()
    (found,) = entries(groups(tmp_path)[0], tmp_path)
    assert (found.key, found.result, found.items, found.failed) == (
        "别的.钥匙", "crypto.signature.invalid", 2, 2
    )  # fmt: skip
    assert found.payload_macs == told.payload_macs
    assert found.at == "2026-11-27T04:00:00.000000Z"


def test_a_group_waits_for_the_disk_once_and_an_empty_one_not_at_all(tmp_path: Path) -> None:
    disk = BadDisk()
    journal = open_journal(tmp_path, calls=disk.calls)
    for _ in range(50):
        journal.add(mark())
    journal.commit()
    journal.commit()
    assert disk.syncs == 1
    journal.close()


def test_what_was_not_committed_is_not_there(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.add(mark())
    journal.close()
    assert numbers(tmp_path) == []


def test_the_digest_is_of_the_last_group_as_it_stands_in_the_file(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    for _ in range(2):
        journal.add(mark())
        journal.commit()
    raw = the_file(tmp_path).read_bytes()
    first = HEADER_BYTES + int(raw.split(b" ")[3])
    assert journal.digest == sm3.digest(raw[first:]).hex()
    assert raw[first:].split(b" ")[4].decode() == sm3.digest(raw[:first]).hex()
    journal.close()


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 300])
def test_payload_macs_are_hmac_sm3_under_the_journals_key(tmp_path: Path, size: int) -> None:
    journal = open_journal(tmp_path)
    payloads = [bytes([number]) * size for number in range(5)]
    assert journal.mac(payloads) == tuple(sm3.hmac(KEY, payload) for payload in payloads)
    assert journal.mac([]) == ()
    journal.close()


def test_a_key_of_another_length_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        FileJournal(tmp_path, b"short")


def test_a_crash_at_any_byte_of_a_write_keeps_every_group_before_it(tmp_path: Path) -> None:
    made = tmp_path / "made"
    written(made, (2, 1, 1))
    raw = the_file(made).read_bytes()
    begin = groups(made)[-1].offset
    for end in range(begin, len(raw)):
        torn = tmp_path / str(end)
        (torn / "journal").mkdir(parents=True)
        path = torn / "journal" / the_file(made).name
        path.write_bytes(raw[:end])
        written(torn, (1,))
        assert numbers(torn) == [1, 2, 3, 4]
        assert path.read_bytes()[:begin] == raw[:begin]
        shutil.rmtree(torn)


def test_sectors_that_were_never_written_are_cut_too(tmp_path: Path) -> None:
    written(tmp_path, (2, 8))
    path = the_file(tmp_path)
    raw = path.read_bytes()
    begin = groups(tmp_path)[-1].offset
    hole = -(-(begin + HEADER_BYTES) // 512) * 512
    for torn in (
        raw[:hole] + bytes(512) + raw[hole + 512 :],
        raw[:begin] + bytes(len(raw) - begin),
        raw[:begin] + bytes(4096),
    ):
        path.write_bytes(torn)
        written(tmp_path, (1,))
        assert numbers(tmp_path) == [1, 2, 3]


def test_a_torn_group_is_told_from_a_damaged_one_by_what_follows(tmp_path: Path) -> None:
    written(tmp_path, (2, 8, 1))
    path = the_file(tmp_path)
    raw = path.read_bytes()
    begin = groups(tmp_path)[1].offset
    path.write_bytes(raw[:begin] + bytes(1024) + raw[begin + 1024 :])
    with pytest.raises(FengsuiError, match="entry 3") as caught:
        open_journal(tmp_path)
    assert caught.value.code == "dashboard_api.journal.broken"
    assert path.stat().st_size == len(raw)


def test_rotation_begins_a_file_named_after_its_first_entry(tmp_path: Path) -> None:
    written(tmp_path, (1,) * 6, file_bytes_max=900)
    names = [path.name for path in sorted((tmp_path / "journal").iterdir())]
    assert names == ["0000000000000001.log", "0000000000000004.log"]
    written(tmp_path, (1,) * 3, file_bytes_max=900)
    assert numbers(tmp_path) == list(range(1, 10))


def test_a_crash_between_files_leaves_an_empty_one_that_is_used(tmp_path: Path) -> None:
    written(tmp_path, (1, 2))
    (tmp_path / "journal" / "0000000000000004.log").touch()
    written(tmp_path, (1,))
    assert numbers(tmp_path) == [1, 2, 3, 4]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    written(tmp_path, (1,) * 9, file_bytes_max=900)
    for number, entry in ((0, 1), (1, 4)):
        folder = tmp_path / f"without-{number}"
        shutil.copytree(tmp_path / "journal", folder / "journal")
        the_file(folder, number).unlink()
        with pytest.raises(FengsuiError) as caught:
            open_journal(folder)
        assert caught.value.code == "dashboard_api.journal.broken"
        assert caught.value.params["n"] == entry


def test_a_file_no_journal_has_is_named(tmp_path: Path) -> None:
    written(tmp_path, (1,))
    (tmp_path / "journal" / "0000000000000002.log.old").touch()
    with pytest.raises(FengsuiError, match=r"2\.log\.old") as caught:
        open_journal(tmp_path)
    assert caught.value.code == "dashboard_api.journal.broken"


def test_one_process_at_a_time_has_it_open(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    with pytest.raises(FengsuiError) as caught:
        open_journal(tmp_path)
    assert caught.value.code == "dashboard_api.journal.in_use"
    journal.close()
    open_journal(tmp_path).close()


@pytest.mark.parametrize("room", [0, 1, HEADER_BYTES, 200])
@pytest.mark.parametrize("truncates_fail", [False, True])
def test_a_full_disk_stops_the_journal_until_it_is_opened_anew(
    tmp_path: Path, room: int, truncates_fail: bool
) -> None:
    disk = BadDisk()
    journal = open_journal(tmp_path, calls=disk.calls)
    journal.add(mark())
    journal.commit()
    disk.room, disk.truncates_fail = room, truncates_fail
    journal.add(mark())
    with pytest.raises(OSError, match="No space left"):
        journal.commit()
    disk.room = None
    assert journal.stopped
    journal.add(mark())
    for _ in range(2):
        with pytest.raises(OSError, match="signing has stopped"):
            journal.commit()
    assert journal.n == 1
    journal.close()
    written(tmp_path, (1,))
    assert numbers(tmp_path) == [1, 2]


def test_a_file_the_system_lets_grow_no_further_stops_the_journal(tmp_path: Path) -> None:
    script = (
        "import resource, sys; from pathlib import Path; from journalled import *\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "journal = open_journal(Path(sys.argv[1]))\n"
        "failed = 0\n"
        "for _ in range(100):\n"
        "    journal.add(mark())\n"
        "    try: journal.commit()\n"
        "    except OSError: failed += 1\n"
        "print(journal.n, failed)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True, cwd=Path(__file__).parent.parent, text=True, check=True,
    )  # fmt: skip
    committed, failed = map(int, done.stdout.split())
    assert committed + failed == 100
    assert 0 < committed < 15
    assert numbers(tmp_path) == list(range(1, committed + 1))


def test_a_sync_that_fails_stops_the_journal_and_its_group_is_taken_back(tmp_path: Path) -> None:
    disk = BadDisk()
    journal = open_journal(tmp_path, calls=disk.calls)
    disk.syncs_fail = True
    journal.add(mark())
    with pytest.raises(OSError, match="No space left"):
        journal.commit()
    disk.syncs_fail = False
    with pytest.raises(OSError, match="signing has stopped"):
        journal.commit()
    journal.close()
    assert numbers(tmp_path) == []


def test_whatever_goes_wrong_in_a_commit_stops_the_journal(tmp_path: Path) -> None:
    def write(descriptor: int, data: bytes) -> int:
        raise MemoryError

    journal = open_journal(tmp_path, calls=Calls(write=write))
    journal.add(mark())
    with pytest.raises(MemoryError):
        journal.commit()
    with pytest.raises(OSError, match="MemoryError"):
        journal.commit()
    journal.close()


def test_an_entry_that_cannot_be_written_leaves_the_others_of_its_group(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.add(mark())
    with pytest.raises(UnicodeEncodeError):
        journal.add(mark(key="\ud800"))
    journal.add(mark())
    journal.commit()
    journal.close()
    assert numbers(tmp_path) == [1, 2]


def test_a_group_that_could_be_neither_synced_nor_taken_back_is_kept_and_counted_on(
    tmp_path: Path,
) -> None:
    disk = BadDisk()
    journal = open_journal(tmp_path, calls=disk.calls)
    disk.syncs_fail = disk.truncates_fail = True
    journal.add(mark())
    with pytest.raises(OSError, match="No space left"):
        journal.commit()
    journal.close()
    written(tmp_path, (1,))
    assert numbers(tmp_path) == [1, 2]


def test_a_journal_that_ends_before_its_signed_head_is_refused(tmp_path: Path) -> None:
    written(tmp_path, (2, 2, 2))
    newest = head_at(tmp_path, 2)
    path = the_file(tmp_path)
    whole = path.read_bytes()
    open_journal(tmp_path, newest=newest).close()
    for end in (groups(tmp_path)[2].offset, len(whole) - 1, 0):
        path.write_bytes(whole[:end])
        with pytest.raises(FengsuiError, match="entry 6") as caught:
            open_journal(tmp_path, newest=newest)
        assert caught.value.code == "dashboard_api.journal.cut"
        # Nothing is repaired where something is wrong.
        assert path.stat().st_size == end
    path.unlink()
    with pytest.raises(FengsuiError) as caught:
        open_journal(tmp_path, newest=newest)
    assert caught.value.code == "dashboard_api.journal.cut"


def test_a_journal_written_anew_differs_from_its_signed_head(tmp_path: Path) -> None:
    written(tmp_path, (1, 1))
    newest = head_at(tmp_path, 1)
    the_file(tmp_path).unlink()
    journal = open_journal(tmp_path)
    for _ in range(3):
        journal.add(mark(result="crypto.key.policy"))
        journal.commit()
    journal.close()
    with pytest.raises(FengsuiError, match="another group") as caught:
        open_journal(tmp_path, newest=newest)
    assert caught.value.code == "dashboard_api.journal.cut"
    # The same, grouped so that none ends where the head does.
    the_file(tmp_path).unlink()
    written(tmp_path, (3,))
    with pytest.raises(FengsuiError, match="no group ends") as caught:
        open_journal(tmp_path, newest=newest)
    assert caught.value.code == "dashboard_api.journal.cut"


@pytest.mark.parametrize("index", range(9))
def test_a_head_in_any_file_is_found(tmp_path: Path, index: int) -> None:
    written(tmp_path, (1,) * 9, file_bytes_max=900)
    journal = open_journal(tmp_path, newest=head_at(tmp_path, index))
    assert journal.n == 9
    journal.close()


def test_a_process_killed_while_it_writes_loses_no_committed_entry(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from journalled import *\n"
        "journal = open_journal(Path(sys.argv[1]), file_bytes_max=20_000)\n"
        "while True:\n"
        "    for _ in range(7): journal.add(mark())\n"
        "    journal.commit(); print(journal.n, flush=True)\n"
    )
    here = Path(__file__).parent.parent
    for round_number in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            stdout=subprocess.PIPE, cwd=here, text=True,
        ) as writer:  # fmt: skip
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.05 * round_number)
            writer.kill()
            told = [int(line) for line in writer.stdout.read().split("\n")[:-1] if line]
        journal = open_journal(tmp_path)
        assert journal.n >= max(told, default=7)
        assert numbers(tmp_path) == list(range(1, journal.n + 1))
        journal.close()
