"""Episode: a labelled piece of the town's life: an attack, one below threshold, a look-alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from district.deed import Deed

__all__ = ["Episode", "Kind", "Plan"]

Kind: TypeAlias = Literal["attack", "below", "lookalike"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """What is labelled, on whom, and until when an alert on it is in time."""

    id: str
    """Unique in a run, such as ``EC01/2`` or ``EC01/like/day107/3``."""
    use_case: str
    kind: Kind
    start: int
    """Microseconds UTC of its first deed."""
    end: int
    """Latest event time at which an alert on it counts: its last deed, and what the rule waits for
    (a deadline, the end of a day, a file on the next one)."""
    strength: int = 1000
    """Permille of the use case's threshold."""
    entities: tuple[str, ...] = ()
    """Whom an alert on it may name: accounts, addresses, applications, numbers in clear."""
    collect: tuple[str, ...] = ()
    """Fields whose values in the episode's own events are such names too: what a system gives out
    only when the deed is done, such as ``gov.pay.order_id``."""


class Plan(NamedTuple):
    """An episode and its deeds, in any order."""

    episode: Episode
    deeds: Sequence[Deed]
