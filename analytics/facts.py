"""Facts: registers and indicator lists as rules hold events against them, and as bytes.

A register is read as it was known at the event's time; of the indicator lists the state that was
effective then. The bytes hold all that was ever known of the registers, and the newest states of
the lists. Pure: what they are made from is read elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from analytics.guards import Row
from analytics.memory import NEVER
from schema.compressed import compress, decompress
from schema.errors import FengsuiError
from schema.indicators import FIELDS, NOTHING, Allowed, Indicator, IndicatorSet, Kind
from schema.registers import EMPTY, RegisterView, Statement, Table
from schema.times import MINUTE

FACTS_BYTES_MAX: Final = 512 * 1024 * 1024
"""Unpacked: a few million rows and indicators, more than a province's site holds."""

LISTS_MAX: Final = 8
"""States of the indicator lists: events behind by a few lists find what was effective then."""

KEYS_MAX: Final = 16
"""Minutes for which the keys of a register are remembered: events come in about their order."""

ANSWERS_MAX: Final = 65_536
"""Values whose indicator is remembered, so that each distinct value is looked up once."""

KINDS: Final[Mapping[str, Kind]] = {
    field: kind for kind, fields in FIELDS.items() for field in fields
}
"""What the value of a field is looked up as."""

Lists = Sequence[tuple[int, IndicatorSet]]
"""(effective from, lists), oldest first."""


class RegisterFacts:
    """What registers say, as known at each event's time."""

    def __init__(self, view: RegisterView = EMPTY) -> None:
        self.view = view
        self._keys: dict[tuple[str, int], Sequence[tuple[str, ...]]] = {}

    def known(self, register: str, time: int) -> bool:
        return self.view.known_since(register) <= time

    def row(self, register: str, key: tuple[str, ...], time: int) -> Row | None:
        found = self.view.lookup(register, key, time, time)
        return None if found is None else found.fields

    def keys(self, register: str, time: int) -> Sequence[tuple[str, ...]]:
        # Whoever looks like an entry is asked by the minute: rows of a register change by the day.
        minute = time - time % MINUTE
        found = self._keys.get((register, minute))
        if found is None:
            if len(self._keys) >= KEYS_MAX:
                self._keys.clear()
            # As at the minute's beginning, whichever of its events asks first.
            found = sorted(self.view.members(register, minute, minute))
            self._keys[register, minute] = found
        return found


class KnownFacts(RegisterFacts):
    """Registers and indicator lists that do not change any more."""

    def __init__(self, view: RegisterView = EMPTY, lists: Lists = ()) -> None:
        super().__init__(view)
        self.lists = tuple(lists)
        self._clean: dict[tuple[str, str], None] = {}
        """(field, value) that no indicator of the newest lists names at any time."""

    def confidence(self, field: str, value: str, time: int) -> int | None:
        kind = KINDS.get(field)
        if kind is None or not self.lists:
            return None
        since, newest = self.lists[-1]
        if time < since:
            lists = next((one for at, one in reversed(self.lists) if at <= time), NOTHING)
            found = lists.find(kind, value, time)
            return None if found is None else found.confidence_at(time)
        if (field, value) in self._clean:
            return None
        found = newest.find(kind, value, time)
        if found is not None:
            return found.confidence_at(time)
        if newest.find(kind, value, -NEVER) is None:
            if len(self._clean) >= ANSWERS_MAX:
                self._clean.clear()
            self._clean[field, value] = None
        return None


class _Form(msgspec.Struct, frozen=True, array_like=True):
    """Facts as bytes hold them."""

    registers: dict[str, list[Statement]]
    known_until: int
    lists: list[tuple[int, list[Indicator], list[Allowed]]]


def to_bytes(view: RegisterView, lists: Lists = ()) -> bytes:
    """The bytes of facts; equal facts have equal bytes.

    Only the newest :data:`LISTS_MAX` states of the lists are kept. Raises ``analytics.facts.large``
    for more than would be read.
    """
    form = _Form(
        {name: list(table.statements()) for name, table in sorted(view.tables.items())},
        view.known_until,
        [(since, list(one.indicators), list(one.allow_list)) for since, one in lists[-LISTS_MAX:]],
    )
    raw = msgspec.msgpack.encode(form)
    if len(raw) > FACTS_BYTES_MAX:
        raise FengsuiError(
            "analytics.facts.large",
            f"registers and indicators of {len(raw)} bytes are over the limit of {FACTS_BYTES_MAX}",
            size=len(raw),
        )
    return compress(raw)


def from_bytes(raw: bytes) -> KnownFacts:
    """The facts of these bytes; raises ``analytics.facts.malformed``."""
    try:
        form = msgspec.msgpack.decode(decompress(raw, FACTS_BYTES_MAX), type=_Form)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise FengsuiError(
            "analytics.facts.malformed", f"registers and indicators cannot be read: {error}"
        ) from error
    view = RegisterView(
        {name: Table(statements) for name, statements in form.registers.items()}, form.known_until
    )
    return KnownFacts(view, [(since, IndicatorSet(bad, good)) for since, bad, good in form.lists])
