"""Enrolments: which keys may seal batches under which name, and since when.

A sensor is let in by a one-time token bound to its name and unit, and proves that it holds its
key. A lost chain starts anew only by another enrolment, which names the last accepted batch:
numbers go on from there, the link begins again.
"""

from __future__ import annotations

import base64
import re
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from collector.damage import readable_end
from collector.state.database import Database
from crypto import sm2, sm3
from crypto.errors import CryptoError
from schema.batch import Chain
from schema.errors import FengsuiError
from schema.ports import Clock, Entropy
from schema.times import HOUR

T = TypeVar("T")
PROOF_DOMAIN: Final = "fengsui/enrolment/1"
TOKEN_LIFE_US: Final = HOUR
TOKEN_BYTES: Final = 32
OWN_NAMES: Final = frozenset({"collector", "push"})
"""Chains the collector seals itself: nobody else may enrol under these names."""
PUSH_PREFIX: Final = "push-"
"""Of the push chains of further units."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to an enrolment; the sensor's first batch is ``last_batch + 1``."""

    sensor: str
    enrolment: int
    realm: str
    receipt_public_key: str
    last_batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """One enrolment of a sensor: the key, and the batches it may have signed."""

    sensor: str
    unit: str
    realm: str
    status: Literal["active", "revoked"]
    number: int
    key: sm2.PublicKey
    base_number: int
    """Last batch before this enrolment."""
    current: bool
    """Whether no later enrolment exists."""
    created_at: int
    revoked_at: int | None

    @property
    def chain(self) -> Chain:
        """The chain before its first batch."""
        return Chain(
            realm=self.realm, sensor=self.sensor, enrolment=self.number, number=self.base_number
        )


def proof_message(*, token_sm3: str, name: str, unit: str, public_key: str) -> bytes:
    """What a sensor signs with its new key to be enrolled (canonical JSON)."""
    return msgspec.json.encode(
        {"token_sm3": token_sm3, "name": name, "unit": unit, "public_key": public_key},
        order="sorted",
    )


class Enrolments:
    """The registry in the state of record. Safe from any thread."""

    def __init__(
        self,
        database: Database,
        *,
        segments: Path,
        realm: str,
        receipt_point: bytes,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._database = database
        self._segments = segments
        self._realm = realm
        self._receipt_point = receipt_point
        self._clock = clock
        self._entropy = entropy
        self._known: dict[tuple[str, int], Enrolment] = {}
        self._lock = threading.Lock()
        self.version = 0
        """Grows with every change, so that a refused sensor is tried again."""

    def issue_token(self, name: str, unit: str) -> str:
        """A new one-time token for that name and unit, good for an hour; shown once."""
        _check_name(name)
        token = base64.urlsafe_b64encode(self._entropy.take(TOKEN_BYTES)).decode().rstrip("=")
        row = (sm3.digest(token.encode()), name, unit, self._clock.now() + TOKEN_LIFE_US)
        self._database.write(
            lambda state: state.execute(
                "INSERT INTO enrolment_tokens (hash, name, unit, expires_at) VALUES (?, ?, ?, ?)",
                row,
            )
        )
        return token

    def enrol(self, token: str, name: str, *, unit: str, public_key: str, proof: str) -> Enrolled:
        """Let a sensor in, or in anew. ``public_key`` and ``proof`` are hex.

        Raises ``collector.enrolment.token_invalid`` (wrong, used, expired, or for another name or
        unit) and ``collector.enrolment.proof_invalid``.
        """
        _check_name(name)
        key = _checked_key(
            public_key,
            proof,
            proof_message(
                token_sm3=sm3.digest(token.encode()).hex(),
                name=name,
                unit=unit,
                public_key=public_key,
            ),
        )

        def job(state: sqlite3.Connection) -> Enrolment:
            used = state.execute(
                "UPDATE enrolment_tokens SET used_at = ? WHERE hash = ? AND name = ? AND unit = ? "
                "AND used_at IS NULL AND expires_at > ?",
                (self._clock.now(), sm3.digest(token.encode()), name, unit, self._clock.now()),
            )
            if used.rowcount != 1:
                raise FengsuiError(
                    "collector.enrolment.token_invalid",
                    f"the token does not enrol {name} of {unit}: it is wrong, used, older than an "
                    "hour, or for another sensor; ask for a new one",
                    sensor=name,
                )
            return self._store(state, name, unit, key)

        enrolment = self._changed(job)
        return Enrolled(
            sensor=name,
            enrolment=enrolment.number,
            realm=self._realm,
            receipt_public_key=self._receipt_point.hex(),
            last_batch=enrolment.base_number,
        )

    def add_local(self, name: str, unit: str, *, key: sm2.PublicKey) -> Enrolment:
        """Enrol a sensor of this process; with the key it has already, nothing changes."""
        found = self.find(name)
        if found and found.key == key and found.status == "active":
            return found
        return self._changed(lambda state: self._store(state, name, unit, key))

    def revoke(self, name: str) -> None:
        """Refuse the sensor's batches from now on; raises ``collector.enrolment.unknown``."""

        def job(state: sqlite3.Connection) -> None:
            done = state.execute(
                "UPDATE sensors SET status = 'revoked', revoked_at = ? WHERE name = ?",
                (self._clock.now(), name),
            )
            if done.rowcount != 1:
                raise unknown(name)

        self._changed(job)

    def all(self) -> list[Enrolment]:
        """Every sensor's current enrolment, by name."""
        with self._database.read() as state:
            rows = state.execute(f"{_SELECT} WHERE k.enrolment = s.enrolment ORDER BY s.name")
            return [_enrolment(row) for row in rows]

    def find(self, name: str) -> Enrolment | None:
        """The sensor's current enrolment, None when it has none."""
        return self._found(name, 0)

    def of_batch(self, name: str, enrolment: int) -> Enrolment:
        """The enrolment a batch names; raises ``collector.batch.unenrolled``."""
        found = self._found(name, enrolment)
        if found is None:
            raise FengsuiError(
                "collector.batch.unenrolled",
                f"{name} has no enrolment {enrolment} here: enrol it with a one-time token "
                "(`fengsui sensor token`)",
                sensor=name,
            )
        return found

    def _found(self, name: str, enrolment: int) -> Enrolment | None:
        with self._lock:
            known = self._known.get((name, enrolment))
        if known is not None:
            return known
        version = self.version
        wanted = "k.enrolment = s.enrolment" if enrolment == 0 else "k.enrolment = ?"
        with self._database.read() as state:
            row = state.execute(
                f"{_SELECT} WHERE s.name = ? AND {wanted}",
                (name,) if enrolment == 0 else (name, enrolment),
            ).fetchone()
        if row is None:
            return None
        found = _enrolment(row)
        with self._lock:
            if version == self.version:
                self._known[name, enrolment] = found
        return found

    def _changed(self, job: Callable[[sqlite3.Connection], T]) -> T:
        result = self._database.write(job)
        with self._lock:
            self.version += 1
            self._known.clear()
        return result

    def _store(
        self, state: sqlite3.Connection, name: str, unit: str, key: sm2.PublicKey
    ) -> Enrolment:
        now = self._clock.now()
        base = self._last_batch(state, name)
        state.execute(
            "INSERT INTO sensors (name, unit, realm, status, enrolment, created_at) "
            "VALUES (?, ?, ?, 'active', 1, ?) ON CONFLICT (name) DO UPDATE SET "
            "enrolment = enrolment + 1, unit = excluded.unit, status = 'active', revoked_at = NULL",
            (name, unit, self._realm, now),
        )
        state.execute(
            "INSERT INTO sensor_keys SELECT name, enrolment, ?, ?, ?, ? FROM sensors "
            "WHERE name = ?",
            (key.point, key.key_id, base, now, name),
        )
        row = state.execute(
            f"{_SELECT} WHERE s.name = ? AND k.enrolment = s.enrolment", (name,)
        ).fetchone()
        return _enrolment(row)

    def _last_batch(self, state: sqlite3.Connection, name: str) -> int:
        """Number of the last batch in the sensor's log: stored, though perhaps not indexed yet.

        Where the log is damaged, its last readable one: the rest is put aside, so that the sensor
        can go on.
        """
        row = state.execute("SELECT number FROM chains WHERE sensor = ?", (name,)).fetchone()
        return readable_end(self._segments / name, row["number"] if row else 0)


_SELECT: Final = (
    "SELECT s.name, s.unit, s.realm, s.status, s.revoked_at, k.enrolment, k.point, "
    "k.base_number, k.created_at, k.enrolment = s.enrolment AS current "
    "FROM sensors s JOIN sensor_keys k ON k.sensor = s.name"
)


def _enrolment(row: sqlite3.Row) -> Enrolment:
    return Enrolment(
        sensor=row["name"],
        unit=row["unit"],
        realm=row["realm"],
        status=row["status"],
        number=row["enrolment"],
        key=sm2.PublicKey.from_point(row["point"]),
        base_number=row["base_number"],
        current=bool(row["current"]),
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
    )


def unknown(name: str) -> FengsuiError:
    """The error for a sensor that is not in the registry."""
    return FengsuiError("collector.enrolment.unknown", f"no sensor {name} is enrolled", sensor=name)


def is_own(name: str) -> bool:
    """Whether the collector seals the chain of this name itself."""
    return name in OWN_NAMES or name.startswith(PUSH_PREFIX)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or is_own(name):
        raise FengsuiError(
            "collector.enrolment.name",
            f"{name[:80]!r} cannot be a sensor's name: 1 to 63 of a-z 0-9 . _ -, beginning with a "
            "letter or digit, and not one of the platform's own chains",
        )


def _checked_key(public_key: str, proof: str, message: bytes) -> sm2.PublicKey:
    try:
        key = sm2.PublicKey.from_point(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(proof), message, domain=PROOF_DOMAIN)
    except (CryptoError, ValueError) as error:
        raise FengsuiError(
            "collector.enrolment.proof_invalid",
            "the sensor did not prove that it holds the key it wants to enrol",
        ) from error
    return key
