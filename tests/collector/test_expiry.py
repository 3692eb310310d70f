"""What is past its period goes, with a tombstone; everything that may be needed stays."""

from pathlib import Path

import duckdb
import pytest
from collected import COLLECTOR_KEY, START, FakeSensor, Site, framed
from expiring import BIG, HALF_YEAR, expiry_of, filled, names

from collector.expiry import Oldest
from collector.index.duckdb_index import DuckDbIndex
from collector.segmentfacts import read
from collector.state import chains
from collector.state.holds import Hold, Holds
from schema import segment, tombstone
from schema.batch import Position
from schema.errors import FengsuiError
from schema.event import Fields
from schema.retention import periods
from schema.times import DAY, from_text


def _verdict(site: Site, sensor: str = "gate", **more: object) -> str:
    found = expiry_of(site, **more).oldest(sensor, site.clock.now())
    assert isinstance(found, Oldest)
    return found.verdict


def test_nothing_goes_before_six_calendar_months_are_over(site: Site, sensor: FakeSensor) -> None:
    filled(site, sensor, segments=3)
    # Received on 20 November 2026 in the sites' zone: kept to the end of 20 May 2027.
    site.clock.time = from_text("2027-05-20T15:59:59.999999Z")
    assert expiry_of(site).run(by="test") == []
    assert len(names(site)) == 3
    site.clock.time += 1
    gone = expiry_of(site).run(by="test")
    assert [stone.sensor for stone in gone] == ["gate", "gate"]


def test_a_segment_goes_with_its_index_rows_ids_and_marks(site: Site, sensor: FakeSensor) -> None:
    old = sensor.events(3)
    event_id = filled(site, sensor, segments=3, first=old)[0].ids[0]
    before = site.count()
    assert site.ids.find(event_id) is not None
    site.clock.time = HALF_YEAR
    gone = expiry_of(site).run(by="somebody")
    assert [(one.first, one.last, one.count, one.by) for one in gone] == [
        (1, 2, 6, "somebody"), (3, 4, 6, "somebody"),
    ]  # fmt: skip
    assert names(site) == ["000000000005.seg"]
    assert not list((site.segments / "gate").glob("000000000001.*"))
    assert site.ids.find(event_id) is None
    assert site.count() == before - 12
    assert sorted(chains.load_batches(site.database, "gate", after=0, count_max=9)) == [5, 6]
    assert site.index.cursor("gate") == 6


def test_each_expiry_is_sealed_in_the_control_chain(site: Site, sensor: FakeSensor) -> None:
    filled(site, sensor, segments=2)
    site.clock.time = HALF_YEAR
    (stone,) = expiry_of(site).run(by="test")
    (record,) = site.records("segment_expired")
    assert record["gov.batch.hash"] == stone.footer
    assert (record["labels.first_batch"], record["labels.last_batch"]) == ("1", "2")
    assert record["labels.retention"] == "log"
    assert record["labels.by"] == "test"
    tombstone.verify(stone, {COLLECTOR_KEY.public.key_id: COLLECTOR_KEY.public})


def test_the_newest_segment_never_goes_even_when_it_is_closed(
    site: Site, sensor: FakeSensor
) -> None:
    filled(site, sensor, segments=1)
    site.clock.time = HALF_YEAR + 10_000 * DAY
    assert _verdict(site) == "newest"
    assert expiry_of(site).run(by="test") == []


@pytest.mark.parametrize("left", [b"", segment.MAGIC, segment.MAGIC + b"B\1\0\0"])
def test_an_empty_file_behind_it_does_not_make_the_last_batch_free_to_go(
    site: Site, sensor: FakeSensor, left: bytes
) -> None:
    filled(site, sensor, segments=1)
    (site.segments / "gate" / segment.file_name(3)).write_bytes(left)
    site.clock.time = HALF_YEAR
    assert _verdict(site) == "newest"


def test_records_of_data_given_to_others_stay_three_years(site: Site, sensor: FakeSensor) -> None:
    given = [event | {"gov.share.requester_id": "tax"} for event in sensor.events(3)]
    filled(site, sensor, segments=2, first=given)
    site.clock.time = from_text("2029-11-20T15:59:59.000000Z")
    assert _verdict(site) == "young"
    site.clock.time += DAY
    assert _verdict(site) == "due"


def test_a_longer_setting_keeps_longer(site: Site, sensor: FakeSensor) -> None:
    filled(site, sensor, segments=2)
    site.clock.time = HALF_YEAR
    assert _verdict(site, kept_for=periods(log_months=12)) == "young"


def test_what_index_or_rules_have_not_seen_stays(site: Site, sensor: FakeSensor) -> None:
    filled(site, sensor, segments=2)
    site.clock.time = HALF_YEAR
    assert _verdict(site, needed=lambda _: 1) == "needed"
    assert _verdict(site, needed=lambda _: 2) == "due"


def test_a_batch_the_state_does_not_know_stays(site: Site, sensor: FakeSensor) -> None:
    filled(site, sensor, segments=2)
    site.clock.time = HALF_YEAR
    site.database.write(lambda state: state.execute("DELETE FROM batches"))
    assert _verdict(site) == "unknown"


@pytest.mark.parametrize("place", [20, -10])
def test_a_damaged_segment_never_goes(site: Site, sensor: FakeSensor, place: int) -> None:
    filled(site, sensor, segments=2)
    path = site.segments / "gate" / names(site)[0]
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)
    site.clock.time = HALF_YEAR
    assert _verdict(site) == "unsound"
    assert expiry_of(site).run(by="test") == []


def _hold(**more: object) -> Hold:
    values: dict[str, object] = {
        "id": "h1", "case_no": "2026-001", "sensor": "gate", "from_at": START - DAY,
        "to_at": START + DAY, "reason": "theft of data", "placed_by": "Li", "placed_at": START,
    }  # fmt: skip
    return Hold(**(values | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hold", "verdict"),
    [
        ({}, "held"),
        ({"sensor": "*"}, "held"),
        ({"sensor": "other"}, "due"),
        ({"from_at": START + 1, "to_at": START + BIG}, "due"),
        ({"from_at": 0, "to_at": START - 1}, "due"),
        ({"from_at": START, "to_at": START}, "held"),
    ],
)
def test_a_held_stretch_stays_and_everything_behind_it(
    site: Site, sensor: FakeSensor, hold: dict[str, object], verdict: str
) -> None:
    filled(site, sensor, segments=3)
    site.clock.time = HALF_YEAR
    Holds(site.database).add(_hold(**hold))
    assert _verdict(site) == verdict
    assert bool(expiry_of(site).run(by="test")) is (verdict == "due")


def test_a_released_hold_holds_nothing_more_and_is_remembered(
    site: Site, sensor: FakeSensor
) -> None:
    filled(site, sensor, segments=2)
    site.clock.time = HALF_YEAR
    holds = Holds(site.database)
    holds.add(_hold())
    holds.note(site.control)
    assert _verdict(site) == "held"
    with pytest.raises(FengsuiError, match="two persons"):
        holds.release("h1", by="Li", approved_by=" Li", reason="closed", at=HALF_YEAR)
    holds.release("h1", by="Li", approved_by="Wang", reason="case closed", at=HALF_YEAR)
    holds.note(site.control)
    holds.note(site.control)
    site.control.flush()
    assert _verdict(site) == "due"
    with pytest.raises(FengsuiError, match="already"):
        holds.release("h1", by="Li", approved_by="Wang", reason="again", at=HALF_YEAR)
    (added,), (released,) = site.records("hold_added"), site.records("hold_released")
    assert (added["labels.case"], added["labels.by"]) == ("2026-001", "Li")
    assert released["labels.approved_by"] == "Wang"
    assert [hold.released_by for hold in holds.all()] == ["Li"]


def test_marks_of_a_file_that_is_still_read_stay(site: Site, sensor: FakeSensor) -> None:
    first = [event | {"gov.sensor.generation": "g0"} for event in sensor.events(3)]
    filled(site, sensor, segments=2, first=first, positions={"nginx": Position("g1", 9)})
    site.clock.time = HALF_YEAR
    assert set(chains.load_marks(site.database)["gate"]) == {
        ("nginx", "g0"), ("nginx", "g1"),
    }  # fmt: skip
    heard: list[list[tuple[str, str]]] = []
    expiry_of(site, forgotten=lambda _, marks: heard.append(marks)).run(by="test")
    assert set(chains.load_marks(site.database)["gate"]) == {("nginx", "g1")}
    assert heard == [[("nginx", "g0")]]


def test_a_mark_stays_while_an_event_it_stands_for_does(site: Site, sensor: FakeSensor) -> None:
    def rotated() -> list[Fields]:
        return [event | {"gov.sensor.generation": "g0"} for event in sensor.events(3)]

    read = {"nginx": Position("g1", 9)}
    filled(site, sensor, segments=1, first=rotated(), positions=read)
    site.clock.time = HALF_YEAR
    filled(site, sensor, segments=1, first=rotated(), positions=read)
    filled(site, sensor, segments=1, positions=read)
    assert [stone.last for stone in expiry_of(site).run(by="test")] == [2]
    assert ("nginx", "g0") in chains.load_marks(site.database)["gate"]
    site.clock.time += 200 * DAY
    assert [one.last for one in expiry_of(site).run(by="test") if one.sensor == "gate"] == [4]
    assert ("nginx", "g0") not in chains.load_marks(site.database)["gate"]


def test_what_failed_half_way_is_ended_by_the_next_run(site: Site, sensor: FakeSensor) -> None:
    filled(site, sensor, segments=2)
    site.clock.time = HALF_YEAR
    expiry = expiry_of(site)
    journal = site.folder / "index"
    site.index.close()
    with pytest.raises(duckdb.Error):
        expiry.run(by="test")
    assert len(names(site)) == 2
    site.index = DuckDbIndex(journal, fetch=site.ids.fetch)
    assert expiry_of(site).run(by="test") == []
    assert names(site) == ["000000000003.seg"]
    assert len(tombstone.read(site.segments / "gate").stones) == 1


def test_receipts_of_a_sensor_that_fell_silent_do_not_keep_the_control_chain(
    site: Site, sensor: FakeSensor
) -> None:
    filled(site, sensor, segments=1)
    site.rounds()
    site.control.close_segment()
    site.control.add("heartbeat", sensor="gate")
    site.rounds()
    site.clock.time = HALF_YEAR
    assert [stone.sensor for stone in expiry_of(site).run(by="test")] == ["collector"]


def test_the_record_of_a_redaction_stays_as_long_as_what_it_tells_of(
    site: Site, sensor: FakeSensor
) -> None:
    filled(site, sensor, segments=1)
    site.control.add("event_redacted", sensor="gate", number=2, events=1)
    site.rounds()
    site.control.close_segment()
    site.control.add("heartbeat", sensor="gate")
    site.rounds()
    site.clock.time = HALF_YEAR
    assert _verdict(site, "collector") == "proving"


def test_the_control_chain_keeps_what_proves_a_batch_that_is_still_here(
    site: Site, sensor: FakeSensor
) -> None:
    given = [event | {"gov.share.requester_id": "tax"} for event in sensor.events(3)]
    filled(site, sensor, segments=2, first=given)
    site.rounds()
    site.control.close_segment()
    site.control.add("heartbeat", sensor="gate")
    site.rounds()
    site.clock.time = HALF_YEAR
    assert expiry_of(site).run(by="test") == []
    assert _verdict(site, "collector") == "proving"


def test_the_control_chain_goes_once_all_it_proves_is_gone(site: Site, sensor: FakeSensor) -> None:
    filled(site, sensor, segments=2)
    site.rounds()
    site.control.close_segment()
    site.clock.time += DAY
    site.control.add("heartbeat", sensor="gate")
    site.rounds()
    site.clock.time = HALF_YEAR
    gone = expiry_of(site).run(by="test")
    assert [stone.sensor for stone in gone] == ["gate", "collector"]


def test_a_segment_that_grows_old_is_closed_and_goes_in_time(
    site: Site, sensor: FakeSensor
) -> None:
    for _ in range(2):
        site.intake.accept(framed(sensor.batch()))
    site.rounds()
    expiry = expiry_of(site, close=site.intake.to_close.put)
    expiry.look_over()
    assert site.intake.to_close.empty()
    site.clock.time += 32 * DAY
    expiry.look_over()
    site.intake.accept(framed(sensor.batch()))
    site.rounds()
    site.intake.accept(framed(sensor.batch()))
    site.rounds()
    assert names(site) == ["000000000001.seg", "000000000004.seg"]
    site.clock.time = HALF_YEAR + 40 * DAY
    assert [stone.last for stone in expiry.run(by="test") if stone.sensor == "gate"] == [3]


def test_records_of_coverage_stay_as_long_as_the_oldest_segment(
    site: Site, sensor: FakeSensor
) -> None:
    filled(site, sensor, segments=2)
    expiry_of(site).look_over()
    gap = ("gate", chains.Gap(from_at=START, to_at=START + 1, reason="silent"))
    late = ("gate", chains.Gap(from_at=HALF_YEAR, to_at=HALF_YEAR + DAY, reason="silent"))
    chains.save(site.database, chains.Progress(chains=(), gaps=[gap]))
    site.clock.time = HALF_YEAR + DAY
    chains.save(site.database, chains.Progress(chains=(), gaps=[late]))
    assert len(chains.load_gaps(site.database)["gate"]) == 2
    site.database.write(lambda state: state.execute("DELETE FROM kept"))
    chains.save(site.database, chains.Progress(chains=(), gaps=[late]))
    assert len(chains.load_gaps(site.database)["gate"]) == 1


def test_facts_are_read_from_the_bytes(site: Site, sensor: FakeSensor) -> None:
    filled(site, sensor, segments=1)
    path = site.segments / "gate" / names(site)[0]
    facts = read(path, periods())
    assert (facts.first.number, facts.last.number, facts.count) == (1, 2, 6)
    assert facts.bytes == path.stat().st_size
    assert (facts.first_at, facts.last_at, facts.kind.name) == (START, START, "log")


def test_what_follows_is_taken_in_as_before(site: Site, sensor: FakeSensor, tmp_path: Path) -> None:
    filled(site, sensor, segments=3)
    site.clock.time = HALF_YEAR
    assert expiry_of(site).run(by="test")
    filled(site, sensor, segments=1)
    assert site.count() == 12
    site.close()
    again = Site(tmp_path, clock=site.clock)
    try:
        filled(again, sensor, segments=1)
        assert again.count() == 18
        assert [one.number for one in again.intake.read_again("gate", 0, 9)] == [5, 6, 7, 8, 9, 10]
    finally:
        again.close()
