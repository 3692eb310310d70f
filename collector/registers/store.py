"""RegisterStore: registers in the state of record. A version is proposed, then approved.

An approved version is sealed into the control log, so that a replay knows which version held
when; a crash between the two is made good at the next start, and a record sealed twice says the
same twice. Who proposed a version never approves it.
"""

from __future__ import annotations

import sqlite3
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final

import msgspec

from collector import notes
from collector.control import ControlLog
from collector.registers import difference
from collector.registers.description import Descriptions
from collector.registers.difference import Change
from collector.state.database import Database, ReadOnly
from crypto import sm3
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.registers import (
    STATEMENTS_PER_KEY_MAX,
    Draft,
    RegisterVersion,
    RegisterView,
    Statement,
    Table,
    pack_key,
)

VERSIONS_SHOWN_MAX: Final = 1000
"""Versions of one register listed at once."""
_DIGEST_TAG: Final = b"fengsui/register/1\x00"
_CHUNK: Final = 4096
_EMPTY_TABLE: Final = Table(())
_LINE: Final = msgspec.json.Encoder()
_VERSION: Final = (
    "register, number, state, digest, effective_at, added, changed, ended, source, proposed_by, "
    "proposed_at, approved_by, reason"
)
_SHOWN: Final = (
    _VERSION.replace("state,", "iif(refused_by <> '', 'refused', state) AS state,") + ", refused_by"
)


class RegisterStore:
    """The embedded ``Registers``: read from memory, loaded at first use, swapped by ``apply``."""

    def __init__(
        self, database: Database | ReadOnly, descriptions: Descriptions, *, clock: Clock
    ) -> None:
        self._database = database
        self._clock = clock
        self._changing = threading.RLock()
        self.descriptions = descriptions
        self._loaded: RegisterView | None = None

    @property
    def database(self) -> Database:
        """The state of record; raises ``collector.state.read_only`` where it is only read."""
        if isinstance(self._database, ReadOnly):
            raise FengsuiError("collector.state.read_only", "this state is open for reading only")
        return self._database

    def view(self) -> RegisterView:
        """All that is approved so far; swapped as a whole, so keep it for one piece of work."""
        if self._loaded is None:
            with self._changing:
                self._loaded = self._loaded or RegisterView(self._load_all())
        return self._loaded

    def versions(self, register: str) -> Sequence[RegisterVersion]:
        """The newest versions of a register, newest first; of ``""`` those of all, by name."""
        with self._database.read() as state:
            rows = state.execute(
                f"SELECT {_SHOWN} FROM register_versions WHERE (? = '' OR register = ?) "
                "ORDER BY register, number DESC LIMIT ?",
                (register, register, VERSIONS_SHOWN_MAX),
            ).fetchall()
        return [RegisterVersion(**row) for row in rows]

    def difference(
        self, register: str, drafts: Sequence[Draft], *, whole: bool
    ) -> Iterator[Change]:
        """What these rows would change now, without keeping anything."""
        self.descriptions.get(register)
        table = self.view().tables.get(register, _EMPTY_TABLE)
        now = self._next_time(register)
        compare = difference.whole if whole else difference.partial
        return compare(table, drafts, now)

    def propose(
        self,
        register: str,
        drafts: Sequence[Draft],
        *,
        whole: bool,
        source: str,
        by: str,
        reason: str = "",
    ) -> RegisterVersion:
        """Keep what the drafts change; raises ``collector.register.unchanged`` and ``.history``."""
        with self._changing:
            changes = list(self.difference(register, drafts, whole=whole))
            return self._propose(register, changes, source=source, by=by, reason=reason)

    def propose_beside(
        self, register: str, drafts: Sequence[Draft], *, source: str, by: str, reason: str = ""
    ) -> RegisterVersion:
        """Keep what single rows say, beside what the same person's open proposal of it says.

        Raises ``collector.register.waits`` where another proposal is open: it would be lost.
        """
        with self._changing:
            before = self.waiting(register)
            kept: list[Draft] = []
            if before is not None:
                if before.source != source or not same_person(before.proposed_by, by):
                    raise FengsuiError(
                        "collector.register.waits",
                        f"version {before.number} of {register}, proposed by "
                        f"{before.proposed_by}, waits for approval: have it decided first",
                        register=register, number=before.number, person=before.proposed_by,
                    )  # fmt: skip
                said = {one.key for one in drafts}
                for change in self.proposed(register, before.number):
                    kept += () if change.packed_key in said else change.statements
            table = self.view().tables.get(register, _EMPTY_TABLE)
            changes = list(difference.said(table, [*kept, *drafts], self._next_time(register)))
            return self._propose(register, changes, source=source, by=by, reason=reason)

    def waiting(self, register: str) -> RegisterVersion | None:
        """The open proposal of a register; None where nothing waits."""
        with self._database.read() as state:
            row = state.execute(
                f"SELECT {_SHOWN} FROM register_versions WHERE register = ? AND state = 'proposed'",
                (register,),
            ).fetchone()
        return None if row is None else RegisterVersion(**row)

    def propose_end(self, register: str, key: tuple[str, ...], *, by: str) -> RegisterVersion:
        """Propose that the row of a key ends; raises ``collector.register.unchanged``."""
        self.descriptions.get(register)
        with self._changing:
            table = self.view().tables.get(register, _EMPTY_TABLE)
            changes = list(difference.ended(table, pack_key(key), self._next_time(register)))
            return self._propose(register, changes, source="-", by=by)

    def _propose(
        self,
        register: str,
        changes: Sequence[Change],
        *,
        source: str,
        by: str,
        reason: str = "",
    ) -> RegisterVersion:
        if not changes:
            raise FengsuiError(
                "collector.register.unchanged",
                f"{register} says all of this already: there is nothing to change",
                register=register,
            )
        self._check_history(register, changes)
        now = self._clock.now()
        statements = list(chain.from_iterable(one.statements for one in changes))

        with self._database.read() as reading:
            number, base, before = _places(reading, register)
        # Outside the writer's transaction: a million statements take seconds.
        version = RegisterVersion(
            register=register, number=number, state="proposed", effective_at=0,
            digest=_digest(register, before, statements),
            added=_count(changes, "added"), changed=_count(changes, "changed"),
            ended=_count(changes, "ended"), source=source[:255], proposed_by=by,
            proposed_at=now, reason=reason,
        )  # fmt: skip

        def job(state: sqlite3.Connection) -> None:
            _replace_proposal(state, register)
            state.execute(
                f"INSERT INTO register_versions (base, {_VERSION}) "
                f"VALUES (?{', ?' * _VERSION.count(',')}, ?)",
                (
                    base, register, number, "proposed", version.digest, 0, version.added,
                    version.changed, version.ended, version.source, by, now, "", reason,
                ),
            )  # fmt: skip
            state.executemany(
                "INSERT INTO register_statements VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (register, number, n, one.key, one.fields, one.valid_from, one.valid_to)
                    for n, one in enumerate(statements)
                ),
            )

        self._database.write(job)
        return version

    def _next_time(self, register: str) -> int:
        """When a version approved now would be effective."""
        with self._database.read() as state:
            return _effective(state, register, self._clock.now())

    def _check_history(self, register: str, changes: Sequence[Change]) -> None:
        table = self.view().tables.get(register, _EMPTY_TABLE)
        for one in changes:
            if table.count(one.packed_key) + len(one.statements) > STATEMENTS_PER_KEY_MAX:
                raise FengsuiError(
                    "collector.register.history",
                    f"{register} {'/'.join(one.key)} has changed too often: at most "
                    f"{STATEMENTS_PER_KEY_MAX} statements are kept about one key; give what "
                    "changes each day a register or key of its own",
                    register=register,
                )

    def apply(self, register: str, number: int, *, by: str) -> RegisterVersion:
        """Approve a proposal; effective from now, never before what was approved last.

        Raises ``collector.register.self`` for who proposed it, ``.no_proposal``, or ``.stale``
        where another version was approved since: propose again, to see what it changes now.
        """
        with self._changing:
            before = self.view()
            self._database.write(lambda state: self._approve(state, register, number, by))
            tables = {**before.tables, register: self._load(register)}
            self._loaded = RegisterView(tables)
        return next(one for one in self.versions(register) if one.number == number)

    def _approve(self, state: sqlite3.Connection, register: str, number: int, by: str) -> None:
        row = _open_proposal(state, register, number)
        if same_person(row["proposed_by"], by):
            raise FengsuiError(
                "collector.register.self",
                f"{by} proposed version {number} of {register}: somebody else has to approve it",
                register=register, number=number,
            )  # fmt: skip
        last = state.execute(
            "SELECT number FROM register_versions WHERE register = ? AND "
            "state = 'approved' ORDER BY number DESC LIMIT 1",
            (register,),
        ).fetchone()
        if (last["number"] if last else 0) != row["base"]:
            raise FengsuiError(
                "collector.register.stale",
                f"{register} was changed since proposal {number} was made: propose it again",
                register=register,
                number=number,
            )
        effective = _effective(state, register, self._clock.now())
        state.execute(
            "UPDATE register_versions SET state = 'approved', effective_at = ?, approved_by = ? "
            "WHERE register = ? AND number = ?",
            (effective, by, register, number),
        )

    def refuse(self, register: str, number: int, *, by: str) -> RegisterVersion:
        """Say no to a proposal: its rows go, its line stays. Who proposed it may take it back.

        Raises ``collector.register.no_proposal``.
        """
        now = self._clock.now()

        def job(state: sqlite3.Connection) -> None:
            _open_proposal(state, register, number)
            _replace_proposal(state, register)
            state.execute(
                "UPDATE register_versions SET refused_by = ?, refused_at = ? "
                "WHERE register = ? AND number = ?",
                (by, now, register, number),
            )

        with self._changing:
            self._database.write(job)
        return next(one for one in self.versions(register) if one.number == number)

    def proposed(self, register: str, number: int) -> Iterator[Change]:
        """What an open proposal changes, by key; raises ``collector.register.no_proposal``."""
        table = self.view().tables.get(register, _EMPTY_TABLE)
        now = self._next_time(register)
        with self._database.read() as state:
            _open_proposal(state, register, number)
            rows = state.execute(
                "SELECT key, fields, valid_from, valid_to FROM register_statements "
                "WHERE register = ? AND version = ? ORDER BY n",
                (register, number),
            )
            rows.row_factory = None
            yield from difference.said(table, (Draft(*row) for row in rows), now)

    def note(self, control: ControlLog) -> None:
        """Seal every approved version the control log does not have yet. Raises ``OSError``."""
        with self._database.read() as state:
            rows = state.execute(
                f"SELECT {_SHOWN} FROM register_versions WHERE state = 'approved' "
                "AND noted = 0 ORDER BY effective_at, register"
            ).fetchall()
        versions = [RegisterVersion(**row) for row in rows]
        for one in versions:
            notes.register_changed(control, one)
        if not versions:
            return
        while control.flush():
            pass
        self._database.write(
            lambda state: state.executemany(
                "UPDATE register_versions SET noted = 1 WHERE register = ? AND number = ?",
                [(one.register, one.number) for one in versions],
            )
        )

    def verify(self, register: str) -> None:
        """Check each approved version against its digest, as the control log has it.

        Raises ``collector.register.damaged`` for the first one that says something else.
        """
        with self._database.read() as state:
            versions = state.execute(
                "SELECT number, digest FROM register_versions WHERE register = ? "
                "AND state = 'approved' ORDER BY number",
                (register,),
            ).fetchall()
        before = b""
        for number, expected in map(tuple, versions):
            with self._database.read() as state:
                rows = state.execute(
                    "SELECT key, fields, valid_from, valid_to FROM register_statements "
                    "WHERE register = ? AND version = ? ORDER BY n",
                    (register, number),
                )
                rows.row_factory = None
                digest = _digest(register, before, (Draft(*row) for row in rows))
            if digest != expected:
                raise FengsuiError(
                    "collector.register.damaged",
                    f"version {number} of {register} is not what was approved: restore "
                    "the state from a backup",
                    register=register, version=number,
                )  # fmt: skip
            before = bytes.fromhex(digest)

    def _load_all(self) -> Mapping[str, Table]:
        with self._database.read() as state:
            names = [
                row["register"]
                for row in state.execute(
                    "SELECT DISTINCT register FROM register_versions WHERE state = 'approved'"
                )
            ]
        return {name: self._load(name) for name in names}

    def _load(self, register: str) -> Table:
        with self._database.read() as state:
            rows = state.execute(
                "SELECT s.key, s.fields, coalesce(s.valid_from, v.effective_at), s.valid_to, "
                "v.effective_at, s.version FROM register_statements AS s JOIN register_versions "
                "AS v ON v.register = s.register AND v.number = s.version "
                "WHERE s.register = ? AND v.state = 'approved' ORDER BY s.version, s.n",
                (register,),
            )
            rows.row_factory = None
            return Table(Statement(*row) for row in rows)


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's: written wide, capital or with spaces, it is the same."""
    return _person(one) == _person(other)


def _person(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _open_proposal(state: sqlite3.Connection, register: str, number: int) -> sqlite3.Row:
    row: sqlite3.Row | None = state.execute(
        "SELECT base, proposed_by FROM register_versions WHERE register = ? AND number = ? "
        "AND state = 'proposed'",
        (register, number),
    ).fetchone()
    if row is None:
        raise FengsuiError(
            "collector.register.no_proposal",
            f"{register} has no open proposal {number}: `fengsui register list` shows them",
            register=register, number=number,
        )  # fmt: skip
    return row


def _effective(state: sqlite3.Connection, register: str, now: int) -> int:
    """Later than what was approved last, so that "as known at" tells every two versions apart."""
    last: int = state.execute(
        "SELECT coalesce(max(effective_at), 0) FROM register_versions WHERE register = ?",
        (register,),
    ).fetchone()[0]
    return max(now, last + 1)


def _count(changes: Iterable[Change], kind: str) -> int:
    return sum(one.kind == kind for one in changes)


def _places(state: sqlite3.Connection, register: str) -> tuple[int, int, bytes]:
    """The next number, the version it changes, and that version's digest."""
    newest: int = state.execute(
        "SELECT coalesce(max(number), 0) FROM register_versions WHERE register = ?", (register,)
    ).fetchone()[0]
    base = state.execute(
        "SELECT number, digest FROM register_versions WHERE register = ? AND state = 'approved' "
        "ORDER BY number DESC LIMIT 1",
        (register,),
    ).fetchone()
    if base is None:
        return newest + 1, 0, b""
    return newest + 1, base["number"], bytes.fromhex(base["digest"])


def _replace_proposal(state: sqlite3.Connection, register: str) -> None:
    """A register has one open proposal: the rows of the one before go, its line stays."""
    state.execute(
        "DELETE FROM register_statements WHERE register = ? AND version IN (SELECT number FROM "
        "register_versions WHERE register = ? AND state = 'proposed')",
        (register, register),
    )
    state.execute(
        "UPDATE register_versions SET state = 'replaced' WHERE register = ? AND state = 'proposed'",
        (register,),
    )


def _digest(register: str, before: bytes, statements: Iterable[Draft]) -> str:
    """SM3 over the version before and each statement as one JSON line."""
    state = sm3.new(_DIGEST_TAG + register.encode() + b"\x00" + before)
    lines = (
        _LINE.encode((msgspec.Raw(one.key), msgspec.Raw(one.fields or b"null"), one.valid_from,
                      one.valid_to))
        for one in statements
    )  # fmt: skip
    while chunk := list(islice(lines, _CHUNK)):
        state.update(b"\n".join(chunk) + b"\n")
    return state.digest().hex()
