"""Tally: what operators did on the days before, by which the strength of an abuse is measured.

The abuser knows nothing of it: the director does, so that an attack at 1.5 times its threshold is
one whatever the town was like.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

__all__ = ["CHI_SQUARE_PERMILLE", "Tally", "is_pattern"]

CHI_SQUARE_PERMILLE: Final = 10_828
"""The 99.9 % point with one degree of freedom, as the rule has it."""
WINDOW_DAYS: Final = 30
HISTORY_DAYS: Final = 90
REFUNDS_MIN: Final = 8
TIMES_PERMILLE: Final = 1500
NEAR_LIMIT_FEN: Final = range(480_000, 500_000)
ROUND_FEN: Final = 100_000


def is_pattern(fen: int) -> bool:
    """A whole thousand of yuan, or just below the limit from which a second person signs."""
    return fen % ROUND_FEN == 0 or fen in NEAR_LIMIT_FEN


class Tally:
    """Counts by operator and day."""

    def __init__(self) -> None:
        self._refunds: dict[str, Counter[int]] = defaultdict(Counter)
        self._taken: dict[str, dict[str, list[tuple[int, bool]]]] = defaultdict(
            lambda: defaultdict(list)
        )

    def refunded(self, user: str, day: int) -> None:
        """The operator made a refund."""
        self._refunds[user][day] += 1

    def took(self, unit: str, user: str, day: int, fen: int) -> None:
        """The operator took an amount at the counter."""
        self._taken[unit][user].append((day, is_pattern(fen)))

    def refunds_noticed_at(self, user: str, day: int) -> int:
        """How many refunds of that day stand out from the operator's own past."""
        counts = self._refunds[user]
        first = min((one for one, count in counts.items() if count), default=day)
        past = sorted(counts[one] for one in range(max(first, day - HISTORY_DAYS), day))
        most = past[-(-len(past) * 990 // 1000) - 1] if past else 0
        return max(REFUNDS_MIN, most * TIMES_PERMILLE // 1000 + 1)

    def taken_on(self, user: str, day: int) -> int:
        """How many refunds the operator made that day already."""
        return self._refunds[user][day]

    def pattern(
        self, unit: str, user: str, day: int, *, more: int = 0, parts: int = 0
    ) -> tuple[int, int]:
        """(amounts of the operator, chi-square in thousandths against the peers) of the window,
        with so many ``more`` of the operator, ``parts`` of them of the pattern."""
        own, own_part = more, parts
        other = other_part = 0
        for name, taken in self._taken[unit].items():
            for when, part in taken:
                if day - WINDOW_DAYS < when <= day:
                    if name == user:
                        own, own_part = own + 1, own_part + part
                    else:
                        other, other_part = other + 1, other_part + part
        cross = own_part * (other - other_part) - (own - own_part) * other_part
        both = own_part + other_part
        margins = own * other * both * (own + other - both)
        if cross <= 0 or not margins:
            return own, 0
        return own, (own + other) * cross * cross * 1000 // margins
