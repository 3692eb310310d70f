"""The trainer writes integers that score as scikit-learn does; the same rows, the same forest."""

from __future__ import annotations

import random
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.models import artefact, train
from analytics.models.artefact import Artefact, Forest, TrainingRequest, Tree
from analytics.models.features import FEATURES
from analytics.models.forest import Scorer
from schema.errors import FengsuiError


def _rows(count: int = 400) -> tuple[tuple[int, ...], ...]:
    chance = random.Random(5)
    return tuple(tuple(max(0, round(chance.gauss(4, 6))) for _ in FEATURES) for _ in range(count))


REQUEST = TrainingRequest(model="model", features=FEATURES, rows=_rows(), effective_at=3600)


@pytest.fixture(scope="module")
def output() -> bytes:
    """What the child writes, run as the platform runs it."""
    command = [sys.executable, "-m", "analytics.models.train"]
    return subprocess.run(command, input=REQUEST.lines(), capture_output=True, check=True).stdout


def test_scores_are_those_of_scikit_learn_in_order(output: bytes) -> None:
    import numpy as np
    from sklearn.ensemble import IsolationForest

    trained = artefact.from_trainer(REQUEST, output)
    reference = IsolationForest(
        n_estimators=artefact.TREES_MAX, max_samples=train.SAMPLES, random_state=train.SEED
    ).fit(np.asarray(REQUEST.rows, dtype=np.float32))
    chance = random.Random(9)
    probes = [tuple(chance.randrange(60) for _ in FEATURES) for _ in range(60)]
    raw = [-value for value in reference.score_samples(np.asarray(probes, dtype=np.float32))]
    ours = [Scorer(trained).score(probe) for probe in probes]
    by_raw = [score for _, score in sorted(zip(raw, ours, strict=True))]
    assert by_raw == sorted(by_raw)
    assert 0 < min(ours) < max(ours) <= artefact.SCORE_MAX


def test_the_loudest_hundredth_scores_from_eight_hundred_on(output: bytes) -> None:
    scorer = Scorer(artefact.from_trainer(REQUEST, output))
    scores = [scorer.score(row) for row in REQUEST.rows]
    assert 1 <= sum(score >= 800 for score in scores) <= len(scores) // 50
    assert scorer.score([10_000] * len(FEATURES)) == artefact.SCORE_MAX
    assert scorer.score([4] * len(FEATURES)) < 600


def test_the_same_rows_give_the_same_artefact(output: bytes) -> None:
    again = msgspec.json.encode(train.train(REQUEST.rows))
    trained = artefact.from_trainer(REQUEST, output)
    assert trained.id == artefact.from_trainer(REQUEST, again).id
    assert artefact.from_bytes(artefact.to_bytes(trained)) == trained


def test_rows_that_are_all_alike_train_too() -> None:
    forest = train.train([(1, 2, 3, 4, 5, 6)] * 300)
    request = msgspec.structs.replace(REQUEST, rows=((1, 2, 3, 4, 5, 6),) * 300)
    trained = artefact.from_trainer(request, msgspec.json.encode(forest))
    assert 0 <= Scorer(trained).score([1, 2, 3, 4, 5, 6]) <= 1000


@pytest.mark.parametrize("rows", [b"", b"[1,2]\n", b"no\n"])
def test_the_child_refuses_other_rows(rows: bytes) -> None:
    command = [sys.executable, "-m", "analytics.models.train"]
    assert subprocess.run(command, input=rows, capture_output=True, check=False).returncode != 0


LEAF = Tree(feature=(0,), threshold=(0,), left=(0,), right=(0,), length=(5,))
TOTALS = tuple(range(1000, 0, -1))
SOUND = Artefact(
    format=artefact.FORMAT,
    engine_version=artefact.ENGINE_VERSION,
    model="model",
    features=FEATURES,
    effective_at=0,
    rows=1,
    rows_sm3="",
    forest=Forest(trees=(LEAF,), totals=TOTALS),
)


def _with_tree(**parts: tuple[int, ...]) -> Artefact:
    tree = msgspec.structs.replace(LEAF, **parts)
    return msgspec.structs.replace(SOUND, forest=Forest(trees=(tree,), totals=TOTALS))


@pytest.mark.parametrize(
    "unsound",
    [
        msgspec.structs.replace(SOUND, format=2),
        msgspec.structs.replace(SOUND, engine_version=2),
        msgspec.structs.replace(SOUND, features=("a",)),
        msgspec.structs.replace(SOUND, forest=Forest(trees=(), totals=TOTALS)),
        msgspec.structs.replace(SOUND, forest=Forest(trees=(LEAF,) * 65, totals=TOTALS)),
        msgspec.structs.replace(SOUND, forest=Forest(trees=(LEAF,), totals=TOTALS[:-1])),
        msgspec.structs.replace(SOUND, forest=Forest(trees=(LEAF,), totals=TOTALS[::-1])),
        _with_tree(length=(1, 2)),
        _with_tree(feature=()),
        _with_tree(left=(1,), right=(1,)),
        _with_tree(left=(-1,)),
    ],
)
def test_an_unsound_artefact_is_refused(unsound: Artefact) -> None:
    artefact.check(SOUND)
    with pytest.raises(FengsuiError, match=r"analytics\.model\.refused"):
        artefact.from_bytes(artefact.to_bytes(unsound))


@given(st.binary(max_size=300))
def test_any_bytes_are_an_artefact_or_refused(raw: bytes) -> None:
    for read in (artefact.from_bytes, lambda found: artefact.from_trainer(REQUEST, found)):
        with pytest.raises(FengsuiError, match=r"analytics\.model\.refused"):
            read(raw)
