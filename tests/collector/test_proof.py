"""A proof says what it shows: this event, in this batch, under a receipt that covers it."""

import pytest
from collected import RECEIPT_KEY, SENSOR_KEY, START, FakeSensor

from collector.idindex import identify
from collector.proof import prove
from schema import batch as batches
from schema.batch import Batch
from schema.event import decode
from schema.receipt import Head, Receipt, sign_receipt


def _id(batch: Batch, index: int) -> str:
    payload = batches.verify_body(batch).payloads[index]
    assert payload is not None
    return identify(decode(payload), batch).hex()


def _receipt(batch: Batch, **changed: str | int) -> Receipt:
    header = batch.header
    told = {
        "sensor": header.sensor,
        "enrolment": header.enrolment,
        "number": header.number,
        "events": 9,
        "hash": batch.hash,
    }
    return sign_receipt(Head(**(told | changed)), START, RECEIPT_KEY)  # type: ignore[arg-type]


def _steps(batch: Batch, event_id: str, *, index: int, receipt: Receipt) -> dict[str, bool]:
    found = prove(
        event_id,
        batch,
        segment_name="gate/1.seg",
        index=index,
        key=SENSOR_KEY.public,
        receipt=receipt,
        receipt_key=RECEIPT_KEY.public,
    )
    return {step.name: step.ok for step in found.steps}


def test_an_event_is_proven_under_a_receipt_of_its_batch_or_a_later_one(
    sensor: FakeSensor,
) -> None:
    batch, later = sensor.batch(), sensor.batch()
    for receipt in (_receipt(batch), _receipt(later)):
        steps = _steps(batch, _id(batch, 1), index=1, receipt=receipt)
        assert steps == {"merkle": True, "signature": True, "receipt": True}


def test_another_event_of_the_batch_does_not_prove_this_one(sensor: FakeSensor) -> None:
    batch = sensor.batch()
    assert not _steps(batch, _id(batch, 1), index=2, receipt=_receipt(batch))["merkle"]


@pytest.mark.parametrize(
    "changed", [{"sensor": "zone"}, {"number": 1}, {"hash": "0" * 64}, {"enrolment": 0}], ids=str
)
def test_a_receipt_that_does_not_cover_the_batch_proves_nothing(
    sensor: FakeSensor, changed: dict[str, str | int]
) -> None:
    sensor.batch()
    batch = sensor.batch()
    steps = _steps(batch, _id(batch, 0), index=0, receipt=_receipt(batch, **changed))
    assert steps == {"merkle": True, "signature": True, "receipt": False}
