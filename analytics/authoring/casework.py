"""Casework: whether a rule's cases hold, notice a weaker rule, and explain each alert.

The least set of events of an alert alone makes the rule fire for the same entity, and without any
one of them it does not. Kinds that judge by a past, or by what did not come, are judged by more
than their least set: they are listed with the reason and held to the rest alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from analytics import patterns
from analytics.authoring import cases
from analytics.authoring.cases import FILE, Case, Moment, Ran
from analytics.authoring.weaken import MUTANTS_MAX, Mutant, mutants
from analytics.explain import explain
from analytics.language.compiler import compile_file
from analytics.replay import Train
from analytics.rule import Rule
from schema.alert import Alert
from schema.errors import FengsuiError

__all__ = [
    "EQUIVALENTS",
    "HISTORY",
    "Failure",
    "Report",
    "Tried",
    "beside",
    "check",
    "equivalents",
    "failures",
    "found",
    "leans_on",
    "rule_files",
    "survivors",
    "unexplained",
]

EQUIVALENTS: Final = "mutants.toml"
"""Beside a rule: which of its mutants change nothing, and why."""

FILES_MAX: Final = 10_000
"""Rule files below one folder: as many as a site may load."""

EQUIVALENT_BYTES_MAX: Final = 64 * 1024
"""One such file: a few hundred reasons of a line each."""

LEAST_MAX: Final = 200
"""Events of a least set that are left out one by one: beyond it, the first and the last ones."""

PAST: Final = ("判断依据还有以往的日志", "is judged against a past beside its least set")
WATCHED: Final = ("须先观察一段时间", "must have watched for a time before it says anything")
HISTORY: Final[dict[type[patterns.Pattern], tuple[str, str]]] = {
    patterns.EntityHours: PAST,
    patterns.Baseline: PAST,
    patterns.Peers: PAST,
    patterns.NewTerm: PAST,
    patterns.Aggregate: PAST,
    patterns.Absence: ("判断依据是没有出现的日志", "is judged by what did not come"),
    patterns.Balance: ("判断依据是没有出现的日志", "is judged by what did not come"),
    patterns.Graph: ("判断依据是没有出现的日志", "is judged by what did not come"),
}
"""Kinds whose least set does not stand alone, with the reason in Chinese and English."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A case that does not hold, and why not."""

    case: str
    why: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about one rule."""

    path: str
    rule_id: str
    cases: int
    failures: tuple[Failure, ...] = ()
    unexplained: tuple[Failure, ...] = ()
    history: tuple[str, str] = ("", "")
    """Why the least set is not tried alone, in Chinese and English; empty where it is."""
    mutants: int | None = None
    """How many were tried; None where it was not asked."""
    survivors: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    """Named as equivalent, though no mutant has the name or a case tells it apart."""

    @property
    def passed(self) -> bool:
        """Whether nothing is to be done."""
        return not (self.failures or self.unexplained or self.survivors or self.stale)


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A rule file, and where its cases are."""

    path: Path
    rule: Rule
    cases: tuple[Case, ...]

    @property
    def equivalents(self) -> Path:
        """Where its equivalent mutants stand, if anywhere."""
        return beside(self.path, EQUIVALENTS)


class _Equivalent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    mutant: str
    reason: str


class _Equivalents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    equivalent: tuple[_Equivalent, ...] = ()


def found(places: Sequence[Path]) -> Iterator[Tried]:
    """The rules of files and folder trees, with their cases.

    Raises ``analytics.rule.refused`` and ``analytics.case.malformed`` naming the file, and
    ``analytics.case.nothing`` where a place has no rule file.
    """
    for path in rule_files(places):
        try:
            rule = compile_file(path.read_bytes(), path.parent.parent.name or "tried")
        except FengsuiError as error:
            why = f"{path}: {error.args[0]}"
            raise FengsuiError(error.code, why, path=str(path)) from error
        listed = beside(path, FILE)
        yield Tried(
            path=path, rule=rule, cases=tuple(cases.read(listed)) if listed.is_file() else ()
        )


def rule_files(places: Sequence[Path]) -> list[Path]:
    """The rule files of files and folder trees; raises ``analytics.case.nothing``."""
    files: list[Path] = []
    for place in places:
        below = [place] if place.is_file() else sorted(place.rglob("*"))
        rules = [path for path in below if path.suffix in (".yml", ".yaml")]
        if not rules:
            raise FengsuiError(
                "analytics.case.nothing", f"{place} is no rule file and holds none", path=str(place)
            )
        files.extend(rules)
    if len(files) > FILES_MAX:
        raise FengsuiError(
            "analytics.case.nothing", f"more than {FILES_MAX} rule files: name a smaller folder"
        )
    return files


def beside(path: Path, name: str) -> Path:
    """``name`` beside ``rule.yml``; beside another rule file, of the same stem."""
    return path.with_name(name if path.stem == "rule" else f"{path.stem}.{name}")


def check(tried: Tried, *, train: Train, mutate: bool = False) -> Report:
    """Run the cases of one rule, and its mutants where that is asked."""
    rule = tried.rule
    ran = [(case, cases.run(rule, case, train=train)) for case in tried.cases]
    report = Report(
        path=str(tried.path),
        rule_id=rule.id,
        cases=len(tried.cases),
        failures=tuple(failures(tried, ran, train=train)),
        history=leans_on(rule),
        unexplained=tuple(
            Failure(case=case.name, why=why)
            for case, what in ran
            if case.kind == "fires"
            for why in unexplained(rule, case, what, train=train)
        ),
    )
    if not mutate or report.failures:
        return report
    excused = equivalents(tried.equivalents)
    every = list(_tried(mutants(rule)))
    alive = {mutant.name for mutant in survivors(every, tried.cases, train=train)}
    return msgspec.structs.replace(
        report,
        mutants=len(every),
        survivors=tuple(mutant.name for mutant in every if mutant.name in alive - excused.keys()),
        stale=tuple(sorted(excused.keys() - alive)),
    )


def _tried(every: Iterable[Mutant]) -> Iterator[Mutant]:
    for number, mutant in enumerate(every):
        if number == MUTANTS_MAX:
            raise FengsuiError(
                "analytics.case.mutants",
                f"the rule has more than {MUTANTS_MAX} conditions: a register is better",
            )
        yield mutant


def failures(tried: Tried, ran: Sequence[tuple[Case, Ran]], *, train: Train) -> Iterator[Failure]:
    """The cases that end otherwise than they say, or otherwise late than in order."""
    if not tried.cases:
        yield Failure(case="", why="没有实例 no cases: write cases.jsonl beside the rule")
    for case, what in ran:
        wanted, got = cases.expected(case), cases.outcome(what.alerts)
        if got != wanted:
            yield Failure(case=case.name, why=f"应为 expected {wanted}, 实为 got {got}")
        elif case.kind == "late":
            ordered = cases.run(tried.rule, case, train=train, in_order=True)
            if cases.outcome(ordered.alerts) != wanted:
                got = cases.outcome(ordered.alerts)
                yield Failure(case=case.name, why=f"按序到达时为 in order it gives {got}")


def survivors(every: Iterable[Mutant], told: Sequence[Case], *, train: Train) -> Iterator[Mutant]:
    """The mutants that no case tells from the rule."""
    for mutant in every:
        if not any(_notices(case, mutant.rule, train) for case in told):
            yield mutant


def _notices(case: Case, rule: Rule, train: Train) -> bool:
    return cases.outcome(cases.run(rule, case, train=train).alerts) != cases.expected(case)


def equivalents(path: Path) -> dict[str, str]:
    """Mutants that change nothing, with the reason; raises ``analytics.case.malformed``."""
    if not path.is_file():
        return {}
    raw = path.read_bytes()
    try:
        if len(raw) > EQUIVALENT_BYTES_MAX:
            raise ValueError(f"more than {EQUIVALENT_BYTES_MAX} bytes")
        read = msgspec.convert(tomllib.loads(raw.decode()), _Equivalents)
    except (ValueError, tomllib.TOMLDecodeError) as error:
        why = f"{path}: {error}"
        raise FengsuiError("analytics.case.malformed", why, path=str(path)) from error
    return {one.mutant: one.reason for one in read.equivalent if one.reason.strip()}


def unexplained(rule: Rule, case: Case, ran: Ran, *, train: Train) -> Iterator[str]:
    """What an alert of the case does not explain."""
    for alert in ran.alerts:
        yield from _words(alert, rule)
        if leans_on(rule)[0]:
            continue
        least = sorted((ran.moments[name] for name in alert.events), key=_time)
        if not _fires(rule, case, least, alert, train):
            yield f"{alert.entity}: 最小日志集不触发 its least set alone does not fire"
        for place in _left_out(len(least)):
            rest = [*least[:place], *least[place + 1 :]]
            if _fires(rule, case, rest, alert, train):
                at = cases.START
                yield (
                    f"{alert.entity}: 少一条仍触发 it still fires without the event at "
                    f"+{(least[place].time - at) // 1_000_000}s"
                )


def leans_on(rule: Rule) -> tuple[str, str]:
    """Why the rule's least set does not stand alone, in two languages; empty where it does."""
    if rule.pattern.warm_up_us:
        return WATCHED
    return HISTORY.get(type(rule.pattern), ("", ""))


def _words(alert: Alert, rule: Rule) -> Iterator[str]:
    said = explain(alert, rule)
    if not (said.reason_zh and said.reason_en):
        yield f"{alert.entity}: 没有触发原因 no reason in both languages"
    chinese, english = said.counterfactual_zh, said.counterfactual_en
    if not chinese or len(chinese) != len(english) or not all((*chinese, *english)):
        yield f"{alert.entity}: 没有反事实说明 no counterfactual in both languages"
    if not alert.conditions or not all(one.name for one in alert.conditions):
        yield f"{alert.entity}: 没有条件与门槛 no condition with its threshold"


def _time(moment: Moment) -> int:
    return moment.time


def _left_out(count: int) -> Iterable[int]:
    if count <= LEAST_MAX:
        return range(count)
    half = LEAST_MAX // 2
    return (*range(half), *range(count - half, count))


def _fires(rule: Rule, case: Case, least: Sequence[Moment], alert: Alert, train: Train) -> bool:
    """Whether these events alone, in order, give an alert of the same entity."""
    on_time = [Moment(time=one.time, late=False, fields=one.fields) for one in least]
    ran = cases.run_moments(rule, case, on_time, train=train)
    # Without an entity every event is its own, and a new run numbers them anew.
    return any(one.entity == alert.entity or not rule.entity for one in ran.alerts)
