"""Keeping: what is kept how long, what goes next, and what is held, from the machine itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from collector import segmentfacts
from collector.expiry import Looking, Oldest
from collector.state import chains, kept
from collector.state.chains import Gap
from collector.state.database import Database
from collector.state.holds import Hold, Holds
from dashboard_api.audit import Act, AuditChain
from dashboard_api.retention import RetentionClassView, RetentionSourceView, RetentionView
from schema import log, tombstone
from schema.disk import PosixDisk
from schema.errors import FengsuiError
from schema.ids import uuid7
from schema.ports import Clock, Entropy
from schema.retention import CLASSES, oldest_required
from schema.times import ZONE, from_text, from_written, to_text
from schema.tombstone import Tombstone

RUN_SECONDS: Final = 20.0
"""A run by hand answers within this; what is left goes with the next one or the next day."""

_TRIES: Final = 100
"""Segments that may go while one source is looked at."""

_VERDICTS: Final = {
    "due": "到期 past its period",
    "young": "未到期 within its period",
    "held": "案件留存 held for a case",
    "newest": "最新段，永不删除 the newest, which never goes",
    "needed": "尚未处理完 not yet indexed and judged",
    "proving": "尚为他链作证 still proves batches of other chains",
    "unsound": "不完整，先核验 not sound: verify first",
    "unknown": "状态库不识 not known to the state of record",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassReport:
    """One class: the law's floor, the setting, and from when on everything must be here."""

    name: str
    title_zh: str
    title_en: str
    floor_months: int
    months: int
    required_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReport:
    """One chain. Times are RFC 3339 text; empty where there is none."""

    sensor: str
    retention: str
    """The class of its oldest segment; empty while that still grows."""
    oldest_batch: int
    oldest_event_at: str
    oldest_received_at: str
    segments: int
    bytes: int
    expired_batches: int
    expired_events: int
    expired_to: str
    """Events up to here are gone, by tombstones; empty: everything since the beginning is here."""
    gaps: Sequence[Gap]
    held: Sequence[str]
    """Holds on it, whatever of it they cover."""
    next_segment: str
    next_at: str
    """When the oldest segment is past its period."""
    verdict: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionReport:
    """What is kept here, and what goes next."""

    at: str
    classes: Sequence[ClassReport]
    sources: Sequence[SourceReport]
    free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What the commands act on."""

    segments: Path
    database: Database
    looking: Looking
    run: Callable[[str, float], Sequence[Tombstone]]
    """Lets go what may; raises ``fengsui.retention.stopped`` where no platform runs."""
    changed: Callable[[], None]
    """Has what changed about holds sealed, where a platform runs."""
    free_bytes: Callable[[], int]
    audit: AuditChain
    actor: str
    clock: Clock
    entropy: Entropy

    def handlers(self) -> dict[str, Callable[[Mapping[str, str]], str]]:
        """The local commands."""
        return {
            "retention-show": lambda arguments: self._show(as_json=bool(arguments.get("json"))),
            "retention-run": self._run,
            "hold-add": self._hold,
            "hold-list": self._held,
            "hold-release": self._release,
        }

    def report(self) -> RetentionReport:
        """Each class and each source as they stand now."""
        now = self.clock.now()
        months = self.looking.periods.months
        gaps = chains.load_gaps(self.database)
        in_force = Holds(self.database).in_force()
        classes = [
            ClassReport(
                name=one.name, title_zh=one.zh, title_en=one.en, floor_months=one.floor_months,
                months=months[one.name], required_from=to_text(
                    oldest_required(now, months[one.name])
                ),
            )
            for one in CLASSES
        ]  # fmt: skip
        found = [self._found(sensor, now, gaps, in_force) for sensor in self.looking.sensors()]
        sources = [one for one in found if one is not None]
        return RetentionReport(
            at=to_text(now), classes=classes, sources=sources, free_bytes=self.free_bytes()
        )

    def _found(
        self, sensor: str, now: int, gaps: Mapping[str, Sequence[Gap]], holds: Sequence[Hold]
    ) -> SourceReport | None:
        """A source; looked at again where its oldest segment goes just now."""
        for _ in range(_TRIES):
            with suppress(FileNotFoundError):
                oldest = self.looking.oldest(sensor, now)
                return None if oldest is None else self._source(oldest, gaps, holds)
        return None

    def view(self) -> RetentionView:
        """The same for the pages and programs: cases stay with the command line."""
        report = self.report()
        return RetentionView(
            classes=[
                RetentionClassView(
                    name=one.name, title_zh=one.title_zh, title_en=one.title_en,
                    floor_months=one.floor_months, months=one.months,
                    required_from=from_text(one.required_from),
                )
                for one in report.classes
            ],
            sources=[
                RetentionSourceView(
                    sensor=one.sensor, retention=one.retention,
                    oldest_event_at=_or_none(one.oldest_event_at), segments=one.segments,
                    bytes=one.bytes, expired_events=one.expired_events,
                    expired_to=_or_none(one.expired_to), held=bool(one.held),
                    next_at=_or_none(one.next_at), verdict=one.verdict,
                )
                for one in report.sources
            ],
        )  # fmt: skip

    def _source(
        self, oldest: Oldest, gaps: Mapping[str, Sequence[Gap]], holds: Sequence[Hold]
    ) -> SourceReport:
        folder = self.segments / oldest.sensor
        names = log.segment_names(folder, PosixDisk())
        head = segmentfacts.oldest_header(folder / oldest.segment)
        gone = tombstone.read(folder).stones
        received = kept.received(self.database, oldest.sensor, oldest.first)
        return SourceReport(
            sensor=oldest.sensor,
            retention=self.looking.class_of(oldest),
            oldest_batch=oldest.first,
            oldest_event_at=to_text(head.min_time) if head else "",
            oldest_received_at=to_text(received) if received else "",
            segments=len(names),
            bytes=sum((folder / name).stat().st_size for name in names),
            expired_batches=gone[-1].last if gone else 0,
            expired_events=gone[-1].events if gone else 0,
            expired_to=to_text(max(one.last_at for one in gone)) if gone else "",
            gaps=gaps.get(oldest.sensor, ()),
            held=[hold.id for hold in holds if hold.sensor in ("*", oldest.sensor)],
            next_segment=oldest.segment if oldest.last else "",
            next_at=to_text(oldest.due_at) if oldest.due_at else "",
            verdict=oldest.verdict,
            why=oldest.why,
        )

    def _show(self, *, as_json: bool) -> str:
        report = self.report()
        return msgspec.json.encode(report).decode() if as_json else report_text(report)

    def _run(self, arguments: Mapping[str, str]) -> str:
        now = self.clock.now()
        if arguments.get("dry"):
            found = [self.looking.oldest(sensor, now) for sensor in self.looking.sensors()]
            due = [one for one in found if one is not None and one.verdict == "due"]
            if arguments.get("json"):
                told = [{"sensor": one.sensor, "segment": one.segment} for one in due]
                return msgspec.json.encode({"would_expire": told}).decode()
            lines = [f"{one.sensor} {one.segment} 会到期删除 would go" for one in due]
            return "\n".join(lines) or "没有到期的段 · nothing is past its period"
        with self.audit.around(Act(self.actor, "retention.run", "segments")):
            gone = self.run(self.actor, RUN_SECONDS)
        if arguments.get("json"):
            return msgspec.json.encode({"expired": gone}).decode()
        lines = [
            f"{one.sensor} {one.segment} {one.count} 条 events {to_text(one.first_at)} – "
            f"{to_text(one.last_at)} 已到期 expired"
            for one in gone
        ]
        return "\n".join(lines) or "没有到期的段 · nothing is past its period"

    def _hold(self, arguments: Mapping[str, str]) -> str:
        now = self.clock.now()
        hold = Hold(
            id=uuid7(now, self.entropy.take(10)),
            case_no=arguments["case"],
            sensor=arguments["sensor"],
            from_at=_time(arguments["from"]),
            to_at=_time(arguments["to"], last=True),
            reason=arguments["reason"],
            placed_by=arguments["by"],
            placed_at=now,
        )
        if hold.sensor != "*" and hold.sensor not in self.looking.sensors():
            raise FengsuiError(
                "fengsui.hold.sensor", f"no sensor {hold.sensor} has a chain here: * holds all"
            )
        with self.audit.around(Act(self.actor, "hold.add", hold.id)):
            Holds(self.database).add(hold)
        self.changed()
        return (
            f"{hold.id} 已留存 holds {hold.sensor} {to_text(hold.from_at)} – {to_text(hold.to_at)}"
        )

    def _held(self, arguments: Mapping[str, str]) -> str:
        holds = Holds(self.database).all()
        if arguments.get("json"):
            return msgspec.json.encode(holds).decode()
        lines = [
            f"{one.id} {'已解除 released' if one.released_at else '留存中 in force'} {one.case_no} "
            f"{one.sensor} {to_text(one.from_at)} – {to_text(one.to_at)} {one.placed_by}："
            f"{one.reason}"
            + (
                f"；{one.released_by}, {one.approved_by}：{one.release_reason}"
                * bool(one.released_at)
            )
            for one in holds
        ]
        return "\n".join(lines) or "没有留存 · no holds"

    def _release(self, arguments: Mapping[str, str]) -> str:
        hold_id = arguments["id"]
        with self.audit.around(Act(self.actor, "hold.release", hold_id)):
            Holds(self.database).release(
                hold_id, by=arguments["by"], approved_by=arguments["approved_by"],
                reason=arguments["reason"], at=self.clock.now(),
            )  # fmt: skip
        self.changed()
        return f"{hold_id} 已解除 is released: what it held goes once it is past its period"


def report_text(report: RetentionReport) -> str:
    """The report for people, in both languages."""
    lines = [
        f"{one.title_zh} {one.title_en}: 法定 law {one.floor_months}, 设定 set {one.months} 个月 "
        f"months, 须自 everything since {one.required_from}"
        for one in report.classes
    ]
    for one in report.sources:
        begun = (
            f"到期至 gone to {one.expired_to}" if one.expired_to else "自始完整 from the beginning"
        )
        lines.append(
            f"{one.sensor} [{one.retention or '-'}] 最早 oldest {one.oldest_event_at} ({begun}), "
            f"{one.segments} 段 segments, {one.bytes} B, 缺口 gaps {len(one.gaps)}, 留存 holds "
            f"{len(one.held)}; {_VERDICTS[one.verdict]}"
            + (f" {one.next_at}" if one.next_at else "")
            + (f": {one.why}" if one.why else "")
        )
        lines += [
            f"  缺口 gap {to_text(gap.from_at)} – {to_text(gap.to_at)} {gap.reason}"
            for gap in one.gaps
        ]
    lines.append(f"可用 free {report.free_bytes} B")
    return "\n".join(lines)


def _or_none(text: str) -> int | None:
    return from_text(text) if text else None


def _time(text: str, *, last: bool = False) -> int:
    try:
        # Days are those of the law's calendar, as periods are counted.
        return from_written(text, last=last, zone=ZONE)
    except ValueError as error:
        raise FengsuiError(
            "fengsui.time.malformed",
            f"{text[:40]!r} is no time: write 2026-11-01 or 2026-11-01T08:00:00+08:00",
        ) from error
