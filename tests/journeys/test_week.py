"""The shipped week of the made-up town: what was done in it is found, and no citizen's number lies
anywhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import zstandard
from journey import blobs, fengsui

from fengsui import demo
from fengsui.folder import DataFolder
from fengsui.recorded import WARMUP
from fengsui.wiring import open_demonstration
from schema.alert import Alert

sys.path.insert(0, str(Path(__file__).parents[2] / "range"))

from district.town import Town
from living.week import keyed

pytestmark = pytest.mark.service
"""One after another: the week is shown once."""

NUMBER = re.compile(rb"(?<![0-9])[0-9]{17}[0-9Xx](?![0-9])")
BEARER = re.compile(rb"eyJ[A-Za-z0-9_-]{20,}")
"""How each signed token begins."""


RECORDING = demo.RECORDINGS / "district-week"
SEED = 7
EVENTS_MIN = 200_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a site that was shown it, with a backup inside."""
    return tmp_path_factory.mktemp("week") / "data"


@pytest.fixture(scope="module", autouse=True)
def result(data: Path) -> demo.DemoResult:
    found = demo.run_demo(data, RECORDING.name)
    done = fengsui("backup", str(data / "backup.tar.gz"), data=data)
    assert done.returncode == 0, done.stderr
    return found


@pytest.fixture(scope="module")
def lines() -> bytes:
    """As the town's systems wrote them."""
    return b"".join(
        zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
        for path in sorted(RECORDING.glob("*.zst"))
        if path.name != WARMUP
    )


@pytest.fixture(scope="module")
def numbers(lines: bytes) -> set[bytes]:
    """Citizens' numbers in those lines."""
    town = {citizen.number.encode() for citizen in Town(SEED).citizens}
    return town & set(NUMBER.findall(lines))


def test_the_rules_find_what_was_done_in_it_and_tell_nothing_else(
    result: demo.DemoResult,
) -> None:
    assert result.verified == result.events >= EVENTS_MIN
    assert result.quarantined == 0
    assert result.missed == ()
    assert result.false == 0


def test_the_town_s_own_lines_are_full_of_numbers_and_tokens(
    lines: bytes, numbers: set[bytes]
) -> None:
    assert len(numbers) > 100
    assert BEARER.search(lines)


def test_no_byte_of_index_log_quarantine_or_backup_holds_one(
    numbers: set[bytes], data: Path
) -> None:
    found = {place for place, blob in blobs(data) if numbers & set(NUMBER.findall(blob))}
    assert found == set()


def test_nor_a_bearer_token(data: Path) -> None:
    assert [place for place, blob in blobs(data) if BEARER.search(blob)] == []


def test_rules_on_persons_still_find_them(numbers: set[bytes], data: Path) -> None:
    site = open_demonstration(DataFolder(data), RECORDING)
    try:
        alerts: list[Alert] = list(site.alerts.final())
    finally:
        site.close()
    people = {keyed(number.decode()) for number in numbers}
    on_persons = {alert.rule_id for alert in alerts if people & set(alert.entity.split("+"))}
    assert on_persons >= {"sharing-mosaic", "sharing-person-asked-by-many"}
