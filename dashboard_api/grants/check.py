"""GrantCheck: answers a gateway whether a call may pass, from the register in memory.

Asked for each call of a gateway, so it reads no disk. Quota is counted by day in a ``QuotaBook``;
the rules on quota (DX05) count from the events whatever was answered here. Where it cannot tell —
no register was ever approved, it cannot be read, or counts cannot be kept — it answers as the site
set, ``closed`` or ``open``, and says so.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from dashboard_api.grants.quota import QuotaBook, QuotaUnkeptError
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.registers import RegisterView

_logger = logging.getLogger(__name__)

Mode: TypeAlias = Literal["closed", "open"]
Reason: TypeAlias = Literal[
    "granted", "no_grant", "other_purpose", "fields", "quota", "register_absent",
    "register_unreadable", "quota_unkept",
]  # fmt: skip
REGISTER: Final = "grants"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call a gateway is about to let through."""

    requester: str
    service: str
    fields: Sequence[str] = ()
    purpose: str = ""
    count: bool = True
    """Whether the call counts for the quota: no for a look beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gateway does with it."""

    allowed: bool
    reason: Reason
    failed: bool
    """Nothing could be looked up: the answer is the mode's, not the register's."""
    mode: Mode
    grant: str | None = None
    fields: tuple[str, ...] = ()
    """All the grant allows."""
    refused_fields: tuple[str, ...] = ()
    quota_left: int | None = None
    """None where the grant has no quota."""
    valid_to: int | None = None
    version: int | None = None
    """Version of the register the row is of."""


class GrantCheck:
    """Checks calls against the register ``grants``."""

    def __init__(
        self, view: Callable[[], RegisterView], quota: QuotaBook, clock: Clock, *, mode: Mode
    ) -> None:
        self._view = view
        self._quota = quota
        self._clock = clock
        self._mode: Mode = mode

    @property
    def mode(self) -> Mode:
        """What is answered where nothing can be looked up."""
        return self._mode

    def check(self, asked: Question) -> Verdict:
        """Never raises: what cannot be told is answered as the mode says."""
        try:
            view = self._view()
        except (FengsuiError, OSError, sqlite3.Error) as error:
            _logger.warning("the register of grants cannot be read: %s", error)
            return self._failed("register_unreadable")
        if REGISTER not in view.tables:
            return self._failed("register_absent")
        now = self._clock.now()
        row = view.lookup(REGISTER, (asked.requester, asked.service), now)
        if row is None:
            return Verdict(allowed=False, reason="no_grant", failed=False, mode=self._mode)
        fields, purpose = row.fields.get("fields"), row.fields.get("purpose")
        allowed = tuple(fields) if isinstance(fields, list) else ()
        verdict = Verdict(
            allowed=True,
            reason="granted",
            failed=False,
            mode=self._mode,
            grant=str(row.fields.get("grant", "")),
            fields=allowed,
            valid_to=row.valid_to,
            version=row.version,
        )
        if asked.purpose and purpose != asked.purpose:
            return _but(verdict, "other_purpose")
        extra = tuple(name for name in asked.fields if name not in allowed)
        if extra:
            return _but(verdict, "fields", refused=extra)
        quota = row.fields.get("quota_per_day")
        if not isinstance(quota, int) or isinstance(quota, bool):
            return verdict
        try:
            left = self._quota.left((asked.requester, asked.service), quota, count=asked.count)
        except (QuotaUnkeptError, FengsuiError, OSError, sqlite3.Error):
            # The book tells of it; a line for each call would only fill the disk further.
            return self._failed("quota_unkept")
        return _but(verdict, "quota", left=0) if left < 0 else _but(verdict, "granted", left=left)

    def _failed(self, reason: Reason) -> Verdict:
        return Verdict(allowed=self._mode == "open", reason=reason, failed=True, mode=self._mode)


def _but(
    one: Verdict, reason: Reason, *, refused: tuple[str, ...] = (), left: int | None = None
) -> Verdict:
    return Verdict(
        allowed=reason == "granted",
        reason=reason,
        failed=False,
        mode=one.mode,
        grant=one.grant,
        fields=one.fields,
        refused_fields=refused,
        quota_left=left,
        valid_to=one.valid_to,
        version=one.version,
    )
