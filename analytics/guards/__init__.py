"""Guards: what a matching event is held against beside itself: registers, indicators, other fields.

Asked of candidates only, so that none of this costs an event that matches nothing. A register is
read as it was known at the event's time and for the event's time; the answer is the same in every
replay. A guard that lacks a field does not hold, and the hit is counted as unkeyed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from analytics.guards.comparing import Comparison, compare, number
from analytics.guards.known import Facts, NoFacts, Row
from analytics.guards.moments import Age, Calendar, Dated
from analytics.guards.registers import Distance, Lookup, Network, allowed_by
from analytics.guards.values import Compare, Indicator
from analytics.language.reading import refused
from schema.event import Fields

__all__ = [
    "Age", "Calendar", "Compare", "Comparison", "Dated", "Distance", "Facts", "Given", "Guard",
    "Guards", "Indicator", "Lookup", "Network", "NoFacts", "Row", "allowed_by", "compare",
    "guard_of", "number", "read",
]  # fmt: skip


GUARDS_MAX: Final = 8
"""Guards of one step."""


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
