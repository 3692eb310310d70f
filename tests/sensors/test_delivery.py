"""Delivery cases A to K, where known log shippers lose or repeat lines: here none is, ever.

Case J, the platform out of reach, stands with the shipper in ``test_ship``.
"""

import errno
import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from watched import Site, line

from schema import event
from schema.disk import PosixDisk
from schema.times import HOUR, MINUTE, SECOND
from sensors.framing import LINE_BYTES_MAX


def _rename(path: Path) -> None:
    """As logrotate does: app.log.1 becomes app.log.2, app.log becomes app.log.1."""
    for number in range(8, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.rename(path.with_name(f"{path.name}.{number + 1}"))
    path.rename(path.with_name(f"{path.name}.1"))


def _copytruncate(path: Path) -> None:
    shutil.copyfile(path, path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)


def _age(path: Path, seconds: int) -> None:
    """Set a file's time of change back, as if it had been written so long ago."""
    then = time.time_ns() - seconds * 1_000_000_000
    os.utime(path, ns=(then, then))


def test_a_lines_written_before_a_rename_done_while_stopped_are_read(site: Site) -> None:
    site.write(1000)
    site.seal()
    site.kill()
    site.write(1000)
    _rename(site.path)
    site.write(1000)
    site.seal()
    site.check_complete()


def test_a_several_rotations_while_stopped_are_all_read(site: Site) -> None:
    site.write(100)
    _age(site.path, 3600)
    site.seal()
    site.kill()
    site.write(10)
    for days in (3, 2, 1):
        _age(site.path, days * 600)
        _rename(site.path)
        site.write(20)
    site.seal()
    site.check_complete()


def test_a_a_week_of_hourly_rotations_while_stopped_is_read_in_order(site: Site) -> None:
    site.write(5)
    _age(site.path, 200 * 3600)
    site.seal()
    site.kill()
    for hour in range(168):
        rotated = site.logs / f"app.log-202611{hour // 24:02d}{hour % 24:02d}"
        site.path.rename(rotated)
        _age(rotated, (190 - hour) * 3600)
        site.write(3)
    site.seal()
    site.check_complete()
    assert [fields[event.ORIGINAL] for fields in site.events()] == site.written


def test_a_rotation_while_running_is_read_to_the_end_of_both_files(site: Site) -> None:
    site.write(300)
    site.seal(steps=1)
    site.write(10)
    _rename(site.path)
    site.write(5, site.path.with_name("app.log.1"))
    site.write(300)
    site.seal()
    site.write(2, site.path.with_name("app.log.1"))
    site.seal()
    site.check_complete()


def test_a_files_that_were_there_before_the_first_start_are_history(site: Site) -> None:
    site.path.with_name("app.log.1").write_text(line(77) + "\n")
    site.write(3)
    site.seal()
    site.check_complete()


def test_a_two_files_that_begin_alike_are_two(site: Site) -> None:
    same = line(0, "x" * 1500)
    for _ in range(2):
        site.path.write_text(same + "\n")
        site.written.append(same)
        site.seal()
        _rename(site.path)
    site.write(1)
    site.seal()
    site.check_complete()


SENSOR_PROGRAM = """
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[2])
from watched import Site

site = Site(Path(sys.argv[1]))
site.batch_events_max = 64
while True:
    site.seal()
"""


def test_b_a_sensor_killed_in_the_middle_goes_on_where_its_log_ends(site: Site) -> None:
    site.write(40_000)
    here = str(Path(__file__).parent)
    for pause in (0.02, 0.15, 0.3):
        program = [sys.executable, "-c", SENSOR_PROGRAM, str(site.folder), here]
        with subprocess.Popen(program) as child:
            segments = site.folder / "segments" / "gate"
            before = _size(segments)
            while _size(segments) == before and child.poll() is None:
                time.sleep(0.005)
            time.sleep(pause)
            child.send_signal(signal.SIGKILL)
    assert site.events()
    site.seal()
    site.check_complete()


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0


def test_c_copytruncate_and_regrowth_past_the_old_size_is_seen(site: Site) -> None:
    site.write(1500)
    site.seal()
    _copytruncate(site.path)
    site.write(1600)
    site.seal()
    site.check_complete()


def test_c_what_was_unread_when_the_file_was_truncated_is_read_from_the_copy(site: Site) -> None:
    site.write(400)
    site.seal(steps=1)
    site.write(1100)
    _copytruncate(site.path)
    site.write(1600)
    site.seal()
    site.check_complete()


def test_c_copytruncate_while_stopped_reads_the_copy_and_the_new_content(site: Site) -> None:
    site.write(1500)
    site.seal()
    site.kill()
    site.write(50)
    _copytruncate(site.path)
    site.write(1600)
    site.seal()
    site.check_complete()


def test_c_a_truncated_file_that_stays_empty_is_no_error(site: Site) -> None:
    site.write(10)
    site.seal()
    os.truncate(site.path, 0)
    assert site.seal() == 0
    site.write(4)
    site.seal()
    site.check_complete()


def test_d_a_file_recreated_on_the_same_inode_is_a_new_file(site: Site) -> None:
    site.write(1000)
    site.seal()
    site.kill()
    # The same inode for certain: emptied and written anew, as a reused inode looks from outside.
    with site.path.open("r+") as file:
        file.truncate(0)
        fresh = [line(len(site.written) + n) for n in range(1500)]
        site.written += fresh
        file.writelines(one + "\n" for one in fresh)
    site.seal()
    site.check_complete()


def test_d_deletion_and_recreation_while_running_loses_nothing(site: Site) -> None:
    site.write(300)
    site.seal(steps=1)
    site.write(200)
    site.path.unlink()
    site.write(1500)
    site.seal()
    site.check_complete()


def test_e_a_file_moved_to_another_folder_is_read_to_its_end_while_running(site: Site) -> None:
    site.write(300)
    site.seal(steps=1)
    site.write(20)
    other = site.folder / "old"
    other.mkdir()
    site.path.rename(other / "app.log")
    site.write(30)
    site.seal()
    site.check_complete()


def test_e_a_file_moved_while_stopped_is_found_where_the_settings_say(site: Site) -> None:
    other = site.folder / "old"
    other.mkdir()
    site.rotated = (str(other / "app*"),)
    site.write(300)
    site.seal()
    site.kill()
    site.write(20)
    site.path.rename(other / "app-yesterday.log")
    site.write(30)
    site.seal()
    site.check_complete()


def test_f_a_file_compressed_while_stopped_is_read_on_from_its_place(site: Site) -> None:
    site.write(3000)
    site.seal(steps=3)
    site.kill()
    site.write(100)
    with gzip.open(site.path.with_name("app.log.1.gz"), "wb") as packed:
        packed.write(site.path.read_bytes())
    site.path.unlink()
    site.write(50)
    site.seal()
    site.check_complete()


def test_f_a_rotated_file_compressed_while_running_is_not_read_again(site: Site) -> None:
    site.write(300)
    site.seal()
    _rename(site.path)
    site.write(10)
    site.seal()
    rotated = site.path.with_name("app.log.1")
    with gzip.open(f"{rotated}.gz", "wb") as packed:
        packed.write(rotated.read_bytes())
    rotated.unlink()
    site.seal()
    site.clock.pass_seconds(120)
    site.seal()
    site.kill()
    site.write(5)
    site.seal()
    site.check_complete()


def test_g_half_a_line_waits_for_its_rest(site: Site) -> None:
    whole = line(0)
    site.path.write_text(whole[:40])
    assert site.seal() == 0
    site.kill()
    assert site.seal() == 0
    with site.path.open("a") as file:
        file.write(whole[40:] + "\n")
    site.written.append(whole)
    site.seal()
    site.check_complete()


def test_g_half_a_line_at_the_end_of_a_rotated_file_is_kept_in_the_end(site: Site) -> None:
    site.write(2)
    half = line(2)[:50]
    with site.path.open("a") as file:
        file.write(half)
    site.written.append(half)
    site.seal()
    _rename(site.path)
    site.write(1)
    site.seal()
    site.clock.pass_seconds(61)
    site.seal()
    site.check_complete()


def test_h_nul_wrong_utf8_and_gbk_are_events_like_any_other(site: Site) -> None:
    raws = [b"nul \0 inside", b"\xff\xfe broken", "口令错误，登录失败".encode("gbk")]
    site.path.write_bytes(b"".join(raw + b"\n" for raw in raws))
    site.written += ["nul \\x00 inside", "\\xff\\xfe broken", "口令错误，登录失败"]
    site.seal()
    site.check_complete()


def test_h_a_line_over_the_limit_is_cut_with_its_length_and_hash(site: Site) -> None:
    site.write(3)
    long = b"x" * (3 * LINE_BYTES_MAX) + "绝密★".encode()
    with site.path.open("ab") as file:
        file.write(long + b"\n")
    numbered = len(site.written)
    site.write(3)
    site.seal()
    events = site.events()
    cut = events[numbered]
    assert cut["gov.line.bytes"] == len(long)
    assert len(str(cut["gov.line.sm3"])) == 64
    # The marking behind the limit is carried into what is kept, so that the mask sees it.
    assert "绝密★" in str(cut[event.ORIGINAL])
    assert [fields[event.ORIGINAL] for fields in events if fields is not cut] == site.written


class FullDisk(PosixDisk):
    """Refuses appends while full; the last one before leaves half its bytes behind."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False

    def append(self, path: Path, data: bytes) -> None:
        if self.full:
            super().append(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "no space left on device")
        super().append(path, data)


@pytest.mark.parametrize("killed", [False, True])
def test_i_a_full_disk_delays_and_loses_nothing(site: Site, *, killed: bool) -> None:
    disk = FullDisk()
    site.disk = disk
    site.write(500)
    site.seal(steps=1)
    disk.full = True
    for _ in range(5):
        assert site.seal() == 0
        site.write(100)
        _rename(site.path)
    assert site.sensor.counters.disk_errors == 5
    if killed:
        site.kill()
        site.disk = FullDisk()
    disk.full = False
    site.write(10)
    site.seal()
    site.check_complete()


def test_k_clocks_that_jump_neither_lose_nor_repeat(site: Site) -> None:
    announced = 0
    for jump in (0, -HOUR, 25 * HOUR, -24 * HOUR, MINUTE, -SECOND):
        site.clock.value += jump
        site.write(40)
        site.seal()
        assert site.sensor.low_watermark >= announced
        announced = site.sensor.low_watermark
        _rename(site.path)
    site.kill()
    site.write(3)
    site.seal()
    site.check_complete()
