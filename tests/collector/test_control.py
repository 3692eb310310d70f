"""What the collector does is sealed in its own chain, in order, at most one batch a flush."""

from concurrent.futures import ThreadPoolExecutor

from collected import COLLECTOR_KEY, Site

from collector import control
from collector.control import ControlLog
from collector.ownchain import OwnChain
from schema import batch as batches
from schema import log


def _opened(site: Site) -> ControlLog:
    own = site.enrolments.find("collector")
    assert own is not None
    return ControlLog(
        OwnChain(site.segments, own, key=COLLECTOR_KEY, clock=site.clock, entropy=site.entropy),
        site.clock,
    )


def test_nothing_noted_seals_nothing(site: Site) -> None:
    assert site.control.flush() is None
    assert site.control.number == 0


def test_records_are_sealed_in_order_one_batch_at_a_time(site: Site) -> None:
    for number in range(1500):
        site.control.add("gap", sensor="gate", number=number + 1)
    first, second = site.control.flush(), site.control.flush()
    assert first is not None
    assert second is not None
    assert (first.header.count, second.header.count) == (1024, 476)
    assert [one["gov.sensor.offset"] for one in site.records("gap")] == list(range(1500))
    batches.verify_signature(second, COLLECTOR_KEY.public)


def test_each_record_is_sealed_once_however_many_threads_flush(site: Site) -> None:
    for number in range(5000):
        site.control.add("gap", sensor="gate", number=number + 1)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(site.control.flush) for _ in range(8)]:
            done.result()
    assert sorted(int(str(one["gov.batch.number"])) for one in site.records("gap")) == list(
        range(1, 5001)
    )


def test_the_chain_goes_on_after_a_restart_also_with_the_clock_back(site: Site) -> None:
    site.control.add("gap")
    before = site.control.flush()
    site.clock.time -= 10**9
    again = _opened(site)
    again.add("gap")
    after = again.flush()
    assert before is not None
    assert after is not None
    assert (after.header.number, after.header.previous) == (2, before.hash)
    assert after.header.low_watermark == before.header.low_watermark
    assert [one["gov.sensor.offset"] for one in site.records("gap")] == [0, 1]
    assert len(log.Reader(site.segments / "collector").read(9)) == 2


def test_what_the_buffer_cannot_hold_is_counted(site: Site) -> None:
    for _ in range(control.BUFFER_MAX + 3):
        site.control.add("gap")
    while site.control.flush():
        pass
    assert [one["gov.batch.events"] for one in site.records("records_lost")] == [3]
