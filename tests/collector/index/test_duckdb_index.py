"""The index reaches nothing outside its folder, survives crashes and reads while it is written."""

import random
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from collector.index.duckdb_index import DuckDbIndex
from schema.event import AcceptedBatch, Fields
from schema.times import DAY, from_text, to_text

START = from_text("2026-11-20T08:00:00.000000Z")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[DuckDbIndex]:
    opened = DuckDbIndex(tmp_path / "index")
    yield opened
    opened.close()


def _batch(number: int, times: list[int], fields: Fields | None = None) -> AcceptedBatch:
    return AcceptedBatch(
        sensor="gate",
        number=number,
        first_sequence=number * 100,
        low_watermark=0,
        received_at=0,
        indexes=range(len(times)),
        ids=[number.to_bytes(8, "big") + at.to_bytes(8, "big") for at in range(len(times))],
        times=times,
        events=[{"@timestamp": to_text(time)} | (fields or {}) for time in times],
        enrichment=[{} for _ in times],
    )


def _count(index: DuckDbIndex) -> int:
    hours = index.count_by((), "@timestamp/86400", start=0, end=START * 2, limit=10_000)
    return sum(hour.count for hour in hours)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY (SELECT 1) TO '/tmp/fengsui-outside'",
        "ATTACH '/tmp/fengsui-outside.duckdb'",
        "SET enable_external_access = true",
        "SET memory_limit = '10GB'",
        "INSTALL httpfs",
        "LOAD httpfs",
    ],
)
def test_the_engine_reaches_nothing_outside_and_keeps_its_settings(
    index: DuckDbIndex, statement: str
) -> None:
    index.insert([_batch(1, [START])])
    with index._days.lent(index._days.present()) as (connection, _), pytest.raises(duckdb.Error):
        connection.execute(statement)


def test_a_crash_between_two_days_of_a_batch_stores_each_once(
    tmp_path: Path, index: DuckDbIndex
) -> None:
    over_midnight = _batch(1, [START, START + DAY])
    index.insert([_batch(1, [START])])
    index.insert([over_midnight])
    assert _count(index) == 2
    index.close()
    again = DuckDbIndex(tmp_path / "index")
    again.insert([over_midnight])
    assert (_count(again), again.cursor("gate")) == (2, 1)
    again.close()


def test_what_was_inserted_is_there_after_a_crash(tmp_path: Path) -> None:
    index = DuckDbIndex(tmp_path / "index")
    index.insert([_batch(1, [START] * 50)])
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in (tmp_path / "index").iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    again = DuckDbIndex(copy)
    assert (_count(again), again.cursor("gate")) == (50, 1)
    again.close()
    index.close()


def test_more_days_than_stay_open_are_searched_and_counted_in_turn(index: DuckDbIndex) -> None:
    for day in range(30):
        index.insert([_batch(day + 1, [START + day * DAY] * 3, {"source.ip": "10.0.0.1"})])
    assert _count(index) == 90
    assert index.count_by((), "source.ip", start=0, end=START * 2, limit=5)[0].count == 90
    page = index.search((), start=START, end=START + 30 * DAY, limit=40)
    assert [hit.number for hit in page.hits[:4]] == [30, 30, 30, 29]
    assert index.get((3).to_bytes(8, "big").hex() + bytes(8).hex()) is not None


def test_reads_go_on_while_days_are_written_and_put_away(index: DuckDbIndex) -> None:
    failures: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                index.search((), start=START, end=START + 20 * DAY, limit=5)
                index.count_by((), "sensor", start=START, end=START + 20 * DAY, limit=5)
        except duckdb.Error as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for day in range(20):
        index.insert([_batch(day + 1, [START + day * DAY])])
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert _count(index) == 20


def test_events_of_other_sensors_are_left_out_where_sensors_are_named(index: DuckDbIndex) -> None:
    index.insert([_batch(1, [START])])
    span = {"start": START, "end": START + 1, "limit": 5}
    assert len(index.search((), **span, sensors=["gate"]).hits) == 1
    assert index.search((), **span, sensors=["other"]).hits == []
    assert index.search((), **span, sensors=[]).hits == []
    assert index.count_by((), "sensor", **span, sensors=[]) == []


def test_days_filled_side_by_side_fit_into_the_memory_of_a_site(tmp_path: Path) -> None:
    index = DuckDbIndex(tmp_path / "index", memory_mb=16, threads=2)
    chance = random.Random(1)
    for number in range(1, 121):
        fields: Fields = {
            "event.original": chance.randbytes(150).hex(),
            "url.path": chance.randbytes(40).hex(),
            "user.name": chance.randbytes(8).hex(),
            "tls.server.subject": chance.randbytes(60).hex(),
        }
        index.insert([_batch(number, [START + number % 7 * DAY] * 1000, fields)])
    assert _count(index) == 120_000
    index.close()


@contextmanager
def _disk_full_after(file_bytes: int) -> Iterator[None]:
    """No file of this process may grow past this: the system refuses each write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("file_bytes", [4096, 20_000, 50_000])
def test_an_index_whose_disk_was_full_goes_on_without_a_restart(
    tmp_path: Path, index: DuckDbIndex, file_bytes: int
) -> None:
    index.insert([_batch(1, [START] * 1000)])
    more = _batch(2, [START] * 1500, {"event.original": "a line that fills a page soon" * 9})
    with _disk_full_after(file_bytes):
        for _ in range(3):
            with pytest.raises(OSError, match="the index cannot be written"):
                index.insert([more])
        assert _count(index) == 1000
    index.insert([more])
    assert _count(index) == 2500
    index.close()
    again = DuckDbIndex(tmp_path / "index")
    assert (_count(again), again.cursor("gate")) == (2500, 2)
    again.close()


@pytest.mark.parametrize("file_bytes", [0, 4096, 10_000])
def test_a_day_that_begins_on_a_full_disk_begins_when_there_is_room(
    index: DuckDbIndex, file_bytes: int
) -> None:
    with _disk_full_after(file_bytes):
        for _ in range(3):
            with pytest.raises(OSError, match="the index cannot be written"):
                index.insert([_batch(1, [START] * 1500)])
            assert _count(index) == 0
    index.insert([_batch(1, [START] * 1500)])
    assert _count(index) == 1500


def test_a_day_that_failed_while_it_was_read_is_opened_anew_when_the_reader_has_done(
    index: DuckDbIndex,
) -> None:
    index.insert([_batch(1, [START] * 1000)])
    more = _batch(2, [START] * 1500)
    with (
        index._days.lent(index._days.present()),
        _disk_full_after(4096),
        pytest.raises(OSError, match="the index cannot be written"),
    ):
        index.insert([more])
    index.insert([more])
    assert _count(index) == 2500
