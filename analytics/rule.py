"""Rule: a detection as the engine evaluates it, whatever format it was written in.

Every rule has steps, each a question to one event, and a pattern that says what the hits of one
entity must look like over time. What the kinds remember is in :mod:`analytics.kinds`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final

import msgspec

from analytics.expression import Node, atoms
from analytics.guards import Given, Guards, guard_of
from analytics.patterns import Allowance, AnyPattern
from crypto import sm3
from schema.alert import FalsePositive, RuleText, UseCase
from schema.alert import Rule as RuleListing

STEPS_MAX: Final = 16

_NO_TEXT: Final = RuleText(title_zh="", title_en="", triage_zh="", triage_en="")

NO_ENTITY: Final = "event.id"
"""The entity field of a rule without one: every event is its own entity."""

EVERYBODY: Final = "*"
"""The entity field of a rule that takes all events together."""

ALERTS: Final = "fengsui.alert"
"""The dataset of a rule on rules: the final alerts of other rules, as events."""

LEVELS_MAX: Final = 4
"""Rules on rules on rules: each level waits for the one below to be final."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What must be seen, how often, and what of the event the pattern must know."""

    name: str
    condition: Node
    zh: str = ""
    """Its Chinese name."""
    datasets: tuple[str, ...]
    count: int = 1
    entity: tuple[str, ...] = ()
    """Fields that name the entity in this step's events, where they are not the rule's."""
    values: tuple[str, ...] = ()
    """Fields carried with each hit; a hit without one of them is counted as unkeyed."""
    where: tuple[Given, ...] = ()
    """What the event must also meet beside the condition."""


class SigmaSource(msgspec.Struct, frozen=True, kw_only=True):
    """What filters and correlations know a Sigma rule by."""

    id: str
    name: str = ""
    product: str = ""
    category: str = ""
    service: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A loaded rule. Times in microseconds."""

    id: str
    version: str
    system: str
    severity: int
    score: int
    entity: tuple[str, ...]
    """Fields that tell entities apart; empty where every event is its own."""
    suppression_us: int
    steps: tuple[Step, ...]
    pattern: AnyPattern
    techniques: tuple[str, ...]
    false_positives: tuple[FalsePositive, ...]
    text: RuleText
    use_case: UseCase | None = None
    """The case of misuse it finds, of the shipped catalogue."""
    credit: str = ""
    """Author and licence of an imported rule, as its file names them."""
    sigma: SigmaSource | None = None
    """Of a plain Sigma rule."""
    level: int = 0
    """0 for rules on events; one more than the rules whose alerts it reads."""

    @property
    def kind(self) -> str:
        """The key of its pattern in a rule file; ``event`` for a rule without one."""
        return str(self.pattern.__struct_config__.tag)

    @property
    def major(self) -> int:
        """The part of the version that belongs to an alert's identity."""
        return int(self.version.split(".", 1)[0])

    @cached_property
    def entity_field(self) -> str:
        """The entity's fields as an alert names them, joined by ``+``."""
        return "+".join(self.entity) or NO_ENTITY

    @cached_property
    def stamp(self) -> str:
        """Tells this form of the rule from every other: state is kept for it alone.

        What people read of it makes no difference.
        """
        steps = tuple(msgspec.structs.replace(step, zh="") for step in self.steps)
        judged = msgspec.structs.replace(
            self, system="", steps=steps, techniques=(), false_positives=(), text=_NO_TEXT,
            use_case=None, credit="", sigma=None,
        )  # fmt: skip
        return sm3.digest(msgspec.msgpack.encode(judged)).hex()[:16]

    @cached_property
    def guards(self) -> Guards | None:
        """The guards of its steps; None where there are none."""
        found = tuple(
            (1 << place, tuple(map(guard_of, step.where)))
            for place, step in enumerate(self.steps)
            if step.where
        )
        return Guards(found) if found else None

    @cached_property
    def allowance(self) -> Allowance | None:
        """What of a register each of its hits carries; None where its kind asks for nothing."""
        found: Allowance | None = getattr(self.pattern, "allowance", None)
        return found

    def datasets(self) -> set[str]:
        """All datasets its steps are asked of."""
        return {dataset for step in self.steps for dataset in step.datasets}

    def fields(self) -> Iterator[str]:
        """Every field the rule looks at; the empty name where it looks at all of them."""
        yield from self.entity
        if self.allowance:
            yield from self.allowance.key
        for step in self.steps:
            yield from step.entity
            yield from step.values
            for given in step.where:
                yield from guard_of(given).fields()
                if given.indicator:
                    yield from given.indicator.fields_
            for atom in atoms(step.condition):
                yield atom.field
                if atom.op.endswith("_as"):
                    yield str(atom.value)

    def listing(self) -> RuleListing:
        """The rule as lists and pages show it."""
        return RuleListing(
            id=self.id,
            version=self.version,
            severity=self.severity,
            system=self.system,
            kind=self.kind,
            techniques=self.techniques,
            false_positives=self.false_positives,
            text=self.text,
            use_case=self.use_case,
        )


def entity_name(values: tuple[str, ...]) -> str:
    """One name for the values of the entity's fields; different values, different names."""
    if len(values) == 1:
        return values[0]
    return "+".join(value.replace("\\", "\\\\").replace("+", "\\+") for value in values)


def entity_values(name: str, count: int) -> tuple[str, ...]:
    """The values :func:`entity_name` made ``name`` from."""
    if count == 1:
        return (name,)
    values, current, escaped = [], "", False
    for char in name:
        if escaped or char not in "\\+":
            current, escaped = current + char, False
        elif char == "\\":
            escaped = True
        else:
            values.append(current)
            current = ""
    return (*values, current)
