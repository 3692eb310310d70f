"""Linking: what Sigma filters and correlations make of the rules of a tree.

Files are compiled one by one and kept; only filters and correlations, which name rules of other
files, are read each time. A correlation becomes a rule of the engine: the rules it names are its
steps, and a correlation among them is read by the alerts it raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from analytics.expression import Atom
from analytics.language import datasets
from analytics.language.compiler import CREDIT_CHARS_MAX, SCORES, built_text, check
from analytics.language.pipeline import LogSource, pipeline
from analytics.language.reading import refused
from analytics.patterns import AnyPattern
from analytics.rule import ALERTS, EVERYBODY, LEVELS_MAX, Rule, Step
from analytics.sigma import attack, figures, temporal
from analytics.sigma.collection import Compiler, SigmaRule
from analytics.sigma.correlation import TEMPORAL, Correlation
from schema.alert import SEVERITIES, FalsePositive
from schema.errors import FengsuiError


@dataclass(frozen=True, slots=True)
class Linked:
    """The rules as filters leave them, with what correlations add, and what is refused."""

    rules: Mapping[str, Rule]
    refused: Sequence[tuple[str, str]]
    """(path, reason)"""


def link(rules: Mapping[str, Rule], loose: Sequence[tuple[str, str, bytes]]) -> Linked:
    """Apply filters and correlations, as (path, system, bytes), to the rules of all files."""
    found = dict(rules)
    sources = pipeline()
    compiler = Compiler(sources, sources.placeholder)
    ours: dict[str, str] = {}
    for rule in rules.values():
        if rule.sigma is not None:
            ours[rule.sigma.id] = rule.id
            compiler.given(_as_sigma(rule))
    for path, _, raw in loose:
        compiler.read(path, raw)
    collection = compiler.finish()
    for one in collection.rules:
        if one.filtered_by:
            rule = found[ours[one.id]]
            (step,) = rule.steps
            step = msgspec.structs.replace(step, condition=one.condition)
            found[rule.id] = msgspec.structs.replace(rule, steps=(step,))
    refusals = [(one.path, one.reason) for one in collection.refused]
    systems = {path: system for path, system, _ in loose}
    made: dict[str, Rule] = {}
    linked: list[Correlation] = []
    for correlation in collection.correlations:
        path = compiler.paths[correlation.id]
        try:
            base = {
                name: made[name] if name in made else found[ours[name]]
                for name in correlation.rules
            }
            if correlation.id in found:
                raise refused(f"another file has id {correlation.id} too")
            rule = correlate(correlation, base, system=systems[path], lower=linked)
            check(rule)
            made[correlation.id] = rule
            linked.append(correlation)
        except KeyError as error:
            refusals.append((path, f"the rule {error.args[0]!r} it names is refused"))
        except FengsuiError as error:
            refusals.append((path, str(error.args[0])))
    for name in _silenced(linked):
        found.pop(ours.get(name, ""), None)
    return Linked({**found, **made}, refusals)


def _silenced(correlations: Sequence[Correlation]) -> set[str]:
    """Rules that fire in correlations only: named by one, and by none that lets them fire alone."""
    alone = {name for one in correlations if one.generate for name in one.rules}
    return {name for one in correlations for name in one.rules} - alone


def _as_sigma(rule: Rule) -> SigmaRule:
    assert rule.sigma is not None
    return SigmaRule(
        path="",
        id=rule.sigma.id,
        name=rule.sigma.name,
        title=rule.text.title_en,
        logsource=LogSource(
            product=rule.sigma.product, category=rule.sigma.category, service=rule.sigma.service
        ),
        datasets=rule.steps[0].datasets,
        condition=rule.steps[0].condition,
    )


def correlate(
    one: Correlation, base: Mapping[str, Rule], *, system: str, lower: Sequence[Correlation] = ()
) -> Rule:
    """The engine's rule of a correlation; ``base`` has the rules it names.

    ``lower`` has the correlations among them: they know their groups by name.

    Raises ``analytics.rule.refused``.
    """
    named = [base[name] for name in one.rules]
    severity = (
        SEVERITIES.index(one.level)
        if one.level in SEVERITIES
        else max(rule.severity for rule in named)
    )
    below = [rule.level for rule in named if rule.sigma is None]
    level = max(below, default=-1) + 1
    if level > LEVELS_MAX:
        raise refused(f"rules on rules stand at most {LEVELS_MAX} levels high")
    groups = {low.id: [group.name for group in low.group_by] for low in lower}
    steps = tuple(_step(one, base[name], name, groups) for name in one.rules)
    techniques = attack.normalise(one.tags).techniques
    return Rule(
        id=one.id,
        version="1.0.0",
        system=system,
        severity=severity,
        score=SCORES[severity],
        entity=steps[0].entity,
        suppression_us=max(one.timespan_us, *(rule.suppression_us for rule in named)),
        steps=steps,
        pattern=_pattern(one),
        techniques=techniques,
        false_positives=tuple(FalsePositive(zh=text, en=text) for text in one.falsepositives),
        text=built_text(
            one.title, one.description, techniques, [group.name for group in one.group_by]
        ),
        credit=" · ".join(filter(None, (one.author, one.license)))[:CREDIT_CHARS_MAX],
        level=level,
    )


def _pattern(one: Correlation) -> AnyPattern:
    return temporal.pattern(one) if one.kind in TEMPORAL else figures.pattern(one)


def _step(one: Correlation, base: Rule, name: str, groups: Mapping[str, Sequence[str]]) -> Step:
    """What an event, or an alert of a correlation below, must be for the rule it stands for."""
    own = groups.get(base.id, ())
    entity = tuple(_field(base, group.fields[name], own) for group in one.group_by) or (EVERYBODY,)
    values = tuple(_field(base, field, own) for field in one.fields.get(name, ()))
    if base.sigma is not None:
        (step,) = base.steps
        return msgspec.structs.replace(step, name=name, entity=entity, values=values)
    condition = Atom("rule.id", "equals", base.id)
    return Step(name=name, condition=condition, datasets=(ALERTS,), entity=entity, values=values)


def _field(base: Rule, name: str, groups: Sequence[str]) -> str:
    """The field of an event; of an alert, what a correlation below is grouped by, by any name."""
    if base.sigma is not None:
        return name
    if name in groups:
        return base.entity[groups.index(name)]
    known = datasets.field_name("", name)
    if known not in base.entity:
        raise refused(f"rule {base.id} is not grouped by {name!r}")
    return known
