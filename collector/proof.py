"""Proof: from a stored event back to its sensor's signature.

What a proof says: the event left the sensor so, and nothing after the sensor changed it. It does
not say that the sensor saw the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from collector.idindex import identify
from crypto import sm2
from schema import batch as batches
from schema import limits, log, merkle, segment
from schema.batch import Batch
from schema.disk import Disk, PosixDisk
from schema.errors import FengsuiError
from schema.event import decode
from schema.receipt import Receipt, verify_receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a proof that was carried out."""

    name: str
    ok: bool
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventProof:
    """Everything somebody needs to repeat the proof with other software."""

    event_id: str
    batch: Batch
    segment: str
    index: int
    leaf: bytes
    path: tuple[bytes, ...]
    public_key: bytes
    receipt: Receipt | None
    steps: tuple[Step, ...]


def find_batch(folder: Path, number: int, disk: Disk | None = None) -> tuple[str, Batch] | None:
    """The segment name and batch with that number in a sensor's folder."""
    files = disk or PosixDisk()
    names = [n for n in log.segment_names(folder, files) if segment.first_number(n) <= number]
    for name in reversed(names):
        for batch in _batches(folder / name, files):
            if batch.header.number == number:
                return name, batch
    return None


def _batches(path: Path, disk: Disk) -> Iterator[Batch]:
    raw = disk.read(path, 0, limits.SEGMENT_BYTES_MAX + 2 * segment.FRAME_BYTES_MAX)
    for item in segment.frames(raw, len(segment.MAGIC)):
        if isinstance(item, segment.Frame) and item.kind == segment.BATCH:
            yield batches.from_bytes(item.payload)


def prove(
    event_id: str,
    batch: Batch,
    *,
    segment_name: str,
    index: int,
    key: sm2.PublicKey,
    receipt: Receipt | None = None,
    receipt_key: sm2.PublicKey | None = None,
) -> EventProof:
    """The path from one event to the signature; a step that fails is shown as failed.

    A receipt is checked with the platform's receipt key, where both are given: it must be of this
    sensor, and of this batch or a later one. A redacted event has no id left to be checked.
    """
    body = batches.unpack_body(batch.body, batch.header.count)
    leaf_list = batches.leaf_hashes(body)
    proof = merkle.prove(leaf_list, index)

    def leads_to_root() -> None:
        _check_event(event_id, body.payloads[index], batch)
        merkle.check(leaf_list[index], proof, bytes.fromhex(batch.header.root))

    def receipt_holds() -> None:
        assert receipt is not None
        assert receipt_key is not None
        verify_receipt(receipt, receipt_key)
        _check_covers(receipt, batch)

    steps = [
        _step(
            "merkle",
            leads_to_root,
            "该编号事件的叶哈希经路径汇入批次的默克尔根",
            "the leaf of the event with this id leads through the path to the batch's Merkle root",
        ),
        _step(
            "signature",
            lambda: batches.verify_signature(batch, key),
            "批次头由探针登记的 SM2 私钥签名",
            "the batch header is signed with the sensor's enrolled SM2 key",
        ),
    ]
    if receipt is not None and receipt_key is not None:
        steps.append(
            _step(
                "receipt",
                receipt_holds,
                "平台的回执密钥对该探针不早于本批次的链头作了副署",
                "the platform's receipt key countersigned this sensor's chain, at this batch or "
                "a later one",
            )
        )
    return EventProof(
        event_id=event_id,
        batch=batch,
        segment=segment_name,
        index=index,
        leaf=leaf_list[index],
        path=proof.path,
        public_key=key.point,
        receipt=receipt,
        steps=tuple(steps),
    )


def _check_event(event_id: str, payload: bytes | None, batch: Batch) -> None:
    """Raise ``collector.proof.other_event`` unless these bytes are of the event with that id."""
    try:
        found = identify(decode(payload or b""), batch).hex()
    except (KeyError, TypeError, AttributeError, OverflowError):
        # It does not say where it began, so it has no id.
        found = ""
    if found != event_id:
        raise FengsuiError(
            "collector.proof.other_event", f"another event than {event_id} stands at this place"
        )


def _check_covers(receipt: Receipt, batch: Batch) -> None:
    """Raise ``collector.proof.receipt`` unless the receipt is of a head at or behind the batch."""
    head, header = receipt.head, batch.header
    covers = (
        head.sensor == header.sensor
        and head.enrolment >= header.enrolment
        and head.number >= header.number
        and (head.number > header.number or head.hash == batch.hash)
    )
    if not covers:
        raise FengsuiError(
            "collector.proof.receipt",
            f"the receipt is of batch {head.number} of {head.sensor}, which does not cover batch "
            f"{header.number} of {header.sensor}",
        )


def _step(name: str, check: Callable[[], None], zh: str, en: str) -> Step:
    try:
        check()
    except FengsuiError:
        return Step(name=name, ok=False, zh=zh, en=en)
    return Step(name=name, ok=True, zh=zh, en=en)
