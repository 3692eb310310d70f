"""What a remote sensor hands in is stored once, whole and verified, or refused by name."""

import pytest
from collected import (
    COLLECTOR_KEY,
    OTHER_KEY,
    RECEIPT_KEY,
    SENSOR_KEY,
    FakeSensor,
    Site,
    framed,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import door
from schema import batch as batches
from schema import log
from schema.batch import Position
from schema.errors import FengsuiError
from schema.event import encode
from schema.receipt import verify_receipt

PERSON = "11010519491231002X"


def _refused(site: Site, *found: batches.Batch) -> FengsuiError:
    with pytest.raises(FengsuiError) as caught:
        site.intake.accept(framed(*found))
    return caught.value


def test_accepted_batches_have_a_receipt_that_verifies(site: Site, sensor: FakeSensor) -> None:
    receipts = site.intake.accept(framed(sensor.batch(), sensor.batch()), sensor="gate")
    for receipt in receipts:
        verify_receipt(receipt, RECEIPT_KEY.public)
    assert [one.head.number for one in receipts] == [1, 2]
    assert [one.head.events for one in receipts] == [3, 6]
    assert receipts[1].head.hash == sensor.chain.hash
    site.rounds()
    assert site.count() == 6
    assert site.intake.heads()[-1] == receipts[1].head


def test_a_batch_handed_in_again_gets_its_receipt_and_is_stored_once(
    site: Site, sensor: FakeSensor
) -> None:
    batch = sensor.batch()
    first = site.intake.accept(framed(batch))
    assert site.intake.accept(framed(batch))[0].head == first[0].head
    site.rounds()
    assert site.count() == 3


def test_a_batch_out_of_turn_is_refused_with_the_number_that_is_next(
    site: Site, sensor: FakeSensor
) -> None:
    first, second, third = sensor.batch(), sensor.batch(), sensor.batch()
    error = _refused(site, first, third)
    assert error.code == "schema.batch.out_of_order"
    assert error.params["expected"] == 2
    site.intake.accept(framed(second, third))
    error = _refused(site, first)
    assert (error.code, error.params["expected"]) == ("schema.batch.out_of_order", 4)
    site.rounds()
    assert site.count() == 9
    assert not (site.folder / "quarantine").exists()


def test_a_fork_is_an_alarm_and_goes_to_quarantine(site: Site, sensor: FakeSensor) -> None:
    fork = sensor.seal(sensor.events(2), move=False)
    site.intake.accept(framed(sensor.batch()))
    assert _refused(site, fork).code == "schema.batch.forked"
    assert _refused(site, fork).code == "schema.batch.forked"
    site.rounds()
    assert len(site.records("batch_quarantined")) == 1
    kept = next((site.folder / "quarantine").iterdir())
    assert batches.from_bytes(kept.read_bytes()).hash == fork.hash
    assert site.count() == 3


def test_a_fork_behind_the_head_is_an_alarm_too(site: Site, sensor: FakeSensor) -> None:
    first = sensor.batch()
    fork = sensor.seal(sensor.events(2), move=False)
    second = sensor.batch()
    site.intake.accept(framed(first, second, sensor.batch()))
    error = _refused(site, fork)
    assert (error.code, error.params["expected"]) == ("schema.batch.forked", 4)
    assert _refused(site, second).code == "schema.batch.out_of_order"
    site.rounds()
    assert len(site.records("batch_quarantined")) == 1
    kept = next((site.folder / "quarantine").iterdir())
    assert batches.from_bytes(kept.read_bytes()).hash == fork.hash
    assert site.count() == 9


def test_a_wrong_key_a_stranger_and_a_revoked_sensor_are_refused(
    site: Site, sensor: FakeSensor
) -> None:
    assert _refused(site, FakeSensor(key=OTHER_KEY).batch()).code == (
        "schema.batch.signature_invalid"
    )
    assert _refused(site, FakeSensor("stranger").batch()).code == "collector.batch.unenrolled"
    site.enrolments.revoke("gate")
    assert _refused(site, sensor.batch()).code == "collector.batch.revoked"
    assert not (site.segments / "gate").exists()
    assert not (site.segments / "stranger").exists()
    site.rounds()
    assert len(site.records("batch_refused")) == 3


def test_a_batch_of_somebody_else_is_refused(site: Site, sensor: FakeSensor) -> None:
    with pytest.raises(FengsuiError) as caught:
        site.intake.accept(framed(sensor.batch()), sensor="other")
    assert caught.value.code == "collector.batch.foreign"


def test_events_that_are_not_those_signed_are_refused(site: Site, sensor: FakeSensor) -> None:
    batch, other = sensor.batch(), sensor.batch()
    swapped = batches.Batch(
        header=batch.header,
        header_bytes=batch.header_bytes,
        signature=batch.signature,
        body=other.body,
    )
    assert _refused(site, swapped).code == "schema.batch.root_mismatch"


def test_a_number_is_taken_out_before_it_is_stored(site: Site, sensor: FakeSensor) -> None:
    events = sensor.events(1, message=f"身份证 {PERSON}") + sensor.events(2)
    site.intake.accept(framed(sensor.seal(events)))
    batch = sensor.batch()
    site.intake.accept(framed(batch))
    site.rounds()
    assert site.count() == 5
    assert [one["gov.batch.events"] for one in site.records("event_redacted")] == [1]
    stored = site.ids.batch("gate", "000000000001.seg", 1)
    assert stored is not None
    assert list(batches.verify_body(stored).leaves) == [0]


def test_what_was_taken_out_is_on_record_before_the_batch_is_acknowledged(
    site: Site, sensor: FakeSensor
) -> None:
    site.intake.accept(framed(sensor.seal(sensor.events(2, message=f"身份证 {PERSON}"))))
    assert [one["gov.batch.events"] for one in site.records("event_redacted")] == [2]


def test_the_door_goes_on_where_it_stood_before_a_restart(site: Site, sensor: FakeSensor) -> None:
    site.intake.accept(framed(sensor.batch()))
    site.rounds()
    site.intake.accept(framed(sensor.batch()))
    site.close()
    again = Site(site.folder, clock=site.clock)
    receipt = again.intake.accept(framed(sensor.batch()))[0]
    assert (receipt.head.number, receipt.head.events) == (3, 9)
    again.rounds()
    assert again.count() == 9
    again.close()


def test_an_enrolment_anew_goes_on_behind_the_last_accepted_batch(
    site: Site, sensor: FakeSensor
) -> None:
    old = sensor.batch()
    site.intake.accept(framed(old))
    site.enrol("gate", OTHER_KEY)
    enrolled = site.enrolments.find("gate")
    assert enrolled is not None
    assert (enrolled.number, enrolled.base_number) == (2, 1)
    fresh = FakeSensor(key=OTHER_KEY, enrolment=2, number=1)
    fresh.offset = sensor.offset
    thief = sensor.batch()
    assert _refused(site, thief).code == "collector.batch.superseded"
    receipt = site.intake.accept(framed(fresh.batch()))[0]
    assert (receipt.head.number, receipt.head.enrolment, receipt.head.events) == (2, 2, 6)
    site.rounds()
    assert site.count() == 6


def test_a_refused_batch_spreads_nothing_it_holds(site: Site, sensor: FakeSensor) -> None:
    for name in ("gate", PERSON.lower()):
        liar = FakeSensor(name, OTHER_KEY)
        _refused(site, liar.seal(liar.events(2, message=f"身份证 {PERSON}")))
    site.rounds()
    for path in (path for path in site.folder.rglob("*") if path.is_file()):
        assert b"19491231" not in path.read_bytes()
        assert "19491231" not in path.name
    assert [one["gov.batch.sensor"] for one in site.records("batch_refused")] == [
        "gate",
        "withheld",
    ]


@pytest.mark.parametrize(
    "positions",
    [{PERSON: Position("g", 1)}, {"nginx": Position(f"1;ab,0,/logs/{PERSON}.log", 1)}],
    ids=["name", "path"],
)
def test_a_source_named_after_a_citizen_is_refused(
    site: Site, sensor: FakeSensor, positions: dict[str, Position]
) -> None:
    batch = sensor.seal(sensor.events(1), positions=positions)
    assert _refused(site, batch).code == "collector.batch.names"


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    try:
        door._parse(raw)
    except FengsuiError as error:
        assert error.code in ("collector.batch.malformed", "schema.batch.malformed")  # noqa: PT017


def test_a_request_past_the_limit_is_refused(site: Site) -> None:
    with pytest.raises(FengsuiError) as caught:
        site.intake.accept(bytes(door.REQUEST_BYTES_MAX + 1))
    assert caught.value.code == "collector.batch.too_large"


@pytest.mark.parametrize("name", ["gate", "collector", "push"])
def test_a_batch_of_a_chain_written_here_is_refused_at_the_door(site: Site, name: str) -> None:
    writer = log.Writer(site.segments / "gate")
    site.closers["gate"] = writer.close_segment
    key = COLLECTOR_KEY if name != "gate" else SENSOR_KEY
    batch = FakeSensor(name, key).batch()
    if name == "gate":
        writer.append(batch)
    assert _refused(site, batch).code == "collector.batch.foreign"


def test_a_number_hidden_behind_a_field_written_twice_is_taken_out(
    site: Site, sensor: FakeSensor
) -> None:
    whole = encode(sensor.events(1)[0])
    hidden = b'{"@timestamp":"' + PERSON.encode() + b'",' + whole[1:]
    site.intake.accept(framed(sensor.seal([hidden, *sensor.events(1)])))
    site.rounds()
    assert site.count() == 1
    for path in (site.segments / "gate").glob("*.seg"):
        body = batches.verify_body(next(iter(log.Reader(path.parent).read(9))))
        assert list(body.leaves) == [0]
