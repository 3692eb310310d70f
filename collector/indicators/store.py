"""IndicatorStore: indicators by source and the allow-list, in the state of record.

A source's list replaces its list before; what went and what came is kept with the number of the
state, so that a replay asks the lists that held then. Every state is sealed into the control log
as registers are. Entries gone for more than :data:`KEPT_US` are forgotten.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from collector import notes
from collector.control import ControlLog
from collector.indicators.entry import plain
from collector.indicators.reading import INDICATORS_MAX
from collector.state.database import Database, ReadOnly
from crypto import sm3
from schema.errors import FengsuiError
from schema.indicators import (
    NOTHING,
    Allowed,
    Indicator,
    IndicatorLists,
    IndicatorSet,
    kind_of,
    normal,
)
from schema.ports import Clock
from schema.times import DAY

ALL_MAX: Final = 2 * INDICATORS_MAX
"""Indicators of all sources: about 600 MB in memory."""
SOURCES_MAX: Final = 100
ALLOWED_MAX: Final = 10_000
KEPT_US: Final = 400 * DAY
"""How far back a replay finds the lists that held: past the longest retention of events."""
SOURCE_CHARS_MAX: Final = 64
ALLOW_LIST: Final = "allow-list"
_DIGEST_TAG: Final = b"fengsui/indicators/1\x00"
_LISTS: Final = "number, digest, effective_at, count, source"

Job: TypeAlias = Callable[[sqlite3.Connection], None]

_encoder: Final = msgspec.msgpack.Encoder()
_indicator: Final = msgspec.msgpack.Decoder(Indicator)
_allowed: Final = msgspec.msgpack.Decoder(Allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCount:
    """How many indicators of a source stand now."""

    source: str
    count: int


@dataclass(slots=True)
class _Entries:
    """What a change takes out and puts in."""

    gone: Sequence[bytes]
    come: Sequence[bytes]


class IndicatorStore:
    """The lists of one site: read from memory, loaded at first use, swapped by a change."""

    def __init__(self, database: Database | ReadOnly, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._changing = threading.Lock()
        self._loaded: IndicatorSet | None = None

    def view(self) -> IndicatorSet:
        """What is matched now; swapped as a whole, so keep it for one piece of work."""
        if self._loaded is None:
            with self._changing:
                if self._loaded is None:
                    self._loaded = self._load(None)
        return self._loaded

    def as_of(self, time: int) -> IndicatorSet:
        """The set that was effective at a time, read anew: for a replay."""
        with self._database.read() as state:
            row = state.execute(
                "SELECT max(number) AS number FROM indicator_lists WHERE effective_at <= ?",
                (time,),
            ).fetchone()
        return self._load(row["number"] or 0)

    def state(self) -> IndicatorLists:
        """The state that is effective now; number 0 before the first list."""
        with self._database.read() as state:
            return _newest(state)

    def states(self, limit: int = 100) -> Sequence[IndicatorLists]:
        """The newest states, newest first."""
        with self._database.read() as state:
            rows = state.execute(
                f"SELECT {_LISTS} FROM indicator_lists ORDER BY number DESC LIMIT ?", (limit,)
            ).fetchall()
        return [IndicatorLists(**row) for row in rows]

    def sources(self) -> Sequence[SourceCount]:
        """The sources and how much each lists, by name."""
        with self._database.read() as state:
            rows = state.execute(
                "SELECT source, count(*) AS count FROM indicators WHERE until_list IS NULL "
                "GROUP BY source ORDER BY source"
            ).fetchall()
        return [SourceCount(**row) for row in rows]

    def replace(self, source: str, indicators: Sequence[Indicator], *, by: str) -> IndicatorLists:
        """Make these the list of a source; an empty one takes the source out.

        Raises ``collector.indicator.source``, ``.too_many`` and ``.unchanged``.
        """
        _check_source(source)
        fresh = dict.fromkeys(map(_encoder.encode, indicators))

        def job(state: sqlite3.Connection) -> None:
            standing = {
                row["entry"]: row["n"]
                for row in state.execute(
                    "SELECT n, entry FROM indicators WHERE source = ? AND until_list IS NULL",
                    (source,),
                )
            }
            gone = [entry for entry in standing if entry not in fresh]
            come = [entry for entry in fresh if entry not in standing]
            if not gone and not come:
                raise FengsuiError(
                    "collector.indicator.unchanged", f"{source} lists all of this already"
                )
            newest = _newest(state)
            count = newest.count - len(gone) + len(come)
            if count > ALL_MAX:
                raise FengsuiError(
                    "collector.indicator.too_many",
                    f"{count} indicators of all sources would be over the limit of {ALL_MAX}: "
                    "take a source out with an empty list",
                )
            self._check_sources(state, source)
            number = self._number(state, newest, _Entries(gone, come), source, by, count)
            state.executemany(
                "UPDATE indicators SET until_list = ? WHERE n = ?",
                [(number, standing[entry]) for entry in gone],
            )
            state.executemany(
                "INSERT INTO indicators (source, entry, from_list) VALUES (?, ?, ?)",
                [(source, entry, number) for entry in come],
            )
            self._forget(state)

        return self._change(job)

    def allow(
        self, value: str, *, reason: str, owner: str, by: str, subdomains: bool = True
    ) -> IndicatorLists:
        """Never match this value, network, or domain with its subdomains; says why and who.

        Raises ``schema.indicator.value``, ``collector.indicator.reason`` and ``.unchanged``.
        """
        reason, owner = plain(reason), plain(owner)
        if not reason or not owner:
            raise FengsuiError(
                "collector.indicator.reason", "an allowed value needs a reason and an owner"
            )
        kind = kind_of(value)
        one = Allowed(
            kind=kind, value=normal(kind, value), reason=reason, owner=owner,
            subdomains=subdomains and kind == "domain",
        )  # fmt: skip
        return self._allow(one, by=by)

    def disallow(self, value: str, *, by: str) -> IndicatorLists:
        """Match the value again; raises ``collector.indicator.not_allowed``."""
        kind = kind_of(value)
        known = normal(kind, value)

        def job(state: sqlite3.Connection) -> None:
            rows = [
                row
                for row in state.execute(
                    "SELECT n, entry FROM indicators_allowed WHERE until_list IS NULL"
                )
                if (found := _allowed.decode(row["entry"])).value == known and found.kind == kind
            ]
            if not rows:
                raise FengsuiError(
                    "collector.indicator.not_allowed", "the value is not on the allow-list"
                )
            newest = _newest(state)
            gone = _Entries([row["entry"] for row in rows], [])
            number = self._number(state, newest, gone, ALLOW_LIST, by, newest.count)
            state.executemany(
                "UPDATE indicators_allowed SET until_list = ? WHERE n = ?",
                [(number, row["n"]) for row in rows],
            )

        return self._change(job)

    def allowed(self) -> Sequence[Allowed]:
        """The allow-list, by value."""
        with self._database.read() as state:
            rows = state.execute("SELECT entry FROM indicators_allowed WHERE until_list IS NULL")
            found = [_allowed.decode(row["entry"]) for row in rows]
        return sorted(found, key=lambda one: (one.kind, one.value))

    def _allow(self, one: Allowed, *, by: str) -> IndicatorLists:
        entry = _encoder.encode(one)

        def job(state: sqlite3.Connection) -> None:
            standing = {
                row["entry"]
                for row in state.execute(
                    "SELECT entry FROM indicators_allowed WHERE until_list IS NULL"
                )
            }
            if entry in standing:
                raise FengsuiError("collector.indicator.unchanged", "that is allowed already")
            if len(standing) >= ALLOWED_MAX:
                raise FengsuiError(
                    "collector.indicator.too_many",
                    f"the allow-list has {ALLOWED_MAX} entries, the most there may be: allow a "
                    "network or a domain instead of single values",
                )
            newest = _newest(state)
            change = _Entries([], [entry])
            number = self._number(state, newest, change, ALLOW_LIST, by, newest.count)
            state.execute(
                "INSERT INTO indicators_allowed (entry, from_list) VALUES (?, ?)", (entry, number)
            )

        return self._change(job)

    def _change(self, job: Job) -> IndicatorLists:
        with self._changing:
            self._database.write(job)
            self._loaded = self._load(None)
            return self.state()

    def _number(
        self,
        state: sqlite3.Connection,
        newest: IndicatorLists,
        entries: _Entries,
        source: str,
        by: str,
        count: int,
    ) -> int:
        """Open the next state."""
        effective = max(self._clock.now(), newest.effective_at + 1)
        state.execute(
            f"INSERT INTO indicator_lists ({_LISTS}, changed_by) VALUES (?, ?, ?, ?, ?, ?)",
            (newest.number + 1, _digest(newest.digest, entries), effective, count, source, by),
        )
        return newest.number + 1

    def _check_sources(self, state: sqlite3.Connection, source: str) -> None:
        others: int = state.execute(
            "SELECT count(DISTINCT source) FROM indicators WHERE until_list IS NULL "
            "AND source <> ?",
            (source,),
        ).fetchone()[0]
        if others >= SOURCES_MAX:
            raise FengsuiError(
                "collector.indicator.too_many", f"there are {others} sources, the most there may be"
            )

    def _forget(self, state: sqlite3.Connection) -> None:
        state.execute(
            "DELETE FROM indicators WHERE until_list <= (SELECT max(number) FROM indicator_lists "
            "WHERE effective_at < ?)",
            (self._clock.now() - KEPT_US,),
        )

    def note(self, control: ControlLog) -> None:
        """Seal every state the control log does not have yet. Raises ``OSError``."""
        with self._database.read() as state:
            rows = state.execute(
                f"SELECT {_LISTS} FROM indicator_lists WHERE noted = 0 ORDER BY number"
            ).fetchall()
        lists = [IndicatorLists(**row) for row in rows]
        for one in lists:
            notes.indicators_changed(control, one)
        if not lists:
            return
        while control.flush():
            pass
        self._database.write(
            lambda state: state.executemany(
                "UPDATE indicator_lists SET noted = 1 WHERE number = ?",
                [(one.number,) for one in lists],
            )
        )

    def _load(self, number: int | None) -> IndicatorSet:
        """The set of one state; of the newest where none is named."""
        where = "until_list IS NULL"
        values: tuple[int, ...] = ()
        if number is not None:
            where = "from_list <= ? AND (until_list IS NULL OR until_list > ?)"
            values = (number, number)
        with self._database.read() as state:
            indicators = [
                _indicator.decode(row[0])
                for row in state.execute(f"SELECT entry FROM indicators WHERE {where}", values)
            ]
            allowed = [
                _allowed.decode(row[0])
                for row in state.execute(
                    f"SELECT entry FROM indicators_allowed WHERE {where} ORDER BY n", values
                )
            ]
        return IndicatorSet(indicators, allowed) if indicators or allowed else NOTHING


def _newest(state: sqlite3.Connection) -> IndicatorLists:
    row = state.execute(
        f"SELECT {_LISTS} FROM indicator_lists ORDER BY number DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return IndicatorLists(number=0, digest="", effective_at=0, count=0, source="")
    return IndicatorLists(**row)


def _check_source(source: str) -> None:
    usable = source and source == plain(source) and len(source) <= SOURCE_CHARS_MAX
    if not usable or source == ALLOW_LIST:
        raise FengsuiError(
            "collector.indicator.source",
            f"a source's name has 1 to {SOURCE_CHARS_MAX} printable characters and is not "
            f"{ALLOW_LIST}",
        )


def _digest(before: str, entries: _Entries) -> str:
    """SM3 over the state before, what went and what came, each sorted."""
    state = sm3.new(_DIGEST_TAG + bytes.fromhex(before))
    for mark, some in ((b"-", entries.gone), (b"+", entries.come)):
        state.update(b"".join(mark + len(one).to_bytes(4, "big") + one for one in sorted(some)))
    return state.digest().hex()
