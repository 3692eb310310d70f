"""Twins: rules that find the same as another, or a part of it; and rules changed in secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import msgspec

from analytics.authoring.linting.conditions import fields_of, narrower
from analytics.authoring.linting.finding import Finding, Written
from analytics.expression import All, Node
from analytics.rule import Rule

COMPARED_MAX: Final = 64
"""Rules of one kind and source that are all compared with each other: a thousand of a public
collection would be half a million pairs, and take minutes."""

_Group: TypeAlias = "tuple[bytes, tuple[str, ...], tuple[tuple[object, ...], ...]]"


def twins(every: Sequence[Written]) -> Iterator[Finding]:
    """Rules that find what another finds; of two alike the later one by path is named."""
    groups: dict[_Group, list[Written]] = {}
    for written in every:
        if written.rule.steps:
            groups.setdefault(_group(written.rule), []).append(written)
    for alike in groups.values():
        near = _near(alike)
        for place in range(len(alike)):
            yield from _beside(alike, place, near[place])


def _near(alike: Sequence[Written]) -> Sequence[Iterable[int]]:
    """Whom each is compared with: in a large group those that share a part word for word."""
    if len(alike) <= COMPARED_MAX:
        return [range(len(alike))] * len(alike)
    return _sharing(alike)


def _sharing(alike: Sequence[Written]) -> list[set[int]]:
    """For each rule those all of whose parts it may have: they share their rarest part."""
    having: dict[Node, set[int]] = {}
    for place, written in enumerate(alike):
        for part in _parts(written.rule):
            having.setdefault(part, set()).add(place)
    near: list[set[int]] = [set() for _ in alike]
    for place, written in enumerate(alike):
        rarest = min((having[part] for part in _parts(written.rule)), key=len)
        for other in rarest:
            near[other].add(place)
            near[place].add(other)
    return near


def _parts(rule: Rule) -> tuple[Node, ...]:
    condition = rule.steps[0].condition
    return condition.items if isinstance(condition, All) else (condition,)


def _group(rule: Rule) -> _Group:
    """What two rules must have in common before their conditions are compared."""
    steps = tuple(
        (step.datasets, step.count, step.entity, step.values, msgspec.json.encode(step.where))
        for step in rule.steps
    )
    return msgspec.msgpack.encode(rule.pattern), rule.entity, steps


def _beside(alike: Sequence[Written], place: int, near: Iterable[int]) -> Iterator[Finding]:
    one = alike[place]
    for number in sorted(near):
        other = alike[number]
        if number == place or not fields_of(one.rule) & fields_of(other.rule):
            continue
        if not _inside(one.rule, other.rule):
            continue
        same = _inside(other.rule, one.rule)
        if same and number < place:
            yield one.finding(
                "duplicate",
                one.line_of("detection"),
                zh=f"与规则 {other.rule.id} 条件相同",
                en=f"finds the same as rule {other.rule.id}",
            )
        elif not same:
            yield one.finding(
                "subset",
                one.line_of("detection"),
                zh=f"所发现的都已由规则 {other.rule.id} 发现",
                en=f"whatever it finds, rule {other.rule.id} finds too",
                severity="note",
            )


def _inside(one: Rule, other: Rule) -> bool:
    return all(
        narrower(mine.condition, theirs.condition)
        for mine, theirs in zip(one.steps, other.steps, strict=True)
    )


def versions(every: Iterable[Written], before: Iterable[Rule]) -> Iterator[Finding]:
    """Rules that judge otherwise than before under the same version, or under an older one."""
    known = {rule.id: rule for rule in before}
    for written in every:
        rule, old = written.rule, known.get(written.rule.id)
        if old is None:
            continue
        now, then = _numbers(rule), _numbers(old)
        if now < then or (now == then and rule.stamp != old.stamp):
            yield written.finding(
                "same-version",
                written.line_of("version"),
                zh=f"规则有改动，版本仍为 {rule.version}（原 {old.version}），须升级版本号",
                en=f"the rule has changed and its version is {rule.version} (was {old.version}): "
                "raise it",
                severity="error",
            )


def _numbers(rule: Rule) -> tuple[int, ...]:
    return tuple(map(int, rule.version.split(".")))
