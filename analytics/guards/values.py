"""Guards on the event's own values: a threat indicator, two fields against each other."""

from __future__ import annotations

import msgspec

from analytics.guards.comparing import Comparison, compare, number
from analytics.guards.known import Facts
from analytics.language.reading import check_count, refused
from analytics.matching.values import scalars, text_of
from schema.event import Fields


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
