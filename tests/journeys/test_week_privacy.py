"""A recorded week of the made-up town: no citizen's number anywhere, and detections on persons."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import zstandard
from journey import blobs, fengsui, once

from fengsui import demo
from fengsui.folder import DataFolder
from fengsui.wiring import open_demonstration
from schema.alert import Alert

sys.path.insert(0, str(Path(__file__).parents[2] / "range"))

from district.run import District
from district.systems import makers
from living.parts import NOBODY
from living.week import Week, keyed

NUMBER = re.compile(rb"(?<![0-9])[0-9]{17}[0-9Xx](?![0-9])")
BEARER = re.compile(rb"eyJ[A-Za-z0-9_-]{20,}")
"""How each signed token begins."""


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six quiet days in which every attack there is happens."""

    def make(folder: Path) -> None:
        district = District(makers(), seed=11, volume=0.05, warm_up=1, measured=6)
        week = Week(district.streams)
        statements = district.statements(keyed)
        for today in district.run():
            statements += today.statements
            if today.day.measured:
                week.take(today)
        made = {stream.name: NOBODY for stream in district.streams}
        week.write(folder, name="short-week", made=made, statements=statements, facts={})

    return once(tmp_path_factory, "short-week", make)


@pytest.fixture(scope="module")
def data(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site that was shown it, with a backup inside."""

    def make(folder: Path) -> None:
        site = open_demonstration(DataFolder(folder), recording)
        try:
            demo.replay(site, site.pipeline.round)
        finally:
            site.close()
        done = fengsui("backup", str(folder / "backup.tar.gz"), data=folder)
        assert done.returncode == 0, done.stderr

    return once(tmp_path_factory, "short-week-data", make)


def raw(recording: Path) -> bytes:
    """All lines as the town's systems wrote them."""
    return b"".join(
        zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
        for path in sorted(recording.glob("*.zst"))
    )


def numbers(recording: Path) -> set[bytes]:
    """Citizens' numbers in those lines."""
    town = {citizen.number.encode() for citizen in District(makers(()), seed=11).town.citizens}
    return town & set(NUMBER.findall(raw(recording)))


def test_the_town_s_own_lines_are_full_of_numbers_and_tokens(recording: Path) -> None:
    assert len(numbers(recording)) > 100
    assert BEARER.search(raw(recording))


def test_no_byte_of_index_log_quarantine_or_backup_holds_one(recording: Path, data: Path) -> None:
    known = numbers(recording)
    found = {place for place, blob in blobs(data) if known & set(NUMBER.findall(blob))}
    assert found == set()


def test_nor_a_bearer_token(data: Path) -> None:
    assert [place for place, blob in blobs(data) if BEARER.search(blob)] == []


def test_rules_on_persons_still_find_them(recording: Path, data: Path) -> None:
    site = open_demonstration(DataFolder(data), recording)
    try:
        alerts: list[Alert] = list(site.alerts.final())
    finally:
        site.close()
    people = {keyed(number.decode()) for number in numbers(recording)}
    on_persons = {alert.rule_id for alert in alerts if people & set(alert.entity.split("+"))}
    assert on_persons >= {"sharing-mosaic", "sharing-person-asked-by-many"}
