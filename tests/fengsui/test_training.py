"""A worker goes on while a model is trained, and has it once it is asked for again."""

from __future__ import annotations

import threading
import time

import pytest

from analytics.models.artefact import Artefact, TrainingRequest
from fengsui.training import PatientTrainer
from schema.errors import FengsuiError

SECONDS_MAX = 30


class Slow:
    """Answers once it may; trains nothing named ``broken``."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.may = threading.Event()

    def train(self, request: TrainingRequest) -> Artefact:
        self.asked.append(request.effective_at)
        assert self.may.wait(SECONDS_MAX)
        if request.model == "broken":
            raise FengsuiError("fengsui.training.failed", "training the model failed")
        return request  # type: ignore[return-value] # what it is does not matter here


def request(at: int, model: str = "model") -> TrainingRequest:
    return TrainingRequest(model=model, features=("a",), rows=((at,),), effective_at=at)


def answer(trainer: PatientTrainer, asked: TrainingRequest) -> Artefact:
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        found = trainer.train(asked, wait=False)
        if found is not None:
            return found
        time.sleep(0.01)
    raise AssertionError("never trained")


def test_nobody_waits_for_a_training_and_it_is_begun_once() -> None:
    slow = Slow()
    trainer = PatientTrainer(slow.train)
    assert trainer.train(request(1), wait=False) is None
    assert trainer.train(request(1), wait=False) is None
    slow.may.set()
    assert answer(trainer, request(1)) == request(1)
    assert slow.asked == [1]


def test_the_end_of_a_replay_waits() -> None:
    slow = Slow()
    slow.may.set()
    assert PatientTrainer(slow.train).train(request(1), wait=True) == request(1)


def test_a_failure_is_told_when_it_is_asked_for_again() -> None:
    slow = Slow()
    slow.may.set()
    with pytest.raises(FengsuiError, match=r"fengsui\.training\.failed"):
        answer(PatientTrainer(slow.train), request(1, "broken"))


def test_another_request_of_the_rule_takes_the_place_of_the_one_before() -> None:
    slow = Slow()
    slow.may.set()
    trainer = PatientTrainer(slow.train)
    trainer.train(request(1), wait=False)
    assert answer(trainer, request(2)) == request(2)
