"""Compiler: from a rule file to a :class:`analytics.rule.Rule`, or the reason why not."""

from __future__ import annotations

import re
from typing import Final

from analytics import datasets, document, sigma
from analytics.document import OwnRule, SigmaHead, refused
from analytics.expression import Node, atoms, conjunction
from analytics.matching.values import RELATED, atom_test
from analytics.rule import NO_ENTITY, Kind, ModelSpec, Rule, Step
from schema.alert import SEVERITIES, FalsePositive, RuleText

_SCORES: Final = (10, 25, 50, 75, 95)
"""Score of a Sigma rule that names none, by its level."""

_IDENTITY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VERSION: Final = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
_EVENT_WITHIN_US: Final = 1
"""An event rule looks at one moment."""


def compile_file(raw: bytes, system: str) -> Rule:
    """The rule of one file; raises ``analytics.rule.refused`` with the reason."""
    plain = document.read(raw)
    try:
        rule = (
            _compile_own(document.typed(plain, OwnRule, raw), system)
            if "format" in plain
            else _compile_sigma(plain, document.typed(plain, SigmaHead, raw), system)
        )
        _check(rule)
    except RecursionError as error:
        raise refused("its condition is nested too deeply") from error
    return rule


def _check(rule: Rule) -> None:
    if not _IDENTITY.fullmatch(rule.id):
        raise refused(f"id {rule.id[:40]!r} is not letters, digits, '.', '_' and '-'")
    if not _VERSION.fullmatch(rule.version):
        raise refused(f"version {rule.version[:40]!r} is not major.minor.patch")
    if not 0 <= rule.score <= 100:
        raise refused(f"score {rule.score} is not from 0 to 100")
    for name in (rule.entity, rule.distinct):
        if name and datasets.field_name("", name) is None:
            raise refused(f"no field {name!r} in the catalogue")
    for step in rule.steps:
        for atom in atoms(step.condition):
            if atom.op not in RELATED:
                atom_test(atom)


def _dataset(source: document.LogSource) -> str:
    found = datasets.dataset_of(
        product=source.product, category=source.category, service=source.service
    )
    if found is None:
        named = "/".join(filter(None, (source.product, source.category, source.service)))
        raise refused(f"no source here delivers the log source {named or '(empty)'}")
    return found


def _condition(detection: dict[str, object], source: document.LogSource, dataset: str) -> Node:
    node = sigma.compile_detection(
        detection,  # type: ignore[arg-type] # plain YAML, checked by pySigma
        lambda name: datasets.field_name(dataset, name),
    )
    only = datasets.restriction(source.service)
    return conjunction((only, node)) if only else node


def _compile_sigma(plain: dict[str, document.Plain], head: SigmaHead, system: str) -> Rule:
    sigma.check_rule(
        {key: value for key, value in plain.items() if key not in ("fengsui", "falsepositives")}
    )
    dataset = _dataset(head.logsource)
    severity = SEVERITIES.index(head.level)
    own = head.fengsui
    causes = tuple(
        FalsePositive(zh=cause, en=cause) if isinstance(cause, str) else cause
        for cause in head.falsepositives or ()
    )
    return Rule(
        id=own.id if own else head.id,
        version=own.version if own else "1.0.0",
        system=system,
        kind="event",
        severity=severity,
        score=own.score if own else _SCORES[severity],
        entity=(own.entity if own else "") or NO_ENTITY,
        suppression_us=document.duration_us(own.suppression if own else "1h", "suppression"),
        within_us=_EVENT_WITHIN_US,
        distinct="",
        datasets=(dataset,),
        steps=(_event_step(_condition(head.detection, head.logsource, dataset)),),
        model=None,
        techniques=tuple(
            tag.removeprefix("attack.").upper() for tag in head.tags if _is_technique(tag)
        ),
        false_positives=(own.false_positives if own else ()) or causes,
        text=own.text if own else _plain_text(head),
    )


def _event_step(condition: Node) -> Step:
    return Step(name="event", count=1, condition=condition)


def _is_technique(tag: str) -> bool:
    return re.fullmatch(r"attack\.t\d{4}(\.\d{3})?", tag) is not None


def _plain_text(head: SigmaHead) -> RuleText:
    """An imported rule says what its author wrote, in the language he wrote it in."""
    about = head.description or head.title
    return RuleText(title_zh=head.title, title_en=head.title, triage_zh=about, triage_en=about)


def _compile_own(own: OwnRule, system: str) -> Rule:
    kind, entity = _kind(own), own.entity or (own.model.entity if own.model else "")
    if kind != "event" and not entity:
        raise refused(f"a {kind} rule needs an entity")
    dataset = own.model.dataset if own.model else _dataset(own.logsource)
    return Rule(
        id=own.id,
        version=own.version,
        system=system,
        kind=kind,
        severity=SEVERITIES.index(own.severity),
        score=own.score,
        entity=entity or NO_ENTITY,
        suppression_us=document.duration_us(own.suppression, "suppression"),
        within_us=_within(own),
        distinct=own.threshold.distinct if own.threshold else "",
        datasets=() if own.model else (dataset,),
        steps=_steps(own, dataset),
        model=_model(own.model) if own.model else None,
        techniques=own.techniques,
        false_positives=own.false_positives,
        text=own.text,
    )


def _kind(own: OwnRule) -> Kind:
    if sum(part is not None for part in (own.threshold, own.sequence, own.model)) > 1:
        raise refused("a rule has one of threshold, sequence and model")
    if own.model:
        return "model"
    if own.sequence:
        return "sequence"
    return "threshold" if own.threshold else "event"


def _within(own: OwnRule) -> int:
    if own.threshold:
        return document.duration_us(own.threshold.within, "threshold.within")
    if own.sequence:
        return document.duration_us(own.sequence.within, "sequence.within")
    return _EVENT_WITHIN_US


def _steps(own: OwnRule, dataset: str) -> tuple[Step, ...]:
    if own.model:
        if own.detection is not None:
            raise refused("a model rule has no detection")
        return ()
    if own.sequence:
        if own.detection is not None:
            raise refused("the detections of a sequence stand in its steps")
        document.check_steps(own.sequence.steps)
        return tuple(
            Step(
                name=step.name,
                count=step.count,
                condition=_condition(step.detection, own.logsource, dataset),
            )
            for step in own.sequence.steps
        )
    if own.detection is None:
        raise refused("the rule has no detection")
    condition = _condition(own.detection, own.logsource, dataset)
    if own.threshold is None:
        return (_event_step(condition),)
    count = document.check_count(own.threshold.count, "threshold.count")
    name = f"distinct {own.threshold.distinct}" if own.threshold.distinct else "event_count"
    return (Step(name=name, count=count, condition=condition),)


def _model(model: document.Model) -> ModelSpec:
    if not 1 <= model.minimum_history_hours <= 24 * 30 or not 1 <= model.alert_score <= 1000:
        raise refused("minimum_history_hours is 1 to 720 and alert_score 1 to 1000")
    return ModelSpec(
        name=model.name,
        dataset=model.dataset,
        minimum_history_hours=model.minimum_history_hours,
        alert_score=model.alert_score,
    )
