"""Artefact: a trained model as integers, named by the SM3 of its contents.

It says from which event time on it is in force, so a replay with the same artefacts gives the
same alerts, and nothing of the trainer is needed to score.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import msgspec

from analytics.models.features import FEATURES
from crypto import sm3
from schema.errors import FengsuiError

FORMAT: Final = 1
ENGINE_VERSION: Final = 1
"""Grows when features or scoring would give another answer."""

TREES_MAX: Final = 64
NODES_MAX: Final = 1024
"""A tree over 256 samples has at most 511 nodes."""

SCORE_MAX: Final = 1000


class Tree(msgspec.Struct, frozen=True, array_like=True):
    """One isolation tree in arrays; a leaf has left = 0.

    An hour goes left where its feature is at most the threshold. ``length`` is the path length of
    a leaf in millionths, with the mean rest of the path below it.
    """

    feature: tuple[int, ...]
    threshold: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    length: tuple[int, ...]


class Forest(msgspec.Struct, frozen=True, kw_only=True):
    """What the trainer writes."""

    trees: tuple[Tree, ...]
    totals: tuple[int, ...]
    """For score 1, 2, … 1000 the greatest sum of path lengths that still reaches it."""


class TrainingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine asks for at a boundary of event time; it waits for the answer there."""

    model: str
    """Rule id of the model rule."""
    features: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]
    effective_at: int
    """Hours beginning at or after this time are scored with the new artefact."""

    def lines(self) -> bytes:
        """Standard input of ``python -m analytics.models.train``: one JSON row a line."""
        return b"\n".join(msgspec.json.encode(row) for row in self.rows) + b"\n"


class Artefact(msgspec.Struct, frozen=True, kw_only=True):
    """A trained model and what it was trained on."""

    format: int
    engine_version: int
    model: str
    features: tuple[str, ...]
    effective_at: int
    rows: int
    rows_sm3: str
    forest: Forest

    @property
    def id(self) -> str:
        """SM3 of the canonical bytes, hex."""
        return sm3.digest(to_bytes(self)).hex()


def to_bytes(artefact: Artefact) -> bytes:
    """Canonical bytes: what the id is made of and what is stored."""
    return msgspec.json.encode(artefact, order="sorted")


def from_bytes(raw: bytes) -> Artefact:
    """A stored artefact; raises ``analytics.model.refused``."""
    try:
        artefact = msgspec.json.decode(raw, type=Artefact)
    except msgspec.DecodeError as error:
        raise _refused(f"it is not a model artefact: {error}") from error
    check(artefact)
    return artefact


def from_trainer(request: TrainingRequest, output: bytes) -> Artefact:
    """The artefact of what the trainer wrote; raises ``analytics.model.refused``."""
    try:
        forest = msgspec.json.decode(output, type=Forest)
    except msgspec.DecodeError as error:
        raise _refused(f"the trainer's output is not a forest: {error}") from error
    artefact = Artefact(
        format=FORMAT,
        engine_version=ENGINE_VERSION,
        model=request.model,
        features=request.features,
        effective_at=request.effective_at,
        rows=len(request.rows),
        rows_sm3=sm3.digest(request.lines()).hex(),
        forest=forest,
    )
    check(artefact)
    return artefact


def check(artefact: Artefact) -> None:
    """Raise ``analytics.model.refused`` unless scoring with it is sound and ends."""
    if (artefact.format, artefact.engine_version) != (FORMAT, ENGINE_VERSION):
        raise _refused("it was made for another version of the engine: train it anew")
    if artefact.features != FEATURES:
        raise _refused("its features are not those of this engine: train it anew")
    totals = artefact.forest.totals
    if len(totals) != SCORE_MAX or any(a < b for a, b in pairwise(totals)):
        raise _refused("its score table is not 1000 falling numbers")
    if not 0 < len(artefact.forest.trees) <= TREES_MAX:
        raise _refused(f"it has {len(artefact.forest.trees)} trees, not 1 to {TREES_MAX}")
    for tree in artefact.forest.trees:
        _check_tree(tree)


def _check_tree(tree: Tree) -> None:
    size = len(tree.feature)
    arrays = (tree.threshold, tree.left, tree.right, tree.length)
    if not 0 < size <= NODES_MAX or any(len(array) != size for array in arrays):
        raise _refused("a tree's arrays differ in length")
    for node in range(size):
        if tree.left[node] == 0:
            continue
        # Children stand behind their parent, so every walk ends.
        if not (node < tree.left[node] < size and node < tree.right[node] < size):
            raise _refused(f"node {node} of a tree leads nowhere")
        if not 0 <= tree.feature[node] < len(FEATURES):
            raise _refused(f"node {node} of a tree asks for an unknown feature")


def _refused(why: str) -> FengsuiError:
    return FengsuiError("analytics.model.refused", f"the model is refused: {why}")
