"""Layout: into how many partitions the lanes of a site are divided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schema import ids
from schema.errors import FengsuiError

PARTITIONS: Final = 16
"""Of the accepted batches and of the hits, unless a site says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Partitions of the lanes that have more than one; the same for all stages of a site.

    Raises ``analytics.stream.partitions`` for counts that do not divide the 256 buckets.
    """

    accepted: int = PARTITIONS
    hits: int = PARTITIONS

    def __post_init__(self) -> None:
        for count in (self.accepted, self.hits):
            if count < 1 or ids.BUCKETS % count:
                raise FengsuiError(
                    "analytics.stream.partitions",
                    f"{count} partitions do not divide the {ids.BUCKETS} buckets",
                    partitions=count,
                )
