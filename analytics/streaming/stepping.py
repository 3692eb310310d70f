"""Stepping: the stage that reads one partition of the hits and decides its entities' alerts.

Its watermark is the least promise of all accepted partitions. Rules on rules read final alerts of
all partitions: each sends the rows of its own once nothing can change them, with the time up to
which it has done so, and a level goes as far as all partitions of the levels below have come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from analytics.coverage import Coverage
from analytics.foreseen import Foreseen, in_time_order
from analytics.keys.keyed import Changes
from analytics.keys.waiting import Row
from analytics.matcher import Matcher
from analytics.memory import NEVER
from analytics.rising import PREFIX as RISING
from analytics.rising import Rising
from analytics.roll import Roll
from analytics.rule import ALERTS, LEVELS_MAX
from analytics.stepper import Stepper, is_key, is_waiting, restore
from analytics.streaming.artefacts import Library
from analytics.streaming.layout import Layout
from analytics.streaming.messages import Hits, Risen, encode, hits_of, malformed, pack, unpack
from analytics.streaming.origins import Origins, OriginsDump, follows
from analytics.streaming.outbox import Outbox, Telling
from analytics.streaming.ruling import Ruling, RulingDump
from analytics.streaming.stage import Sent
from analytics.tide import BEGINNING
from analytics.watched import PREFIX as REGISTER
from analytics.watched import Watched, Word
from schema import ids
from schema.alert import Alert, Closing
from schema.feed import Adopt, Control, Know, Watch
from schema.times import SECOND

LEVEL_STEP_US: Final = SECOND
"""Levels tell each other how far they are so often at most: each tells all the others."""

TELL_STEP_US: Final = SECOND
"""The state of record hears of the watermark so often at least, where nothing is decided."""

PENDING_STEP: Final = 10_000
"""The state of record hears of so many hits more or fewer that wait: 3 MB of a worker's memory."""

PROVISIONAL_LAG_US: Final = SECOND
"""Only while the watermark lags more than this are provisional alerts worked out."""

HEAD: Final = "head"
_FORESEEN: Final = "foreseen"


class _Head(msgspec.Struct, frozen=True, array_like=True):
    origins: OriginsDump
    ruling: RulingDump
    risen: list[int]
    levels: list[list[int]]
    sent: list[list[int]]
    out: list[int]
    told: list[int]
    told_at: int


class Stepping:
    """Reads partition ``number`` of the hits."""

    def __init__(self, number: int, *, layout: Layout, library: Library, lateness_us: int) -> None:
        self._number = number
        self._divisions = layout.hits
        self._lateness = lateness_us
        self._library = library
        self._origins = Origins(layout.accepted)
        self._ruling = Ruling(library, lateness_us=lateness_us, datasets=frozenset({ALERTS}))
        succession = self._ruling.succession
        self._coverage = Coverage()
        self._matcher = Matcher(succession, divisions=layout.hits, coverage=self._coverage)
        self._stepper = Stepper(succession.evaluators, lateness_us, number)
        self._watched = Watched()
        self._rising = Rising()
        self._foreseen = Foreseen()
        self._foreseen_changed = False
        self._risen = [0] * layout.hits
        """Number of the last message of each partition of the hits."""
        self._levels = [[BEGINNING] * layout.hits for _ in range(LEVELS_MAX)]
        """By level and partition: no alert of before is still to come from there."""
        self._sent = [[BEGINNING] * LEVELS_MAX for _ in range(layout.hits)]
        """What each partition was last told of the levels here."""
        self._out = Outbox("hits", layout.hits)
        self._telling = Telling(f"hits/{number}")
        self._told_at = BEGINNING
        self._told_pending = 0

    def take(self, message: bytes) -> Sequence[Sent]:
        read = hits_of(message)
        taken = self._hear(read) if isinstance(read, Hits) else self._hear_risen(read)
        if not taken:
            return ()
        alerts, closings = self._step()
        watermark, pending = self._reached(), self._stepper.pending()
        moved = (
            watermark - self._told_at >= TELL_STEP_US
            or abs(pending - self._told_pending) >= PENDING_STEP
        )
        if alerts or closings or self._coverage or moved:
            self._told_at, self._told_pending = watermark, pending
            self._telling.tell(
                watermark, alerts=alerts, closings=closings, coverage=self._coverage,
                pending=pending,
            )  # fmt: skip
        return [*self._out.take(), *self._telling.take()]

    def _hear(self, read: Hits) -> bool:
        """Take what an accepted partition says; False for a repeat."""
        rows = unpack(read.hits, division=self._number, divisions=self._divisions)
        settled = self._origins.settled(self._lateness)
        self._library.fetch(self._origins.unheard(read.controls))
        fresh = self._origins.hear(read.origin, read.number, read.low, read.controls)
        if fresh is None:
            return False
        for control in fresh:
            self._obey(control)
        self._ruling.succession.has_watched(read.began)
        for level, some in rows.items():
            if read.earliest < settled:
                some = self._in_time(some, settled)
            self._stepper.add(level, some)
        return True

    def _in_time(self, rows: Sequence[Row], settled: int) -> list[Row]:
        """Rows that still change something; those of a sensor nobody waited for may not."""
        evaluators = {one.name: one for one in self._ruling.succession.evaluators}
        kept: list[Row] = []
        for row in rows:
            if row[0] >= settled:
                kept.append(row)
            elif row[4] in evaluators:
                rule = evaluators[row[4]].rule
                self._coverage.missed(rule.id, row[5], sensor=row[1], time=row[0])
        return kept

    def _hear_risen(self, read: Risen) -> bool:
        """Take what a partition of the hits says; False for a repeat."""
        if read.origin >= self._divisions:
            raise malformed(f"there is no partition {read.origin} of the hits")
        rows = unpack(read.hits, division=self._number, divisions=self._divisions)
        if not follows(read.number, self._risen[read.origin], f"hits/{read.origin}"):
            return False
        self._risen[read.origin] = read.number
        for level, low in enumerate(read.lows):
            self._levels[level][read.origin] = max(self._levels[level][read.origin], low)
        for level, some in rows.items():
            self._stepper.add(level, some)
        return True

    def _obey(self, control: Control) -> None:
        """Take a control message no other origin has carried."""
        if isinstance(control, Adopt):
            fresh = self._ruling.adopt(control)
            self._tell(self._watched.tell(fresh, control.since))
        elif isinstance(control, Know):
            self._matcher.facts = self._ruling.know(control.artefact)
        elif isinstance(control, Watch):
            succession = self._ruling.succession
            known = self._library.spans(control.artefact)
            mine = {entity: spans for entity, spans in known.items() if self._is_mine(entity)}
            self._tell(
                self._watched.watch(
                    control.register,
                    Roll(control.effective_at, mine),
                    succession.evaluators,
                    succession.since,
                )
            )

    def _is_mine(self, entity: str) -> bool:
        return ids.bucket(entity) % self._divisions == self._number

    def _tell(self, words: Iterable[Word]) -> None:
        for one, entity, gone, found in words:
            self._stepper.tell(one, entity, gone, found)

    def _through(self, level: int) -> int:
        """How far a level of rules on rules may go."""
        return min(low for lows in self._levels[:level] for low in lows)

    def _step(self) -> tuple[list[Alert], list[Closing]]:
        """Step all levels as far as they may go."""
        watermark = self._origins.rise()
        top = self._ruling.succession.top
        changes = Changes()
        rows: dict[int, list[Row]] = {}
        lows: list[int] = []
        for level in range(top + 1):
            through = watermark if level == 0 else self._through(level)
            settled = self._origins.settled(self._lateness) if level == 0 else through
            found = Changes()
            self._stepper.advance(
                level,
                through,
                settled,
                found,
                deadlines=min(through, self._origins.deadlines),
                coverage=self._coverage,
            )
            changes.alerts.update(found.alerts)
            changes.closings.update(found.closings)
            lows.append(settled)
            if level < top:
                self._rising.take(level, found.alerts.values())
                self._rise(level, settled, rows)
        # Behind a rule set that goes there may be no level to tell of: others still wait for it.
        last = self._ruling.succession.may_retire(min(lows))
        self._send(rows, lows[:top], last=last)
        self._retire(lows[0], min(lows))
        shown = self._foreseen.dump()
        if shown:
            self._foreseen.settle(changes.alerts, watermark)
            self._foreseen_changed |= len(self._foreseen.dump()) != len(shown)
        closings = [closing for _, closing in sorted(changes.closings.items())]
        return in_time_order(changes.alerts.values()), closings

    def _reached(self) -> int:
        """The watermark told: a replay is over only when all levels have come to its end."""
        watermark = self._origins.watermark
        top = self._ruling.succession.top
        if watermark >= NEVER and top and self._through(top) < NEVER:
            return self._told_at
        return watermark

    def watermark(self) -> int | None:
        """Nothing older is waited for; None before the first word of it."""
        found = self._origins.watermark
        return None if found <= BEGINNING else found

    def _rise(self, level: int, settled: int, rows: dict[int, list[Row]]) -> None:
        """Match the alerts of a level that nothing can change any more."""
        ripe = self._rising.ripe(settled, level)
        if ripe:
            for (_, division), some in self._matcher.risen(ripe).rows.items():
                rows.setdefault(division, []).extend(some)

    def _send(
        self, rows: Mapping[int, Sequence[Row]], lows: list[int], *, last: bool = False
    ) -> None:
        """Tell the levels above, wherever they are, what has risen and how far the levels are.

        All of them and at once where it is the ``last`` time.
        """
        if not lows:
            return
        for division in range(self._divisions):
            before = self._sent[division]
            moved = any(low - before[level] >= LEVEL_STEP_US for level, low in enumerate(lows))
            if division in rows or moved or last:
                self._send_risen(division, rows.get(division, ()), lows)

    def _send_risen(self, division: int, rows: Sequence[Row], lows: list[int]) -> None:
        before = self._sent[division][: len(lows)]

        def make(number: int, some: Sequence[Row], last: bool) -> bytes:
            packed = pack(some, self._ruling.levels)
            return encode(Risen(self._number, number, lows if last else before, packed))

        self._out.send(division, rows, make)
        self._sent[division][: len(lows)] = lows

    def _retire(self, settled: int, lowest: int) -> None:
        """Let go of versions and rule sets that nothing can be judged by any more."""
        self._watched.retire(settled)
        for gone in self._ruling.succession.retire(lowest):
            self._stepper.retire(gone)

    def look(self, now: int) -> Sequence[Sent]:
        watermark = self._reached()
        if now - watermark <= PROVISIONAL_LAG_US:
            return ()
        alerts = self._foreseen.look(self._stepper.waiting())
        if not alerts:
            return ()
        self._foreseen_changed = True
        self._telling.tell(watermark, alerts=alerts, pending=self._stepper.pending())
        return self._telling.take()

    def snapshot(self) -> Mapping[str, bytes]:
        head = _Head(
            self._origins.dump(),
            self._ruling.dump(),
            list(self._risen),
            [list(one) for one in self._levels],
            [list(one) for one in self._sent],
            list(self._out.numbers),
            list(self._telling.numbers),
            self._told_at,
        )
        entries = self._ruling.succession.snapshot()
        entries.update(self._watched.snapshot())
        entries.update(self._rising.snapshot())
        entries.update(self._stepper.snapshot())
        if self._foreseen_changed:
            entries[_FORESEEN] = msgspec.msgpack.encode(self._foreseen.dump())
            self._foreseen_changed = False
        entries[HEAD] = msgspec.msgpack.encode(head)
        return entries

    def restore(self, entries: Mapping[str, bytes]) -> None:
        """Take over a snapshot; raises ``msgspec.DecodeError`` and ``ValueError``."""
        if HEAD not in entries:
            return
        head = msgspec.msgpack.decode(entries[HEAD], type=_Head)
        self._origins.restore(head.origins)
        self._matcher.facts = self._ruling.restore(head.ruling, entries)
        self._matcher.forget()
        if len(head.risen) != self._divisions:
            raise ValueError(f"it is of {len(head.risen)} partitions, not {self._divisions}")
        self._risen, self._levels, self._sent = head.risen, head.levels, head.sent
        self._out.numbers, self._telling.numbers = head.out, head.told
        self._told_at = head.told_at
        register, rising = f"{REGISTER}/", f"{RISING}/"
        for name, raw in entries.items():
            if name.startswith(register):
                self._watched.restore(name.removeprefix(register), raw)
            elif name.startswith(rising):
                self._rising.restore(raw)
            elif is_key(name) or is_waiting(name):
                restore([self._stepper], name, raw)
            elif name == _FORESEEN:
                self._foreseen.restore(msgspec.msgpack.decode(raw, type=tuple[Alert, ...]))
