"""Only good events get in, once, whatever a sensor, a clock or a crash does."""

import errno
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from collected import OTHER_KEY, START, FakeSensor, Site, framed

from schema import batch as batches
from schema import log, segment
from schema.disk import PosixDisk
from schema.errors import FengsuiError
from schema.event import AcceptedBatch, encode
from schema.filter import parse
from schema.heartbeat import Signed
from schema.ports import EventIndex
from schema.times import DAY, HOUR, MINUTE, SECOND, to_text


def _write(site: Site, *found: batches.Batch) -> None:
    writer = log.Writer(site.segments / found[0].header.sensor)
    site.closers[found[0].header.sensor] = writer.close_segment
    for batch in found:
        writer.append(batch)


def _reopened(site: Site) -> Site:
    site.close()
    return Site(site.folder, clock=site.clock)


def test_sealed_events_are_indexed_with_their_receipt_sealed(
    site: Site, sensor: FakeSensor
) -> None:
    _write(site, sensor.batch(), sensor.batch())
    found = site.rounds()
    assert [len(batch.ids) for batch in found] == [3, 3]
    assert site.count() == 6
    received = site.records("batch_received")
    assert [record["gov.batch.number"] for record in received] == [1, 2]
    assert received[1]["gov.batch.hash"] == sensor.chain.hash


def test_the_collectors_own_chain_is_verified_and_indexed_without_receipts(
    site: Site, sensor: FakeSensor
) -> None:
    _write(site, sensor.batch())
    site.rounds(5)
    own = site.index.count_by(
        parse("sensor:collector"), "event.action", start=0, end=START * 2, limit=9
    )
    assert [(one.key, one.count) for one in own] == [("batch_received", 1)]


def test_an_event_is_found_by_id_from_segment_and_index_alike(
    site: Site, sensor: FakeSensor
) -> None:
    _write(site, sensor.batch())
    site.rounds()
    page = site.index.search(parse("sensor:gate"), start=0, end=START * 2, limit=10)
    assert len(page.hits) == 3
    for hit in page.hits:
        assert site.index.get(hit.id) == hit
        assert site.ids.fetch(bytes.fromhex(hit.id)) == hit


@pytest.mark.parametrize("unreadable", ["gate", "zone"])
def test_a_log_that_cannot_be_read_for_a_moment_costs_no_sensor_a_batch(
    site: Site, sensor: FakeSensor, monkeypatch: pytest.MonkeyPatch, unreadable: str
) -> None:
    site.enrol("zone", OTHER_KEY)
    other = FakeSensor("zone", OTHER_KEY)
    _write(site, sensor.batch(), sensor.batch())
    _write(site, other.batch(), other.batch())
    whole, failures = PosixDisk.read, [OSError(errno.EMFILE, "too many open files")]

    def failing(disk: PosixDisk, path: Path, offset: int, size: int) -> bytes:
        if path.parent.name == unreadable and failures:
            raise failures.pop()
        return whole(disk, path, offset, size)

    monkeypatch.setattr(PosixDisk, "read", failing)
    site.rounds()
    assert site.count() == 12
    assert {one.name: one.refused for one in site.intake.status()} == {
        "collector": "",
        "gate": "",
        "zone": "",
    }


def test_a_log_that_cannot_be_read_stops_its_own_sensor_only(
    site: Site, sensor: FakeSensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.enrol("zone", OTHER_KEY)
    _write(site, sensor.batch())
    _write(site, FakeSensor("zone", OTHER_KEY).batch())
    whole = PosixDisk.read

    def failing(disk: PosixDisk, path: Path, offset: int, size: int) -> bytes:
        if path.parent.name == "zone":
            raise OSError(errno.EIO, "input/output error")
        return whole(disk, path, offset, size)

    with monkeypatch.context() as broken:
        broken.setattr(PosixDisk, "read", failing)
        site.rounds()
        assert site.count() == 3
        refused = {one.name: one.refused for one in site.intake.status()}
        assert (refused["gate"], refused["zone"]) == ("", "collector.log.unreadable")
        assert len(site.records("gap")) == 1
    site.rounds()
    assert site.count() == 6
    assert {one.name: one.refused for one in site.intake.status()}["zone"] == ""


def test_a_refused_batch_the_disk_cannot_keep_costs_the_others_nothing(
    site: Site, sensor: FakeSensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(site, FakeSensor("aside", OTHER_KEY).batch())
    _write(site, sensor.batch(), sensor.batch())
    monkeypatch.setattr("collector.quarantine.replace_file", _disk_full)
    for _ in range(3):
        with suppress(OSError):
            site.intake.step(8)
    assert site.count() == 6
    assert {one.name: one.refused for one in site.intake.status()}["gate"] == ""


def _disk_full(_path: Path, _data: bytes) -> None:
    raise OSError(errno.ENOSPC, "no space left")


def test_what_was_taken_in_reads_again_column_for_column(site: Site, sensor: FakeSensor) -> None:
    repeated = sensor.events(3)
    _write(site, sensor.seal(repeated), sensor.seal([*repeated, *sensor.events(2)]))
    first = site.rounds()
    again = _reopened(site)
    found = again.intake.read_again("gate", 0, 8)
    assert [_plain(batch) for batch in found] == [_plain(batch) for batch in first]
    assert len(found[1].ids) == 2
    assert again.intake.read_again("gate", 2, 8) == []
    again.close()


def test_a_lost_index_is_built_anew_from_the_log(
    site: Site, sensor: FakeSensor, tmp_path: Path
) -> None:
    writer = log.Writer(site.segments / "gate")
    for day in range(3):
        writer.append(sensor.seal(sensor.events(4, time=START + day * DAY)))
    site.rounds()
    before = site.count()
    site.close()
    shutil.rmtree(tmp_path / "index")
    again = Site(tmp_path, clock=site.clock)
    try:
        assert again.count() == 0
        steps = 0
        while again.intake.reindex(2):
            steps += 1
        assert steps > 1
        assert again.count() == before == 12
        assert again.rounds() == []
        assert again.count() == before
        # Once it is whole there is nothing to do at the next start.
        assert not again.open_intake().reindex(2)
    finally:
        again.close()


def test_an_index_of_another_form_is_built_anew(
    site: Site, sensor: FakeSensor, tmp_path: Path
) -> None:
    log.Writer(site.segments / "gate").append(sensor.batch(5))
    site.rounds()
    site.close()
    (tmp_path / "index" / "form").write_text("columns of an older version", "utf-8")
    again = Site(tmp_path, clock=site.clock)
    try:
        assert again.count() == 0
        while again.intake.reindex(8):
            pass
        assert again.count() == 5
    finally:
        again.close()


def test_a_sensor_whose_segments_are_gone_keeps_no_other_from_starting(
    site: Site, sensor: FakeSensor
) -> None:
    site.enrol("zone", OTHER_KEY)
    _write(site, sensor.batch())
    site.rounds()
    shutil.rmtree(site.segments / "gate")
    again = _reopened(site)
    _write(again, FakeSensor("zone", OTHER_KEY).batch())
    again.rounds()
    assert again.count("sensor:zone") == 3
    again.close()


def _plain(batch: object) -> dict[str, object]:
    names = ("number", "low_watermark", "received_at", "indexes", "ids", "times", "events")
    made = {name: getattr(batch, name) for name in names}
    return made | {"indexes": list(made["indexes"]), "enrichment": list(batch.enrichment)}  # type: ignore[attr-defined, call-overload]


def test_an_event_sent_twice_is_counted_and_indexed_once(site: Site, sensor: FakeSensor) -> None:
    events = sensor.events(3)
    _write(site, sensor.seal(events), sensor.seal(events))
    site.rounds()
    assert site.count() == 3
    assert _status(site).duplicates == 3


def _status(site: Site, name: str = "gate"):
    return next(one for one in site.intake.status() if one.name == name)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        (b'{"a":', "schema.event.malformed"),
        (b'{"a":1.5}', "schema.event.malformed"),
        (encode({"@timestamp": "yesterday"}), "collector.event.time"),
        (encode({"message": "no time"}), "collector.event.time"),
        (encode({"@timestamp": to_text(START)}), "collector.event.place"),
        (encode({f"labels.f{n}": 1 for n in range(200)}), "collector.event.too_many_fields"),
    ],
)
def test_a_bad_event_is_set_aside_with_its_reason_and_the_rest_goes_on(
    site: Site, sensor: FakeSensor, events: bytes, reason: str
) -> None:
    good = sensor.events(2)
    _write(site, sensor.seal([good[0], events, good[1]]), sensor.batch())
    site.rounds()
    assert site.count() == 5
    assert _status(site).quarantined == 1
    assert [r["gov.batch.reason"] for r in site.records("event_quarantined")] == [reason]


def test_fields_the_catalogue_does_not_know_are_shown_as_labels(
    site: Site, sensor: FakeSensor
) -> None:
    odd = {"color": "red", "source.port": "many", "source.ip": "nowhere", "process.pid": True}
    _write(site, sensor.seal(sensor.events(1, **odd) + sensor.events(1)))
    site.rounds()
    page = site.index.search(parse("labels.color:red"), start=0, end=START * 2, limit=10)
    fields = page.hits[0].fields
    assert len(page.hits) == 1
    assert fields["labels.source.port"] == "many"
    assert fields["labels.source.ip"] == "nowhere"
    assert site.index.get(page.hits[0].id) is not None
    assert _status(site).unusual == 1


@pytest.mark.parametrize("reason", ["signature", "unenrolled", "revoked", "link", "body", "realm"])
def test_a_refused_batch_stops_its_own_sensor_only_and_is_kept_once(
    site: Site, reason: str
) -> None:
    bad, other = _bad_batch(site, reason), FakeSensor("other", OTHER_KEY)
    site.enrol("other", OTHER_KEY)
    _write(site, bad)
    _write(site, other.batch())
    site.rounds(4)
    again = _reopened(site)
    again.rounds(3)
    assert again.count() == 3
    assert len(list((site.folder / "quarantine").iterdir())) == 1
    assert len(again.records("batch_refused")) == 1
    assert _status(again).refused
    assert not _status(again, "other").refused
    again.close()


def _bad_batch(site: Site, reason: str) -> batches.Batch:
    sensor = FakeSensor(
        key=OTHER_KEY if reason == "signature" else FakeSensor().key,
        enrolment=7 if reason == "unenrolled" else 1,
        realm="demonstration" if reason == "realm" else "duty",
    )
    if reason == "revoked":
        site.enrolments.revoke("gate")
    if reason == "link":
        sensor.batch()
    bad = sensor.batch()
    if reason == "body":
        other = sensor.batch()
        bad = batches.Batch(
            header=bad.header,
            header_bytes=bad.header_bytes,
            signature=bad.signature,
            body=other.body,
        )
    return bad


def test_an_unenrolled_sensor_goes_on_once_it_is_enrolled(site: Site) -> None:
    late = FakeSensor("late", OTHER_KEY)
    _write(site, late.batch())
    site.rounds()
    assert site.count() == 0
    assert _status(site, "late").status == "unenrolled"
    site.database.write(
        lambda state: state.executescript(
            "INSERT INTO sensors VALUES ('late', 'unit', 'duty', 'active', 1, 1, NULL);"
        )
    )
    site.database.write(
        lambda state: state.execute(
            "INSERT INTO sensor_keys VALUES ('late', 1, ?, ?, 0, 1)",
            (OTHER_KEY.public.point, OTHER_KEY.public.key_id),
        )
    )
    site.enrol("anyone", OTHER_KEY)
    site.rounds()
    assert site.count() == 3


def test_a_watermark_a_day_ahead_is_capped_flagged_and_never_moves_back(
    site: Site, sensor: FakeSensor
) -> None:
    ahead = START + DAY
    _write(
        site,
        sensor.seal(sensor.events(2, time=ahead), low_watermark=ahead),
        sensor.batch(low_watermark=ahead + SECOND),
    )
    found = site.rounds()
    assert [batch.low_watermark for batch in found] == [START + 5 * MINUTE] * 2
    assert len(site.records("clock_capped")) == 1
    assert site.count() == 5
    site.clock.time = START - HOUR
    _write(site, sensor.batch(low_watermark=START))
    assert [batch.low_watermark for batch in site.rounds()] == [START + 5 * MINUTE]


def test_the_collectors_clock_back_an_hour_loses_and_repeats_nothing(
    site: Site, sensor: FakeSensor
) -> None:
    _write(site, sensor.batch())
    site.rounds()
    site.clock.time = START - HOUR
    _write(site, sensor.batch(low_watermark=START + SECOND))
    site.rounds()
    assert site.count() == 6
    assert site.intake.status()


def test_a_backlog_of_a_week_goes_into_its_days(site: Site, sensor: FakeSensor) -> None:
    _write(
        site,
        *[
            sensor.seal(sensor.events(2, time=START - day * DAY), low_watermark=START - day * DAY)
            for day in range(12, 0, -1)
        ],
    )
    site.rounds(6, batches_max=4)
    assert site.count() == 24
    files = [path.name for path in (site.folder / "index").glob("*.duckdb")]
    assert len(files) == 13
    page = site.index.search(parse("sensor:gate"), start=0, end=START * 2, limit=100)
    assert len(page.hits) == 24


def test_late_events_are_counted_and_named(site: Site, sensor: FakeSensor) -> None:
    _write(
        site,
        sensor.batch(low_watermark=START + MINUTE),
        sensor.batch(low_watermark=START + MINUTE),
    )
    site.rounds()
    assert _status(site).late == 3
    assert [one["gov.batch.events"] for one in site.records("late_event")] == [3]


PERSON = "11010519491231002X"
MARKING = "机密★20年"


def _holds(folder: Path, text: str) -> bool:
    """Whether any file of the site holds the text, also inside compressed batches."""
    found = subprocess.run(
        ["grep", "-rlaF", text, str(folder)], capture_output=True, check=False
    ).stdout
    inside = any(
        text.encode() in (payload or b"")
        for path in folder.rglob("*.seg")
        for batch in _batches(path)
        for payload in batches.unpack_body(batch.body, batch.header.count).payloads
    )
    kept = any(
        text.encode() in (payload or b"")
        for path in folder.rglob("*.bin")
        if path.stat().st_size and (batch := batches.from_bytes(path.read_bytes())).body
        for payload in batches.unpack_body(batch.body, batch.header.count).payloads
    )
    return bool(found) or inside or kept


def _batches(path: Path) -> list[batches.Batch]:
    return [
        batches.from_bytes(item.payload)
        for item in segment.frames(path.read_bytes(), len(segment.MAGIC))
        if isinstance(item, segment.Frame) and item.kind == segment.BATCH
    ]


def test_a_careless_sensors_numbers_and_markings_stay_nowhere(
    site: Site, sensor: FakeSensor
) -> None:
    dirty = sensor.events(1, message=f"办理人 {PERSON} 已到") + sensor.events(1, message=MARKING)
    odd = sensor.events(1, **{f"labels.{PERSON}": "x"})
    _write(
        site,
        sensor.seal([*dirty, *sensor.events(2)]),
        sensor.seal([*odd, b'{"a":"' + MARKING.encode()]),
        sensor.batch(),
    )
    site.rounds()
    assert site.count() == 5
    assert not _holds(site.folder, PERSON)
    assert not _holds(site.folder, "机密★")
    records = site.records("event_redacted")
    assert [record["gov.batch.events"] for record in records] == [2, 2]
    assert records[0]["labels.footer_before"] != records[0]["labels.footer_after"]
    again = _reopened(site)
    assert [len(batch.ids) for batch in again.intake.read_again("gate", 0, 8)] == [2, 0, 3]
    again.close()


def test_a_writer_goes_on_after_its_segment_was_redacted(site: Site, sensor: FakeSensor) -> None:
    writer = log.Writer(site.segments / "gate")
    site.closers["gate"] = writer.close_segment
    writer.append(sensor.seal(sensor.events(1, message=PERSON)))
    site.rounds()
    writer.append(sensor.batch())
    site.rounds()
    assert site.count() == 3
    assert len(list((site.segments / "gate").glob("*.seg"))) == 2


def test_a_crash_between_index_and_cursor_stores_nothing_twice(
    site: Site, sensor: FakeSensor
) -> None:
    _write(site, sensor.batch(), sensor.batch())
    site.database.write(lambda state: state.execute("DROP TABLE marks"))
    with pytest.raises(Exception, match="marks"):
        site.intake.step(8)
    assert site.count() == 6
    site.database.write(
        lambda state: state.execute(
            "CREATE TABLE marks (sensor TEXT, source TEXT, generation TEXT, "
            "offset INTEGER, number INTEGER)"
        )
    )
    again = _reopened(site)
    assert [len(batch.ids) for batch in again.rounds()] == [3, 3]
    assert again.count() == 6
    assert _status(again).duplicates == 0
    again.close()


def test_receipts_lost_with_a_crash_are_sealed_at_the_next_start(
    site: Site, sensor: FakeSensor
) -> None:
    _write(site, sensor.batch())
    site.rounds()
    _write(site, sensor.batch(), sensor.batch())
    site.intake.step(8)
    again = _reopened(site)
    again.rounds()
    numbers = [one["gov.batch.number"] for one in again.records("batch_received")]
    assert numbers == [1, 2, 3]
    once_more = _reopened(again)
    once_more.rounds()
    assert len(once_more.records("batch_received")) == 3
    once_more.close()


def test_a_damaged_segment_is_named_and_the_others_go_on(site: Site, sensor: FakeSensor) -> None:
    site.enrol("other", OTHER_KEY)
    other = FakeSensor("other", OTHER_KEY)
    _write(site, sensor.batch(), sensor.batch(), sensor.batch())
    _write(site, other.batch())
    path = next((site.segments / "gate").glob("*.seg"))
    raw = bytearray(path.read_bytes())
    second = [item for item in segment.frames(bytes(raw), 8) if isinstance(item, segment.Frame)][1]
    raw[second.start + 100] ^= 1
    path.write_bytes(raw)
    site.rounds()
    assert site.count() == 6
    assert _status(site).refused == "schema.segment.damaged"
    assert _status(site).last_batch == 1
    assert path.name in str(site.records("batch_refused")[0]["message"])


def test_every_sensor_gets_its_share_of_a_step(site: Site, sensor: FakeSensor) -> None:
    site.enrol("other", OTHER_KEY)
    other = FakeSensor("other", OTHER_KEY)
    _write(site, *[sensor.batch() for _ in range(20)])
    _write(site, *[other.batch() for _ in range(2)])
    found = site.intake.step(8)
    by_sensor = [batch.sensor for batch in found]
    assert by_sensor.count("other") == 2
    assert by_sensor.count("gate") == 6


def test_a_heartbeat_counts_once_everything_up_to_its_head_was_taken_in(
    site: Site, sensor: FakeSensor
) -> None:
    beat = sensor.heartbeat(START + SECOND)
    assert site.intake.heartbeat(beat).low_watermark == START + SECOND
    _write(site, sensor.batch(low_watermark=START))
    ahead = sensor.heartbeat(START + 2 * SECOND)
    assert site.intake.heartbeat(ahead).low_watermark == 0
    site.rounds()
    assert site.intake.heartbeat(ahead).low_watermark == START + 2 * SECOND


def test_a_heartbeat_of_another_key_or_a_revoked_sensor_is_refused(site: Site) -> None:
    with pytest.raises(Exception, match="signature"):
        site.intake.heartbeat(FakeSensor(key=OTHER_KEY).heartbeat(START))
    site.enrolments.revoke("gate")
    with pytest.raises(FengsuiError, match="may not seal"):
        site.intake.heartbeat(FakeSensor().heartbeat(START))


@pytest.mark.parametrize(
    "payload",
    [
        b'{"realm":"\xff"}',
        msgspec.json.encode(
            {
                "realm": "duty",
                "sensor": "gate",
                "enrolment": 2**64,
                "key_id": "",
                "head": "",
                "time": 1,
                "low_watermark": 1,
            }
        ),
    ],
)
def test_a_heartbeat_that_makes_no_sense_is_refused_by_name(site: Site, payload: bytes) -> None:
    with pytest.raises(FengsuiError) as caught:
        site.intake.heartbeat(Signed(payload=payload, signature=b""))
    assert caught.value.code == "schema.heartbeat.malformed"


def test_a_heartbeat_sent_again_keeps_no_dead_sensor_alive(site: Site, sensor: FakeSensor) -> None:
    site.intake.accept(framed(sensor.batch()))
    site.rounds()
    old, newer = (sensor.heartbeat(START + second * SECOND) for second in (1, 2))
    site.intake.heartbeat(old)
    site.intake.heartbeat(newer)
    site.clock.time += 10 * MINUTE
    for beat in (old, newer):
        with pytest.raises(FengsuiError) as caught:
            site.intake.heartbeat(beat)
        assert caught.value.code == "collector.heartbeat.repeated"
    assert _status(site).status == "silent"
    assert site.intake.beats_refused == 2


def test_a_clock_set_back_is_heard_again_with_the_next_batch(
    site: Site, sensor: FakeSensor
) -> None:
    site.intake.heartbeat(sensor.heartbeat(START + HOUR))
    site.intake.accept(framed(sensor.batch()))
    site.rounds()
    site.intake.heartbeat(sensor.heartbeat(START))


def test_what_a_sensor_could_not_read_is_a_sealed_gap(site: Site, sensor: FakeSensor) -> None:
    told = {
        "event.dataset": "fengsui.sensor",
        "event.action": "sensor_trouble",
        "event.reason": "unreadable",
        "labels.source": "nginx",
        "message": "nginx: unreadable 1",
        "gov.sensor.source": "fengsui.sensor",
    }
    site.intake.accept(framed(sensor.seal(sensor.events(1, **told))))
    site.rounds()
    (gap,) = site.records("gap")
    assert (gap["gov.batch.reason"], gap["labels.source"]) == ("unreadable", "nginx")
    assert site.count("event.action:sensor_trouble") == 1
    assert site.intake.troubles == {gap["gov.batch.sensor"]: 1}


def test_the_last_heartbeat_of_each_minute_is_sealed(site: Site, sensor: FakeSensor) -> None:
    for second in range(150):
        site.clock.time = START + second * SECOND
        site.intake.heartbeat(sensor.heartbeat(site.clock.time))
    site.rounds()
    assert [one["message"] for one in site.records("heartbeat")] == [
        "gate was alive at 2026-11-20T08:00:59.000000Z",
        "gate was alive at 2026-11-20T08:01:59.000000Z",
    ]


def test_silence_is_a_gap_with_a_record(site: Site, sensor: FakeSensor) -> None:
    _write(site, sensor.batch())
    site.rounds()
    site.clock.time += 10 * MINUTE
    assert _status(site).status == "silent"
    site.intake.heartbeat(sensor.heartbeat(site.clock.time))
    site.rounds()
    assert [gap.reason for gap in _status(site).gaps] == ["silent"]
    assert len(site.records("gap")) == 1
    again = _reopened(site)
    assert len(_status(again).gaps) == 1
    again.close()


def test_a_gap_across_a_stop_is_one_also_where_a_batch_is_the_first_thing_heard(
    site: Site, sensor: FakeSensor
) -> None:
    _write(site, sensor.batch())
    site.rounds()
    again = _reopened(site)
    again.clock.time += 200 * DAY
    _write(again, sensor.batch())
    again.rounds()
    (gap,) = _status(again).gaps
    assert gap.to_at - gap.from_at == 200 * DAY
    again.close()


def test_a_full_disk_under_the_index_takes_nothing_in_and_the_next_step_goes_on(
    site: Site, sensor: FakeSensor
) -> None:
    _write(site, sensor.batch())
    site.intake.step(1)
    full = FullIndex(site.index)
    intake = site.open_intake(index=full)
    _write(site, sensor.batch())
    with pytest.raises(OSError, match="No space"):
        intake.step(8)
    full.room = True
    assert [len(batch.ids) for batch in intake.step(8)] == [3]
    assert site.count() == 6


class FullIndex:
    """An index whose disk has no room until somebody makes some."""

    def __init__(self, inner: EventIndex) -> None:
        self._inner = inner
        self.room = False
        self.cursor = inner.cursor
        self.search = inner.search
        self.count_by = inner.count_by
        self.get = inner.get

    def insert(self, batches: Sequence[AcceptedBatch]) -> None:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._inner.insert(batches)
