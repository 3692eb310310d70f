"""Peers: a member of a group against the other members, over the days of a window.

The entity is the group, and a finding names the member. Judged at the end of each local day with
events: over the median and so many median absolute deviations of all members; a ``share`` by a
chi-square test against the share of all others. A member is named when it newly stands out.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final, Literal

import msgspec

from analytics.kinds.baseline import TIMES_MAX, measured
from analytics.kinds.port import Draft, Explanation, Form
from analytics.kinds.ratio import PartStep
from analytics.language.reading import check_count, duration_us, refused
from analytics.measures.layered import Layered
from analytics.measures.measure import (
    LOCAL_US,
    carried,
    day_of,
    deviation,
    last_number,
    median,
    text,
)
from analytics.memory import NEVER, Finding, Hit
from analytics.patterns import Peers
from analytics.rule import Rule, entity_values
from analytics.words import begin, duration, field, times
from schema.alert import Alert, Condition
from schema.times import DAY

PAIRS_MAX: Final = 50_000
"""Pairs of a member and a value, or a day, kept of one group, about 10 MB. Past it the tenth seen
longest ago is forgotten: in a group so large all members then count over fewer days."""

MEMBERS_MIN: Final = 3
"""Of two, none stands out."""

CHI_SQUARE_PERMILLE: Final = 10_828
"""The 99.9 % point of the chi-square distribution with one degree of freedom, in thousandths."""

_PART: Final = 2


class PeersPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A metric of a member over days against those of the group's members."""

    member: str
    window: str
    metric: Literal["count", "distinct", "sum", "share"] = "count"
    field: str = ""
    part: PartStep | None = None
    times: int = 6000
    members: int = 5
    at_least: int = 1
    over: int = 0

    def build(self, draft: Draft) -> Form:
        """See :class:`analytics.kinds.port.Part`."""
        if bool(self.field) != (self.metric in ("distinct", "sum")):
            raise refused("peers.field is what distinct and sum are made of")
        if (self.part is not None) != (self.metric == "share"):
            raise refused("peers.part is whose share is compared, with metric share")
        window_us = duration_us(self.window, "peers.window")
        values = (self.member, self.field) if self.field else (self.member,)
        name = f"{self.metric} {self.field}".strip()
        steps = [draft.step("event_count" if name == "count" else name, values=values)]
        if self.part:
            part = self.part
            steps.append(
                draft.step(part.name, part.detection, values=values, zh=part.zh, where=part.where)
            )
        if self.over and self.metric == "share":
            raise refused("peers.over is a part of the median; shares have none")
        return Form(
            steps=tuple(steps),
            pattern=Peers(
                retention_us=window_us + DAY,
                member=self.member,
                metric=self.metric,
                field=self.field,
                window_days=check_count(window_us // DAY, "days of peers.window"),
                times=check_count(self.times, "peers.times", at_most=TIMES_MAX),
                members=check_count(self.members, "peers.members"),
                at_least=check_count(self.at_least, "peers.at_least", at_most=10**18),
                over=self.over and check_count(self.over, "peers.over", at_most=TIMES_MAX),
            ),
        )


class Remembered(msgspec.Struct, frozen=True, array_like=True):
    """A group as it lies in a snapshot."""

    pairs: tuple[tuple[str, str, int, int, int], ...]
    newest: tuple[tuple[str, Hit], ...]
    above: tuple[str, ...]
    judge: int


class Group:
    """What each member did on the days of the window."""

    __slots__ = ("_above", "_found", "_judge", "_newest", "_pairs", "_rule")

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._pairs: Layered[tuple[str, str], tuple[int, int, int]] = Layered()
        """(day, amount, amount of the part) by member and value; by member and day unless distinct
        values are counted."""
        self._newest: Layered[str, Hit] = Layered()
        """The newest hit of each member."""
        self._above: frozenset[str] = frozenset()
        """Members that stood out when last judged."""
        self._judge = NEVER
        self._found: tuple[Finding, ...] = ()

    @property
    def _pattern(self) -> Peers:
        pattern = self._rule.pattern
        assert isinstance(pattern, Peers)
        return pattern

    def push(self, hit: Hit) -> bool:
        pattern, day = self._pattern, day_of(hit[0])
        amount = last_number(hit) if pattern.metric == "sum" else 1
        if amount is None or not hit[4] & 1:
            return False
        values = carried(hit)
        member = text(values[:1])
        distinct = pattern.metric == "distinct"
        name = (member, text(values[1:]) if distinct else str(day))
        before = self._pairs.get(name)
        part = int(bool(hit[4] & _PART))
        if distinct or before is None:
            self._pairs.put(name, (day, amount, part))
        else:
            self._pairs.put(name, (day, before[1] + amount, before[2] + part))
        self._newest.put(member, hit)
        self._judge = (day + 1) * DAY - LOCAL_US
        if len(self._pairs) > PAIRS_MAX:
            self._forget()
        return False

    def _forget(self) -> None:
        oldest = sorted((held[0], name) for name, held in self._pairs.items())
        for _, name in oldest[: PAIRS_MAX // 10]:
            self._pairs.put(name, None)
        self._keep({member for member, _ in self._pairs})

    def _keep(self, members: Container[str]) -> None:
        """Forget the newest hits of all others."""
        for member in [member for member in self._newest if member not in members]:
            self._newest.put(member, None)

    def due(self) -> int:
        return self._judge

    def elapse(self, now: int) -> bool:
        pattern = self._pattern
        self._judge = NEVER
        totals = self._totals(day_of(now - 1) - pattern.window_days)
        standing = self._shares(totals) if pattern.metric == "share" else self._far(totals)
        hits = {member: self._newest.get(member) for member in standing}
        self._found = tuple(
            Finding(
                at=now,
                hits=(hit,),
                conditions=standing[member],
                entity=member,
                member=pattern.member,
            )
            for member, hit in sorted(hits.items())
            if hit and member not in self._above
        )
        self._above = frozenset(standing)
        return bool(self._found)

    def _totals(self, through: int) -> dict[str, tuple[int, int]]:
        """What each member did after that day; the rest is forgotten."""
        totals: dict[str, tuple[int, int]] = {}
        old: list[tuple[str, str]] = []
        for name, (day, amount, part) in self._pairs.items():
            if day <= through:
                old.append(name)
                continue
            amounts, parts = totals.get(name[0], (0, 0))
            totals[name[0]] = amounts + amount, parts + part
        for name in old:
            self._pairs.put(name, None)
        self._keep(totals)
        return totals

    def _far(self, totals: dict[str, tuple[int, int]]) -> dict[str, tuple[Condition, ...]]:
        pattern = self._pattern
        if len(totals) < max(pattern.members, MEMBERS_MIN):
            return {}
        ordered = sorted(amount for amount, _ in totals.values())
        middle = median(ordered)
        limit = middle + deviation(ordered) * pattern.times // 1000
        limit = max(limit, middle * pattern.over // 1000)
        return {
            member: (
                Condition(
                    name=self._rule.steps[0].name, value=amount, threshold=limit, comparison="gt"
                ),
                Condition(
                    name="members", value=len(totals), threshold=pattern.members, comparison="gte"
                ),
            )
            for member, (amount, _) in totals.items()
            if amount > limit and amount >= pattern.at_least
        }

    def _shares(self, totals: dict[str, tuple[int, int]]) -> dict[str, tuple[Condition, ...]]:
        pattern = self._pattern
        if len(totals) < pattern.members:
            return {}
        every = sum(amount for amount, _ in totals.values())
        parts = sum(part for _, part in totals.values())
        standing: dict[str, tuple[Condition, ...]] = {}
        for member, (amount, part) in totals.items():
            chi = _chi_square_permille(part, amount, parts - part, every - amount)
            if amount >= pattern.at_least and chi >= CHI_SQUARE_PERMILLE:
                standing[member] = (
                    Condition(
                        name=f"permille {self._rule.steps[1].name}",
                        value=part * 1000 // amount,
                        threshold=(parts - part) * 1000 // (every - amount),
                        comparison="gte",
                    ),
                    Condition(
                        name="chi_square_permille",
                        value=chi,
                        threshold=CHI_SQUARE_PERMILLE,
                        comparison="gte",
                    ),
                    Condition(
                        name="event_count",
                        value=amount,
                        threshold=pattern.at_least,
                        comparison="gte",
                    ),
                    Condition(
                        name="members",
                        value=len(totals),
                        threshold=pattern.members,
                        comparison="gte",
                    ),
                )
        return standing

    def findings(self) -> tuple[Finding, ...]:
        return self._found

    def clear(self) -> None:
        self._pairs.clear()
        self._newest.clear()
        self._above = frozenset()

    def copy(self) -> Group:
        other = Group(self._rule)
        other._pairs, other._newest = self._pairs.copy(), self._newest.copy()
        other._above, other._judge = self._above, self._judge
        return other

    def dump(self) -> object:
        pairs = sorted((*name, *held) for name, held in self._pairs.items())
        return [pairs, sorted(self._newest.items()), sorted(self._above), self._judge]

    def restore(self, one: Remembered) -> None:
        """Take over a snapshot's group."""
        self._pairs = Layered(
            ((member, value), (day, amount, part)) for member, value, day, amount, part in one.pairs
        )
        self._newest = Layered(one.newest)
        self._above, self._judge = frozenset(one.above), one.judge


def _chi_square_permille(part: int, all_: int, other_part: int, other_all: int) -> int:
    """Pearson's chi-square of two shares in thousandths; 0 where the first is not the greater."""
    rest, other_rest = all_ - part, other_all - other_part
    cross = part * other_rest - rest * other_part
    margins = all_ * other_all * (part + other_part) * (rest + other_rest)
    if cross <= 0 or not margins:
        return 0
    return (all_ + other_all) * cross * cross * 1000 // margins


class PeersKind:
    """Rules on a member against its group."""

    def memory(self, rule: Rule, dump: object = None) -> Group:
        group = Group(rule)
        if dump:
            group.restore(msgspec.convert(dump, Remembered))
        return group

    def describe(self, rule: Rule) -> tuple[str, str]:
        pattern = rule.pattern
        assert isinstance(pattern, Peers)
        zh, en = duration(pattern.window_days * DAY)
        if pattern.metric == "share":
            part = rule.steps[1]
            return (
                (
                    f"{zh}内 `{pattern.member}` 的“{part.zh or part.name}”占比显著高于同组"
                    f"（卡方检验 p<0.001，至少 {pattern.at_least} 条）"
                ),
                (
                    f"share of {part.name} over {en} above that of the peers (chi-square, p<0.001, "
                    f"{pattern.at_least} events or more)"
                ),
            )
        factor = times(pattern.times)
        over_zh = f"，且超过中位数的 {times(pattern.over)} 倍" if pattern.over else ""
        over_en = f" and {times(pattern.over)} x the median" if pattern.over else ""
        return (
            (
                f"{zh}内 `{pattern.member}` 的 {rule.steps[0].name} 超过同组中位数加 "
                f"{factor} 倍 MAD{over_zh}，至少 {pattern.at_least}"
            ),
            (
                f"of a member over {en} above the median of the peers + {factor} MAD{over_en}, "
                f"{pattern.at_least} or more"
            ),
        )

    def explain(self, alert: Alert, rule: Rule) -> Explanation:
        pattern = rule.pattern
        assert isinstance(pattern, Peers)
        figure, members = alert.conditions[0], alert.conditions[-1]
        of_zh, of_en = field(pattern.member)
        days_zh, days_en = duration(pattern.window_days * DAY)
        member = entity_values(alert.entity, len(rule.entity) + 1)[-1]
        who_zh, who_en = f"{of_zh} {member} ", begin(f"{of_en} {member}")
        group_zh, group_en = f"同组 {members.value} 个成员", f"the {members.value} members"
        if figure.name.startswith("permille "):
            return _share(alert, (who_zh, who_en), rule.steps[1].zh)
        zh, en = measured(figure.name.removeprefix("event_count"))
        return Explanation(
            reason_zh=f"{who_zh}在 {days_zh}内{zh}为 {figure.value}，超过由{group_zh}得出的上限 "
            f"{figure.threshold}。",
            reason_en=f"{who_en} had {en} of {figure.value} over {days_en}, above the limit of "
            f"{figure.threshold} made of {group_en} of the group.",
            counterfactual_zh=(
                f"若不超过 {figure.threshold}，则不触发",
                f"若同组成员少于 {members.threshold} 个，则不触发",
            ),
            counterfactual_en=(
                f"With {figure.threshold} or less it would not fire",
                f"In a group of fewer than {members.threshold} it would not fire",
            ),
        )


def _share(alert: Alert, who: tuple[str, str], part_zh: str) -> Explanation:
    share, chi, count, members = alert.conditions
    name = share.name.removeprefix("permille ")
    return Explanation(
        reason_zh=f"{who[0]}的 {count.value} 条日志中“{part_zh or name}”占千分之 {share.value}，"
        f"同组其他成员为千分之 {share.threshold}；卡方值 {times(chi.value)} ≥ "
        f"{times(chi.threshold)}（p<0.001）。",
        reason_en=f"Of the {count.value} events of {who[1][0].lower()}{who[1][1:]}, {share.value} "
        f'in a thousand were "{name}", and {share.threshold} of those of the other '
        f"{members.value - 1} members; chi-square {times(chi.value)} ≥ {times(chi.threshold)} "
        "(p<0.001).",
        counterfactual_zh=(
            f"若占比接近同组的千分之 {share.threshold}，则不触发",
            f"若日志少于 {count.threshold} 条，则不触发",
        ),
        counterfactual_en=(
            f"With a share near the peers' {share.threshold} in a thousand it would not fire",
            f"With fewer than {count.threshold} events it would not fire",
        ),
    )
