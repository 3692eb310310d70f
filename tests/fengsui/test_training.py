"""A request that comes again has its answer at once."""

from __future__ import annotations

import pytest

from analytics.models.artefact import Artefact, TrainingRequest
from fengsui.training import ANSWERS_MAX, RememberingTrainer
from schema.errors import FengsuiError


class Slow:
    """Counts what it was asked; trains nothing named ``broken``."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def train(self, request: TrainingRequest) -> Artefact:
        self.asked.append(request.effective_at)
        if request.model == "broken":
            raise FengsuiError("fengsui.training.failed", "training the model failed")
        return request  # type: ignore[return-value] # what it is does not matter here


def request(at: int, model: str = "model") -> TrainingRequest:
    return TrainingRequest(model=model, features=("a",), rows=((at,),), effective_at=at)


def test_a_model_is_trained_once_however_often_it_is_asked_for() -> None:
    slow = Slow()
    trainer = RememberingTrainer(slow)
    assert trainer.train(request(1)) == trainer.train(request(1)) == request(1)
    assert trainer.train(request(2)) == request(2)
    assert slow.asked == [1, 2]


def test_a_failure_is_the_same_answer_again() -> None:
    slow = Slow()
    trainer = RememberingTrainer(slow)
    for _ in range(2):
        with pytest.raises(FengsuiError, match=r"fengsui\.training\.failed"):
            trainer.train(request(1, "broken"))
    assert slow.asked == [1]


def test_old_answers_are_forgotten() -> None:
    slow = Slow()
    trainer = RememberingTrainer(slow)
    for at in [*range(ANSWERS_MAX + 1), 0, ANSWERS_MAX]:
        trainer.train(request(at))
    assert slow.asked == [*range(ANSWERS_MAX + 1), 0]
