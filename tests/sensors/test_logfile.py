"""A log file is known by what it holds, and notices when that is no longer so."""

import gzip
import os
from pathlib import Path

import pytest

from sensors.logfile import BLOCK_BYTES, TAIL_BYTES, LogFile, holds, open_handle
from sensors.sources import FORMATS


def _file(path: Path, *, at: int = 0) -> LogFile:
    form = FORMATS["nginx_access"]()
    return LogFile(open_handle(path), form=form, joins=False, path=str(path), at=at)


def _data(count: int) -> bytes:
    return b"".join(b"line number %06d\n" % number for number in range(count))


def _read(file: LogFile, limit: int = 1_000_000) -> list[bytes]:
    return list(file.take(limit, 1 << 30, 0).raws)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("taken", [0, 1, 100, 30_000])
def test_a_mark_finds_the_file_again_at_any_place(
    tmp_path: Path, *, packed: bool, taken: int
) -> None:
    data = _data(40_000)
    assert len(data) > 2 * BLOCK_BYTES
    path = tmp_path / ("a.gz" if packed else "a")
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    file = _file(path)
    lines: list[bytes] = []
    while len(lines) < taken:
        lines += _read(file, taken - len(lines))
    mark = file.mark()
    file.close()
    handle = open_handle(path)
    assert holds(handle, mark)
    handle.close()
    again = _file(path, at=mark.offset)
    while fresh := _read(again):
        lines += fresh
    again.close()
    assert b"".join(one + b"\n" for one in lines) == data


def test_a_truncated_file_is_noticed_before_anything_wrong_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(_data(100))
    file = _file(path)
    assert len(_read(file)) == 100
    path.write_bytes(b"other " + _data(200))
    assert _read(file) == []
    assert file.rewritten
    file.close()


def test_a_changed_beginning_is_noticed_even_where_the_place_reached_looks_alike(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a"
    data = _data(100)
    path.write_bytes(data)
    file = _file(path)
    _read(file)
    with path.open("r+b") as changed:
        changed.write(b"LINE")
        changed.seek(0, os.SEEK_END)
        changed.write(b"more\n")
    assert _read(file) == []
    assert file.rewritten
    file.close()


def test_a_file_emptied_before_any_of_it_was_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(_data(3))
    file = _file(path)
    os.truncate(path, 0)
    assert _read(file) == []
    assert file.rewritten
    file.close()


def test_a_mark_of_another_files_content_does_not_hold(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(_data(100))
    file = _file(path)
    _read(file)
    mark = file.mark()
    file.close()
    for other in (_data(99), b"x" + _data(100), _data(100)[:-TAIL_BYTES] + b"y" * TAIL_BYTES):
        path.write_bytes(other)
        handle = open_handle(path)
        assert not holds(handle, mark)
        handle.close()


def test_a_line_longer_than_many_blocks_leaves_the_place_at_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"short\n" + b"x" * (9 * BLOCK_BYTES))
    file = _file(path)
    assert _read(file) == [b"short"]
    while not file.at_end:
        _read(file)
    mark = file.mark()
    assert mark.offset == 6
    handle = open_handle(path)
    assert holds(handle, mark)
    handle.close()
    file.close()
