"""A copy of state that may have missed deletions is thrown away."""

from __future__ import annotations

import os

import pytest

from analytics.streaming.runner.stale import MISSED_SECONDS_MAX, TOMBSTONES_MS, forget

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("age", "forgotten"),
    [(0, False), (MISSED_SECONDS_MAX, False), (MISSED_SECONDS_MAX + 1, True), (-90_000, True)],
)
def test_an_old_copy_is_forgotten(tmp_path, age, forgotten):
    folder = tmp_path / "3"
    folder.mkdir()
    for name, older in (("000004.log", 0), ("CURRENT", 9 * 86_400)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (NOW - age - older,) * 2)
    os.utime(folder, (NOW - age - 99,) * 2)
    assert forget(folder, now_seconds=NOW) is forgotten
    assert folder.exists() is not forgotten


def test_a_copy_that_is_not_there_is_none(tmp_path):
    assert not forget(tmp_path / "3", now_seconds=NOW)


def test_a_copy_is_forgotten_long_before_tombstones_are():
    assert MISSED_SECONDS_MAX * 1000 < TOMBSTONES_MS
