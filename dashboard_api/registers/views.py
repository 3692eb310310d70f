"""The shapes of registers on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from dashboard_api.views import Fields
from dashboard_api.wire import Time

ColumnType: TypeAlias = Literal["text", "integer", "boolean", "list", "date"]
VersionState: TypeAlias = Literal["proposed", "approved", "replaced", "refused"]
ChangeKind: TypeAlias = Literal["added", "changed", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnView:
    """One column."""

    name: str
    type: ColumnType
    title_zh: str
    title_en: str
    required: bool
    person: bool
    """Holds citizens' numbers, kept as keyed hashes only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterVersionView:
    """One version: what it changed, who proposed it and who decided."""

    number: int
    state: VersionState
    digest: str
    effective_at: Time | None
    added: int
    changed: int
    ended: int
    source: str
    proposed_by: str
    proposed_at: Time
    approved_by: str | None
    refused_by: str | None
    reason: str
    """What the proposer gave for it; empty where nothing was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterView:
    """A register and its newest versions."""

    name: str
    title_zh: str
    title_en: str
    purpose_zh: str
    purpose_en: str
    key: list[str]
    columns: list[ColumnView]
    imported: bool
    """Whether anything was ever approved; rules say so where not."""
    rows: int
    """Rows that hold now, counted at most every ten minutes."""
    versions: list[RegisterVersionView]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistersView:
    """All registers, by name."""

    items: list[RegisterView]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterVersionsView:
    """Newest first."""

    items: list[RegisterVersionView]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRowView:
    """A row as it held then; without an end or a beginning where it has none."""

    key: list[str]
    fields: Fields
    valid_from: Time | None
    valid_to: Time | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterRowsView:
    """A page of rows, in key order."""

    items: list[RegisterRowView]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """One row a proposal changes."""

    kind: ChangeKind
    key: list[str]
    before: Fields
    after: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultView:
    """Why a row of a file cannot be imported, and what to do."""

    code: str
    line: int
    """0 where it is the file as a whole."""
    column: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewView:
    """What a file would change, or the first of its faults; nothing of it is kept."""

    register: str
    faults: list[FaultView]
    added: int
    changed: int
    ended: int
    changes: list[ChangeView]
    left_out: int
    """Changes that are counted above and not shown."""
    replaces: RegisterVersionView | None
    """The open proposal that proposing this file would take the place of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """A proposal, and of each kind of change the first ones."""

    register: str
    version: RegisterVersionView
    changes: list[ChangeView]
    left_out: int
    """Changes that are counted above and not shown."""
