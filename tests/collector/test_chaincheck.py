"""Every kind of damage to a chain is named, and a sound chain is clean."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.chaincheck import ChainCheck, Known, Report, check_anchor
from crypto import sm2
from schema import batch, event, log, receipt, segment
from schema.batch import Batch, Body, Chain, Contents, Position

KEY = sm2.PrivateKey.generate()
EVENTS = 8
BATCHES = 4


def _sealed(chain: Chain, key: sm2.PrivateKey = KEY, mark: str = "") -> Batch:
    payloads = [
        event.encode({"@timestamp": "2026-11-20T08:00:00.000000Z", "message": f"{mark}{index}"})
        for index in range(EVENTS)
    ]
    contents = Contents(
        payloads=payloads,
        min_time=0,
        max_time=0,
        low_watermark=0,
        positions={"log": Position(generation="g", offset=chain.number)},
    )
    return batch.seal(chain, contents, key=key, boot_id="boot", salts=os.urandom(16 * EVENTS))


def _chain_of(count: int, key: sm2.PrivateKey = KEY, mark: str = "") -> list[Batch]:
    chain = Chain(realm="duty", sensor="gate", enrolment=1)
    batches = []
    for _ in range(count):
        batches.append(_sealed(chain, key, mark))
        chain = chain.after(batches[-1])
    return batches


def _write(folder: Path, batches: list[Batch]) -> Path:
    writer = log.Writer(folder / "gate")
    for one in batches:
        writer.append(one)
    writer.close_segment()
    return folder / "gate" / segment.file_name(batches[0].header.number)


def _refile(path: Path, payloads: list[bytes]) -> None:
    """Write the file anew with sound checksums and a sound footer: the tamperer is no fool."""
    from crypto import sm3

    raw = segment.MAGIC + b"".join(segment.frame(segment.BATCH, one) for one in payloads)
    path.write_bytes(raw + segment.frame(segment.FOOTER, sm3.digest(raw)))


def _known(batches: list[Batch], **other: object) -> Known:
    head = receipt.Head(
        sensor="gate",
        enrolment=1,
        number=len(batches),
        events=len(batches) * EVENTS,
        hash=batches[-1].hash,
    )
    leaves = {
        one.header.number: [
            leaf[:8] for leaf in batch.leaf_hashes(batch.unpack_body(one.body, EVENTS))
        ]
        for one in batches
    }
    values = {"realm": "duty", "sensor": "gate", "keys": {1: KEY.public.point}, "head": head}
    return Known(**(values | {"leaves": leaves} | other))  # type: ignore[arg-type]


def _check(folder: Path, known: Known) -> Report:
    report = Report()
    ChainCheck(folder / "gate", known, report).run()
    return report


def _codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def test_a_sound_chain_is_clean_and_counted(tmp_path: Path) -> None:
    batches = _chain_of(BATCHES)
    _write(tmp_path, batches)
    report = _check(tmp_path, _known(batches))
    assert report.findings == []
    assert (report.batches, report.events, report.segments) == (BATCHES, BATCHES * EVENTS, 1)


@pytest.mark.parametrize("place", [0.3, 0.5, 0.7, 0.95])
def test_one_flipped_bit_is_named_with_its_segment_and_batch(tmp_path: Path, place: float) -> None:
    batches = _chain_of(BATCHES)
    path = _write(tmp_path, batches)
    raw = bytearray(path.read_bytes())
    raw[int(len(raw) * place)] ^= 1
    path.write_bytes(raw)
    report = _check(tmp_path, _known(batches))
    assert report.findings
    assert all(finding.segment in ("", path.name) for finding in report.findings)


def test_a_changed_event_is_named_by_its_place(tmp_path: Path) -> None:
    batches = _chain_of(BATCHES)
    path = _write(tmp_path, batches)
    body = batch.unpack_body(batches[1].body, EVENTS)
    payloads = list(body.payloads)
    payloads[3] = payloads[3].replace(b'"3"', b'"X"')  # type: ignore[union-attr]
    _refile(path, [_bytes(one) for one in _swapped(batches, 1, body, payloads)])
    report = _check(tmp_path, _known(batches))
    assert "proof.batch.root_mismatch" in _codes(report)
    assert [(f.batch, f.event) for f in report.findings if f.event >= 0] == [(2, 3)]


def test_a_deleted_event_is_named_by_its_place(tmp_path: Path) -> None:
    batches = _chain_of(BATCHES)
    path = _write(tmp_path, batches)
    body = batch.unpack_body(batches[1].body, EVENTS)
    fewer = Body(
        salts=body.salts[:5] + body.salts[6:],
        payloads=body.payloads[:5] + body.payloads[6:],
        leaves={},
    )
    changed = _with_body(batches[1], fewer)
    _refile(path, [_bytes(one) for one in [batches[0], changed, *batches[2:]]])
    report = _check(tmp_path, _known(batches))
    assert (2, 5) in [(f.batch, f.event) for f in report.findings]


def test_another_head_than_the_one_accepted_is_named_without_any_receipt(tmp_path: Path) -> None:
    batches = _chain_of(BATCHES)
    known = _known(batches)
    rebuilt = [*batches[:-1], _sealed(_after(batches[:-1]), mark="other")]
    _write(tmp_path, rebuilt)
    assert _codes(_check(tmp_path, known)) == {"proof.chain.head_mismatch"}


def _after(found: list[Batch]) -> Chain:
    chain = Chain(realm="duty", sensor="gate", enrolment=1)
    for one in found:
        chain = chain.after(one)
    return chain


@pytest.mark.parametrize("size", [0, 3, len(segment.MAGIC)])
def test_a_newest_file_that_never_got_a_batch_is_a_torn_write(tmp_path: Path, size: int) -> None:
    batches = _chain_of(BATCHES)
    _write(tmp_path, batches)
    (tmp_path / "gate" / segment.file_name(BATCHES + 1)).write_bytes(segment.MAGIC[:size])
    report = _check(tmp_path, _known(batches))
    assert (report.findings, report.torn_bytes) == ([], size)
    lost = receipt.Head(sensor="gate", enrolment=1, number=5, events=40, hash="00" * 32)
    assert _codes(_check(tmp_path, _known(batches, head=lost))) == {"proof.chain.tail_cut"}


def test_two_swapped_batches_are_named(tmp_path: Path) -> None:
    batches = _chain_of(BATCHES)
    path = _write(tmp_path, batches)
    _refile(path, [_bytes(batches[index]) for index in (0, 2, 1, 3)])
    report = _check(tmp_path, _known(batches))
    assert "proof.batch.out_of_order" in _codes(report)
    assert {finding.batch for finding in report.findings} >= {2, 3}


def test_a_cut_tail_is_named_from_the_state_of_record(tmp_path: Path) -> None:
    batches = _chain_of(BATCHES)
    path = _write(tmp_path, batches)
    _refile(path, [_bytes(one) for one in batches[:2]])
    assert _codes(_check(tmp_path, _known(batches))) == {"proof.chain.tail_cut"}


def test_a_batch_signed_with_another_key_is_named(tmp_path: Path) -> None:
    batches = _chain_of(BATCHES, sm2.PrivateKey.generate())
    _write(tmp_path, batches)
    assert "proof.batch.signature_invalid" in _codes(_check(tmp_path, _known(batches)))


def test_a_batch_other_than_its_sealed_receipt_is_named(tmp_path: Path) -> None:
    batches = _chain_of(BATCHES)
    _write(tmp_path, batches)
    report = _check(tmp_path, _known(batches, sealed={2: "00" * 32}))
    assert _codes(report) == {"proof.chain.receipt_mismatch"}


def _cut(batches: list[Batch]) -> list[Batch]:
    return batches[:2]


def _rebuilt(_: list[Batch]) -> list[Batch]:
    return _chain_of(BATCHES, mark="other ")


@pytest.mark.parametrize(
    ("damage", "code"),
    [(_cut, "proof.anchor.tail_cut"), (_rebuilt, "proof.anchor.chain_rebuilt")],
)
def test_only_an_anchor_shows_a_folder_that_was_rolled_back_whole(
    tmp_path: Path, damage: Callable[[list[Batch]], list[Batch]], code: str
) -> None:
    batches = _chain_of(BATCHES)
    anchor = _anchor(_known(batches))
    now_there = damage(batches)
    _write(tmp_path, now_there)
    report = Report()
    check = ChainCheck(tmp_path / "gate", _known(now_there), report)
    check.run()
    assert report.findings == []
    check_anchor(anchor, {"gate": check}, report)
    assert _codes(report) == {code}


def test_a_dropped_sensor_is_named_by_the_anchor() -> None:
    report = Report()
    check_anchor(_anchor(_known(_chain_of(1))), {}, report)
    assert _codes(report) == {"proof.anchor.sensor_missing"}


def _anchor(known: Known) -> receipt.Anchor:
    assert known.head is not None
    return receipt.sign_anchor("site", 1, (known.head,), sm2.PrivateKey.generate())


def _bytes(one: Batch) -> bytes:
    return batch.to_bytes(one)


def _with_body(one: Batch, body: Body) -> Batch:
    return Batch(
        header=one.header,
        header_bytes=one.header_bytes,
        signature=one.signature,
        body=batch.pack_body(body),
    )


def _swapped(
    batches: list[Batch], place: int, body: Body, payloads: list[bytes | None]
) -> list[Batch]:
    changed = _with_body(
        batches[place], Body(salts=body.salts, payloads=payloads, leaves=body.leaves)
    )
    return [*batches[:place], changed, *batches[place + 1 :]]
