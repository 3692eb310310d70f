"""Guards that ask the registers: a row, an address's network, a name that looks like one."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from itertools import islice, pairwise, product
from typing import Final, Literal

import msgspec

from analytics.guards.comparing import Comparison, compare, number
from analytics.guards.known import Facts, Row
from analytics.language.reading import check_count, refused
from analytics.matching.values import scalars, text_of
from analytics.patterns import Allowance
from schema.event import Fields, Value

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
