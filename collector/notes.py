"""Notes: what intake has the control log seal about the batches it took in or refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from collector.columns import SetAside
from collector.control import ControlLog
from collector.quarantine import WITHHELD, safe_name
from collector.redaction import places
from collector.state import chains
from collector.state.database import Database
from schema import log, privacy
from schema.batch import Batch
from schema.errors import FengsuiError
from schema.event import DATASET, TROUBLE, Fields
from schema.indicators import IndicatorLists
from schema.log import Cursor
from schema.registers import RegisterVersion
from schema.times import to_text


def received(control: ControlLog, batch: Batch, received_at: int) -> None:
    """A batch was taken in: its hash and the time of its receipt."""
    control.add(
        "batch_received",
        sensor=batch.header.sensor,
        number=batch.header.number,
        events=batch.header.count,
        digest=batch.hash,
        at=received_at,
    )


def set_aside(control: ControlLog, batch: Batch, items: Sequence[SetAside]) -> None:
    """Events that were not let in: one record for each reason."""
    by_code: dict[str, list[SetAside]] = {}
    for item in items:
        by_code.setdefault(item.code, []).append(item)
    for code, found in by_code.items():
        indexes = places([item.index for item in found])
        control.add(
            "event_quarantined",
            sensor=batch.header.sensor,
            number=batch.header.number,
            events=len(found),
            reason=code,
            message=f"events {indexes} of the batch were set aside: {found[0].message}",
        )


def troubles(control: ControlLog, batch: Batch, events: Sequence[Fields]) -> int:
    """What a sensor says it could not read: gaps that no watermark shows. Returns how many."""
    found = 0
    for fields in events:
        if fields.get(DATASET) == TROUBLE and fields.get("event.action") == "sensor_trouble":
            control.add(
                "gap",
                sensor=batch.header.sensor,
                number=batch.header.number,
                reason=str(fields.get("event.reason", "")),
                message=str(fields.get("message", "")),
                labels={"source": str(fields.get("labels.source", ""))},
            )
            found += 1
    return found


def refused(control: ControlLog, batch: Batch, error: FengsuiError) -> None:
    """A batch was refused and kept in quarantine."""
    message = str(error.args[0])
    control.add(
        "batch_quarantined" if error.code == "schema.batch.forked" else "batch_refused",
        sensor=safe_name(batch.header.sensor),
        number=batch.header.number,
        digest=batch.hash,
        reason=error.code,
        message=WITHHELD if privacy.find(message) else message,
    )


def lost_receipts(control: ControlLog, database: Database, *, sensor: str, folder: Path) -> None:
    """Records of the last step before a crash were never sealed: give them again."""
    rows = chains.newest_batches(database, sensor, control.number)
    if not rows:
        return
    reader = log.Reader(folder, Cursor(number=rows[0].number - 1))
    times = {row.number: row.received_at for row in rows}
    for batch in reader.read(len(rows)):
        received(control, batch, times[batch.header.number])


def register_changed(control: ControlLog, version: RegisterVersion) -> None:
    """A version of a register was approved: what is known from its effective time on."""
    control.add(
        "register_changed",
        digest=version.digest,
        events=version.added + version.changed + version.ended,
        at=version.effective_at,
        labels={
            "register": version.register,
            "version": str(version.number),
            "effective_at": to_text(version.effective_at),
        },
    )


def indicators_changed(control: ControlLog, lists: IndicatorLists) -> None:
    """The indicators or the allow-list changed: what is matched from the effective time on."""
    control.add(
        "indicators_changed",
        digest=lists.digest,
        events=lists.count,
        at=lists.effective_at,
        labels={
            "version": str(lists.number),
            "source": lists.source,
            "effective_at": to_text(lists.effective_at),
        },
    )
