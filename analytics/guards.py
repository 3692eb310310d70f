"""Guards: what a matching event is held against beside itself: registers, indicators, other fields.

Asked of candidates only, so that none of this costs an event that matches nothing. A register is
read as it was known at the event's time and for the event's time; the answer is the same in every
replay. A guard that lacks a field does not hold, and the hit is counted as unkeyed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from itertools import islice, pairwise, product
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from analytics.language.reading import check_count, refused
from analytics.matching.values import lowered, number_of, scalars, text_of
from analytics.patterns import Allowance
from schema.event import Fields, Value
from schema.times import DAY, SECOND, ZONE

Comparison: TypeAlias = Literal[
    "eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in", "covers", "not_covers"
]
"""``in``: every item of the left is among the right's; ``covers``: the other way round."""
Row: TypeAlias = Mapping[str, Value]

AGE_SECONDS_MAX: Final = 366 * 24 * 3600
"""A time more than a year away is judged as any other far one."""

_DAY_SECONDS: Final = 24 * 3600
_SATURDAY: Final = 5
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_MILLISECONDS_FROM: Final = 10**11
"""Seconds since 1970 reach it in the year 5138, milliseconds passed it in 1973."""

DISTANCE_MAX: Final = 3
"""Letters by which a look-alike may differ: with four, unrelated short names are alike."""

NAME_CHARS_MAX: Final = 253
"""Longer texts are no names (RFC 1035 bounds a domain name so) and never look alike."""

KEYS_MAX: Final = 64
"""Rows looked up for one event by lists in the fields of the key."""

NETWORK_BITS_MIN: Final = 7
"""No network of a register is wider: ``fc00::/7`` are all private addresses of IPv6."""

NETWORKS_REMEMBERED: Final = 4096
"""Addresses whose networks are remembered: a district's own ones; a row of texts of 1 KB each."""
CONSTANT: Final = "="
"""Before a part of a key that is the same for every event: no field's name begins so."""

GUARDS_MAX: Final = 8
"""Guards of one step."""


class Facts(Protocol):
    """What is known beside the events; every answer is as known at ``time``."""

    def row(self, register: str, key: tuple[str, ...], time: int) -> Row | None:
        """The register's row for the key at that event time, None where there is none."""

    def keys(self, register: str, time: int) -> Sequence[tuple[str, ...]]:
        """The keys the register holds at that event time."""

    def confidence(self, field: str, value: str, time: int) -> int | None:
        """0 to 100 where an indicator names the field's value at that time, else None."""

    def known(self, register: str, time: int) -> bool:
        """Whether the register had a version by then: without one nothing can be missing."""


class NoFacts:
    """Nothing is known: no register has a version, no indicator is loaded."""

    def row(self, register: str, key: tuple[str, ...], time: int) -> Row | None:
        del register, key, time
        return None

    def keys(self, register: str, time: int) -> Sequence[tuple[str, ...]]:
        del register, time
        return ()

    def confidence(self, field: str, value: str, time: int) -> int | None:
        del field, value, time
        return None

    def known(self, register: str, time: int) -> bool:
        del register, time
        return False


class Lookup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The register's row for the event: missing, present, or a column of it against a field.

    Without any version of the register the guard does not hold, whatever it asks. Of a list in a
    field of the key one item is enough. A part of the key that begins with ``=`` is that text.
    """

    register: str
    key: tuple[str, ...]
    expect: Literal["missing", "present"] = "present"
    column: str = ""
    op: Comparison = "eq"
    field: str = ""
    value: str | int | bool | None = None

    def fields(self) -> tuple[str, ...]:
        """Fields of the event it reads."""
        key = tuple(name for name in self.key if not name.startswith(CONSTANT))
        return (*key, self.field) if self.field else key

    def check(self) -> None:
        """Raise ``analytics.rule.refused`` for what says nothing."""
        if not self.register or not self.fields() or CONSTANT in self.key:
            raise refused("a look-up names its register and the fields of its key")
        if bool(self.column) != (bool(self.field) or self.value is not None):
            raise refused("a look-up compares a column with a field or a value, or neither")
        if self.column and self.expect == "missing":
            raise refused("a missing row has no column to compare")

    def holds(self, event: Fields, time: int, facts: Facts) -> bool | None:
        """Whether it holds; None where the event lacks a field."""
        texts = [
            [name[1:]]
            if name.startswith(CONSTANT)
            else list(map(text_of, scalars(event.get(name))))
            for name in self.key
        ]
        wanted = event.get(self.field) if self.field else self.value
        if not all(texts) or any("" in items for items in texts):
            return None
        if not facts.known(self.register, time):
            return False
        if self.column and wanted is None:
            return None
        keys = islice(product(*texts), KEYS_MAX)
        return any(self._row_holds(facts.row(self.register, key, time), wanted) for key in keys)

    def _row_holds(self, row: Row | None, wanted: Value | None) -> bool:
        if self.expect == "missing":
            return row is None
        if row is None or not self.column:
            return row is not None
        found = row.get(self.column)
        return found is not None and wanted is not None and compare(found, self.op, wanted)


class Network(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The register's row for the smallest network that holds the address in a field.

    The register's key is a network such as ``10.20.0.0/16``, or a single address as it is written.
    Otherwise as a look-up: missing, present, or a column against a field or a value.
    """

    field: str
    register: str
    expect: Literal["missing", "present"] = "present"
    column: str = ""
    op: Comparison = "eq"
    value: str | int | bool | None = None

    def fields(self) -> tuple[str, ...]:
        """Fields of the event it reads."""
        return (self.field,)

    def check(self) -> None:
        """Raise ``analytics.rule.refused`` for what says nothing."""
        if not self.register or not self.field:
            raise refused("a network guard names its register and the field with the address")
        if bool(self.column) != (self.value is not None):
            raise refused("a network guard compares a column with a value, or neither")
        if self.column and self.expect == "missing":
            raise refused("a missing row has no column to compare")

    def holds(self, event: Fields, time: int, facts: Facts) -> bool | None:
        """Whether it holds of any address in the field; None where there is none."""
        texts = [text_of(item) for item in scalars(event.get(self.field))]
        if not texts:
            return None
        if not facts.known(self.register, time):
            return False
        return any(self._row_holds(self._row(text, time, facts)) for text in texts[:KEYS_MAX])

    def _row(self, text: str, time: int, facts: Facts) -> Row | None:
        for key in _networks(text):
            row = facts.row(self.register, (key,), time)
            if row is not None:
                return row
        return None

    def _row_holds(self, row: Row | None) -> bool:
        if self.expect == "missing":
            return row is None
        if row is None or self.value is None:
            return row is not None
        found = row.get(self.column)
        return found is not None and compare(found, self.op, self.value)


class Indicator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field's value is a threat indicator of at least this confidence."""

    fields_: tuple[str, ...] = msgspec.field(name="fields")
    confidence: int = 50

    def fields(self) -> tuple[str, ...]:
        """None has to be there."""
        return ()

    def check(self) -> None:
        """Raise ``analytics.rule.refused`` for what says nothing."""
        if not self.fields_ or not 0 <= self.confidence <= 100:
            raise refused("an indicator guard names fields and a confidence from 0 to 100")

    def holds(self, event: Fields, time: int, facts: Facts) -> bool | None:
        """Whether any of the fields' values is an indicator."""
        for name in self.fields_:
            value = event.get(name)
            for item in scalars(value):
                confidence = facts.confidence(name, text_of(item), time)
                if confidence is not None and confidence >= self.confidence:
                    return True
        return False


class Compare(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two fields of the event against each other; ``factor`` (percent) scales the right one."""

    left: str
    op: Comparison
    right: str
    factor: int = 100

    def fields(self) -> tuple[str, ...]:
        """Fields of the event it reads."""
        return (self.left, self.right)

    def check(self) -> None:
        """Raise ``analytics.rule.refused`` for what says nothing."""
        check_count(self.factor, "compare.factor", at_most=1_000_000)

    def holds(self, event: Fields, time: int, facts: Facts) -> bool | None:
        """Whether the comparison holds; None where a field is lacking."""
        del time, facts
        left, right = event.get(self.left), event.get(self.right)
        if left is None or right is None:
            return None
        if self.factor != 100:
            numbers = number(left), number(right)
            if numbers[0] is None or numbers[1] is None:
                return False
            return compare(numbers[0] * 100, self.op, numbers[1] * self.factor)
        return compare(left, self.op, right)


class Distance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The field's text is not in the register, but differs from an entry by a few letters only."""

    field: str
    register: str
    at_most: int = 2

    def fields(self) -> tuple[str, ...]:
        """Fields of the event it reads."""
        return (self.field,)

    def check(self) -> None:
        """Raise ``analytics.rule.refused`` for what says nothing."""
        check_count(self.at_most, "distance.at_most", at_most=DISTANCE_MAX)

    def holds(self, event: Fields, time: int, facts: Facts) -> bool | None:
        """Whether it looks like an entry and is none."""
        value = event.get(self.field)
        if value is None:
            return None
        text = str(value).lower()
        if len(text) > NAME_CHARS_MAX:
            return False
        names = {key[0].lower() for key in facts.keys(self.register, time)}
        if text in names:
            return False
        pieces = _pieces(text, self.at_most + 1)
        return any(
            any(piece in name for piece in pieces) and _near(text, name, self.at_most)
            for name in names
        )


class Age(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a time the event carries lies from the event's own, in whole seconds.

    The field holds an RFC 3339 text (east-eighth zone where it names none) or a number of seconds
    or milliseconds since 1970.
    """

    field: str
    op: Literal["gt", "lt"]
    seconds: int

    def fields(self) -> tuple[str, ...]:
        """Fields of the event it reads."""
        return (self.field,)

    def check(self) -> None:
        """Raise ``analytics.rule.refused`` for what says nothing."""
        check_count(self.seconds, "age.seconds", at_most=AGE_SECONDS_MAX)

    def holds(self, event: Fields, time: int, facts: Facts) -> bool | None:
        """Whether the time lies further away, or nearer; what is no time is further than any."""
        del facts
        value = event.get(self.field)
        if value is None:
            return None
        moment = _moment(value)
        if moment is None:
            return self.op == "gt"
        away = abs(moment - time) // SECOND
        return away > self.seconds if self.op == "gt" else away < self.seconds


class Dated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many days before the event the date in a column of the register's row lies.

    A date is its beginning in the east-eighth zone. Without a row, or without a date in it, the
    guard does not hold: what has no known beginning is neither new nor old.
    """

    register: str
    key: tuple[str, ...]
    column: str
    op: Literal["gt", "lt"]
    days: int

    def fields(self) -> tuple[str, ...]:
        """Fields of the event it reads."""
        return self.key

    def check(self) -> None:
        """Raise ``analytics.rule.refused`` for what says nothing."""
        if not self.register or not self.key or not self.column:
            raise refused("a dated guard names its register, the fields of its key and a column")
        check_count(self.days, "dated.days", at_most=AGE_SECONDS_MAX // _DAY_SECONDS)

    def holds(self, event: Fields, time: int, facts: Facts) -> bool | None:
        """Whether the date lies further back, or nearer; None where a field of the key lacks."""
        key = tuple(text_of(next(iter(scalars(event.get(name))), "")) for name in self.key)
        if "" in key:
            return None
        row = facts.row(self.register, key, time)
        told = row.get(self.column) if row is not None else None
        moment = _moment(told) if told is not None else None
        if moment is None:
            return False
        away = time - moment
        length = self.days * DAY
        return away > length if self.op == "gt" else away < length


class Calendar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the event's time is working time by a register of days, in the east-eighth zone.

    A row has ``day``, ``working`` and, where the day has hours of its own, ``opens`` and
    ``closes``. Days without a row: Monday to Friday from ``opens`` to ``closes`` of the guard.
    """

    expect: Literal["working", "closed"]
    register: str = "calendar"
    opens: str = "09:00"
    closes: str = "18:00"

    def fields(self) -> tuple[str, ...]:
        """It reads the event's time only."""
        return ()

    def check(self) -> None:
        """Raise ``analytics.rule.refused`` for what says nothing."""
        if not (_CLOCK.fullmatch(self.opens) and _CLOCK.fullmatch(self.closes)):
            raise refused("opens and closes are times of day such as 09:00")

    def holds(self, event: Fields, time: int, facts: Facts) -> bool | None:
        """Whether it is."""
        del event
        moment = datetime.fromtimestamp(time // SECOND, ZONE)
        row = facts.row(self.register, (moment.date().isoformat(),), time) or {}
        working = bool(row.get("working", moment.weekday() < _SATURDAY))
        opens, closes = str(row.get("opens") or self.opens), str(row.get("closes") or self.closes)
        inside = working and opens <= moment.strftime("%H:%M") < closes
        return inside is (self.expect == "working")


class Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of ``where`` in a rule file: exactly one of these."""

    lookup: Lookup | None = None
    network: Network | None = None
    indicator: Indicator | None = None
    compare: Compare | None = None
    distance: Distance | None = None
    age: Age | None = None
    dated: Dated | None = None
    calendar: Calendar | None = None


Guard: TypeAlias = Lookup | Network | Indicator | Compare | Distance | Age | Dated | Calendar


def read(given: Sequence[Given]) -> tuple[Given, ...]:
    """The guards of a step, checked; raises ``analytics.rule.refused``."""
    if len(given) > GUARDS_MAX:
        raise refused(f"a step has at most {GUARDS_MAX} guards")
    for one in given:
        guard_of(one).check()
    return tuple(given)


def guard_of(given: Given) -> Guard:
    """The one guard of an entry; raises ``analytics.rule.refused``."""
    found = [one for name in given.__struct_fields__ if (one := getattr(given, name))]
    if len(found) != 1:
        raise refused(f"an entry of where has one of {', '.join(given.__struct_fields__)}")
    guard: Guard = found[0]
    return guard


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards of a rule's steps, ready to be asked."""

    by_step: tuple[tuple[int, tuple[Guard, ...]], ...]
    """(bit of the step, its guards), for the steps that have some"""

    def keep(self, steps: int, event: Fields, time: int, facts: Facts) -> tuple[int, bool]:
        """The bits of the steps whose guards all hold, and whether one lacked a field."""
        lacking = False
        for bit, guards in self.by_step:
            if steps & bit:
                for guard in guards:
                    held = guard.holds(event, time, facts)
                    if not held:
                        lacking = lacking or held is None
                        steps &= ~bit
                        break
        return steps, lacking


@lru_cache(maxsize=NETWORKS_REMEMBERED)
def _networks(text: str) -> tuple[str, ...]:
    """The address itself and every network that may hold it, the smallest first."""
    try:
        address = ip_address(text)
    except ValueError:
        return (text,) if text else ()
    number = int(address)
    found = [str(address)]
    for length in range(address.max_prefixlen, NETWORK_BITS_MIN - 1, -1):
        away = address.max_prefixlen - length
        found.append(f"{type(address)(number >> away << away)}/{length}")
    return tuple(found)


def allowed_by(
    allowance: Allowance, event: Fields, time: int, facts: Facts
) -> tuple[int | None, bool]:
    """What the register's row allows, and whether the event lacks a field of the key.

    Without a row, or with no number in it, nothing is allowed or forbidden: None.
    """
    key = tuple(text_of(next(iter(scalars(event.get(name))), "")) for name in allowance.key)
    if "" in key:
        return None, True
    row = facts.row(allowance.register, key, time)
    found = row.get(allowance.column) if row is not None else None
    return (None if found is None or isinstance(found, bool) else number(found)), False


def _moment(value: Value) -> int | None:
    """Microseconds of a time as an event carries it."""
    written = number(value)
    if written is not None:
        return written * 1000 if abs(written) >= _MILLISECONDS_FROM else written * SECOND
    try:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZONE)
        return int(moment.timestamp()) * SECOND
    except (ValueError, OverflowError):
        return None


def number(value: Value | Sequence[str]) -> int | None:
    """The value as a number, as conditions read it; None where it is none."""
    return number_of(str(value), value) if isinstance(value, str | int) else None


_ORDERS: Final[dict[str, Callable[[int, int], bool]]] = {
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
}


def compare(left: Value, op: Comparison, right: Value) -> bool:
    """Numbers where both sides are, texts without regard to case else; lists for ``in``."""
    if op in ("covers", "not_covers"):
        return compare(right, "in" if op == "covers" else "not_in", left)
    if op in ("in", "not_in"):
        among = {_text(item) for item in (right if isinstance(right, list) else (right,))}
        inside = all(_text(item) in among for item in (left if isinstance(left, list) else (left,)))
        return inside is (op == "in")
    if op in _ORDERS:
        numbers = number(left), number(right)
        return numbers[0] is not None and numbers[1] is not None and _ORDERS[op](*numbers)  # type: ignore[arg-type] # neither is None
    return (_text(left) == _text(right)) is (op == "eq")


def _text(value: Value) -> str:
    return lowered(str(value) if isinstance(value, list) else text_of(value))


def _pieces(text: str, count: int) -> list[str]:
    """The text in so many parts: an edit touches one, so of more parts than edits one stands."""
    size, more = divmod(len(text), count)
    ends = [size * number + min(number, more) for number in range(count + 1)]
    return [text[begin:end] for begin, end in pairwise(ends)]


def _near(left: str, right: str, at_most: int) -> bool:
    """Whether so few insertions, deletions and changes of a letter lead from one to the other."""
    if abs(len(left) - len(right)) > at_most:
        return False
    before = list(range(len(right) + 1))
    for place, char in enumerate(left, 1):
        row = [place]
        for other, seen in enumerate(right, 1):
            row.append(min(before[other] + 1, row[-1] + 1, before[other - 1] + (char != seen)))
        if min(row) > at_most:
            return False
        before = row
    return before[-1] <= at_most
