"""Coverage: for each minute of event time what was evaluated, so that no miss is silent.

Rows are increments: the reader adds counts and keeps the greatest lag. One row for each (sensor,
dataset) and minute; rows with a rule say what happened to that rule.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from schema.coverage import CoverageRow, Missed
from schema.times import MINUTE

MISSED_MAX: Final = 100_000
"""Rules and entities whose missed events are told apart between two steps, some 30 MB; past it a
rule's entities are missed together."""

_Counts: TypeAlias = list[int]
"""events, late, too_late, unkeyed, evicted, greatest lag"""


class Coverage:
    """Increments since last taken."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, str, str, str], _Counts] = {}
        self._missed: dict[tuple[str, str, str], list[int]] = {}
        """First and last event time and number, by rule, entity and sensor."""

    def _row(self, time: int, sensor: str, dataset: str, rule: str) -> _Counts:
        key = (time - time % MINUTE, sensor, dataset, rule)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = [0, 0, 0, 0, 0, 0]
        return row

    def source(self, time: int, sensor: str, dataset: str, received_at: int) -> _Counts:
        """The counts of the minute that holds ``time``; the caller adds to them."""
        row = self._row(time, sensor, dataset, "")
        row[5] = max(row[5], received_at - time)
        return row

    def unkeyed(self, time: int, rule: str) -> None:
        """A match without a value for the rule's entity or distinct field."""
        self._row(time, "", "", rule)[3] += 1

    def evicted(self, time: int, rule: str, count: int) -> None:
        """Keys of a rule that had to go."""
        self._row(time, "", "", rule)[4] += count

    def missed(self, rule: str, entity: str, *, sensor: str, time: int) -> None:
        """An event that matched the rule and came too late for the entity."""
        self._row(time, "", "", rule)[2] += 1
        if len(self._missed) >= MISSED_MAX:
            entity = ""
        seen = self._missed.setdefault((rule, entity, sensor), [time, time, 0])
        seen[0], seen[1], seen[2] = min(seen[0], time), max(seen[1], time), seen[2] + 1

    def __bool__(self) -> bool:
        """Whether there is anything to take."""
        return bool(self._rows or self._missed)

    def take_missed(self) -> list[Missed]:
        """What was missed since last asked, in a fixed order."""
        found = [
            Missed(
                rule_id=rule, entity=entity, sensor=sensor, first_at=first, last_at=last, events=n
            )
            for (rule, entity, sensor), (first, last, n) in sorted(self._missed.items())
        ]
        self._missed.clear()
        return found

    def take(self) -> list[CoverageRow]:
        """The increments since last taken, in a fixed order."""
        rows = [
            CoverageRow(
                minute=minute,
                sensor=sensor,
                dataset=dataset,
                rule=rule,
                events=counts[0],
                late=counts[1],
                too_late=counts[2],
                unkeyed=counts[3],
                evicted=counts[4],
                lag_max_us=counts[5],
            )
            for (minute, sensor, dataset, rule), counts in sorted(self._rows.items())
        ]
        self._rows.clear()
        return rows

    def add(self, rows: tuple[CoverageRow, ...]) -> None:
        """Put back rows that were not taken before a snapshot."""
        for row in rows:
            counts = self._row(row.minute, row.sensor, row.dataset, row.rule)
            added = (row.events, row.late, row.too_late, row.unkeyed, row.evicted)
            for place, value in enumerate(added):
                counts[place] += value
            counts[5] = max(counts[5], row.lag_max_us)
