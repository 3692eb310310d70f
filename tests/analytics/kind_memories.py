"""Memories of rules by themselves: hits in, and when and by which of them the pattern held."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from analytics import kinds
from analytics.expression import Atom
from analytics.memory import Carried, Hit, Memory
from analytics.patterns import Pattern
from analytics.rule import Rule, Step
from schema.alert import RuleText

Raw = Sequence[tuple[int, int, tuple[Carried, ...]]]
"""(gap to the hit before, bits of the steps, carried values)"""
Held = list[tuple[int, tuple[Hit, ...]]]


def rule_of(pattern: Pattern, steps: Sequence[Step], cell_us: int = 1) -> Rule:
    return Rule(
        id="r", version="1.0.0", system="s", severity=1, score=1, entity=("a",),
        suppression_us=cell_us, steps=tuple(steps), pattern=pattern, techniques=(),
        false_positives=(),
        text=RuleText(title_zh="", title_en="", triage_zh="", triage_en=""),
    )  # fmt: skip


def named(*names: str, counts: Sequence[int] = (), values: Sequence[str] = ()) -> tuple[Step, ...]:
    return tuple(
        Step(
            name=name,
            condition=Atom("a", "exists"),
            datasets=("d",),
            count=counts[place] if counts else 1,
            values=tuple(values),
        )
        for place, name in enumerate(names)
    )


def memory(rule: Rule, dump: object = None) -> Memory:
    return kinds.of(rule.pattern).memory(rule, dump)


def stored(one: Memory) -> object:
    """What a memory dumps, as it comes back from a snapshot."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(one.dump()))


def hits_of(raw: Raw) -> list[Hit]:
    time, found = 0, []
    for place, (gap, bits, values) in enumerate(raw):
        time += gap
        found.append((time, "s", place, place.to_bytes(2, "big"), bits, values))
    return found


def push(one: Memory, hit: Hit, held: Held) -> None:
    """The deadlines before the hit, and the hit."""
    elapse(one, hit[0], held)
    if one.push(hit):
        held.extend((finding.at, finding.hits) for finding in one.findings())


def elapse(one: Memory, until: int, held: Held) -> None:
    while (due := one.due()) <= until:
        if one.elapse(due):
            held.extend((finding.at, finding.hits) for finding in one.findings())


def held_by(rule: Rule, hits: Sequence[Hit], until: int | None = None) -> Held:
    one, held = memory(rule), []
    for hit in hits:
        push(one, hit, held)
    if until is not None:
        elapse(one, until, held)
    return held


def check_snapshot(rule: Rule, hits: Sequence[Hit], half: int) -> None:
    """A memory restored midway, and a copy, go on as the one they were made of."""
    one, before = memory(rule), []
    for hit in hits[:half]:
        push(one, hit, before)
    others: list[Callable[[], Memory]] = [one.copy, lambda: memory(rule, stored(one))]
    after: list[Held] = []
    dumped = stored(one)
    for other in [make() for make in others]:
        after.append([])
        for hit in hits[half:]:
            push(other, hit, after[-1])
        elapse(other, 10**6, after[-1])
    assert stored(one) == dumped, "a copy shares what changes"
    own: Held = []
    for hit in hits[half:]:
        push(one, hit, own)
    elapse(one, 10**6, own)
    assert after == [own, own]
