"""Entry: what an indicator file says of one indicator, before it is put in normal form."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from schema.indicators import NOTE_CHARS_MAX, Indicator, Kind
from schema.times import from_written

REASONS_MAX: Final = 50
"""Reasons told apart; those beyond are counted together."""


@dataclass(slots=True)
class Found:
    """What a file held."""

    indicators: list[Indicator] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def refuse(self, reason: str) -> None:
        """Count an entry left out."""
        if reason not in self.refused and len(self.refused) >= REASONS_MAX:
            reason = "other reasons"
        self.refused[reason] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry as its file writes it."""

    kind: Kind | None
    value: str
    confidence: int | None = None
    valid_from: int | None = None
    valid_until: int | None = None
    labels: tuple[str, ...] = ()
    note: str = ""
    subdomains: bool = False


def plain(text: str) -> str:
    """Free text of a file, on one line and cut; what it says is shown, never obeyed."""
    shown = "".join(char if char.isprintable() else " " for char in text[: 2 * NOTE_CHARS_MAX])
    return " ".join(shown.split())[:NOTE_CHARS_MAX]


def time_of(text: object) -> int | None:
    """A time as text; None where there is none or it is not one."""
    if not isinstance(text, str) or not text:
        return None
    try:
        return from_written(text.strip())
    except (ValueError, OverflowError):
        return None
