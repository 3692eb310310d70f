"""RegisterDesk: registers read, proposed and decided by people of the API.

A register tells of the whole site, so reading its rows, proposing and deciding ask for somebody in
charge of every unit. Who proposed never approves, whatever their rights.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from collector.registers import exporter, importer
from collector.registers.description import Description
from collector.registers.difference import Change
from collector.registers.importer import Mask
from collector.registers.store import RegisterStore
from dashboard_api.details import why_of
from dashboard_api.registers.views import (
    ChangeView,
    ColumnView,
    FaultView,
    PreviewView,
    ProposalView,
    RegisterRowsView,
    RegisterRowView,
    RegistersView,
    RegisterVersionsView,
    RegisterVersionView,
    RegisterView,
)
from dashboard_api.wire import TIME_MAX, TIME_MIN
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.registers import FOREVER, RegisterVersion, Row, Table
from schema.times import MINUTE

CHANGES_SHOWN_MAX: Final = 100
"""Of each kind: what a person looks through before they approve."""
VERSIONS_LISTED_MAX: Final = 5
"""Of each register in the list of all; the history has the rest."""
REASON_CHARS_MAX: Final = 500
"""A sentence and the number of a paper."""
_COUNT_KEPT_US: Final = 10 * MINUTE
_DECODER: Final = msgspec.json.Decoder(tuple[str, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A file somebody hands in."""

    register: str
    file: str
    data: bytes
    whole: bool
    valid_from: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterDesk:
    """The registers of one site."""

    store: RegisterStore
    mask: Mask
    clock: Clock
    noted: Callable[[], None]
    """Seals what was approved in the control log."""
    _counts: dict[str, tuple[Table, int, int]] = field(default_factory=dict)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def all(self) -> RegistersView:
        """Every register, by name, with its newest versions."""
        versions: dict[str, list[RegisterVersion]] = {}
        for one in self.store.versions(""):
            versions.setdefault(one.register, []).append(one)
        known = self.store.view().tables
        return RegistersView(
            items=[
                _register(
                    one,
                    versions.get(name, [])[:VERSIONS_LISTED_MAX],
                    imported=name in known,
                    rows=self._count(name),
                )
                for name, one in sorted(self.store.descriptions.by_name.items())
            ]
        )

    def versions(self, register: str) -> RegisterVersionsView:
        """The history of one; raises ``collector.register.unknown``."""
        self.store.descriptions.get(register)
        return RegisterVersionsView(
            items=[version_view(one) for one in self.store.versions(register)]
        )

    def _count(self, register: str) -> int:
        """How many rows hold now: of a million that takes seconds, so it is kept for a while."""
        view, now = self.store.view(), self.clock.now()
        table = view.tables.get(register)
        if table is None:
            return 0
        with self._counting:
            kept = self._counts.get(register)
            if kept is None or kept[0] is not table or not 0 <= now - kept[1] < _COUNT_KEPT_US:
                kept = (table, now, sum(1 for _ in view.rows(register, now)))
                self._counts[register] = kept
        return kept[2]

    def rows(
        self,
        register: str,
        *,
        at: int | None,
        known: int | None,
        after: str,
        limit: int,
        text: str = "",
    ) -> RegisterRowsView:
        """Rows valid at a time as known at a time; raises ``collector.register.cursor`` too.

        With ``text`` those that have each of its words in a cell, in any case.
        """
        self.store.descriptions.get(register)
        past = _cursor(after)
        moment = self.clock.now() if at is None else at
        rows = self.store.view().rows(register, moment, FOREVER if known is None else known)
        words = text.casefold().split()
        page: list[Row] = []
        for row in rows:
            if past is not None and _order(row.key) <= _order(past):
                continue
            if words and not _holds(row, words):
                continue
            page.append(row)
            if len(page) > limit:
                break
        more = len(page) > limit
        return RegisterRowsView(
            items=[_row(one) for one in page[:limit]],
            next_cursor=_text(page[limit - 1].key) if more else None,
        )

    def export(self, register: str, *, at: int | None) -> Iterator[str]:
        """The rows as CSV that imports again; raises before the first line."""
        described = self.store.descriptions.get(register)
        moment = self.clock.now() if at is None else at
        return exporter.csv_lines(described, self.store.view().rows(register, moment))

    def preview(self, given: Import, *, languages: str) -> PreviewView:
        """What a file would change, or what is wrong with it; keeps nothing."""
        described = self.store.descriptions.get(given.register)
        waiting = self.store.waiting(given.register)
        told: Counter[str] = Counter()
        shown: list[ChangeView] = []
        faults: list[FengsuiError] = []
        try:
            drafts = importer.read(
                described, given.data, file=given.file, mask=self.mask, valid_from=given.valid_from
            )
            changes = self.store.difference(given.register, drafts, whole=given.whole)
            shown = list(_first(changes, told))
        except FengsuiError as error:
            faults = importer.faults(
                described, given.data, file=given.file, mask=self.mask, valid_from=given.valid_from
            ) or [error]
        return PreviewView(
            register=given.register,
            faults=[_fault(one, languages) for one in faults],
            added=told["added"],
            changed=told["changed"],
            ended=told["ended"],
            changes=shown,
            left_out=told.total() - len(shown),
            replaces=version_view(waiting) if waiting else None,
        )

    def propose(self, given: Import, *, by: str) -> ProposalView:
        """Check a file and keep what it changes; nothing holds before somebody else approves."""
        described = self.store.descriptions.get(given.register)
        drafts = importer.read(
            described, given.data, file=given.file, mask=self.mask, valid_from=given.valid_from
        )
        version = self.store.propose(
            given.register, drafts, whole=given.whole, source=given.file, by=by,
            reason=given.reason,
        )  # fmt: skip
        return self.proposal(given.register, version.number)

    def proposal(self, register: str, number: int) -> ProposalView:
        """An open proposal with what it changes; raises ``collector.register.no_proposal``."""
        self.store.descriptions.get(register)
        shown = list(_first(self.store.proposed(register, number)))
        version = next(one for one in self.store.versions(register) if one.number == number)
        return ProposalView(
            register=register,
            version=version_view(version),
            changes=shown,
            left_out=version.added + version.changed + version.ended - len(shown),
        )

    def approve(self, register: str, number: int, *, by: str) -> RegisterVersionView:
        """Make a proposal hold from now on; raises ``collector.register.self`` and others."""
        self.store.descriptions.get(register)
        version = self.store.apply(register, number, by=by)
        self.noted()
        return version_view(version)

    def refuse(self, register: str, number: int, *, by: str) -> RegisterVersionView:
        """Say no to a proposal."""
        self.store.descriptions.get(register)
        return version_view(self.store.refuse(register, number, by=by))


def _first(changes: Iterable[Change], shown: Counter[str] | None = None) -> Iterator[ChangeView]:
    """The first of each kind; ``shown`` counts all there are."""
    shown = Counter() if shown is None else shown
    for one in changes:
        shown[one.kind] += 1
        if shown[one.kind] <= CHANGES_SHOWN_MAX:
            yield ChangeView(
                kind=one.kind, key=list(one.key), before=dict(one.before), after=dict(one.after)
            )


def _register(
    one: Description, versions: Iterable[RegisterVersion], *, imported: bool, rows: int
) -> RegisterView:
    return RegisterView(
        name=one.name,
        title_zh=one.title.zh,
        title_en=one.title.en,
        purpose_zh=one.purpose.zh if one.purpose else "",
        purpose_en=one.purpose.en if one.purpose else "",
        key=list(one.key),
        columns=[
            ColumnView(
                name=name,
                type=column.type,
                title_zh=column.title.zh,
                title_en=column.title.en,
                required=name in one.required(),
                person=column.person,
            )
            for name, column in one.columns.items()
        ],
        imported=imported,
        rows=rows,
        versions=[version_view(version) for version in versions],
    )


def version_view(one: RegisterVersion) -> RegisterVersionView:
    """A version as people see it."""
    return RegisterVersionView(
        number=one.number,
        state=one.state,
        digest=one.digest,
        effective_at=one.effective_at or None,
        added=one.added,
        changed=one.changed,
        ended=one.ended,
        source=one.source,
        proposed_by=one.proposed_by,
        proposed_at=one.proposed_at,
        approved_by=one.approved_by or None,
        refused_by=one.refused_by or None,
        reason=one.reason,
    )


def _row(one: Row) -> RegisterRowView:
    return RegisterRowView(
        key=list(one.key),
        fields=dict(one.fields),
        valid_from=_moment(one.valid_from),
        valid_to=_moment(one.valid_to),
        version=one.version,
    )


def _holds(row: Row, words: Iterable[str]) -> bool:
    cells = [*row.key, *(str(value) for value in row.fields.values())]
    text = " ".join(cells).casefold()
    return all(word in text for word in words)


def _fault(one: FengsuiError, languages: str) -> FaultView:
    return FaultView(
        code=one.code,
        line=int(one.params.get("line", 0)),
        column=str(one.params.get("column", "")),
        detail=why_of(one, languages),
    )


def _moment(at: int) -> int | None:
    return at if TIME_MIN <= at <= TIME_MAX else None


def _order(key: tuple[str, ...]) -> bytes:
    """The order rows come in: that of their packed keys."""
    return msgspec.json.encode(key)


def _text(key: tuple[str, ...]) -> str:
    return msgspec.json.encode(key).decode()


def _cursor(text: str) -> tuple[str, ...] | None:
    if not text:
        return None
    try:
        return _DECODER.decode(text)
    except msgspec.DecodeError as error:
        raise FengsuiError(
            "collector.register.cursor", "the cursor is not one of this list: begin again"
        ) from error
