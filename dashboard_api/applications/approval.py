"""Approval: the destruction or export of a key that one asked for and another person decides.

    waiting ─→ approved ─→ done | failed
       ├─────→ refused
       └─────→ expired

The second person is neither the one who asked nor, where an application asked, anybody who ever
registered it or issued it a credential: they could have asked in its name. Nobody approves from the
command line. Whoever owns the machine stands above this, but not silently: signing in as another
takes a login link, and that stands in the audit chain.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import msgspec

from dashboard_api.access.principal import Principal
from dashboard_api.signing import asking
from schema.errors import FengsuiError

Kind: TypeAlias = Literal["destroy", "export"]
State: TypeAlias = Literal["waiting", "approved", "refused", "expired", "done", "failed"]
AskerKind: TypeAlias = Literal["person", "application", "operator"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asked: a signed-in person, an application, or the operator on the machine."""

    kind: AskerKind
    id: str
    """Of the account or the application; empty for the operator."""
    name: str
    """As the audit chain calls them."""

    @classmethod
    def person(cls, principal: Principal) -> Asker:
        """A signed-in person."""
        return cls(kind="person", id=principal.id, name=principal.name)

    @classmethod
    def application(cls, application: str) -> Asker:
        """An application; no user's name holds a colon."""
        return cls(kind="application", id=application, name=f"application:{application}")

    @classmethod
    def of(cls, who: asking.Asker) -> Asker:
        """Whoever asks for a managing operation over the API."""
        if who.person is not None:
            return cls.person(who.person)
        return cls.application(who.owner)

    @classmethod
    def operator(cls, name: str) -> Asker:
        """The operator on the machine."""
        return cls(kind="operator", id="", name=name)

    def is_same(self, other: Asker) -> bool:
        """Whether it is the same one, whatever they are called now."""
        return (self.kind, self.id) == (other.kind, other.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What was asked for and what became of it. Times in microseconds UTC."""

    id: str
    kind: Kind
    key: str
    """Whole id."""
    unit: str
    """In charge of the key; ``*`` for the site's own keys."""
    asker: Asker
    params: Mapping[str, str]
    """What the key's desk needs, shown to the second person: to whom a key goes, which version."""
    asked_at: int
    expires_at: int
    state: State
    decided_by: str | None
    decided_at: int | None
    ended_at: int | None
    """When it was carried out, or failed."""
    failure: str | None
    """Code of what kept it from being carried out."""
    material_waits: bool
    """Whether an exported key waits to be taken by who asked."""
    given_at: int | None


class KeyDesk(Protocol):
    """Carries out what was approved."""

    def carry_out(self, approval: Approval) -> bytes | None:
        """Destroy the key, or return it encrypted to who asked.

        Called again after a crash: doing it twice must come to the same. A ``FengsuiError`` or
        ``CryptoError`` ends the approval as failed, unless its reason is one that passes
        (``busy``, ``closed``, ``full``, ``unavailable``).
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalQuery:
    """Which approvals a page shows, newest first."""

    state: State | None = None
    kind: Kind | None = None
    key: str = ""
    before: str = ""
    """Id of the last one of the page before."""
    limit: int = 100


def of_row(row: sqlite3.Row) -> Approval:
    """The approval of a row."""
    return Approval(
        id=row["id"],
        kind=row["kind"],
        key=row["key"],
        unit=row["unit"],
        asker=Asker(kind=row["asker_kind"], id=row["asker"], name=row["asker_name"]),
        params=msgspec.json.decode(row["params"], type=dict[str, str]),
        asked_at=row["asked_at"],
        expires_at=row["expires_at"],
        state=row["state"],
        decided_by=row["decided_name"],
        decided_at=row["decided_at"],
        ended_at=row["ended_at"],
        failure=row["failure"],
        material_waits=row["material"] is not None,
        given_at=row["given_at"],
    )


def known(state: sqlite3.Connection, approval_id: str) -> Approval:
    """One approval; raises ``dashboard_api.approval.unknown``."""
    row = state.execute("SELECT * FROM approvals WHERE id = ?", (approval_id,)).fetchone()
    if row is None:
        raise unknown(approval_id)
    return of_row(row)


def unknown(approval_id: str) -> FengsuiError:
    """There is none, or none this person may see."""
    return FengsuiError(
        "dashboard_api.approval.unknown",
        f"there is no approval {approval_id[:36]}",
        id=approval_id[:36],
    )
