"""Finding: what a check of evidence says when something is wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, and where. Empty and zero where a place does not apply."""

    code: str
    sensor: str
    message: str
    segment: str = ""
    batch: int = 0
    event: int = -1
