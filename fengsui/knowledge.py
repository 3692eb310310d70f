"""Knowledge: the local commands on registers and indicators, in a running platform or without.

Each change is in the audit chain and, once a platform runs, in the control log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from collector.assets.dismissals import Dismissals
from collector.assets.sightings import Sightings
from collector.indicators.entry import Found, plain
from collector.indicators.hunt import Day, hunt
from collector.indicators.reading import Origin
from collector.indicators.reading import read_file as read_indicators
from collector.indicators.store import IndicatorStore
from collector.registers import exporter, importer
from collector.registers.importer import Mask
from collector.registers.store import RegisterStore, same_person
from dashboard_api.audit import Act, AuditChain
from dashboard_api.registers.assets import AssetDesk
from dashboard_api.registers.desk import REASON_CHARS_MAX
from schema.errors import FengsuiError
from schema.event import Fields
from schema.indicators import Indicator, IndicatorLists, kind_of
from schema.ports import Clock, EventReader
from schema.registers import ALWAYS, FOREVER, RegisterVersion, Row
from schema.times import DAY, from_written, to_text

ANSWER_CHARS_MAX: Final = 12_000
"""What one local answer carries: its line has 64 KiB and a character up to four bytes or six."""
EXPORT_CHARS_MAX: Final = 4_000_000
"""Of an exported register: a local answer has 16 MiB, a character up to four bytes."""
PERSON_CHARS_MAX: Final = 64
"""As long as an account's name may be."""
FINDINGS: Final = {
    "unknown": "未登记 unknown",
    "vanished": "已消失 vanished",
    "orphan": "无主 orphan",
    "newly_exposed": "新开放 newly exposed",
}
HUNT_SECONDS: Final = 5.0
"""After so long a hunt answers with what it has and where to go on."""
HUNT_SINCE_US: Final = 30 * DAY
"""How far back where nobody says."""

Handler = Callable[[Mapping[str, str]], str]


class Hunted(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a hunt: what was found, and before which time to go on; 0 when through."""

    lines: list[str]
    days: int
    found: int
    before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What the commands act on."""

    registers: RegisterStore
    indicators: IndicatorStore
    events: EventReader
    audit: AuditChain
    actor: str
    mask: Mask
    clock: Clock
    noted: Callable[[], None]
    """Seals what changed; a platform that does not run seals it when it starts."""

    def handlers(self) -> dict[str, Handler]:
        """The local commands by name."""
        return {
            "register-import": self._import,
            "register-apply": self._apply,
            "register-refuse": self._refuse,
            "register-export": self._export,
            "register-assets": self._assets,
            "register-end": self._end,
            "register-diff": self._diff,
            "register-list": self._list,
            "register-show": self._show,
            "indicator-import": self._import_indicators,
            "indicator-list": self._list_indicators,
            "indicator-allow": self._allow,
            "indicator-disallow": self._disallow,
            "indicator-find": self._find,
            "indicator-hunt": self._hunt,
        }

    def _import(self, arguments: Mapping[str, str]) -> str:
        name, path = arguments["name"], Path(arguments["file"])
        whole = arguments.get("only_these", "") == ""
        by, approver = _persons(arguments)
        with self.audit.around(Act(self.actor, "register.propose", f"{name} {by}")):
            drafts = importer.read_file(
                self.registers.descriptions.get(name), path, mask=self.mask,
                valid_from=_time(arguments.get("valid_from", "")),
            )  # fmt: skip
            version = self.registers.propose(
                name, drafts, whole=whole, source=path.name, by=by,
                reason=arguments.get("reason", "")[:REASON_CHARS_MAX],
            )  # fmt: skip
        return self._proposed(version, approver)

    def _end(self, arguments: Mapping[str, str]) -> str:
        name = arguments["name"]
        by, approver = _persons(arguments)
        with self.audit.around(Act(self.actor, "register.propose", f"{name} {by}")):
            version = self.registers.propose_end(name, _key(arguments["key"]), by=by)
        return self._proposed(version, approver)

    def _proposed(self, version: RegisterVersion, approver: str) -> str:
        if approver:
            return self._applied(version.register, version.number, approver)
        return (
            f"{_version_line(version)}\n已提出，尚未生效，须另一人批准 · proposed, not effective; "
            f"somebody else approves: fengsui register apply {version.register} {version.number}"
        )

    def _apply(self, arguments: Mapping[str, str]) -> str:
        number = _number(arguments["number"])
        return self._applied(arguments["name"], number, _person(arguments, "by"))

    def _refuse(self, arguments: Mapping[str, str]) -> str:
        name, number, by = arguments["name"], _number(arguments["number"]), _person(arguments, "by")
        with self.audit.around(Act(self.actor, "register.refuse", f"{name} {number} {by}")):
            return _version_line(self.registers.refuse(name, number, by=by))

    def _applied(self, name: str, number: int, by: str) -> str:
        with self.audit.around(Act(self.actor, "register.apply", f"{name} {number} {by}")):
            version = self.registers.apply(name, number, by=by)
        self.noted()
        return _version_line(version)

    def _export(self, arguments: Mapping[str, str]) -> str:
        name = arguments["name"]
        described = self.registers.descriptions.get(name)
        at = _time(arguments.get("at", ""))
        rows = self.registers.view().rows(name, self.clock.now() if at is None else at)
        text = "".join(exporter.csv_lines(described, rows))
        if len(text) > EXPORT_CHARS_MAX:
            raise FengsuiError(
                "fengsui.command.export", "too large for a local answer: export it from the page"
            )
        return text

    def _assets(self, arguments: Mapping[str, str]) -> str:
        desk = AssetDesk(
            sightings=Sightings(self.registers.database),
            dismissals=Dismissals(self.registers.database), events=self.events,
            store=self.registers, mask=self.mask, clock=self.clock,
        )  # fmt: skip
        if arguments.get("accept"):
            by = _person(arguments, "by")
            with self.audit.around(Act(self.actor, "register.propose", f"assets {by}")):
                version = desk.accept(
                    arguments["accept"], by=by, unit=arguments.get("unit", ""),
                    owner=arguments.get("owner", ""),
                )  # fmt: skip
            return self._proposed(version, "")
        lines = (
            f"{FINDINGS[one.finding]:28} {one.asset} {' '.join(one.ports)}  "
            f"[{_seen(one.first_at)} – {_seen(one.last_at)}]"
            for one in desk.work(rebuild=bool(arguments.get("rebuild")))
        )
        return _answer(lines) or "没有待办 · nothing to be done"

    def _diff(self, arguments: Mapping[str, str]) -> str:
        name = arguments["name"]
        drafts = importer.read_file(
            self.registers.descriptions.get(name), Path(arguments["file"]), mask=self.mask
        )
        whole = arguments.get("only_these", "") == ""
        marks = {"added": "+", "changed": "~", "ended": "-"}
        lines = (
            f"{marks[one.kind]} {'/'.join(one.key)}  {_shown(one.before)} → {_shown(one.after)}"
            for one in self.registers.difference(name, drafts, whole=whole)
        )
        return _answer(lines) or "没有差异 · no difference"

    def _list(self, _: Mapping[str, str]) -> str:
        versions: dict[str, list[RegisterVersion]] = {}
        for one in self.registers.versions(""):
            versions.setdefault(one.register, []).append(one)

        def lines() -> Iterator[str]:
            for name, one in sorted(self.registers.descriptions.by_name.items()):
                yield f"{name:16} {one.title.zh} {one.title.en}; key {', '.join(one.key)}"
                yield from (f"  {_version_line(version)}" for version in versions.get(name, ())[:5])

        return _answer(lines())

    def _show(self, arguments: Mapping[str, str]) -> str:
        name = arguments["name"]
        self.registers.descriptions.get(name)
        at = _time(arguments.get("at", ""))
        known = _time(arguments.get("known", ""))
        moment = self.clock.now() if at is None else at
        as_known = FOREVER if known is None else known
        view = self.registers.view()
        if arguments.get("key"):
            row = view.lookup(name, _key(arguments["key"]), moment, as_known)
            return _row_line(row) if row else "没有这一行 · no such row at that time"
        rows = view.rows(name, moment, as_known)
        return _answer(map(_row_line, rows)) or "没有行 · no rows at that time"

    def _import_indicators(self, arguments: Mapping[str, str]) -> str:
        source, path = arguments["source"], Path(arguments["file"])
        confidence = arguments.get("confidence", "")
        origin = Origin(
            source=source,
            now=self.clock.now(),
            confidence=_number(confidence) if confidence else None,
            valid_until=_time(arguments.get("expires", ""), last=True),
        )
        found = read_indicators(path, origin)
        if not found.indicators and found.refused:
            raise FengsuiError(
                "collector.indicator.nothing",
                f"{path.name} holds no indicator we could use ({_refusals(found)}); the list of "
                f"{source} stays as it is",
            )
        with self.audit.around(Act(self.actor, "indicator.import", source)):
            lists = self.indicators.replace(source, found.indicators, by=self.actor)
        self.noted()
        told = f"; 未采用 left out: {_refusals(found)}" if found.refused else ""
        return f"{source}: {len(found.indicators)} indicators{told}\n{_lists_line(lists)}"

    def _list_indicators(self, _: Mapping[str, str]) -> str:
        lines = [f"{one.source:24} {one.count} indicators" for one in self.indicators.sources()]
        lines += [
            f"允许 allowed {one.kind:12} {one.value}{' and below' if one.subdomains else ''}: "
            f"{one.reason} ({one.owner})"
            for one in self.indicators.allowed()
        ]
        return _answer([*lines, _lists_line(self.indicators.state())])

    def _allow(self, arguments: Mapping[str, str]) -> str:
        with self.audit.around(Act(self.actor, "indicator.allow", arguments["value"][:200])):
            lists = self.indicators.allow(
                arguments["value"], reason=arguments["reason"], owner=arguments["owner"],
                by=self.actor,
            )  # fmt: skip
        self.noted()
        return _lists_line(lists)

    def _disallow(self, arguments: Mapping[str, str]) -> str:
        with self.audit.around(Act(self.actor, "indicator.disallow", arguments["value"][:200])):
            lists = self.indicators.disallow(arguments["value"], by=self.actor)
        self.noted()
        return _lists_line(lists)

    def _find(self, arguments: Mapping[str, str]) -> str:
        value = arguments["value"]
        kind = kind_of(value)
        asked = "address" if kind == "network" else kind
        at = _time(arguments.get("at", ""))
        now = self.clock.now() if at is None else at
        value = value.split("/")[0] if kind == "network" else value
        view = self.indicators.view()
        allowed = view.allowed(asked, value)
        if allowed is not None:
            return f"允许 allowed by {allowed.value}: {allowed.reason} ({allowed.owner})"
        found = view.find(asked, value, now)
        return _indicator_line(found, now) if found else "未命中 · not listed"

    def _hunt(self, arguments: Mapping[str, str]) -> str:
        now = self.clock.now()
        since = _time(arguments.get("since", ""))
        before = arguments.get("before", "")
        days = hunt(
            self.events, self.indicators.view(), now=now,
            start=now - HUNT_SINCE_US if since is None else since,
            end=_number(before) if before else now + 1,
        )  # fmt: skip
        lines: list[str] = []
        done = found = 0
        began = time.monotonic()
        for day in days:
            done += 1
            found += len(day.matches)
            lines += _day_lines(day)
            full = sum(map(len, lines)) > ANSWER_CHARS_MAX // 2
            if full or time.monotonic() - began > HUNT_SECONDS:
                begin = day.start
                break
        else:
            begin = 0
        cut = _answer(lines).splitlines()
        return msgspec.json.encode(Hunted(lines=cut, days=done, found=found, before=begin)).decode()


def _day_lines(day: Day) -> Iterator[str]:
    for one in day.matches:
        who = one.indicator
        yield (
            f"{to_text(one.last_at)} {one.field}={plain(one.value)[:200]} ×{one.count}  {who.kind} "
            f"{who.value[:200]} [{who.source} {who.confidence}] {who.note[:80]}  "
            f"{' '.join(one.events)}"
        )
    for field in day.missed:
        yield f"{to_text(day.start)} {field}: 值过多，未全部查看 · too many values to look at all"


def _seen(at: int) -> str:
    return to_text(at) if at else "-"


def _persons(arguments: Mapping[str, str]) -> tuple[str, str]:
    """Who proposes, and who approves at once where one is named; never the same person.

    Raises ``fengsui.register.person`` and ``collector.register.self``.
    """
    by = _person(arguments, "by")
    if not arguments.get("approved_by"):
        return by, ""
    approver = _person(arguments, "approved_by")
    if same_person(by, approver):
        raise FengsuiError(
            "collector.register.self", f"{by} proposes it: somebody else has to approve it"
        )
    return by, approver


def _person(arguments: Mapping[str, str], which: str) -> str:
    name = arguments.get(which, "").strip()
    if not name or len(name) > PERSON_CHARS_MAX or not name.isprintable():
        raise FengsuiError(
            "fengsui.register.person",
            f"say who proposes (--by) and who approves (--approved-by; apply: --by): two persons, "
            f"by names of at most {PERSON_CHARS_MAX} characters",
        )
    return name


def _version_line(one: RegisterVersion) -> str:
    since = to_text(one.effective_at) if one.effective_at else "-"
    return (
        f"{one.register} version {one.number} {one.state} since {since}: +{one.added} "
        f"~{one.changed} -{one.ended} from {one.source} by {one.proposed_by}"
        f"{', approved by ' + one.approved_by if one.approved_by else ''}"
        f"{', refused by ' + one.refused_by if one.refused_by else ''}, SM3 {one.digest[:16]}"
    )


def _lists_line(one: IndicatorLists) -> str:
    if not one.number:
        return "没有情报 · no indicators yet"
    return (
        f"state {one.number} since {to_text(one.effective_at)}: {one.count} indicators, last "
        f"{one.source}, SM3 {one.digest[:16]}"
    )


def _indicator_line(one: Indicator, at: int) -> str:
    until = _moment(one.valid_until)
    return (
        f"{one.kind} {one.value}{' and below' if one.subdomains else ''} from {one.source}: "
        f"confidence {one.confidence_at(at)} (of {one.confidence}), until {until}"
        f"{'; ' + ', '.join(one.labels) if one.labels else ''}{'; ' + one.note if one.note else ''}"
    )


def _row_line(row: Row) -> str:
    return (
        f"{'/'.join(row.key)}  {_shown(row.fields)}  [{_moment(row.valid_from)} – "
        f"{_moment(row.valid_to)}; version {row.version}]"
    )


def _moment(time_us: int) -> str:
    if time_us in (ALWAYS, FOREVER):
        return "∞"
    try:
        return to_text(time_us)
    except FengsuiError:
        return "∞"


def _shown(fields: Fields) -> str:
    return (
        " ".join(
            f"{name}={plain(';'.join(value) if isinstance(value, list) else str(value))}"
            for name, value in sorted(fields.items())
        )
        or "-"
    )


def _refusals(found: Found) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in found.refused.most_common())


def _answer(lines: Iterable[str]) -> str:
    """As many lines as one answer carries, and a word where there are more."""
    kept: list[str] = []
    left = ANSWER_CHARS_MAX
    for line in lines:
        left -= len(line) + 1
        if left < 0:
            kept.append("… 更多未显示 · more is not shown: ask for one key")
            break
        kept.append(line)
    return "\n".join(kept)


def _key(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise FengsuiError("fengsui.command.number", f"{text[:40]!r} is no whole number")
    return int(text)


def _time(text: str, *, last: bool = False) -> int | None:
    """A time as people write it; None where nothing is written."""
    if not text:
        return None
    try:
        return from_written(text, last=last)
    except (ValueError, OverflowError) as error:
        raise FengsuiError(
            "fengsui.command.time", f"{text[:40]!r} is no date or time, as 2026-01-31T08:00:00Z"
        ) from error
