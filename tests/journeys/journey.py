"""What the journeys share: short recordings, whole runs, and what a finished folder holds."""

import dataclasses
import fcntl
import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import zstandard

from analytics.engine import Engine
from collector import columns
from collector.idindex import identify
from collector.index.duckdb_index import DuckDbIndex
from collector.state import chains
from collector.state.alerts import Alerts
from collector.state.database import Database
from fengsui import demo
from fengsui.clock import SystemClock
from fengsui.facts import Rolls
from fengsui.folder import DataFolder
from fengsui.pipeline import INTAKE_BATCHES_MAX, Pipeline, Stages
from fengsui.settings import SensorSettings, Settings
from fengsui.training import ChildTrainer
from fengsui.wiring import Site, open_demonstration
from schema import batch as batches
from schema import event, log
from schema.alert import Alert, canonical
from schema.event import AcceptedBatch, Fields
from schema.times import from_text
from sensors.replay import Recording

EVENING = ("2026-11-20T18:15:00Z", "2026-11-20T21:45:00Z")
"""Some ten thousand records with five labelled attacks on gateway, hosts and database."""
EVENING_NAME = "district-evening"
END_OF_TIME = from_text("2100-01-01T00:00:00.000000Z")


def fengsui(*arguments: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "fengsui", *arguments]
    if data is not None:
        command += ["--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder made once a session, whatever the number of test workers."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    target = base / name
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            fresh = base / f"{name}.new"
            fresh.mkdir()
            make(fresh)
            fresh.rename(target)
    return target


def evening(factory: pytest.TempPathFactory) -> Path:
    """The short recording, cut once a session."""
    start, end = EVENING
    return once(
        factory,
        EVENING_NAME,
        lambda target: cut(target, name=EVENING_NAME, start=start, end=end),
    )


def evening_folder(recording: Path, factory: pytest.TempPathFactory) -> Path:
    """A finished data folder of the short recording, run once a session."""
    return once(factory, "evening-folder", lambda target: _run(target, recording))


def _run(target: Path, recording: Path) -> None:
    replayed(target, recording)


def cut(target: Path, *, name: str, start: str, end: str) -> None:
    """The shipped recording between two times, as a recording of its own."""
    shipped = demo.recording_folder()
    labels = json.loads((shipped / "labels.json").read_text("utf-8"))
    recording = Recording(shipped)
    low, high = start.replace("Z", ".000000Z"), end.replace("Z", ".000000Z")
    for source, described in zip(recording.sources, labels["sources"], strict=True):
        begin = finish = described["records"] = 0
        while polled := source.poll(4096):
            for fields, (_, offset) in zip(polled.events, polled.places, strict=True):
                begin = offset if str(fields[event.TIME]) < low else begin
                finish = offset if str(fields[event.TIME]) < high else finish
                described["records"] += low <= str(fields[event.TIME]) < high
            if not polled.events:
                break
        whole = (shipped / described["file"]).read_bytes()
        raw = zstandard.ZstdDecompressor().stream_reader(whole).read()
        # Begin and end are of the last record before; both lie at the end of a record.
        kept = raw[_next(source, raw, begin) : _next(source, raw, finish)]
        (target / described["file"]).write_bytes(zstandard.ZstdCompressor().compress(kept))
    labels["recording"] |= {"name": name, "start": start, "end": end}
    labels["attacks"] = [
        one for one in labels["attacks"] if start <= one["start"] and one["end"] < end
    ]
    (target / "labels.json").write_text(json.dumps(labels), "utf-8")


def _next(source: object, raw: bytes, offset: int) -> int:
    """Where the record behind the one at this offset begins."""
    begins = source._format.begins  # type: ignore[attr-defined]
    at = raw.find(b"\n", offset) + 1
    while at < len(raw) and not begins(raw[at : raw.find(b"\n", at)]):
        at = raw.find(b"\n", at) + 1
    return at


def records(recording: Path) -> int:
    """How many events the recording gives."""
    labels = json.loads((recording / "labels.json").read_text("utf-8"))
    return sum(one["records"] for one in labels["sources"])


def replayed(
    folder: Path,
    recording: Path,
    *,
    batch_events: int = 1024,
    intake_batches: int = INTAKE_BATCHES_MAX,
    partitions: int = 1,
) -> list[bytes]:
    """Run a recording through the whole way in a new folder; its final alerts."""
    settings = Settings(sensor=SensorSettings(batch_events=batch_events))
    site = open_demonstration(DataFolder(folder), recording, settings)
    site = tuned(site, intake_batches=intake_batches, partitions=partitions)
    try:
        demo.replay(site, site.pipeline.round)
    finally:
        site.close()
    return final(folder)


def copied(folder: Path, to: Path, *, without: Sequence[str] = ()) -> Path:
    """A copy of a finished folder, to be changed.

    What readers of the original have open beside its state comes and goes: it is left out.
    """
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("state.db-*", *without))
    return to


def tuned(site: Site, *, intake_batches: int, partitions: int) -> Site:
    """The same site with a pipeline of other sizes."""
    stages = Stages(
        sensors=site.sensors,
        intake=site.intake,
        enrolments=site.enrolments,
        engine=Engine(site.rulebook.current, partitions=partitions),
        alerts=site.alerts,
        control=site.control,
        rolls=Rolls(site.registers, control=site.control, clock=site.clock),
        trainer=ChildTrainer(),
        clock=site.clock,
        pace=SystemClock(),
        intake_batches_max=intake_batches,
    )
    return dataclasses.replace(site, pipeline=Pipeline(stages))


def final_alerts(folder: Path) -> list[Alert]:
    """The final alerts of a folder nobody writes any more."""
    database = Database(folder / "state.db")
    try:
        return list(Alerts(database).final())
    finally:
        database.close()


def final(folder: Path) -> list[bytes]:
    """The final alerts in canonical form."""
    return sorted(map(canonical, final_alerts(folder)))


@dataclass(frozen=True)
class StoredEvent:
    """One event as it lies in the segments."""

    sensor: str
    number: int
    index: int
    fields: Fields


def stored(folder: Path, sensor: str) -> list[StoredEvent]:
    """Every event of a sensor's segments, in order; redacted ones are left out."""
    found: list[StoredEvent] = []
    reader = log.Reader(folder / "segments" / sensor)
    while some := reader.read(64):
        for one in some:
            for index, payload in enumerate(batches.verify_body(one).payloads):
                if payload is not None:
                    fields = event.decode(payload)
                    found.append(StoredEvent(sensor, one.header.number, index, fields))
    return found


def control_records(folder: Path, action: str) -> list[Fields]:
    """What the collector sealed of that kind."""
    found = (one.fields for one in stored(folder, "collector"))
    return [fields for fields in found if fields["event.action"] == action]


def taken_in(folder: Path, sensor: str) -> list[AcceptedBatch]:
    """A sensor's batches as the collector handed them to the rules."""
    database = Database(folder / "state.db")
    try:
        rows = chains.load_batches(database, sensor, after=0, count_max=100_000)
    finally:
        database.close()
    found = []
    for one in log.Reader(folder / "segments" / sensor).read(100_000):
        row = rows[one.header.number]
        read = columns.read_again(one, batches.verify_body(one), frozenset(row.dropped))
        found.append(
            columns.accepted(
                read, one, received_at=row.received_at, low_watermark=row.low_watermark
            )
        )
    return found


def indexed(folder: Path, sensor: str) -> list[bytes]:
    """Ids of all events of a sensor that the index finds, page by page, in id order."""
    index = DuckDbIndex(folder / "index")
    found: list[bytes] = []
    cursor = ""
    try:
        while True:
            page = index.search(
                [], start=0, end=END_OF_TIME, limit=1000, after=cursor, sensors=[sensor]
            )
            found += [bytes.fromhex(hit.id) for hit in page.hits]
            cursor = page.next_cursor
            if not cursor:
                return sorted(found)
    finally:
        index.close()


def ids_of(folder: Path, sensor: str) -> list[bytes]:
    """Ids of all events in a sensor's segments, in id order."""
    return sorted(
        identify(event.decode(payload), one)
        for one in log.Reader(folder / "segments" / sensor).read(100_000)
        for payload in batches.verify_body(one).payloads
        if payload is not None
    )


def blobs(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every byte of the folder: files as they are, and what is compressed in them."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.parent.name == "keys":
            continue
        raw = path.read_bytes()
        yield path.name, path.name.encode()
        yield path.name, raw
        if path.name.endswith(".tar.gz"):
            yield f"{path.name} unpacked", gzip.decompress(raw)
            with tarfile.open(path) as archive:
                for member in archive:
                    file = archive.extractfile(member)
                    assert file is not None
                    yield from _frames(f"{path.name}/{member.name}", file.read())
        elif path.suffix == ".duckdb":
            yield path.name, _rows(path)
    for sensor in sorted(path.name for path in (folder / "segments").iterdir()):
        for one in log.Reader(folder / "segments" / sensor).read(10_000):
            for payload in batches.verify_body(one).payloads:
                yield f"segment of {sensor}", payload or b""


def _frames(name: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Compressed frames anywhere in the bytes."""
    at = raw.find(zstandard.MAGIC_NUMBER.to_bytes(4, "little"))
    while at != -1:
        with suppress(zstandard.ZstdError):
            yield name, zstandard.ZstdDecompressor().decompressobj().decompress(raw[at:])
        at = raw.find(zstandard.MAGIC_NUMBER.to_bytes(4, "little"), at + 1)


def _rows(path: Path) -> bytes:
    """Every row of every table: DuckDB compresses its columns."""
    with duckdb.connect(str(path), read_only=True) as index:
        tables = [
            row[0] for row in index.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        ]
        return "\n".join(
            repr(row)
            for table in tables
            for row in index.execute(f'SELECT * FROM "{table}"').fetchall()
        ).encode()
