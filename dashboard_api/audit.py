"""AuditChain: who did what to what, and how it ended, in one chain anyone can verify offline.

Entry = {n, at, actor, action, object, result, detail, previous} as canonical JSON; ``previous`` is
the SM3 of the entry before. The head is signed with the audit key at every hundredth entry, before
it is read, and at close. Fixed words and identifiers only: what people typed never stands here.
A chain alone cannot show a cut tail: keep the signed heads elsewhere too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import msgspec

from collector.state.database import Database
from crypto import sm2, sm3
from crypto.errors import CryptoError
from schema import times
from schema.errors import FengsuiError
from schema.ports import Clock

DOMAIN: Final = "fengsui/audit/1"
GENESIS: Final = "0" * 64
SEAL_EVERY: Final = 100
"""At most this many entries stand unsigned: what a forger without the key could rewrite."""
WORD_CHARS_MAX: Final = 200
"""Longest actor, object or detail: identifiers, never a payload."""
NOBODY: Final = "-"
ANONYMOUS_MAX: Final = 60
"""Refusals of people nobody knows that get an entry each minute; the rest are counted in the next
one, so that a flood of guesses cannot fill the disk."""
_ROWS_AT_ONCE: Final = 1000


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One act. ``at`` is RFC 3339 text, as it is hashed."""

    n: int
    at: str
    actor: str
    action: str
    object: str
    result: str
    """``begun``, then ``done``, ``refused`` or ``failed``; or one of them at once."""
    detail: str
    previous: str


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody is about to do."""

    actor: str
    action: str
    object: str = NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """The signature over the chain up to entry ``n``."""

    n: int
    key_id: str
    signature: bytes


class AuditChain:
    """The audit chain of one state file."""

    def __init__(self, database: Database, key: sm2.PrivateKey, clock: Clock) -> None:
        self._database = database
        self._key = key
        self._clock = clock
        self._minute = 0
        self._anonymous = 0
        self._surplus = 0

    @contextmanager
    def around(self, act: Act) -> Iterator[None]:
        """Record that an act begins, and how it ended; a crash between leaves ``begun``."""
        self.record(act, "begun")
        try:
            yield
        except (FengsuiError, CryptoError) as error:
            self.record(act, "refused", error.code)
            raise
        except BaseException as error:
            self.record(act, "failed", type(error).__name__)
            raise
        self.record(act, "done")

    @contextmanager
    def refusals(self, act: Act) -> Iterator[None]:
        """Record only that an act was refused; for acts that write their own entry when done."""
        try:
            yield
        except FengsuiError as error:
            self.record(act, "refused", error.code)
            raise

    def record(self, act: Act, result: str, detail: str = "") -> None:
        """Append one entry; returns once it is on stable storage."""
        self._database.write(lambda state: self.append(state, act, result, detail))

    def append(self, state: sqlite3.Connection, act: Act, result: str, detail: str = "") -> None:
        """Append inside the caller's transaction, so that act and entry stand or fall together."""
        if act.actor == NOBODY and result == "refused":
            if not self._admits():
                return
            detail = f"{detail} and {self._surplus} before" if self._surplus else detail
            self._surplus = 0
        number, previous = _head(state)
        entry = Entry(
            n=number + 1,
            at=times.to_text(self._clock.now()),
            actor=act.actor[:WORD_CHARS_MAX],
            action=act.action,
            object=act.object[:WORD_CHARS_MAX],
            result=result,
            detail=detail[:WORD_CHARS_MAX],
            previous=previous,
        )
        text = msgspec.json.encode(entry, order="sorted")
        digest = sm3.digest(text).hex()
        state.execute(
            "INSERT INTO audit (n, entry, hash) VALUES (?, ?, ?)", (entry.n, text.decode(), digest)
        )
        if entry.n % SEAL_EVERY == 0:
            self._sign(state, entry.n, digest)

    def _admits(self) -> bool:
        """Whether one more refusal of nobody known gets an entry; what does not is counted."""
        minute = self._clock.now() // times.MINUTE
        if minute != self._minute:
            self._minute, self._anonymous = minute, 0
        self._anonymous += 1
        self._surplus += self._anonymous > ANONYMOUS_MAX
        return self._anonymous <= ANONYMOUS_MAX

    def seal(self) -> None:
        """Sign the head, unless it is signed already."""

        def job(state: sqlite3.Connection) -> None:
            number, digest = _head(state)
            row = state.execute("SELECT 1 FROM audit_seals WHERE n = ?", (number,)).fetchone()
            if number and row is None:
                self._sign(state, number, digest)

        self._database.write(job)

    def _sign(self, state: sqlite3.Connection, number: int, digest: str) -> None:
        signature = self._key.sign(_seal_bytes(number, digest), domain=DOMAIN)
        state.execute(
            "INSERT INTO audit_seals (n, key_id, signature) VALUES (?, ?, ?)",
            (number, self._key.public.key_id, signature.hex()),
        )

    def page(self, before: int, limit: int) -> list[tuple[Entry, str]]:
        """Entries with n < ``before`` (0 for the newest), newest first, each with its hash."""
        self.seal()
        with self._database.read() as state:
            rows = state.execute(
                "SELECT entry, hash FROM audit WHERE ? = 0 OR n < ? ORDER BY n DESC LIMIT ?",
                (before, before, limit),
            ).fetchall()
        return [(msgspec.json.decode(row["entry"], type=Entry), row["hash"]) for row in rows]

    def verify(self) -> int:
        """The number of entries; raises ``dashboard_api.audit.broken`` naming the first bad one."""
        self.seal()
        with self._database.read() as state:
            return verify_state(state, self._key.public)

    def close(self) -> None:
        """Sign what stands unsigned."""
        self.seal()


def verify_state(state: sqlite3.Connection, key: sm2.PublicKey) -> int:
    """Verify the chain of an opened state file; offline, with the public audit key only."""
    seals = {
        row[0]: Seal(n=row[0], key_id=row[1], signature=bytes.fromhex(row[2]))
        for row in state.execute("SELECT n, key_id, signature FROM audit_seals")
    }
    rows = state.execute("SELECT n, entry FROM audit ORDER BY n")
    return verify_chain(((row[0], row[1].encode()) for row in _batched(rows)), seals, key=key)


def digest_at(state: sqlite3.Connection, number: int) -> str | None:
    """The hash of entry ``number``, with every link up to it checked; None where it is missing.

    Needs no key, for heads that were kept outside. Raises ``dashboard_api.audit.broken``.
    """
    at, digest = 0, GENESIS
    rows = state.execute("SELECT n, entry FROM audit WHERE n <= ? ORDER BY n", (number,))
    for n, text in _batched(rows):
        at += 1
        _check_entry(text.encode(), number=at, stored=n, previous=digest)
        digest = sm3.digest(text.encode()).hex()
    return digest if at == number else None


def verify_chain(
    entries: Iterable[tuple[int, bytes]], seals: Mapping[int, Seal], *, key: sm2.PublicKey
) -> int:
    """Verify entries (number, canonical bytes) in order; returns how many there are.

    Raises ``dashboard_api.audit.broken`` for a missing, changed or moved entry, a wrong signature,
    or more than SEAL_EVERY entries without one.
    """
    number, digest, signed = 0, GENESIS, 0
    for n, raw in entries:
        number += 1
        _check_entry(raw, number=number, stored=n, previous=digest)
        digest = sm3.digest(raw).hex()
        if number in seals:
            _check_seal(seals[number], digest, key)
            signed = number
        if number - signed > SEAL_EVERY:
            raise _broken(number, "no signature covers it")
    if seals and max(seals) > number:
        raise _broken(number + 1, "a signed entry is missing at the end")
    return number


def _check_entry(raw: bytes, *, number: int, stored: int, previous: str) -> None:
    try:
        entry = msgspec.json.decode(raw, type=Entry)
    except msgspec.DecodeError as error:
        raise _broken(number, "it is not an entry") from error
    if stored != number or entry.n != number:
        raise _broken(number, f"entry {entry.n} stands in its place")
    if entry.previous != previous:
        raise _broken(number, "it does not link to the entry before it")


def _check_seal(seal: Seal, digest: str, key: sm2.PublicKey) -> None:
    try:
        key.verify(seal.signature, _seal_bytes(seal.n, digest), domain=DOMAIN)
    except CryptoError as error:
        raise _broken(seal.n, "its signature is not the audit key's") from error


def _seal_bytes(number: int, digest: str) -> bytes:
    return msgspec.json.encode({"n": number, "hash": digest}, order="sorted")


def _head(state: sqlite3.Connection) -> tuple[int, str]:
    row = state.execute("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1").fetchone()
    return (row[0], row[1]) if row else (0, GENESIS)


def _batched(rows: sqlite3.Cursor) -> Iterator[sqlite3.Row]:
    while found := rows.fetchmany(_ROWS_AT_ONCE):
        yield from found


def _broken(number: int, why: str) -> FengsuiError:
    return FengsuiError(
        "dashboard_api.audit.broken",
        f"the audit chain is broken at entry {number}: {why}; compare with a copy kept outside",
        n=number,
    )
