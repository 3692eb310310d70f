"""The shapes of answers. Desks build them, routes return them, the API document describes them.

Times are microseconds UTC here and RFC 3339 text on the wire (see :mod:`dashboard_api.wire`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from dashboard_api.troubles import Trouble
from dashboard_api.wire import Severity, Time
from schema.alert import Vantage
from schema.event import Value

State: TypeAlias = Literal["provisional", "final", "withdrawn"]
Verdict: TypeAlias = Literal["true_positive", "benign", "false_positive", "duplicate", "accepted"]
Realm: TypeAlias = Literal["duty", "demonstration"]
HindranceCode: TypeAlias = Literal["no_source", "no_register", "no_geo", "warming_up"]
Fields: TypeAlias = dict[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """The other site served beside this one."""

    href: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """A log this site reads, or could not read."""

    name: str
    kind: str
    path: str
    readable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCount:
    """How many rules are loaded, and the SM3 of their files."""

    count: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CipherInfo:
    """What computes SM2, SM3 and SM4 here, and what its keys are worth."""

    backend: str
    """``native``, ``libcrypto`` or ``python``."""
    module: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteInfo:
    """What a site is."""

    name: str
    realm: Realm
    version: str
    sibling: Sibling | None
    sources: tuple[SourceInfo, ...]
    cipher: CipherInfo
    rules: RuleCount


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBrief:
    """The rule of an alert, as a row shows it."""

    id: str
    version: str
    kind: str
    system: str
    title_zh: str
    title_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """The newest verdict of a person on an alert."""

    by: str
    at: Time
    verdict: Verdict
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionMark:
    """The exception that hides an alert: why, who answers for it, until when."""

    id: str
    reason: str
    owner: str
    expires_at: Time


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """An alert in a list and in the live stream."""

    id: str
    seq: int
    """Grows with every change of any alert; the live stream resumes by it."""
    rule: RuleBrief
    entity_field: str
    entity: str
    """``***`` on a person, for those who may not read events."""
    severity: Severity
    score: int | None
    """Null on a person, for those who may not read events."""
    state: State
    decided_at: Time
    last_at: Time
    count: int
    acknowledged: Acknowledgement | None
    sensors: Annotated[frozenset[str], Field(exclude=True)]
    """Sensors of its least set of events: who may see it. Never sent."""
    exception: ExceptionMark | None = None
    """Null for an alert that is shown; lists leave the others out unless asked for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPage:
    """Newest first."""

    items: list[AlertRow]
    next_cursor: str | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOpen:
    """Open alerts of one rule."""

    rule: str
    title_zh: str
    title_en: str
    open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSummary:
    """Alerts nobody has judged, by severity (0 to 4) and by rule."""

    open: int
    by_severity: list[int]
    by_rule: list[RuleOpen]
    hidden: int
    """More that exceptions hide; in none of the other counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHidden:
    """Alerts of one rule that an exception would hide."""

    rule: str
    title_zh: str
    title_en: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionPreview:
    """What an exception would hide of the last thirty days' alerts."""

    since: Time
    count: int
    judged_true: int
    """Of these, judged true positive: think again where there is any."""
    by_rule: list[RuleHidden]
    items: list[AlertRow]
    """The newest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionRow:
    """An exception, and how many alerts it hides at present."""

    id: str
    rule: str
    """``*`` for every rule."""
    entity: str
    """A value, a network, or ``*``."""
    units: list[str]
    reason: str
    owner: str
    created_by: str
    created_at: Time
    expires_at: Time
    revoked_by: str | None
    revoked_at: Time | None
    in_force: bool
    hidden: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionsView:
    """Those in force, then past ones, newest first."""

    items: list[ExceptionRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionView:
    """One condition's value against its threshold."""

    name: str
    value: int
    threshold: int
    comparison: Literal["gte", "gt", "lte", "lt", "eq"]
    name_zh: str = ""
    """What the rule calls a step of this name in Chinese; empty for other names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPair:
    """One sentence in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceView:
    """An event of an alert; without fields once redacted or expired."""

    id: str
    fields: Fields | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryItem:
    """A revision of the alert, or a person's verdict on it."""

    at: Time
    state: State
    count: int
    by: str | None = None
    verdict: Verdict | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReasons:
    """What a desk knows about an alert beyond its row."""

    reason_zh: str
    reason_en: str
    conditions: tuple[ConditionView, ...]
    counterfactual_zh: tuple[str, ...]
    counterfactual_en: tuple[str, ...]
    triage_zh: str
    triage_en: str
    techniques: tuple[str, ...]
    false_positives: tuple[TextPair, ...]
    events: tuple[str, ...]
    """Ids of the least set of events."""
    history: tuple[HistoryItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDetail(AlertRow):
    """An alert with its reasons, evidence and history."""

    reason_zh: str
    reason_en: str
    """Why it was raised, in one sentence."""
    conditions: tuple[ConditionView, ...]
    counterfactual_zh: tuple[str, ...]
    counterfactual_en: tuple[str, ...]
    triage_zh: str
    triage_en: str
    techniques: tuple[str, ...]
    false_positives: tuple[TextPair, ...]
    events: list[EvidenceView]
    history: tuple[HistoryItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GapView:
    """A stretch of time a sensor has nothing to show for."""

    from_: Annotated[Time, Field(serialization_alias="from")]
    to: Time
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRow:
    """How one sensor stands; times are null for never."""

    name: str
    unit: str
    realm: str
    status: Literal["active", "revoked", "silent", "unenrolled", "finished"]
    """``finished``: a recording that has been read to its end."""
    enrolment: int
    key_id: str
    last_batch: int
    last_event_at: Time | None
    last_seen_at: Time | None
    lag_seconds: int
    events: int
    quarantined: int
    gaps: tuple[GapView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorsView:
    """Sensors by name."""

    items: list[SensorRow]
    troubles: Sequence[Trouble]
    """What stands still or lags at this site; empty while it is well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageCounts:
    """What was judged, and what was not; of a source, or where ``rule`` is named of that rule."""

    sensor: str
    rule: str
    events: int
    late: int
    """Came behind the watermark."""
    too_late: int
    """Of those, too late to be judged: stored only."""
    unkeyed: int
    """Matched the rule but had no value for its entity or distinct field."""
    evicted: int
    """Entities of the rule dropped because too many were alive."""
    lag_max_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageItem(CoverageCounts):
    """One minute of event time."""

    minute: Time
    dataset: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageView:
    """Newest minute first; the totals are of the whole range, by sensor and by rule."""

    start: Time
    items: list[CoverageItem]
    next_cursor: str | None
    totals: list[CoverageCounts]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedItem:
    """Events that came too late for a rule and entity, and what a second look changed."""

    rule: str
    entity: str
    sensor: str
    first_at: Time
    last_at: Time
    events: int
    noted_at: Time
    looked_at: Time | None
    revised: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentSource:
    """A sensor nobody hears at present, and the rules that cannot see what it would send."""

    sensor: str
    since: Time | None
    """Null: it was never heard."""
    rules: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedView:
    """The newest misses first, at most five hundred; and what is being missed right now."""

    items: list[MissedItem]
    silent: list[SilentSource]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTexts:
    """What an officer reads about a rule."""

    title_zh: str
    title_en: str
    triage_zh: str
    triage_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleUseCase:
    """The case of misuse a rule finds, of the shipped catalogue."""

    id: str
    seen_in: tuple[Vantage, ...]
    owasp: tuple[str, ...]
    limits: TextPair | None
    """What its events cannot give, and what stands in for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHindrance:
    """Why a rule does not judge now, or not wholly."""

    code: HindranceCode
    names: tuple[str, ...]
    """Datasets nobody sends, or registers never imported."""
    until: Time | None
    """When the learning is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """A loaded rule."""

    id: str
    version: str
    severity: Severity
    system: str
    kind: str
    techniques: tuple[str, ...]
    false_positives: tuple[TextPair, ...]
    text: RuleTexts
    use_case: RuleUseCase | None
    hindrances: tuple[RuleHindrance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesView:
    """Rules by id."""

    items: list[RuleRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamStatus:
    """How the site stands, as far as the reader may see."""

    events: int
    events_per_second: int
    lag_seconds: int
    sensors: int
    quarantined: int
    watermark: Time | None
    exceptions_changed_at: Time | None
    """When an exception was last made, revoked or over: lists read before then are old."""
    troubles: Sequence[Trouble]
    """What stands still or lags at this site, worst first; empty while it is well."""
