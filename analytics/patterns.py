"""Patterns: what a rule looks for over time, as pure data; times in microseconds.

One struct for each kind of rule. What each remembers of an entity, how it is written in a rule
file and how its alerts are explained stands in :mod:`analytics.kinds`, one file a kind.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """What all kinds have: for how long after its last event an entity matters."""

    retention_us: int
    warm_up_us: int = 0
    """How long the rule must have watched before what it did not see says anything."""
    watched: tuple[int, ...] = ()
    """The steps that must have been watched for so long."""


class Once(Pattern, frozen=True, kw_only=True, tag="event"):
    """One event is enough."""


class Threshold(Pattern, frozen=True, kw_only=True, tag="threshold"):
    """So many events, or distinct values of the carried field, within a time."""

    within_us: int
    count: int
    distinct: str = ""
    """The field whose distinct values are counted; empty where events are."""
    each_at_most: int = 0
    """Only values with at most so many events count; 0 for any number."""


class Sequence(Pattern, frozen=True, kw_only=True, tag="sequence"):
    """The steps in order, within a time; some of them must not come."""

    within_us: int
    absent: tuple[int, ...] = ()
    """Steps that must not come: before the first of the others, after the last, or between."""
    after_us: tuple[int, ...] = ()
    """How long after the step before it each step comes at the earliest; empty where no matter."""
    distinct: str = ""
    """The first step counts different values of this field, not events."""


class EntityHours(Pattern, frozen=True, kw_only=True, tag="model"):
    """Each hour of an entity, scored 0 to 1000 against its own history by a trained model."""

    name: str
    dataset: str
    minimum_history_hours: int
    alert_score: int


class Together(Pattern, frozen=True, kw_only=True, tag="together"):
    """Steps within a time in any order: one of the alternatives, or so many of the steps."""

    within_us: int
    terms: tuple[tuple[int, int], ...] = ()
    """(bits of the steps that came, bits of those that did not); one of these must hold."""
    counts: tuple[int, ...] = ()
    """How many of the steps, in rising order, where there are no alternatives."""
    ordered: bool = False
    """The steps that came, came in the order in which they are named."""


class Absence(Pattern, frozen=True, kw_only=True, tag="absence"):
    """Nothing of an entity that a register holds, for a time."""

    within_us: int
    register: str


class Unique(Pattern, frozen=True, kw_only=True, tag="unique"):
    """A second value of the carried field, within a time."""

    within_us: int
    field: str


class States(Pattern, frozen=True, kw_only=True, tag="states"):
    """A change of the carried value, or of the step, that may not be."""

    within_us: int
    field: str = ""
    """Empty where each step is a state."""
    initial: str = ""
    """The state of an entity of which nothing is known; empty where it is not judged."""
    listed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(from, to) as the rule lists them; none where no change may be."""
    forbidden: bool = False
    """What is listed may not be; else only what is listed may be."""


class Join(Pattern, frozen=True, kw_only=True, tag="join"):
    """One event of each step within a time, whose carried values stand so to each other."""

    within_us: int
    where: tuple[Relation, ...]


class Relation(msgspec.Struct, frozen=True, array_like=True):
    """Two carried values, each as (place of the step, place of the value), and how they stand."""

    left: tuple[int, int]
    op: str
    right: tuple[int, int]
    text: str
    """As the rule file has it."""


class Graph(Pattern, frozen=True, kw_only=True, tag="graph"):
    """An event whose two nodes no path of so many edges joins; the last step is the event's."""

    within_us: int
    hops: int


class NewTerm(Pattern, frozen=True, kw_only=True, tag="new_term"):
    """A value, or several together, the entity has not shown for so many days."""

    history_days: int
    learn_days: int


class Ratio(Pattern, frozen=True, kw_only=True, tag="ratio"):
    """A share of the events, or of those of so many distinct values, meets the second step."""

    within_us: int
    count: int
    distinct: str = ""
    permille: int


Metric: TypeAlias = Literal["count", "distinct", "sum"]


class Baseline(Pattern, frozen=True, kw_only=True, tag="baseline"):
    """A metric of the running hour or day passes what the entity's own past makes of it."""

    period_us: int
    metric: Metric
    field: str = ""
    method: Literal["quantile", "mad", "ewma"]
    permille: int
    """The quantile; not read by the other methods."""
    times: int
    """What the quantile or average, or the deviation above the median, is multiplied by; in
    thousandths."""
    periods: int
    """Closed periods that are looked back on."""
    minimum: int
    at_least: int
    same_hour: bool = False
    """Only periods of the same hour of the week are compared."""
    judged: bool = False
    """Only an event of the second step can fire; all of them make the past."""


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """A number in a register's row: what the entity of an event may use."""

    register: str
    key: tuple[str, ...]
    """Fields of the event."""
    column: str


class Quota(Pattern, frozen=True, kw_only=True, tag="quota"):
    """A count or sum of the running hour or day passes what a register allows."""

    period_us: int
    metric: Literal["count", "sum"]
    field: str = ""
    times: int
    """What is allowed is multiplied by it; in thousandths."""
    allowance: Allowance


class Peers(Pattern, frozen=True, kw_only=True, tag="peers"):
    """A metric of a member over days passes what the members of its group make of it."""

    member: str
    metric: Literal["count", "distinct", "sum", "share"]
    field: str = ""
    window_days: int
    times: int
    members: int
    """With fewer members nobody is judged."""
    at_least: int
    over: int = 0
    """Thousandths of the median that must be passed too: few members that are much alike hardly
    deviate."""


class Sum(Pattern, frozen=True, kw_only=True, tag="sum"):
    """The sum of a field within a time reaches one of the levels."""

    within_us: int
    field: str
    levels: tuple[int, ...]


class Balance(Pattern, frozen=True, kw_only=True, tag="balance"):
    """The sums of the steps over a period differ."""

    period_us: int
    wait_us: int
    delays_us: tuple[int, ...]
    """How long after the period each step's events come."""
    by: str = ""
    """Field with the day an event belongs to, in place of its time."""
    missing_us: int = 0
    """With ``by``: how long after the day a side that has not come is waited for."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """How a figure must stand to a number; a fraction is ``value`` / ``under``."""

    op: Literal["gt", "gte", "lt", "lte", "eq", "neq"]
    value: int
    under: int = 1


class Aggregate(Pattern, frozen=True, kw_only=True, tag="aggregate"):
    """A figure over the events within a time, as Sigma's correlations have it."""

    within_us: int
    function: Literal[
        "event_count",
        "value_count",
        "value_sum",
        "value_avg",
        "value_percentile",
        "value_median",
        "value_share",
    ]
    field: str = ""
    permille: int = 0
    """Which percentile, in thousandths."""
    comparisons: tuple[Comparison, ...]
    """All of them must hold."""
    at_end: bool = False
    """Judged when a time that began with an event is over; else at each event."""


class Regularity(Pattern, frozen=True, kw_only=True, tag="regularity"):
    """So many events come at intervals that hardly differ."""

    within_us: int
    count: int
    permille: int
    """The standard deviation of the intervals is below this share of their mean."""


AnyPattern: TypeAlias = (
    Once
    | Threshold
    | Sequence
    | EntityHours
    | NewTerm
    | Ratio
    | Baseline
    | Quota
    | Peers
    | Sum
    | Balance
    | Aggregate
    | Regularity
    | Together
    | Absence
    | Unique
    | States
    | Join
    | Graph
)
