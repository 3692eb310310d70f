"""Locks: what Keycloak counts of wrong passwords, to know when a lock is over on both clocks.

A lock of a minute lasts three true seconds (``realms.LOCKED_S``), in which many deeds are done.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from district.identity.acts import Who
from district.identity.provider import FAILURES_MAX, WAIT_US

from living.identity.realms import LOCKED_S

__all__ = ["Locks"]

_MARGIN_S: Final = 0.2


@dataclass(slots=True)
class _Account:
    count: int = 0
    town_until: int = 0
    true_until: float = 0.0


class Locks:
    """By account."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}

    def take_over(self, user: str, count: int) -> None:
        """Wrong passwords of before the week."""
        self._accounts[user] = _Account(count)

    def count(self, at: int, who: Who) -> None:
        """One more; from the most that are let through on, each locks."""
        account = self._accounts.setdefault(who.user, _Account())
        account.count += 1
        if times := account.count // FAILURES_MAX[who.realm]:
            account.town_until = at + WAIT_US * times
            account.true_until = time.time() + LOCKED_S * times + _MARGIN_S

    def forget(self, user: str) -> None:
        """The password was right."""
        self._accounts.pop(user, None)

    def closed(self, at: int, user: str) -> bool:
        """Whether the account is locked at the town's ``at``."""
        account = self._accounts.get(user)
        return account is not None and account.town_until > at

    def left(self, at: int, user: str) -> float:
        """True seconds for which Keycloak keeps an account closed that the town opened again."""
        account = self._accounts.get(user)
        if account is None or account.town_until > at:
            return 0.0
        return max(0.0, account.true_until - time.time())
