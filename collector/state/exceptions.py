"""Exceptions: alerts people chose not to be shown, with reason, owner, units and an end.

They are looked up when alerts are read, so nothing about an alert is ever changed or lost: what
an exception hides comes back when it expires or is revoked. One hides an alert only if every
sensor the alert rests on is of its units, as one sees an alert only with all of them.

Errors: ``collector.exception.{entity,network,wide,reason,owner,units,expiry,limit,unknown,over}``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_interface, ip_network
from typing import Final

from collector.state.alertfilter import seen_by
from collector.state.database import Database
from collector.state.inforce import EVERY, ExceptionMark, InForce, StoredException
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.times import DAY

IN_FORCE_MAX: Final = 500
"""More than a site can keep an eye on; each is compared with every alert that is read."""
DAYS_MAX: Final = 400
"""A year and a month: an exception is thought about again at least once a year."""
ENTITY_CHARS_MAX: Final = 512
REASON_CHARS_MAX: Final = 1000
OWNER_CHARS_MAX: Final = 64
UNITS_MAX: Final = 64
"""Units one exception names; who has more has every unit."""
SHOWN_MAX: Final = 1000
"""Those in force, and as many past ones as people page through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionDraft:
    """What somebody wants hidden: a rule (``*`` for every one) and an entity of its alerts."""

    rule_id: str
    entity: str
    """A value exactly as alerts show it, a network such as 10.0.0.0/8, or ``*``."""
    units: tuple[str, ...]
    reason: str
    owner: str
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedException:
    """An exception and how many alerts it hides at present, withdrawn ones left out."""

    exception: StoredException
    in_force: bool
    hidden: int


class Exceptions:
    """The exceptions of a site; ``clock`` is the wall's, for people decide in their own time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known = InForce((), {})

    def in_force(self, state: sqlite3.Connection) -> InForce:
        """What hides alerts right now, ready to be asked by statements on this connection."""
        rows = _read(
            state,
            "revoked_at IS NULL AND expires_at > ? ORDER BY id LIMIT ?",
            (self._clock.now(), IN_FORCE_MAX),
        )
        units = _units_of_sensors(state) if rows else {}
        known = self._known
        if (known.rows, known.units) != (rows, units):
            # Kept between readings: what it has found out about entities stays true.
            known = self._known = InForce(rows, units)
        return known

    def create(self, draft: ExceptionDraft, *, exception_id: str, by: str) -> StoredException:
        """Hide from now on what the draft describes."""
        now = self._clock.now()
        made = _made(_checked(draft, now), id=exception_id, by=by, at=now)
        _check_words(made)

        def job(state: sqlite3.Connection) -> None:
            standing: int = state.execute(
                "SELECT count(*) FROM exceptions WHERE revoked_at IS NULL AND expires_at > ?",
                (now,),
            ).fetchone()[0]
            if standing >= IN_FORCE_MAX:
                raise FengsuiError(
                    "collector.exception.limit",
                    f"{IN_FORCE_MAX} exceptions are in force, which is the limit: revoke some, "
                    "or change the rule instead",
                    limit=IN_FORCE_MAX,
                )
            state.execute(
                "INSERT INTO exceptions (id, rule_id, entity, reason, owner, created_by, "
                "created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    made.id, made.rule_id, made.entity, made.reason, made.owner, by, now,
                    made.expires_at,
                ),
            )  # fmt: skip
            state.executemany(
                "INSERT INTO exception_units (exception_id, unit) VALUES (?, ?)",
                [(made.id, unit) for unit in made.units],
            )

        self._database.write(job)
        return made

    def get(self, exception_id: str) -> StoredException:
        """One exception; raises ``collector.exception.unknown``."""
        with self._database.read() as state:
            return _one(state, exception_id)

    def revoke(self, exception_id: str, *, by: str) -> StoredException:
        """Show again what it hides; raises ``.unknown`` or, for one that is over, ``.over``."""
        now = self._clock.now()

        def job(state: sqlite3.Connection) -> StoredException:
            found = _one(state, exception_id)
            if not found.in_force(now):
                raise FengsuiError(
                    "collector.exception.over",
                    f"exception {exception_id} hides nothing any more: it has expired or was "
                    "revoked",
                    id=exception_id,
                )
            state.execute(
                "UPDATE exceptions SET revoked_by = ?, revoked_at = ? WHERE id = ?",
                (by, now, exception_id),
            )
            return replace(found, revoked_by=by, revoked_at=now)

        return self._database.write(job)

    def counted(self, visible: frozenset[str] | None = None) -> list[CountedException]:
        """Those in force, then past ones, newest first, at most a thousand.

        ``visible`` are the sensors whose alerts are counted, None for all.
        """
        now = self._clock.now()
        seen, values = seen_by(visible)
        with self._database.read() as state:
            rows = _read(
                state,
                "1 ORDER BY revoked_at IS NULL AND expires_at > ? DESC, created_at DESC, id DESC "
                "LIMIT ?",
                (now, SHOWN_MAX),
            )
            expression = self.in_force(state).asked_by(state)
            hidden: dict[str, int] = dict(
                state.execute(
                    f"SELECT {expression} AS exception, count(*) FROM alerts a "
                    f"WHERE a.state <> 'withdrawn' AND {seen} GROUP BY exception",
                    values,
                ).fetchall()
            )
        return [
            CountedException(
                exception=one, in_force=one.in_force(now), hidden=hidden.get(one.id, 0)
            )
            for one in rows
        ]

    def changed_at(self) -> int:
        """When what is hidden last changed by an exception made, revoked or expired; 0 never."""
        with self._database.read() as state:
            found: int = state.execute(
                "SELECT max(ifnull(max(created_at), 0), ifnull(max(revoked_at), 0), "
                "ifnull(max(CASE WHEN expires_at <= ? THEN expires_at END), 0)) FROM exceptions",
                (self._clock.now(),),
            ).fetchone()[0]
        return found


def trial(state: sqlite3.Connection, draft: ExceptionDraft, now: int) -> InForce:
    """The draft alone, as if in force; raises as for one that cannot be created.

    Its reason and owner may still be missing.
    """
    one = _made(_checked(draft, now), id="", by="", at=now)
    return InForce((one,), _units_of_sensors(state))


def mark_of(one: StoredException) -> ExceptionMark:
    """What is shown at an alert the exception hides."""
    return ExceptionMark(id=one.id, reason=one.reason, owner=one.owner, expires_at=one.expires_at)


def _checked(draft: ExceptionDraft, now: int) -> ExceptionDraft:
    if not draft.rule_id or not draft.entity or len(draft.entity) > ENTITY_CHARS_MAX:
        raise FengsuiError(
            "collector.exception.entity",
            f"an exception names a rule and an entity of at most {ENTITY_CHARS_MAX} characters",
            limit=ENTITY_CHARS_MAX,
        )
    entity = _entity(draft.entity)
    if draft.rule_id == EVERY and (entity == EVERY or entity.endswith("/0")):
        raise FengsuiError(
            "collector.exception.wide",
            "an exception to every rule names one entity or a network: everything at once is "
            "never hidden",
        )
    if not draft.units or len(draft.units) > UNITS_MAX or "" in draft.units:
        raise FengsuiError(
            "collector.exception.units",
            f"an exception names the units whose alerts it hides: 1 to {UNITS_MAX}, or *",
            limit=UNITS_MAX,
        )
    if not now < draft.expires_at <= now + DAYS_MAX * DAY:
        raise FengsuiError(
            "collector.exception.expiry",
            f"an exception ends in the future, and within {DAYS_MAX} days",
            days=DAYS_MAX,
        )
    units = (EVERY,) if EVERY in draft.units else tuple(sorted(set(draft.units)))
    return replace(draft, entity=entity, units=units)


def _entity(text: str) -> str:
    """A network in its one form; anything else as it is.

    Raises for an address with bits beyond its prefix: whether the one or all are meant is not
    ours to guess.
    """
    try:
        meant = ip_interface(text)
    except ValueError:
        return text
    if "/" not in text:
        return text
    network = ip_network(text, strict=False)
    if meant.ip != network.network_address:
        raise FengsuiError(
            "collector.exception.network",
            f"{text} is no network: write {network}, or {meant.ip} for the one address",
            entity=text,
            network=str(network),
            address=str(meant.ip),
        )
    return str(network)


def _check_words(made: StoredException) -> None:
    if not 1 <= len(made.reason) <= REASON_CHARS_MAX:
        raise FengsuiError(
            "collector.exception.reason",
            f"an exception says why, in 1 to {REASON_CHARS_MAX} characters",
            limit=REASON_CHARS_MAX,
        )
    if not 1 <= len(made.owner) <= OWNER_CHARS_MAX:
        raise FengsuiError(
            "collector.exception.owner",
            f"an exception names who answers for it, in 1 to {OWNER_CHARS_MAX} characters",
            limit=OWNER_CHARS_MAX,
        )


def _made(draft: ExceptionDraft, *, id: str, by: str, at: int) -> StoredException:  # noqa: A002 - its name
    return StoredException(
        id=id,
        rule_id=draft.rule_id,
        entity=draft.entity,
        units=draft.units,
        reason=draft.reason.strip(),
        owner=draft.owner.strip(),
        created_by=by,
        created_at=at,
        expires_at=draft.expires_at,
        revoked_by=None,
        revoked_at=None,
    )


def _one(state: sqlite3.Connection, exception_id: str) -> StoredException:
    found = _read(state, "id = ?", (exception_id,))
    if not found:
        raise FengsuiError(
            "collector.exception.unknown",
            f"there is no exception {exception_id[:64]}",
            id=exception_id[:64],
        )
    return found[0]


def _read(
    state: sqlite3.Connection, condition: str, values: Sequence[int | str]
) -> tuple[StoredException, ...]:
    rows = state.execute(
        "SELECT *, (SELECT json_group_array(unit) FROM (SELECT unit FROM exception_units u "
        f"WHERE u.exception_id = e.id ORDER BY unit)) AS units FROM exceptions e WHERE {condition}",
        values,
    )
    return tuple(StoredException.of(row) for row in rows)


def _units_of_sensors(state: sqlite3.Connection) -> dict[str, str]:
    return dict(state.execute("SELECT name, unit FROM sensors").fetchall())
