"""Work: one data operation, carried out item by item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, Generic, Protocol, TypeVar

from crypto.errors import CryptoError
from dashboard_api.applications.model import Application
from dashboard_api.signing.items import Item
from dashboard_api.signing.outcomes import Made, Outcome
from schema.errors import FengsuiError

T = TypeVar("T", bound=Item)

VERSIONS_TRIED_MAX: Final = 16
"""Versions of a key tried where the caller names none; older ones must be named."""


class Versioned(Protocol):
    """One version of a key."""

    @property
    def version(self) -> int:
        """Its number."""


V = TypeVar("V", bound=Versioned)


class Work(Generic[T]):
    """One operation; what it needs is given to it when it is made."""

    item: ClassVar[type[Item]]

    def one(self, application: Application, item: T) -> Made:
        """Carry out one item; raises what is wrong with it."""
        raise NotImplementedError

    def many(self, application: Application, items: Sequence[T]) -> list[Outcome]:
        """Carry out each item, in order; one that fails touches no other."""
        outcomes: list[Outcome] = []
        for item in items:
            try:
                outcomes.append(self.one(application, item))
            except (FengsuiError, CryptoError) as error:
                outcomes.append(error)
        return outcomes


def versions(key_id: str, held: Sequence[V], wanted: int | None) -> Sequence[V]:
    """The version that is named, or the newest ones; raises ``crypto.key.version``."""
    if wanted is None:
        return held[:VERSIONS_TRIED_MAX]
    found = [one for one in held if one.version == wanted]
    if not found:
        raise CryptoError(
            "crypto.key.version",
            f"Key {key_id} has no version {wanted}.",
            {"id": key_id, "version": wanted},
        )
    return found
