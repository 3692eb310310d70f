"""Push: events a business system hands in itself, sealed here on arrival and marked so.

The collector vouches for when they came and that nobody changed them since, not for what the
system did before. A repeated batch id gets the recorded answer and stores nothing.

Clients of one unit share a chain, and a chain is of one unit: who may see what they send is who
may see that chain.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from collector import normalise
from collector.clients import Client
from collector.columns import DAYS_MAX, TIME_MAX, TIME_MIN
from collector.enrolments import PUSH_PREFIX, Enrolments
from collector.ownchain import OwnChain
from collector.state.database import Database
from crypto import sm3
from schema import limits, privacy
from schema.errors import FengsuiError
from schema.event import DATASET, GENERATION, OFFSET, SOURCE, TIME, Fields, Value, encode
from schema.fields import catalogue, is_open
from schema.ports import Clock
from schema.times import DAY, MINUTE, from_text, to_text

SENSOR: Final = "push"
LATENESS_US: Final = MINUTE
"""How old an event may be when it is pushed without being late: systems push what they gathered.
The most the design allows a source, for all the others wait for it."""

ANSWERS_KEPT_US: Final = 7 * DAY
"""A client that has not had its answer for a week sends the batch anew under another id."""

_UNIT: Final = re.compile(r"[a-z0-9._-]{1,57}")
"""A unit's name that can stand in a chain's; any other is told by its hash."""

DATASET_NAME: Final = "app.event"
SEALED_BY: Final = "gov.sensor.sealed_by"
BATCH_ID_MAX: Final = 128
_NAME_MAX: Final = 256
_NAME: Final = re.compile(rf"[@\w.\-]{{1,{_NAME_MAX}}}")
_OURS: Final = frozenset({SOURCE, GENERATION, OFFSET, SEALED_BY, "gov.app.id", "event.id"})
"""Fields only the collector fills in: what a client puts there is refused."""
FIELDS_MAX: Final = limits.FIELDS_MAX - 16
BYTES_MAX: Final = limits.EVENT_BYTES_MAX - 4096
"""Of an event as it comes: place, seal and mask add to it, and what is accepted must be let in."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """One event that was not let in."""

    index: int
    code: str
    detail: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a pushed batch."""

    accepted: int
    refused: tuple[Refused, ...]


class Push:
    """Takes events from registered clients. Safe from any thread, one batch at a time."""

    def __init__(
        self,
        chain_of: Callable[[str], OwnChain],
        database: Database,
        *,
        masker: Callable[[list[Fields]], None],
        clock: Clock,
    ) -> None:
        """``chain_of`` opens a unit's chain; ``masker`` masks what no stored event may hold."""
        self._chain_of = chain_of
        self._chains: dict[str, OwnChain] = {}
        self._database = database
        self._masker = masker
        self._clock = clock
        self._lock = threading.Lock()

    def open(self, unit: str) -> OwnChain:
        """The chain of a unit. Chains with batches are opened before anything is pushed.

        An answer is recorded before its batch is sealed: without the batch it is void.
        """
        chain = self._chains.get(unit)
        if chain is None:
            chain = self._chains[unit] = self._chain_of(unit)
            place = (chain.name, chain.number)
            self._database.write(
                lambda state: state.execute(
                    "DELETE FROM push_answers WHERE chain = ? AND number > ?", place
                )
            )
        return chain

    def push(self, client: Client, batch_id: str, events: Sequence[Fields]) -> Answer:
        """Check, mask and seal; returns once stored.

        Raises ``collector.push.batch`` for a batch that cannot be taken at all, and ``OSError``
        when the disk refuses.
        """
        _check_batch(batch_id, events)
        with self._lock:
            known = self._recorded(client, batch_id)
            if known:
                return known
            chain = self.open(client.unit)
            ready, refused = self._prepared(client, events)
            answer = Answer(accepted=len(ready), refused=tuple(refused))
            self._record(client, batch_id, answer, chain=chain if ready else None)
            if ready:
                try:
                    chain.seal(ready, source=SENSOR, place=client.id, generation=client.id)
                except BaseException:
                    self._forget(client, batch_id)
                    raise
            return answer

    def _prepared(
        self, client: Client, events: Sequence[Fields]
    ) -> tuple[list[Fields], list[Refused]]:
        ready: list[Fields] = []
        refused: list[Refused] = []
        days: set[str] = set()
        for index, event in enumerate(events):
            try:
                checked = _checked(event, self._clock.now())
                _check_day(checked, days)
                ready.append(checked)
            except FengsuiError as error:
                refused.append(Refused(index=index, code=error.code, detail=str(error.args[0])))
        for event in ready:
            event["gov.app.id"] = client.id
            event[SEALED_BY] = "collector"
        self._masker(ready)
        return ready, refused

    def _recorded(self, client: Client, batch_id: str) -> Answer | None:
        with self._database.read() as state:
            row = state.execute(
                "SELECT answer FROM push_answers WHERE client = ? AND batch_id = ?",
                (client.id, batch_id),
            ).fetchone()
        return msgspec.json.decode(row["answer"], type=Answer) if row else None

    def _record(
        self, client: Client, batch_id: str, answer: Answer, *, chain: OwnChain | None
    ) -> None:
        """``chain`` is the one the batch is sealed into, None where nothing of it is."""
        now = self._clock.now()
        row = (
            client.id,
            batch_id,
            chain.number + 1 if chain else 0,
            msgspec.json.encode(answer),
            now,
            chain.name if chain else SENSOR,
        )

        def job(state: sqlite3.Connection) -> None:
            state.execute("DELETE FROM push_answers WHERE made_at < ?", (now - ANSWERS_KEPT_US,))
            state.execute(
                "INSERT INTO push_answers (client, batch_id, number, answer, made_at, chain) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )

        self._database.write(job)

    def _forget(self, client: Client, batch_id: str) -> None:
        self._database.write(
            lambda state: state.execute(
                "DELETE FROM push_answers WHERE client = ? AND batch_id = ?",
                (client.id, batch_id),
            )
        )


def chain_name(unit: str, enrolments: Enrolments) -> str:
    """The name of a unit's chain: the first one is ``push``, further ones name their unit."""
    for one in enrolments.all():
        if one.unit == unit and (one.sensor == SENSOR or one.sensor.startswith(PUSH_PREFIX)):
            return one.sensor
    if enrolments.find(SENSOR) is None:
        return SENSOR
    told = unit if _UNIT.fullmatch(unit) else sm3.digest(unit.encode()).hex()[:16]
    return f"{PUSH_PREFIX}{told}"


def _check_batch(batch_id: str, events: Sequence[Fields]) -> None:
    if not 0 < len(batch_id) <= BATCH_ID_MAX:
        raise FengsuiError("collector.push.batch", f"a batch id has 1 to {BATCH_ID_MAX} characters")
    if privacy.find(batch_id):
        raise FengsuiError(
            "collector.push.batch", "a batch id is kept: it must not hold a person's number"
        )
    if not 0 < len(events) <= limits.BATCH_EVENTS_MAX:
        raise FengsuiError(
            "collector.push.batch",
            f"a batch holds 1 to {limits.BATCH_EVENTS_MAX} events, not {len(events)}",
            count=len(events),
        )


def _checked(event: Fields, now: int) -> Fields:
    """The event as it may be sealed; raises ``collector.push.*`` saying what is wrong with it."""
    if len(event) > FIELDS_MAX:
        raise FengsuiError("collector.push.fields", f"an event has at most {FIELDS_MAX} fields")
    checked: Fields = {TIME: to_text(now), DATASET: DATASET_NAME}
    for name, value in event.items():
        _check_name(name)
        if name == TIME:
            checked[TIME] = _time(value)
        elif name == DATASET and value != DATASET_NAME:
            raise FengsuiError(
                "collector.push.dataset", f"a pushed event's dataset is {DATASET_NAME}"
            )
        elif name in catalogue() and not normalise.fits(name, value):
            raise FengsuiError(
                "collector.push.type",
                f"{name} must be of type {catalogue()[name].type}",
                field=name,
            )
        elif isinstance(value, int) and abs(value) > normalise.INTEGER_MAX:
            raise FengsuiError(
                "collector.push.type", "an integer has at most 63 bits and a sign", field=name
            )
        else:
            known = name in catalogue() or is_open(name)
            place = name if known else f"labels.{name}"
            if place in checked and name != DATASET:
                raise FengsuiError(
                    "collector.push.field",
                    f"{name} and {place} are one field here, and there is no room for both"
                    if not known
                    else f"{name} is there twice: an unknown field of that name goes there too",
                )
            checked[place] = value
    if len(encode(checked)) > BYTES_MAX:
        raise FengsuiError("collector.push.size", f"an event has at most {BYTES_MAX} bytes")
    return checked


def _check_name(name: str) -> None:
    if name in _OURS or not _NAME.fullmatch(name):
        # Answers are kept: one must not repeat what no stored event may hold.
        shown = "a name with a person's number or a marking in it"
        raise FengsuiError(
            "collector.push.field",
            f"{shown if privacy.find(name) else repr(name[:80])} cannot be set: it is filled in "
            "here, or no name of a field",
        )


def _check_day(event: Fields, days: set[str]) -> None:
    """What lies on too many days is not let in together; refused here it can be sent again."""
    day = str(event[TIME])[: len("2026-01-31")]
    if day not in days and len(days) >= DAYS_MAX:
        raise FengsuiError(
            "collector.push.time",
            f"a batch holds events of at most {DAYS_MAX} days: send the others in another batch",
        )
    days.add(day)


def _time(value: Value) -> str:
    try:
        time_us = from_text(str(value))
    except FengsuiError as error:
        raise FengsuiError(
            "collector.push.time",
            "@timestamp must be UTC with six digits, as 2026-01-31T08:00:00.000000Z",
        ) from error
    if not TIME_MIN <= time_us < TIME_MAX:
        raise FengsuiError(
            "collector.push.time", "@timestamp must lie between the years 1990 and 2099"
        )
    return to_text(time_us)
