"""Shelf: the durable entries of one stage, as the checkpoint that is being written sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Shelf(Protocol):
    """What one checkpoint reads and writes for one partition; worthless once it is written.

    Everything put or deleted becomes durable with what the stage sent and its place in its
    partition, or not at all.
    """

    def get(self, name: str) -> bytes | None:
        """An entry; None where there is none."""

    def put(self, name: str, value: bytes) -> None:
        """Write an entry."""

    def delete(self, name: str) -> None:
        """Delete an entry, there or not."""

    def entries(self) -> Mapping[str, bytes]:
        """Everything as the last checkpoint left it."""
