"""A crash at any step of an expiry leaves a chain that verifies, and the next start ends it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from collected import COLLECTOR_KEY, SENSOR_KEY, FakeSensor, Site
from expiring import HALF_YEAR, expiry_of, filled, names, removal_of

from collector.chaincheck import ChainCheck, Known, Report, check_anchor
from collector.expiry import Expiry
from collector.state import chains, kept
from collector.state.kept import Gone
from collector.stonecheck import check_tombstones
from crypto import sm2
from schema import receipt, tombstone
from schema.ports import Expired
from schema.tombstone import Tombstone


def checked(site: Site, sensor: str = "gate") -> Report:
    """The chain as the product checks it, with the records of expiries the control chain has."""
    state = chains.load(site.database).get(sensor)
    known = Known(
        realm="duty",
        sensor=sensor,
        keys={1: (COLLECTOR_KEY if sensor == "collector" else SENSOR_KEY).public.point},
        head=None if state is None else receipt.Head(
            sensor=sensor, enrolment=state.enrolment, number=state.number,
            events=state.events, hash=state.hash,
        ),
        leaves=site.ids.leaves(sensor),
        collector_keys=[COLLECTOR_KEY.public.point],
    )  # fmt: skip
    report = Report()
    ChainCheck(site.segments / sensor, known, report).run()
    report.findings += check_tombstones(
        report.expired,
        recorded={
            (str(one["gov.batch.sensor"]), str(one["gov.batch.hash"]))
            for one in site.records("segment_expired")
        },
        oldest_record=0,
    )
    return report


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


@pytest.fixture
def old(site: Site, sensor: FakeSensor) -> Site:
    """Three closed segments, all but the newest past their period."""
    filled(site, sensor, segments=3)
    site.clock.time = HALF_YEAR
    return site


def _unwritten(expiry: Expiry) -> Tombstone:
    """The tombstone of the oldest segment, signed and recorded, but not yet written."""
    oldest = expiry.oldest("gate", HALF_YEAR)
    assert oldest is not None
    assert oldest.facts is not None
    stone = expiry._unsigned(oldest, oldest.facts, None, "test")
    expiry._record(stone)
    return tombstone.sign(stone, COLLECTOR_KEY)


def _after_the_record(site: Site) -> None:
    _unwritten(expiry_of(site))


def _half_a_tombstone(site: Site) -> None:
    tombstone.append(site.segments / "gate", _unwritten(expiry_of(site)))
    path = site.segments / "gate" / tombstone.FILE
    path.write_bytes(path.read_bytes()[:-20])


def _after_the_tombstone(site: Site) -> None:
    tombstone.append(site.segments / "gate", _unwritten(expiry_of(site)))


def _after_the_index(site: Site) -> None:
    _after_the_tombstone(site)
    stone = tombstone.read(site.segments / "gate").stones[0]
    span = {"first_at": stone.first_at, "last_at": stone.last_at}
    site.index.expire([Expired(sensor="gate", number=stone.last, **span)])


def _after_the_rows(site: Site) -> None:
    _after_the_index(site)
    kept.forget(site.database, Gone(sensor="gate", number=2, oldest_at=0, reading=set()))


def _after_the_ids(site: Site) -> None:
    _after_the_rows(site)
    site.ids.expired("gate", "000000000001.seg")


@pytest.mark.parametrize(
    "crash",
    [_after_the_record, _half_a_tombstone, _after_the_tombstone, _after_the_index,
     _after_the_rows, _after_the_ids],
)  # fmt: skip
def test_a_crash_at_any_step_leaves_a_chain_that_verifies_and_goes_on(
    old: Site, sensor: FakeSensor, tmp_path: Path, crash: Callable[[Site], None]
) -> None:
    crash(old)
    assert codes(checked(old)) == set()
    clock = old.clock
    old.close()
    again = Site(tmp_path, clock=clock)
    try:
        removal_of(again).resume()
        again.intake = again.open_intake()
        assert codes(checked(again)) == set()
        gone = expiry_of(again).run(by="test")
        assert {stone.last for stone in gone} <= {2, 4}
        assert names(again) == ["000000000005.seg"]
        stones = tombstone.read(again.segments / "gate").stones
        assert [(one.first, one.last) for one in stones] == [(1, 2), (3, 4)]
        report = checked(again)
        assert (codes(report), report.batches) == (set(), 2)
        assert sorted(chains.load_batches(again.database, "gate", after=0, count_max=9)) == [5, 6]
        filled(again, sensor, segments=1)
        assert again.count() == 12
        assert codes(checked(again)) == set()
    finally:
        again.close()


def test_a_segment_without_a_tombstone_is_missed(old: Site) -> None:
    (old.segments / "gate" / names(old)[0]).unlink()
    assert "proof.batch.out_of_order" in codes(checked(old))


def test_a_segment_missing_behind_what_expired_is_missed(old: Site, sensor: FakeSensor) -> None:
    filled(old, sensor, segments=2)
    expiry_of(old).run(by="test")
    (old.segments / "gate" / names(old)[0]).unlink()
    assert "proof.batch.out_of_order" in codes(checked(old))


def test_a_cut_tail_is_missed_behind_what_expired(old: Site, sensor: FakeSensor) -> None:
    filled(old, sensor, segments=2)
    expiry_of(old).run(by="test")
    (old.segments / "gate" / names(old)[-1]).unlink()
    assert codes(checked(old)) == {"proof.chain.tail_cut"}


def _resigned(site: Site, change: Callable[[Tombstone], Tombstone], key: sm2.PrivateKey) -> None:
    stones = tombstone.read(site.segments / "gate").stones
    (site.segments / "gate" / tombstone.FILE).unlink()
    for stone in stones:
        tombstone.append(site.segments / "gate", tombstone.sign(change(stone), key))


def test_a_tombstone_of_somebody_else_stands_for_nothing(old: Site) -> None:
    expiry_of(old).run(by="test")
    _resigned(old, lambda stone: stone, sm2.PrivateKey.generate())
    assert codes(checked(old)) >= {"proof.tombstone.forged", "proof.batch.out_of_order"}


def test_a_tombstone_no_record_tells_of_is_named(old: Site) -> None:
    """Also when the collector's own key was used for it."""
    expiry_of(old).run(by="test")
    _resigned(old, lambda one: msgspec.structs.replace(one, footer="ab" * 32), COLLECTOR_KEY)
    assert codes(checked(old)) == {"proof.tombstone.unrecorded"}


def test_a_tombstone_taken_out_of_the_row_is_named(old: Site, sensor: FakeSensor) -> None:
    filled(old, sensor, segments=1)
    expiry_of(old).run(by="test")
    path = old.segments / "gate" / tombstone.FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[1:]))
    assert codes(checked(old)) >= {"proof.tombstone.broken", "proof.batch.out_of_order"}
    path.write_bytes(b"xx\n" + b"".join(lines))
    assert codes(checked(old)) == {"proof.tombstone.malformed"}


def test_a_segment_put_back_is_checked_and_goes_again(old: Site, tmp_path: Path) -> None:
    path = old.segments / "gate" / names(old)[0]
    raw = path.read_bytes()
    expiry_of(old).run(by="test")
    path.write_bytes(raw)
    assert codes(checked(old)) == set()
    removal_of(old).resume()
    assert not path.exists()
    path.write_bytes(raw[:100] + bytes([raw[100] ^ 1]) + raw[101:])
    assert checked(old).findings


def test_an_anchor_still_finds_a_cut_and_counts_what_has_expired(
    old: Site, sensor: FakeSensor
) -> None:
    heads = [
        receipt.Head(sensor="gate", enrolment=1, number=number, events=events, hash=digest)
        for number, (digest, events) in _hashes(old).items()
    ]
    expiry_of(old).run(by="test")
    key = sm2.PrivateKey.generate()
    for head, gone in zip(heads, (1, 0, 1, 0, 0, 0), strict=True):
        report, check = Report(), _check(old)
        check_anchor(receipt.sign_anchor("site", 1, (head,), key), {"gate": check}, report)
        assert (codes(report), report.anchored_gone) == (set(), gone), head.number
    beyond = receipt.Head(sensor="gate", enrolment=1, number=9, events=27, hash="00" * 32)
    report = Report()
    check_anchor(receipt.sign_anchor("site", 1, (beyond,), key), {"gate": _check(old)}, report)
    assert codes(report) == {"proof.anchor.tail_cut"}


def _check(site: Site) -> ChainCheck:
    known = Known(
        realm="duty", sensor="gate", keys={1: SENSOR_KEY.public.point}, head=None,
        collector_keys=[COLLECTOR_KEY.public.point],
    )  # fmt: skip
    check = ChainCheck(site.segments / "gate", known, Report())
    check.run()
    return check


def _hashes(site: Site) -> dict[int, tuple[str, int]]:
    return _check(site).hashes


def test_an_older_state_put_back_forgets_what_is_gone(
    old: Site, sensor: FakeSensor, tmp_path: Path
) -> None:
    before = tmp_path / "before.db"
    with sqlite3.connect(tmp_path / "state.db") as state:
        state.execute("VACUUM INTO ?", (str(before),))
    expiry_of(old).run(by="test")
    clock = old.clock
    old.close()
    for leftover in tmp_path.glob("state.db*"):
        leftover.unlink()
    before.rename(tmp_path / "state.db")
    again = Site(tmp_path, clock=clock)
    try:
        removal_of(again).resume()
        assert sorted(chains.load_batches(again.database, "gate", after=0, count_max=9)) == [5, 6]
        assert kept.numbers(again.database) == {"gate": 4}
        filled(again, sensor, segments=1)
        assert codes(checked(again)) == set()
    finally:
        again.close()
