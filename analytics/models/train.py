"""Train: ``python -m analytics.models.train`` reads rows of features and writes a forest.

Run in a child process, because scikit-learn costs a second and a hundred megabytes that the
engine must not carry. One JSON row a line on standard input, one JSON forest on standard output.
One thread and a fixed seed: the same rows give the same forest.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Final

import msgspec

from analytics.models.artefact import SCORE_MAX, TREES_MAX, Forest, Tree
from analytics.models.deferred import deferred
from analytics.models.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sklearn.ensemble import IsolationForest
    from sklearn.tree import ExtraTreeRegressor

SEED: Final = 20261120
SAMPLES: Final = 256
"""Rows each tree sees: the number of Liu, Ting and Zhou (2008), enough for depth eight."""

LOUD_SCORE: Final = 800
LOUD_QUANTILE: Final = 0.99
"""The row at this quantile of the training scores 800; a row above all others in every feature
at once scores 1000."""

_UNUSED: Final = (
    "scipy.fft",
    "scipy.integrate",
    "scipy.interpolate",
    "scipy.stats",
    "sklearn.decomposition",
    "sklearn.ensemble._gb",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting",
    "sklearn.ensemble._stacking",
    "sklearn.ensemble._voting",
    "sklearn.ensemble._weight_boosting",
    "sklearn.metrics.cluster",
    "sklearn.model_selection",
)
"""What scikit-learn imports and a forest of this kind never calls: thirty MiB of the child."""

_SCALE: Final = 1_000_000
_RAW_STEP: Final = 0.001
"""Keeps the scale rising where all training rows are alike."""

_EULER: Final = 0.5772156649015329


def mean_path(samples: int) -> float:
    """Mean path length of an unsuccessful search among so many samples (Liu et al., equation 1)."""
    if samples <= 1:
        return 0.0
    if samples == 2:
        return 1.0
    return 2.0 * (math.log(samples - 1) + _EULER) - 2.0 * (samples - 1) / samples


def train(rows: Sequence[Sequence[int]]) -> Forest:
    """An isolation forest over the rows, in integers."""
    # The one import of scikit-learn in the product.
    import numpy as np

    with deferred(*_UNUSED):
        from sklearn.ensemble import IsolationForest

    matrix = np.asarray(rows, dtype=np.float32)
    samples = min(SAMPLES, len(rows))
    forest = IsolationForest(
        n_estimators=TREES_MAX, max_samples=samples, random_state=SEED, n_jobs=None
    ).fit(matrix)
    trees = tuple(_tree(estimator) for estimator in forest.estimators_)
    return Forest(trees=trees, totals=_totals(*_anchors(forest, matrix), samples))


def _tree(estimator: ExtraTreeRegressor) -> Tree:
    tree = estimator.tree_
    size = tree.node_count
    left = [max(0, int(child)) for child in tree.children_left]
    right = [max(0, int(child)) for child in tree.children_right]
    depth = [0] * size
    for node in range(size):
        if left[node]:
            depth[left[node]] = depth[right[node]] = depth[node] + 1
    return Tree(
        feature=tuple(max(0, int(feature)) for feature in tree.feature),
        # Rows are integers, so "at most t" and "at most the whole part of t" are the same.
        threshold=tuple(math.floor(float(value)) for value in tree.threshold),
        left=tuple(left),
        right=tuple(right),
        length=tuple(
            0 if left[node] else round((depth[node] + mean_path(int(count))) * _SCALE)
            for node, count in enumerate(tree.n_node_samples)
        ),
    )


def _anchors(forest: IsolationForest, matrix: object) -> tuple[float, float]:
    """Raw scores of the loud quantile, and of a row louder than every training row."""
    import numpy as np

    rows = np.asarray(matrix)
    scores = sorted(-float(value) for value in forest.score_samples(rows))
    loud = scores[min(len(scores) - 1, int(len(scores) * LOUD_QUANTILE))]
    corner = -float(forest.score_samples(rows.max(axis=0, keepdims=True) + 1)[0])
    return loud, max(corner, loud + _RAW_STEP)


def _totals(loud: float, loudest: float, samples: int) -> tuple[int, ...]:
    """Greatest sum of path lengths for each score: raw score 2^(-mean/c), linear in two parts."""
    scale = mean_path(samples) * TREES_MAX * _SCALE
    totals = []
    for score in range(1, SCORE_MAX + 1):
        if score <= LOUD_SCORE:
            raw = loud * score / LOUD_SCORE
        else:
            raw = loud + (loudest - loud) * (score - LOUD_SCORE) / (SCORE_MAX - LOUD_SCORE)
        totals.append(math.floor(-math.log2(raw) * scale))
    return tuple(totals)


def main() -> None:
    """Rows in, forest out."""
    decoder = msgspec.json.Decoder(tuple[int, ...])
    rows = [decoder.decode(line) for line in sys.stdin.buffer if line.strip()]
    if not rows or any(len(row) != len(FEATURES) for row in rows):
        raise SystemExit(f"expected rows of {len(FEATURES)} integers on standard input")
    sys.stdout.buffer.write(msgspec.json.encode(train(rows)))


if __name__ == "__main__":
    main()
