"""A file source frames, times and names what it reads; delivery has its own tests."""

import os
from pathlib import Path

import pytest
from watched import START, HandClock, Site, line

from schema import event, log
from schema.batch import Position
from schema.errors import FengsuiError
from schema.times import DAY, MINUTE, SECOND, from_text
from sensors.sources import Context
from sensors.tail import LATENESS_US, POLL_BYTES_MAX, FileSource

TEXT_RECORD = (
    "2026-11-23 13:16:22.179 UTC [27374] pay@postgres/[unknown] 127.0.0.1 ERROR:  syntax error\n"
    "\tat the next line\n"
)


def _source(path: object, clock: HandClock, form: str = "nginx_access") -> FileSource:
    context = Context(host="h", utc_offset_minutes=480, now=clock.now)
    return FileSource("s", str(path), form=form, context=context)


def test_the_last_record_of_a_format_that_joins_lines_waits_a_second(tmp_path: Path) -> None:
    path, clock = tmp_path / "pg.log", HandClock()
    source = _source(path, clock, "postgresql_text")
    path.write_text(TEXT_RECORD)
    assert source.poll(10).events == []
    clock.pass_seconds(0.5)
    with path.open("a") as file:
        file.write("\tand one more\n")
    assert source.poll(10).events == []
    clock.pass_seconds(1)
    (fields,) = source.poll(10).events
    assert str(fields[event.ORIGINAL]).endswith("\tand one more")
    source.close()


def test_the_watermark_does_not_pass_a_record_that_waits_for_more_lines(tmp_path: Path) -> None:
    """In a backlog that record may be a week old: rules would never see it."""
    path, clock = tmp_path / "pg.log", HandClock()
    path.write_text(TEXT_RECORD * 2)
    source = _source(path, clock, "postgresql_text")
    polled = source.poll(10)
    assert len(polled.events) == 1
    assert polled.watermark <= from_text(str(polled.events[0][event.TIME]))
    clock.pass_seconds(1)
    (fields,) = source.poll(10).events
    assert polled.watermark <= from_text(str(fields[event.TIME]))
    assert source.poll(10).watermark == clock.now() - LATENESS_US
    source.close()


def test_a_waiting_record_is_read_again_after_a_restart(tmp_path: Path) -> None:
    path, clock = tmp_path / "pg.log", HandClock()
    path.write_text(TEXT_RECORD * 3)
    first = _source(path, clock, "postgresql_text")
    polled = first.poll(10)
    assert len(polled.events) == 2
    first.close()
    again = _source(path, clock, "postgresql_text")
    again.restore(polled.position)
    again.poll(10)
    clock.pass_seconds(1)
    assert again.poll(10).places == [(polled.places[0][0], 2 * len(TEXT_RECORD))]
    again.close()


def test_a_pattern_follows_every_match_and_files_that_come_later(site: Site) -> None:
    site.pattern = f"{site.logs}/*/access.log"
    for name in ("a", "b"):
        (site.logs / name).mkdir()
        site.write(20, site.logs / name / "access.log")
    site.seal()
    (site.logs / "c").mkdir()
    site.write(20, site.logs / "c" / "access.log")
    site.clock.pass_seconds(1)
    site.seal()
    site.kill()
    for name in ("a", "c"):
        site.write(5, site.logs / name / "access.log")
    site.seal()
    site.check_complete()


def test_a_pattern_that_matches_rotated_files_reads_them_once(site: Site) -> None:
    site.pattern = f"{site.logs}/app*"
    for _ in range(4):
        site.write(20)
        site.seal(steps=1)
        for number in (3, 2, 1):
            older = site.logs / f"app.log.{number}"
            if older.exists():
                older.rename(site.logs / f"app.log.{number + 1}")
        site.path.rename(site.logs / "app.log.1")
        site.write(20)
        site.clock.pass_seconds(1)
        site.seal()
    site.kill()
    site.seal()
    site.check_complete()


def test_a_file_whose_name_is_no_utf_8_is_read_once_also_after_a_restart(site: Site) -> None:
    site.pattern = f"{site.logs}/*.log"
    path = site.logs / os.fsdecode("测试.log".encode("gbk"))
    site.write(20, path)
    site.seal()
    site.kill()
    site.write(20, path)
    site.seal()
    site.check_complete()


def test_files_beyond_the_limit_are_named_as_left_out(site: Site) -> None:
    site.pattern = f"{site.logs}/*.log"
    for number in range(70):
        path = site.logs / f"{number:03d}.log"
        site.write(1, path)
        # Written to just now: none of them is finished.
        os.utime(path, (START // SECOND, START // SECOND))
    for _ in range(3):
        site.clock.pass_seconds(1)
        site.seal()
    assert site.source is not None
    assert "6 files too many" in site.source.problem
    assert len(site.events()) == 64


def test_the_watermark_is_the_clock_less_the_lateness_once_all_is_read(tmp_path: Path) -> None:
    path, clock = tmp_path / "app.log", HandClock()
    source = _source(path, clock)
    path.write_text("".join(line(number) + "\n" for number in range(50)))
    early = source.poll(10)
    assert not early.at_end
    assert early.watermark == from_text("2026-11-20T12:13:00.000000Z") - LATENESS_US
    late = source.poll(100)
    assert late.at_end
    assert late.watermark == START - LATENESS_US
    clock.pass_seconds(-3600)
    assert source.poll(100).watermark == START - LATENESS_US
    source.close()


def test_one_line_of_the_far_future_does_not_move_the_watermark(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    clock = HandClock()
    lines = [line(number) for number in range(50)]
    lines[3] = lines[3].replace("/2026:", "/2099:")
    path.write_text("\n".join(lines) + "\n")
    source = _source(path, clock)
    assert source.poll(10).watermark < from_text("2026-11-20T12:14:00.000000Z")
    source.close()


def test_a_poll_holds_no_more_text_than_the_sensor_counts_on(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("".join(line(n, "x" * 7000) + "\n" for n in range(200)))
    source = _source(path, HandClock())
    sizes = []
    while (polled := source.poll(1024)).events:
        sizes.append(sum(len(str(fields[event.ORIGINAL])) for fields in polled.events))
    # One record more than that at most, where a little room was left.
    assert max(sizes) <= POLL_BYTES_MAX + 8192
    assert len(sizes) > 3
    source.close()


def test_events_name_where_they_began_in_which_file(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(line(0) + "\n" + line(1) + "\n")
    source = _source(path, HandClock())
    polled = source.poll(10)
    generation = polled.places[0][0]
    assert polled.places == [(generation, 0), (generation, len(line(0)) + 1)]
    assert len(generation) == 16
    assert polled.position.offset == path.stat().st_size
    source.close()


def test_a_small_file_keeps_its_generation_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    clock = HandClock()
    path.write_text(line(0) + "\n")
    source = _source(path, clock)
    first = source.poll(10)
    for number in range(1, 30):
        with path.open("a") as file:
            file.write(line(number) + "\n")
        grown = source.poll(10)
        assert grown.places[0][0] == first.places[0][0]
        source.close()
        source = _source(path, clock)
        source.restore(grown.position)
    source.close()


def test_what_is_no_file_is_no_source_and_no_crash(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "fifo"):
        source = _source(path, HandClock())
        polled = source.poll(10)
        assert polled.at_end
        assert not polled.events
        assert polled.watermark == START - LATENESS_US


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named_and_read_once_it_may(site: Site) -> None:
    site.write(3)
    site.path.chmod(0)
    assert site.seal() == 0
    assert site.source is not None
    assert "app.log" in site.source.problem
    site.path.chmod(0o600)
    site.seal()
    site.check_complete()


def test_a_position_of_another_kind_of_source_is_refused(tmp_path: Path) -> None:
    source = _source(tmp_path / "app.log", HandClock())
    with pytest.raises(FengsuiError, match=r"sensors\.position\.malformed"):
        source.restore(Position(generation="boot-7f", offset=3))


def test_a_place_that_is_not_mounted_yet_keeps_its_mark(site: Site) -> None:
    site.write(30)
    site.seal()
    site.kill()
    away = site.folder / "away"
    site.logs.rename(away)
    site.seal()
    site.clock.pass_seconds(5)
    site.seal()
    away.rename(site.logs)
    site.write(5)
    site.clock.value += SECOND
    site.seal()
    site.check_complete()


def test_days_beyond_the_limit_are_read_once_older_files_are_finished(site: Site) -> None:
    site.pattern = f"{site.logs}/app.*.txt"
    for number in range(70):
        site.write(1, site.logs / f"app.{number:03d}.txt")
    early = site.sensor.step()
    assert early is not None
    assert early.header.low_watermark <= START - DAY
    for _ in range(4):
        site.clock.pass_seconds(1)
        site.seal()
    site.check_complete()
    assert site.source is not None
    assert site.source.problem == ""
    assert site.sensor.low_watermark > START - MINUTE
    site.kill()
    site.write(2, site.logs / "app.070.txt")
    for _ in range(4):
        site.clock.pass_seconds(1)
        site.seal()
    site.check_complete()


def test_a_finished_file_that_grows_again_is_read_on(site: Site) -> None:
    site.pattern = f"{site.logs}/app.*.txt"
    for number in range(70):
        site.write(1, site.logs / f"app.{number:03d}.txt")
    for _ in range(4):
        site.clock.pass_seconds(1)
        site.seal()
    site.write(1, site.logs / "app.000.txt")
    for _ in range(4):
        site.clock.pass_seconds(1)
        site.seal()
    site.check_complete()


def test_files_that_may_not_be_read_take_no_room_from_others(site: Site) -> None:
    site.pattern = f"{site.logs}/app.*.txt"
    for number in range(64):
        path = site.logs / f"app.{number:03d}.txt"
        path.symlink_to("nowhere")
    site.write(1, site.logs / "app.100.txt")
    for _ in range(2):
        site.clock.pass_seconds(1)
        site.seal()
    site.check_complete()


def test_a_path_with_a_citizens_number_is_read_on_without_being_written_down(site: Site) -> None:
    site.pattern = f"{site.logs}/*.log"
    path = site.logs / "11010519491231002X.log"
    site.write(5, path)
    site.seal()
    site.kill()
    path.rename(f"{path}.1")
    site.write(5, Path(f"{path}.1"))
    site.write(5, path)
    for _ in range(3):
        site.clock.pass_seconds(1)
        site.seal()
    site.check_complete()
    for one in log.Reader(site.folder / "segments" / "gate").read(100):
        assert b"19491231" not in one.header_bytes


def test_files_without_room_in_the_header_wait_and_are_counted(site: Site) -> None:
    site.pattern = f"{site.logs}/*.log"
    for number in range(30):
        path = site.logs / f"{number:03d}.log"
        site.write(1, path)
        os.utime(path, (START // SECOND, START // SECOND))
    _ = site.sensor
    assert site.source is not None
    site.source.bound(2000)
    for _ in range(4):
        site.clock.pass_seconds(1)
        site.seal()
    taken = log.Reader(site.folder / "segments" / "gate").read(100)
    assert all(len(one.header.positions["app"].generation) <= 2000 for one in taken)
    assert 2 < len(site.events()) < 30
    assert "files too many" in site.source.problem
