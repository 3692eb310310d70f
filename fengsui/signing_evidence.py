"""Signing evidence: the audit chains of the signing processes, in the check of a whole folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from collector.chaincheck import Report
from collector.finding import Finding
from collector.state.database import Database
from crypto import keys, sm2
from dashboard_api.audit import Act, AuditChain
from dashboard_api.signing.journal_verify import Checked, slots, verify
from fengsui.administration import ACTOR
from fengsui.folder import DataFolder, Ownership
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.receipt import Anchor, JournalHead


def check_journals(folder: DataFolder, report: Report, anchor: Anchor | None) -> None:
    """Check every journal, against the heads of an anchor too, and add what was found."""
    key = _audit_key(folder)
    here = set()
    for checked in _checked(folder, key, anchor):
        here.add(checked.slot)
        report.journals += 1
        report.journal_entries += checked.entries
        report.torn_bytes += checked.torn_bytes
        if checked.error is not None:
            report.findings.append(
                Finding(
                    code=f"proof.{checked.error.code.partition('.')[2]}",
                    sensor=f"signing/{checked.slot}",
                    message=str(checked.error.args[0]),
                )
            )
    report.journals_keyless = key is None and bool(here)
    for head in anchor.journals if anchor is not None else ():
        if head.slot not in here:
            report.findings.append(
                Finding(
                    code="proof.anchor.journal_missing",
                    sensor=f"signing/{head.slot}",
                    message=f"the anchor holds entry {head.n} of the signing journal {head.slot}, "
                    "but there is none here",
                )
            )


def journal_heads(folder: DataFolder) -> tuple[JournalHead, ...]:
    """Where each journal stands, for an anchor; call it for a folder that was found sound."""
    return tuple(
        JournalHead(slot=one.slot, n=one.entries, hash=one.digest)
        for one in _checked(folder, None, None)
        if one.entries
    )


def set_aside(folder: DataFolder, slot: int, clock: Clock) -> list[Path]:
    """Let a journal that is damaged or lost begin anew; what there is of it is kept, and where.

    Nonces stay, so that no request can be replayed, and what was counted stays counted. Raises
    ``fengsui.folder.in_use`` while the platform runs and ``fengsui.folder.stateless``.
    """
    if not folder.state.exists():
        raise FengsuiError(
            "fengsui.folder.stateless", f"{folder.root} has no state of record",
            path=str(folder.root),
        )  # fmt: skip
    with ExitStack() as stack:
        stack.callback(Ownership(folder).release)
        database = Database(folder.state)
        stack.callback(database.close)
        now = clock.now()
        chain = AuditChain(database, keys.load(folder.keys / "audit.pem"), clock)
        kept = []
        with chain.around(Act(ACTOR, "signing.begin_anew", str(slot))):
            for name in ("journal", "heads.jsonl"):
                path = folder.signing / str(slot) / name
                if path.exists():
                    kept.append(path.rename(path.with_name(f"{name}.set-aside-{now}")))
            database.write(
                lambda state: state.execute("DELETE FROM signing_counted WHERE slot = ?", (slot,))
            )
        chain.close()
        return kept


def _checked(
    folder: DataFolder, key: sm2.PublicKey | None, anchor: Anchor | None
) -> Iterator[Checked]:
    heads = anchor.journals if anchor is not None else ()
    for slot, place in slots(folder.signing):
        kept = [(head.n, head.hash) for head in heads if head.slot == slot]
        yield verify(slot, place, key, kept=kept)


def _audit_key(folder: DataFolder) -> sm2.PublicKey | None:
    """The audit key, where this is not a copy without keys."""
    path = folder.keys / "audit.pem"
    return keys.load(path).public if path.exists() else None
