"""The shapes of evidence: stored events, their counts, proofs and receipts, as they are sent."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard_api.views import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """A stored event and where its proof lies."""

    id: str
    sensor: str
    number: int
    index: int
    fields: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsView:
    """Newest first; a page may be shorter than asked while there is a next one."""

    items: list[EventView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountView:
    """One value and how many events have it."""

    key: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsView:
    """Most frequent first; hours in time order."""

    items: list[CountView]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadView:
    """Where a chain stood."""

    sensor: str
    enrolment: int
    number: int
    events: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """The platform's counter-signature over a chain head."""

    head: HeadView
    received_at: int
    """Microseconds UTC, as signed: not rewritten as text."""
    key_id: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptsView:
    """One receipt for each batch, in their order."""

    receipts: list[ReceiptView]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step of a proof that was carried out."""

    name: str
    ok: bool
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofView:
    """Everything somebody needs to repeat the proof with other software. Hashes are hex."""

    event_id: str
    sensor: str
    enrolment: int
    batch: int
    segment: str
    index: int
    count: int
    leaf: str
    path: list[str]
    root: str
    header: str
    """The signed bytes of the batch header, as text."""
    header_hash: str
    signature: str
    key_id: str
    public_key: str
    receipt: ReceiptView | None
    steps: list[StepView]
    means_zh: str
    means_en: str
