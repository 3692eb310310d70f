"""Compiler: from a rule file to a :class:`analytics.rule.Rule`, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from analytics import guards, sigma, words
from analytics.expression import Node, atoms, conjunction
from analytics.guards import Given
from analytics.kinds.port import Form
from analytics.language import datasets, document, reading, rulefile
from analytics.language.document import LogSource, OwnRule, SigmaHead
from analytics.language.pipeline import Route
from analytics.language.reading import refused
from analytics.language.rulefile import Plain
from analytics.matching.values import atom_test
from analytics.memory import WAITING_MAX
from analytics.patterns import Once
from analytics.rule import ALERTS, EVERYBODY, LEVELS_MAX, Rule, SigmaSource, Step
from analytics.sigma import attack, documents, lines
from schema.alert import SEVERITIES, FalsePositive, RuleText
from schema.errors import FengsuiError

SCORES: Final = (10, 25, 50, 75, 95)
"""Score of a Sigma rule that names none, by its level."""

ENTITY_FIELDS_MAX: Final = 5
"""Fields that name one entity together: a caller, a service, a matter, and two to spare."""

CREDIT_CHARS_MAX: Final = 300
TITLE_FIELDS_MAX: Final = 3
"""Fields a built title names: more do not fit a list's line."""

_IDENTITY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_VERSION: Final = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
_EVENT: Final = Once(retention_us=1)
"""An event rule looks at one moment."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What one file came to."""

    rules: tuple[Rule, ...]
    loose: tuple[bytes, ...]
    """Filters and correlations, which say something of the rules of all files."""
    refused: tuple[str, ...]


def compile_documents(raw: bytes, system: str) -> Compiled:
    """The rules of a file of one or several documents; never raises for what stands in it."""
    rules: list[Rule] = []
    loose: list[bytes] = []
    reasons: list[str] = []
    try:
        parts = documents.split(raw)
    except FengsuiError as error:
        return Compiled((), (), (str(error.args[0]),))
    for part in parts or [raw]:
        try:
            plain = rulefile.read(part)
            if "format" not in plain and ("correlation" in plain or "filter" in plain):
                loose.append(part)
            else:
                rules.append(compile_file(part, system))
        except FengsuiError as error:
            reasons.append(str(error.args[0]))
    return Compiled(tuple(rules), tuple(loose), tuple(reasons))


def compile_file(raw: bytes, system: str) -> Rule:
    """The rule of one file; raises ``analytics.rule.refused`` with the reason."""
    plain = rulefile.read(raw)
    try:
        rule = (
            _compile_own(rulefile.typed(plain, OwnRule, raw), plain, system)
            if "format" in plain
            else _compile_sigma(plain, rulefile.typed(plain, SigmaHead, raw), system)
        )
        check(rule)
    except RecursionError as error:
        raise refused("its condition is nested too deeply") from error
    except FengsuiError as error:
        raise lines.located(error, raw) if lines.POINTER in error.params else error from error
    return rule


def check(rule: Rule) -> None:
    """Raise ``analytics.rule.refused`` for what no rule may be, whatever it was made of."""
    if not _IDENTITY.fullmatch(rule.id):
        raise refused(f"id {rule.id[:40]!r} is not letters, digits, '.', '_' and '-'")
    if not _VERSION.fullmatch(rule.version):
        raise refused(f"version {rule.version[:40]!r} is not major.minor.patch")
    if not 0 <= rule.score <= 100:
        raise refused(f"score {rule.score} is not from 0 to 100")
    if not 0 <= rule.level <= LEVELS_MAX:
        raise refused(f"rules on rules stand at most {LEVELS_MAX} levels high")
    for step in rule.steps:
        if len(step.entity or rule.entity) > ENTITY_FIELDS_MAX:
            raise refused(f"an entity has at most {ENTITY_FIELDS_MAX} fields")
        if EVERYBODY in (entity := step.entity or rule.entity) and len(entity) > 1:
            raise refused(f"{EVERYBODY!r} is an entity of its own, without other fields")
        if step.entity and len(step.entity) != len(rule.entity):
            raise refused(f"step {step.name} names its entity by another number of fields")
        for name in _named(rule, step):
            if datasets.field_name("", name) is None:
                raise refused(f"no field {name!r} in the catalogue")
        for atom in atoms(step.condition):
            if not atom.op.endswith("_as"):
                atom_test(atom)


def _named(rule: Rule, step: Step) -> Iterator[str]:
    """Every field the rule names outside its conditions, which name theirs as Sigma does."""
    yield from (name for name in (*rule.entity, *step.entity) if name != EVERYBODY)
    yield from step.values
    if rule.allowance:
        yield from rule.allowance.key
    for given in step.where:
        yield from guards.guard_of(given).fields()
        if given.indicator:
            yield from given.indicator.fields_


def _route(source: LogSource) -> Route:
    found = datasets.route(product=source.product, category=source.category, service=source.service)
    if found is None:
        named = "/".join(filter(None, (source.product, source.category, source.service)))
        raise refused(f"no source here delivers the log source {named or '(empty)'}")
    return found


def _condition(detection: dict[str, object], route: Route) -> Node:
    node = sigma.compile_detection(
        detection,  # type: ignore[arg-type] # plain YAML, checked by pySigma
        route.field_name,
        datasets.placeholder,
    )
    return conjunction((route.only, node)) if route.only else node


def _compile_sigma(plain: dict[str, Plain], head: SigmaHead, system: str) -> Rule:
    sigma.check_rule(
        {key: value for key, value in plain.items() if key not in ("fengsui", "falsepositives")}
    )
    route = _route(head.logsource)
    severity = SEVERITIES.index(head.level)
    own = head.fengsui
    causes = tuple(
        FalsePositive(zh=cause, en=cause) if isinstance(cause, str) else cause
        for cause in head.falsepositives or ()
    )
    with lines.within("detection"):
        condition = _condition(head.detection, route)
    return Rule(
        id=own.id if own else head.id,
        version=own.version if own else "1.0.0",
        system=system,
        severity=severity,
        score=own.score if own else SCORES[severity],
        entity=document.names(own.entity) if own else (),
        suppression_us=reading.duration_us(own.suppression if own else "1h", "suppression"),
        steps=(
            Step(
                name="event",
                condition=condition,
                datasets=route.datasets,
                where=guards.read(own.where) if own else (),
            ),
        ),
        pattern=_EVENT,
        techniques=attack.normalise(head.tags).techniques,
        false_positives=(own.false_positives if own else ()) or causes,
        use_case=own.use_case if own else None,
        text=own.text if own else _plain_text(head, condition),
        credit=" · ".join(filter(None, (head.author, head.license)))[:CREDIT_CHARS_MAX],
        sigma=SigmaSource(
            id=head.id or head.name,
            name=head.name,
            product=head.logsource.product,
            category=head.logsource.category,
            service=head.logsource.service,
        ),
        level=1 if ALERTS in route.datasets else 0,
    )


def _plain_text(head: SigmaHead, condition: Node) -> RuleText:
    techniques = attack.normalise(head.tags).techniques
    fields = (atom.field for atom in atoms(condition) if atom.field)
    return built_text(head.title, head.description, techniques, fields)


def built_text(
    title: str, about: str, techniques: Sequence[str], fields: Iterable[str]
) -> RuleText:
    """An imported rule says what its author wrote, in the language he wrote it in.

    Its Chinese title names technique and fields, so that a list can be read.
    """
    names = dict.fromkeys(words.field(field)[0] for field in fields)
    seen = "、".join(list(names)[:TITLE_FIELDS_MAX]) or "日志内容"
    built = f"{'、'.join(techniques) or '导入规则'}：{seen}异常（{title}）"
    about = about or title
    return RuleText(title_zh=built, title_en=title, triage_zh=about, triage_en=about)


class _Draft:
    """What a kind's part may ask of the rest of its rule: see :class:`kinds.port.Draft`."""

    def __init__(self, own: OwnRule, plain: dict[str, Plain]) -> None:
        self._own, self._plain = own, plain

    def step(
        self,
        name: str,
        detection: dict[str, object] | None = None,
        *,
        logsource: object = None,
        count: int = 1,
        entity: Sequence[str] = (),
        values: Sequence[str] = (),
        zh: str = "",
        where: Sequence[Given] = (),
    ) -> Step:
        own = () if detection else self._own.where
        wanted = detection or self._own.detection
        if wanted is None:
            raise refused("the rule has no detection")
        source = msgspec.convert(logsource, LogSource) if logsource else self._own.logsource
        route = _route(source)
        with lines.within(*lines.keys_to(self._plain, wanted)):
            condition = _condition(wanted, route)
        return Step(
            name=name,
            condition=condition,
            datasets=route.datasets,
            count=count,
            entity=tuple(entity),
            values=tuple(values),
            zh=zh,
            where=guards.read((*own, *where)),
        )

    def check_waiting(self, within_us: int) -> None:
        cell_us = reading.duration_us(self._own.suppression, "suppression")
        if within_us > cell_us * (WAITING_MAX - 2):
            raise refused(
                f"suppression is too short: {WAITING_MAX} times as long as within at most"
            )

    def no_detection(self, part: str) -> None:
        if self._own.detection is not None:
            raise refused(f"the detections of a rule with {part} stand in its steps, if anywhere")


def _compile_own(own: OwnRule, plain: dict[str, Plain], system: str) -> Rule:
    form, kind = _form(own, plain)
    entity = document.names(own.entity) if form.entity is None else form.entity
    if kind != "event" and not entity:
        raise refused(f"a {kind} rule needs an entity")
    over_alerts = any(ALERTS in step.datasets for step in form.steps)
    return Rule(
        id=own.id,
        version=own.version,
        system=system,
        severity=SEVERITIES.index(own.severity),
        score=own.score,
        entity=entity,
        suppression_us=reading.duration_us(own.suppression, "suppression"),
        steps=form.steps,
        pattern=form.pattern,
        techniques=own.techniques,
        false_positives=own.false_positives,
        use_case=own.use_case,
        text=own.text,
        level=1 if over_alerts else 0,
    )


def _form(own: OwnRule, plain: dict[str, Plain]) -> tuple[Form, str]:
    given = list(own.parts())
    if len(given) > 1:
        raise refused(f"a rule has one of {', '.join(document.PARTS)}")
    draft = _Draft(own, plain)
    if not given:
        return Form(steps=(draft.step("event"),), pattern=_EVENT), "event"
    ((kind, part),) = given
    return part.build(draft), kind
