"""Evidence: proofs of single events and the check of a whole folder, with or without a platform.

Everything is read from the data folder; nothing needs the platform to run, nothing is changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from collector import idfile
from collector.chaincheck import (
    ChainCheck,
    Known,
    Report,
    check_anchor,
    check_redactions,
)
from collector.control import SENSOR as CONTROL
from collector.proof import EventProof, find_batch, prove
from collector.stonecheck import check_tombstones
from crypto import sm2
from fengsui.clock import SystemClock
from fengsui.folder import DataFolder, Ownership
from fengsui.settings import load as load_settings
from fengsui.signing_evidence import check_journals, journal_heads
from schema import batch as batches
from schema import event, log, tombstone
from schema.disk import PosixDisk, replace_file
from schema.errors import FengsuiError
from schema.event import Fields
from schema.receipt import Anchor, AuditHead, Head, sign_anchor
from schema.times import to_text

EVENT_ID_CHARS: Final = 32


@contextmanager
def _state(folder: DataFolder) -> Iterator[sqlite3.Connection]:
    """The state of record, opened for reading only."""
    if not folder.state.exists():
        raise FengsuiError(
            "fengsui.folder.stateless",
            f"{folder.root} has segments but no state of record: restore it from a backup",
            path=str(folder.root),
        )
    with closing(sqlite3.connect(f"file:{folder.state}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        try:
            yield connection
        except sqlite3.DatabaseError as error:
            raise FengsuiError(
                "fengsui.folder.state_damaged",
                f"the state of record {folder.state} cannot be read ({error}): restore it from a "
                "backup",
                path=str(folder.state),
            ) from error


def _known(folder: DataFolder, sensor: str, sealed: Mapping[int, str], *, owned: bool) -> Known:
    with _state(folder) as state:
        row = state.execute("SELECT realm FROM sensors WHERE name = ?", (sensor,)).fetchone()
        keys = state.execute(
            "SELECT enrolment, point FROM sensor_keys WHERE sensor = ?", (sensor,)
        ).fetchall()
        own = state.execute("SELECT point FROM sensor_keys WHERE sensor = ?", (CONTROL,)).fetchall()
        chain = state.execute(
            "SELECT enrolment, number, next_sequence, hash FROM chains WHERE sensor = ?", (sensor,)
        ).fetchone()
    head = None
    if chain is not None:
        head = Head(
            sensor=sensor,
            enrolment=chain["enrolment"],
            number=chain["number"],
            events=chain["next_sequence"],
            hash=chain["hash"],
        )
    return Known(
        realm=row["realm"] if row else "",
        sensor=sensor,
        keys={key["enrolment"]: key["point"] for key in keys},
        head=head,
        sealed=sealed,
        leaves=_leaves(folder.segments / sensor, owned=owned),
        collector_keys=[key["point"] for key in own],
    )


def _leaves(folder: Path, *, owned: bool) -> dict[int, Sequence[bytes]]:
    """First bytes of each leaf, from the id index; of open segments when nobody writes them."""
    found: dict[int, Sequence[bytes]] = {}
    for name in log.segment_names(folder, PosixDisk()):
        closed = idfile.Closed.load(idfile.closed_path(folder / name))
        if closed is not None:
            found.update(closed.leaves())
        elif owned and idfile.open_path(folder / name).exists():
            found.update(idfile.Open(idfile.open_path(folder / name)).leaves())
    return found


def _sealed_receipts(folder: DataFolder) -> dict[str, dict[int, str]]:
    """Header hashes by sensor and batch number, as the control chain sealed them."""
    sealed: dict[str, dict[int, str]] = {}
    for fields in _control_records(folder, "batch_received"):
        sensor, number = _batch_of(fields)
        sealed.setdefault(sensor, {})[number] = str(fields["gov.batch.hash"])
    return sealed


def _sealed_removals(
    folder: DataFolder,
) -> tuple[dict[tuple[str, int], int], set[tuple[str, str]]]:
    """What went by sealed records: redacted events of each batch; expired segments by sensor and
    footer hash."""
    redacted: dict[tuple[str, int], int] = {}
    expired: set[tuple[str, str]] = set()
    for fields in _control_records(folder, "event_redacted", "segment_expired"):
        if fields["event.action"] == "segment_expired":
            expired.add((str(fields["gov.batch.sensor"]), str(fields["gov.batch.hash"])))
        else:
            place = _batch_of(fields)
            redacted[place] = redacted.get(place, 0) + int(str(fields["gov.batch.events"]))
    return redacted, expired


def _oldest_record(folder: DataFolder) -> int:
    """Since when the control chain has its records: what came before may have expired with them."""
    stones = tombstone.read(folder.segments / CONTROL).stones
    return max((stone.last_at for stone in stones), default=0) + 1 if stones else 0


def _control_records(folder: DataFolder, *actions: str) -> Iterator[Fields]:
    """The records of these kinds the control chain has sealed."""
    reader = log.Reader(folder.segments / CONTROL)
    # Where the control chain is damaged its own check names that; use what could be read.
    with suppress(FengsuiError):
        while found := reader.read(64):
            for batch in found:
                for payload in batches.unpack_body(batch.body, batch.header.count).payloads:
                    fields = event.decode(payload) if payload is not None else {}
                    if fields.get("event.action") in actions:
                        yield fields


def _batch_of(fields: Fields) -> tuple[str, int]:
    return str(fields["gov.batch.sensor"]), int(str(fields["gov.batch.number"]))


def verify_folder(folder: DataFolder, anchor_file: Path | None = None) -> Report:
    """Check every chain of the folder, and the anchor where one is given.

    Raises ``fengsui.folder.absent`` for a folder without segments.
    """
    folder.must_exist()
    names = log.sensors(folder.segments, PosixDisk())
    if not names:
        raise FengsuiError(
            "fengsui.folder.absent",
            f"{folder.segments} holds no chain: is this the data folder?",
            path=str(folder.root),
        )
    report = Report(sensors=len(names))
    sealed = _sealed_receipts(folder)
    checks: dict[str, ChainCheck] = {}
    with _alone(folder) as owned:
        for name in names:
            known = _known(folder, name, sealed.get(name, {}), owned=owned)
            checks[name] = ChainCheck(folder.segments / name, known, report)
            checks[name].run()
        _missing_chains(folder, names, report)
    # Read behind the segments: a record stands before the bytes go.
    redacted, expired = _sealed_removals(folder)
    check_redactions(redacted, report)
    report.findings += check_tombstones(
        report.expired, recorded=expired, oldest_record=_oldest_record(folder)
    )
    if anchor_file is not None:
        check_anchor(read_anchor(anchor_file), checks, report)
        _check_audit_head(folder, read_anchor(anchor_file), report)
    check_journals(folder, report, read_anchor(anchor_file) if anchor_file else None)
    return report


def _check_audit_head(folder: DataFolder, anchor: Anchor, report: Report) -> None:
    """Compare the audit chain with the head kept outside: shows a cut or rewritten chain."""
    from collector.chaincheck import Finding
    from dashboard_api.audit import digest_at

    if anchor.audit is None:
        return
    why = ""
    with _state(folder) as state:
        try:
            found = digest_at(state, anchor.audit.n)
        except FengsuiError as error:
            why = str(error)
        else:
            if found is None:
                why = "the chain ends before it"
            elif found != anchor.audit.hash:
                why = "another entry stands in its place"
    if why:
        report.findings.append(
            Finding(
                code="proof.anchor.audit_changed",
                sensor=CONTROL,
                message=f"the anchor holds entry {anchor.audit.n} of the audit chain, but {why}",
            )
        )


def _audit_head(folder: DataFolder) -> AuditHead | None:
    with _state(folder) as state:
        row = state.execute("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1").fetchone()
    return AuditHead(n=row["n"], hash=row["hash"]) if row else None


@contextmanager
def _alone(folder: DataFolder) -> Iterator[bool]:
    """Whether no platform runs on the folder; holds it that way where none does."""
    try:
        owner = Ownership(folder)
    except FengsuiError:
        yield False
        return
    try:
        yield True
    finally:
        owner.release()


def _missing_chains(folder: DataFolder, names: Sequence[str], report: Report) -> None:
    from collector.chaincheck import Finding

    with _state(folder) as state:
        accepted = [row["sensor"] for row in state.execute("SELECT sensor FROM chains")]
    for sensor in sorted(set(accepted) - set(names)):
        report.findings.append(
            Finding(
                code="proof.chain.missing",
                sensor=sensor,
                message=f"the state of record knows batches of {sensor}, but it has no segments",
            )
        )


def read_anchor(path: Path) -> Anchor:
    """An anchor file; raises ``fengsui.anchor.unreadable``."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Anchor)
    except (OSError, msgspec.MsgspecError) as error:
        raise FengsuiError(
            "fengsui.anchor.unreadable", f"{path} is not an anchor: {error}", path=str(path)
        ) from error


def export_anchor(folder: DataFolder, target: Path) -> Anchor:
    """Check the folder and write its heads, signed with the receipt key.

    Raises ``fengsui.anchor.unclean`` rather than anchor damage.
    """
    from crypto import keys

    report = verify_folder(folder)
    if report.findings:
        raise FengsuiError(
            "fengsui.anchor.unclean",
            f"the folder has {len(report.findings)} findings: run `fengsui verify --all` first",
        )
    settings = load_settings(folder.settings, {})
    anchor = sign_anchor(
        settings.site.name,
        SystemClock().now(),
        tuple(head for _, head in sorted(report.heads.items())),
        keys.load(folder.keys / "receipt.pem"),
        audit=_audit_head(folder),
        journals=journal_heads(folder),
    )
    replace_file(target, msgspec.json.format(msgspec.json.encode(anchor)), mode=0o644)
    return anchor


def prove_event(folder: DataFolder, event_id: str) -> EventProof:
    """The proof of one stored event.

    Raises ``fengsui.event.unknown``, ``.expired`` (an alert rests on it, its segment is gone) and
    ``.malformed``.
    """
    folder.must_exist()
    if len(event_id) != EVENT_ID_CHARS or not _is_hex(event_id):
        raise FengsuiError(
            "fengsui.event.malformed", f"an event id has {EVENT_ID_CHARS} hex digits", id=event_id
        )
    try:
        sensor, number, index = _place(folder, bytes.fromhex(event_id))
    except FengsuiError as error:
        raise _expired(folder, event_id) or error from error
    found = find_batch(folder.segments / sensor, number)
    if found is None:
        raise _unknown(event_id)
    name, batch = found
    with _state(folder) as state:
        row = state.execute(
            "SELECT point FROM sensor_keys WHERE sensor = ? AND enrolment = ?",
            (sensor, batch.header.enrolment),
        ).fetchone()
    return prove(
        event_id,
        batch,
        segment_name=f"{sensor}/{name}",
        index=index,
        key=sm2.PublicKey.from_point(row["point"]),
    )


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdef" for character in text)


def _place(folder: DataFolder, event_id: bytes) -> tuple[str, int, int]:
    """Sensor, batch number and index: from the id index, else from the segments themselves."""
    for sensor in log.sensors(folder.segments, PosixDisk()):
        for name in log.segment_names(folder.segments / sensor, PosixDisk()):
            closed = idfile.Closed.load(idfile.closed_path(folder.segments / sensor / name))
            found = closed.find(event_id) if closed else None
            if found is not None:
                return sensor, found[0], found[1]
    return _place_by_reading(folder, event_id)


def _place_by_reading(folder: DataFolder, event_id: bytes) -> tuple[str, int, int]:
    from collector.idindex import identify

    for sensor in log.sensors(folder.segments, PosixDisk()):
        reader = log.Reader(folder.segments / sensor)
        while found := reader.read(16):
            for batch in found:
                body = batches.unpack_body(batch.body, batch.header.count)
                for index, payload in enumerate(body.payloads):
                    if payload and identify(event.decode(payload), batch) == event_id:
                        return sensor, batch.header.number, index
    raise _unknown(event_id.hex())


def _expired(folder: DataFolder, event_id: str) -> FengsuiError | None:
    """What to say of an event that is gone: its id is kept where an alert rests on it."""
    stones = {
        sensor: tombstone.read(folder.segments / sensor).stones
        for sensor in log.sensors(folder.segments, PosixDisk())
    }
    if not any(stones.values()):
        return None
    with _state(folder) as state:
        row = state.execute(
            "SELECT id, decided_at FROM alerts WHERE instr(body, CAST(? AS BLOB)) LIMIT 1",
            (event_id,),
        ).fetchone()
        names = state.execute(
            "SELECT sensor FROM alert_sensors WHERE alert_id = ?", (row["id"] if row else "",)
        ).fetchall()
    ended = ", ".join(
        f"{sensor} up to {to_text(found[-1].last_at)}" for sensor, found in stones.items() if found
    )
    if row is None:
        return FengsuiError(
            "fengsui.event.unknown",
            f"no segment here holds the event {event_id}: check the id and the folder; if it is of "
            f"what has expired ({ended}), only the tombstones tell of it",
            id=event_id,
        )
    places = [
        f"on {to_text(stone.expired_at)}, tombstone of {stone.segment} of {stone.sensor} (batches "
        f"{stone.first} to {stone.last}, footer {stone.footer})"
        for (sensor,) in names
        for stone in stones.get(sensor, ())
        if stone.first_at <= row["decided_at"]
    ]
    if not places:
        return None
    return FengsuiError(
        "fengsui.event.expired",
        f"the event {event_id}, on which the alert {row['id']} rests, expired {places[-1]}"
        + (", or in one before it" if len(places) > 1 else ""),
        id=event_id,
        alert=row["id"],
    )


def _unknown(event_id: str) -> FengsuiError:
    return FengsuiError(
        "fengsui.event.unknown",
        f"no segment here holds the event {event_id}: check the id and the folder",
        id=event_id,
    )


def proof_text(proof: EventProof) -> str:
    """The proof for people, in both languages."""
    header = proof.batch.header
    lines = [
        f"事件 event        {proof.event_id}",
        f"探针 sensor       {header.sensor} (enrolment {header.enrolment}, key {header.key_id})",
        f"段 segment        {proof.segment}",
        f"批次 batch        {header.number}, event {proof.index + 1} of {header.count}",
        f"叶 leaf           {proof.leaf.hex()}",
        *(f"路径 path         {node.hex()}" for node in proof.path),
        f"根 root           {header.root}",
        f"签名 signature    {proof.batch.signature.hex()}",
        *(f"{'✓' if step.ok else '✗'} {step.zh} · {step.en}" for step in proof.steps),
        "证明的是事件离开探针时即如此，不多也不少 · it left the sensor so: no more, no less",
    ]
    return "\n".join(lines)


def report_text(report: Report) -> str:
    """The outcome of a check for people."""
    lines = [
        (
            f"{report.sensors} sensors, {report.segments} segments, {report.batches} batches, "
            f"{report.events} events, {report.redacted} redacted"
        )
    ]
    if report.journals:
        lines.append(
            f"签名服务 signing: {report.journals} 条审计链 journals, "
            f"{report.journal_entries} entries"
        )
    if report.journals_keyless:
        lines.append(
            "没有审计密钥：链头的签名未核验 · no audit key here: signed heads were compared, their "
            "signatures were not checked"
        )
    if report.torn_bytes:
        lines.append(f"{report.torn_bytes} bytes of a write that was never acknowledged")
    for sensor, stones in sorted(report.expired.items()):
        first, last = min(one.first_at for one in stones), max(one.last_at for one in stones)
        lines.append(
            f"已到期 expired: {sensor} 批次 batches 1–{stones[-1].last}, {stones[-1].events} 条 "
            f"events, {to_text(first)} – {to_text(last)}, {len(stones)} tombstones"
        )
    if report.anchored_gone:
        lines.append(
            f"{report.anchored_gone} 个锚定的链头已到期 · anchored heads have expired since: only "
            "tombstones tell of them"
        )
    lines += [f"✗ {finding.message} [{finding.code}]" for finding in report.findings]
    if not report.findings:
        lines.append("全部核验通过 · every batch, chain, count and head is as it was sealed")
    if not report.anchored:
        lines.append(
            "没有锚定：不能排除整个目录被回滚 · no anchor: cannot exclude rollback of the folder"
        )
    return "\n".join(lines)
