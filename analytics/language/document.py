"""Document: a rule file as it was written, in plain Sigma or in our own format ``fengsui/1``.

Our own parts are typed and an unknown key is an error that names its line. Detections stay plain
here: they are Sigma in both formats and are read by :mod:`analytics.sigma`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import msgspec

from analytics.guards import Given
from analytics.kinds.absence import AbsencePart
from analytics.kinds.aggregate import AggregatePart
from analytics.kinds.balance import BalancePart
from analytics.kinds.baseline import BaselinePart
from analytics.kinds.graph import GraphPart
from analytics.kinds.join import JoinPart
from analytics.kinds.model import ModelPart
from analytics.kinds.new_term import NewTermPart
from analytics.kinds.peers import PeersPart
from analytics.kinds.port import Part
from analytics.kinds.quota import QuotaPart
from analytics.kinds.ratio import RatioPart
from analytics.kinds.regularity import RegularityPart
from analytics.kinds.sequence import SequencePart
from analytics.kinds.states import StatesPart
from analytics.kinds.sum import SumPart
from analytics.kinds.threshold import ThresholdPart
from analytics.kinds.together import TogetherPart
from analytics.kinds.unique import UniquePart
from schema.alert import FalsePositive, RuleText, UseCase

Severity: TypeAlias = Literal["informational", "low", "medium", "high", "critical"]
Names: TypeAlias = str | tuple[str, ...]


class LogSource(msgspec.Struct, frozen=True, kw_only=True):
    """Where the events come from, as Sigma names it."""

    product: str = ""
    category: str = ""
    service: str = ""


class OwnRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule in our own format."""

    format: Literal["fengsui/1"]
    id: str
    version: str
    severity: Severity
    score: int
    text: RuleText
    entity: Names = ()
    suppression: str = "1h"
    techniques: tuple[str, ...] = ()
    false_positives: tuple[FalsePositive, ...] = ()
    use_case: UseCase | None = None
    logsource: LogSource = LogSource()
    detection: dict[str, object] | None = None
    where: tuple[Given, ...] = ()
    """What an event must meet beside the rule's own detection."""
    threshold: ThresholdPart | None = None
    sequence: SequencePart | None = None
    model: ModelPart | None = None
    together: TogetherPart | None = None
    absence: AbsencePart | None = None
    unique: UniquePart | None = None
    states: StatesPart | None = None
    join: JoinPart | None = None
    graph: GraphPart | None = None
    aggregate: AggregatePart | None = None
    balance: BalancePart | None = None
    baseline: BaselinePart | None = None
    quota: QuotaPart | None = None
    new_term: NewTermPart | None = None
    peers: PeersPart | None = None
    ratio: RatioPart | None = None
    regularity: RegularityPart | None = None
    sum: SumPart | None = None

    def parts(self) -> Iterator[tuple[str, Part]]:
        """The parts that are given, with their keys."""
        for key in PARTS:
            part = getattr(self, key)
            if part is not None:
                yield key, part


PARTS: Final = (
    "threshold",
    "sequence",
    "model",
    "together",
    "absence",
    "unique",
    "states",
    "join",
    "graph",
    "aggregate",
    "balance",
    "baseline",
    "quota",
    "new_term",
    "peers",
    "ratio",
    "regularity",
    "sum",
)
"""Keys of a rule file that say what is looked for over time; a rule has at most one of them."""


class SigmaExtension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the key ``fengsui`` adds to a Sigma rule."""

    id: str
    version: str
    score: int
    text: RuleText
    entity: Names = ()
    suppression: str = "1h"
    where: tuple[Given, ...] = ()
    false_positives: tuple[FalsePositive, ...] = ()
    use_case: UseCase | None = None


class SigmaHead(msgspec.Struct, frozen=True, kw_only=True):
    """What we read of a Sigma rule ourselves; the rest is pySigma's."""

    title: str
    logsource: LogSource
    detection: dict[str, object]
    id: str = ""
    name: str = ""
    description: str = ""
    level: Severity = "medium"
    tags: tuple[str, ...] = ()
    author: str | None = None
    license: str | None = None
    falsepositives: tuple[str | FalsePositive, ...] | None = None
    fengsui: SigmaExtension | None = None


def names(given: Names) -> tuple[str, ...]:
    """One name or several, as several."""
    return (given,) if isinstance(given, str) else given
