"""Addresses are told places by the files that counted when their batch was received."""

from __future__ import annotations

from pathlib import Path

import geo_making
import pytest
from collected import START, FakeSensor, Site

from collector.geo import geography
from collector.geo.geography import FOLDER, adopt, versions
from schema import log
from schema.errors import FengsuiError
from schema.event import PLACES
from schema.filter import parse

HERE = [("198.18.0.0/24", "中国|0|示例省|示例市|0")]
THERE = [("198.18.0.0/24", "德国|0|0|0|0")]


def written(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def told(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name in PLACES}


def sent(site: Site, sensor: FakeSensor, **fields: object) -> list[dict[str, object]]:
    writer = log.Writer(site.segments / "gate")
    writer.append(sensor.seal(sensor.events(1, **fields)))
    writer.close_segment()
    (batch,) = site.rounds()
    return [told(one) for one in batch.enrichment]


@pytest.fixture
def sensor() -> FakeSensor:
    return FakeSensor()


def reopened(site: Site) -> Site:
    site.close()
    return Site(site.folder, clock=site.clock)


def test_both_ends_of_a_connection_are_told_a_place(tmp_path, site, sensor) -> None:
    city = written(tmp_path, "city.mmdb", geo_making.mmdb([("198.18.0.0/24", geo_making.CITY)]))
    number = geo_making.mmdb([("198.18.0.0/23", {"autonomous_system_number": 64500})])
    adopt(tmp_path / FOLDER, [city, written(tmp_path, "as.mmdb", number)], since=START)
    site = reopened(site)
    found = sent(site, sensor, **{"source.ip": "198.18.0.9", "destination.ip": "198.18.1.9"})
    assert found == [
        {
            "source.geo.country_iso_code": "CN",
            "source.geo.region_name": "示例省",
            "source.geo.city_name": "示例市",
            "source.as.number": 64500,
            "destination.as.number": 64500,
        }
    ]
    site.close()


def test_the_index_finds_an_event_by_its_place(tmp_path, site, sensor) -> None:
    adopt(tmp_path / FOLDER, [written(tmp_path, "a.xdb", geo_making.xdb(HERE))], since=START)
    site = reopened(site)
    sent(site, sensor, **{"source.ip": "198.18.0.9", "odd.field": "x"})
    sent(site, sensor, **{"source.ip": "192.0.2.1"})
    assert site.count("source.geo.country_iso_code:CN") == 1
    assert site.count('source.geo.region_name:"示例省"') == 1
    page = site.index.search(
        parse("source.geo.country_iso_code:CN"), start=0, end=START * 2, limit=9
    )
    assert [one.fields["labels.odd.field"] for one in page.hits] == ["x"]
    site.close()


def test_what_an_event_says_itself_stands(tmp_path, site, sensor) -> None:
    adopt(tmp_path / FOLDER, [written(tmp_path, "a.xdb", geo_making.xdb(THERE))], since=START)
    site = reopened(site)
    own = {"source.ip": "198.18.0.9", "source.geo.country_iso_code": "FR"}
    assert sent(site, sensor, **own) == [{}]
    site.close()


def test_a_replay_tells_the_places_of_then(tmp_path, site, sensor) -> None:
    path = written(tmp_path, "a.xdb", geo_making.xdb(HERE))
    adopt(tmp_path / FOLDER, [path], since=START)
    site = reopened(site)
    first = sent(site, sensor, **{"source.ip": "198.18.0.9"})
    written(tmp_path, "a.xdb", geo_making.xdb(THERE))
    site.clock.time += 1_000_000
    adopt(tmp_path / FOLDER, [path], since=site.clock.time)
    site = reopened(site)
    second = sent(site, sensor, **{"source.ip": "198.18.0.9"})
    site.clock.time += 1_000_000
    adopt(tmp_path / FOLDER, [], since=site.clock.time)
    site = reopened(site)
    third = sent(site, sensor, **{"source.ip": "198.18.0.9"})
    again = [told(one.enrichment[0]) for one in site.intake.read_again("gate", 0, 9)]
    assert again == [*first, *second, *third]
    assert [one.get("source.geo.country_iso_code") for one in again] == ["CN", "DE", None]
    site.close()


def test_the_same_files_are_no_new_version(tmp_path) -> None:
    path = written(tmp_path, "a.xdb", geo_making.xdb(HERE))
    first = adopt(tmp_path / FOLDER, [path], since=5)
    assert adopt(tmp_path / FOLDER, [path], since=9) == first
    assert versions(tmp_path / FOLDER) == [first]
    assert adopt(tmp_path / "other", [], since=5) is None


def test_a_clock_set_back_puts_no_version_before_another(tmp_path) -> None:
    adopt(tmp_path / FOLDER, [written(tmp_path, "a.xdb", geo_making.xdb(HERE))], since=START)
    adopt(tmp_path / FOLDER, [written(tmp_path, "b.xdb", geo_making.xdb(THERE))], since=7)
    assert [one.since for one in versions(tmp_path / FOLDER)] == [START, START + 1]


def test_the_digest_of_the_files_is_sealed(tmp_path, site) -> None:
    path = written(tmp_path, "a.xdb", geo_making.xdb(HERE))
    version = adopt(tmp_path / FOLDER, [path], since=START)
    geography.note(site.control, version)
    geography.note(site.control, None)
    site.control.flush()
    (record,) = site.records("geo_loaded")
    assert record["gov.batch.hash"] == version.digest
    assert record["labels.effective_at"] == "2026-11-20T08:00:00.000000Z"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.csv", b"x", "unknown"),
        ("a.xdb", b"x", "corrupt"),
        ("a.mmdb", b"", "corrupt"),
        (".", b"", "unknown"),
    ],
)
def test_a_file_that_cannot_count_is_told_at_the_start(tmp_path, name, data, code) -> None:
    path = str(tmp_path) if name == "." else written(tmp_path, name, data)
    with pytest.raises(FengsuiError) as found:
        adopt(tmp_path / FOLDER, [path], since=1)
    assert found.value.code == f"collector.geo.{code}"
    assert versions(tmp_path / FOLDER) == []


def test_a_missing_file_and_too_many_are_told(tmp_path) -> None:
    for files, code in (["gone.xdb"], "unreadable"), (["a.xdb"] * 5, "too_many"):
        with pytest.raises(FengsuiError) as found:
            adopt(tmp_path / FOLDER, files, since=1)
        assert found.value.code == f"collector.geo.{code}"


def test_a_file_that_contradicts_itself_keeps_no_event_out(tmp_path, site, sensor) -> None:
    data = bytearray(geo_making.xdb(HERE))
    slot = 256 + (198 * 256 + 18) * 8
    data[slot : slot + 8] = b"\xff" * 8
    adopt(tmp_path / FOLDER, [written(tmp_path, "a.xdb", bytes(data))], since=START)
    site = reopened(site)
    assert sent(site, sensor, **{"source.ip": "198.18.0.9"}) == [{}]
    site.close()
