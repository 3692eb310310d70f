"""Forest: scores a row of features with integers only, the same on every machine."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from analytics.models.artefact import Artefact


class Scorer:
    """An artefact ready to score."""

    def __init__(self, artefact: Artefact) -> None:
        self.artefact = artefact
        # Negated, the falling totals rise, as bisect wants them.
        self._totals = [-total for total in artefact.forest.totals]

    def score(self, row: Sequence[int]) -> int:
        """0 (as usual) to 1000 (beyond all known); 800 is the loudest hundredth of the training."""
        total = 0
        for tree in self.artefact.forest.trees:
            node = 0
            left, right = tree.left, tree.right
            while left[node]:
                below = row[tree.feature[node]] <= tree.threshold[node]
                node = left[node] if below else right[node]
            total += tree.length[node]
        return bisect_right(self._totals, -total)
