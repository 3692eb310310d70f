"""What the door has checked is spared a second check, but only byte for byte and within bounds."""

from dataclasses import replace

import pytest
from collected import FakeSensor, Site, framed

from collector.vouched import Vouched
from schema import batch as batches
from schema import segment


def _keep(vouched: Vouched, batch: batches.Batch) -> None:
    vouched.keep(batch, *batches.verify_leaves(batch))


def test_the_very_batch_is_known_once(sensor: FakeSensor) -> None:
    vouched, batch = Vouched(), sensor.batch()
    _keep(vouched, batch)
    known = vouched.take(batches.from_bytes(batches.to_bytes(batch)))
    assert known is not None
    assert (known.body, known.leaves) == batches.verify_leaves(batch)
    assert vouched.take(batch) is None


@pytest.mark.parametrize("part", ["header_bytes", "signature", "body"])
def test_a_batch_that_differs_in_a_bit_is_not_known(sensor: FakeSensor, part: str) -> None:
    vouched, batch = Vouched(), sensor.batch()
    _keep(vouched, batch)
    raw = bytearray(getattr(batch, part))
    raw[-1] ^= 1
    assert vouched.take(replace(batch, **{part: bytes(raw)})) is None


def test_what_is_past_the_bound_is_not_held_and_what_was_held_stays(sensor: FakeSensor) -> None:
    first, second, third = sensor.batch(), sensor.batch(), sensor.batch()
    size = sum(map(len, batches.verify_body(first).payloads))
    vouched = Vouched(bytes_max=size * 3 // 2)
    for one in (first, second):
        _keep(vouched, one)
    assert vouched.take(second) is None
    assert vouched.take(first) is not None
    _keep(vouched, third)
    assert vouched.take(third) is not None


def test_a_segment_changed_behind_the_door_is_found_out_by_intake(
    site: Site, sensor: FakeSensor
) -> None:
    batch = sensor.batch()
    site.intake.accept(framed(batch))
    site.intake.to_close.put("gate")
    other = replace(batch, body=sensor.batch().body)
    (path,) = (site.segments / "gate").glob("*.seg")
    path.write_bytes(segment.MAGIC + segment.batch_frame(other))
    assert site.rounds() == []
    (refused,) = site.records("batch_refused")
    assert refused["gov.batch.reason"] == "schema.batch.root_mismatch"
