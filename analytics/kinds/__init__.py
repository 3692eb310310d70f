"""Kinds of rules: how each is written, what it remembers of an entity, how its alerts explain."""

from __future__ import annotations

from typing import Final

from analytics.kinds.absence import AbsenceKind
from analytics.kinds.aggregate import AggregateKind
from analytics.kinds.balance import BalanceKind
from analytics.kinds.baseline import BaselineKind
from analytics.kinds.event import EventKind
from analytics.kinds.graph import GraphKind
from analytics.kinds.join import JoinKind
from analytics.kinds.model import ModelKind
from analytics.kinds.new_term import NewTermKind
from analytics.kinds.peers import PeersKind
from analytics.kinds.port import Kind
from analytics.kinds.quota import QuotaKind
from analytics.kinds.ratio import RatioKind
from analytics.kinds.regularity import RegularityKind
from analytics.kinds.sequence import SequenceKind
from analytics.kinds.states import StatesKind
from analytics.kinds.sum import SumKind
from analytics.kinds.threshold import ThresholdKind
from analytics.kinds.together import TogetherKind
from analytics.kinds.unique import UniqueKind
from analytics.patterns import (
    Absence,
    Aggregate,
    AnyPattern,
    Balance,
    Baseline,
    EntityHours,
    Graph,
    Join,
    NewTerm,
    Once,
    Pattern,
    Peers,
    Quota,
    Ratio,
    Regularity,
    Sequence,
    States,
    Sum,
    Threshold,
    Together,
    Unique,
)

_KINDS: Final[dict[type[Pattern], Kind]] = {
    Once: EventKind(),
    Threshold: ThresholdKind(),
    Sequence: SequenceKind(),
    EntityHours: ModelKind(),
    Together: TogetherKind(),
    Absence: AbsenceKind(),
    Unique: UniqueKind(),
    States: StatesKind(),
    Join: JoinKind(),
    Graph: GraphKind(),
    Aggregate: AggregateKind(),
    Balance: BalanceKind(),
    Baseline: BaselineKind(),
    Quota: QuotaKind(),
    NewTerm: NewTermKind(),
    Peers: PeersKind(),
    Ratio: RatioKind(),
    Regularity: RegularityKind(),
    Sum: SumKind(),
}


PATTERNS: Final = frozenset(_KINDS)
"""The patterns there are."""


def of(pattern: AnyPattern) -> Kind:
    """The kind of a pattern."""
    return _KINDS[type(pattern)]
