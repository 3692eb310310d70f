"""Training in a child process: scikit-learn is imported there and its memory goes with it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

import msgspec

from analytics.models.artefact import Artefact, TrainingRequest, from_trainer
from analytics.streaming.modelling import Trainer
from crypto import sm3
from fengsui.memory import give_back
from schema.errors import FengsuiError

MODULE: Final = "analytics.models.train"
_SECONDS_MAX: Final = 120
"""A training run of the largest history takes a few seconds; longer means it hangs."""


ANSWERS_MAX: Final = 8
"""Answers remembered: more models than that are not due at one hour."""


class ChildTrainer:
    """Trains each request in a child of its own and waits for it."""

    def train(self, request: TrainingRequest) -> Artefact:
        """The trained model; raises ``fengsui.training.failed`` with the child's last words."""
        # The child is the largest thing the platform ever starts: make room for it first.
        give_back()
        return from_trainer(request, _output(request.lines()))


class RememberingTrainer:
    """Gives the answer of before to a request that comes again, a failure too.

    A worker trains amid a message. Where that takes longer than the brokers wait for it, what it
    had done is undone and the same request comes once more: it must not take as long again.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._answers: dict[str, Artefact | FengsuiError] = {}

    def train(self, request: TrainingRequest) -> Artefact:
        """The trained model; raises what the trainer raised."""
        name = sm3.digest(msgspec.msgpack.encode(request)).hex()
        answer = self._answers.get(name)
        if answer is None:
            answer = self._answers[name] = self._ask(request)
            for old in [*self._answers][:-ANSWERS_MAX]:
                del self._answers[old]
        if isinstance(answer, FengsuiError):
            raise answer
        return answer

    def _ask(self, request: TrainingRequest) -> Artefact | FengsuiError:
        try:
            return self._trainer.train(request)
        except FengsuiError as error:
            return error


def _output(rows: bytes) -> bytes:
    environment = {
        "PATH": os.environ.get("PATH", ""),
        # One thread each: the model is small, and results must not depend on the core count.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", MODULE],
            input=rows,
            capture_output=True,
            timeout=_SECONDS_MAX,
            check=True,
            env=environment,
            # Ctrl-C in the terminal is for the platform: it ends once the training is done.
            start_new_session=True,
        )
    except (subprocess.SubprocessError, OSError) as error:
        last = getattr(error, "stderr", b"") or b""
        raise FengsuiError(
            "fengsui.training.failed",
            f"training the model failed: {error}; {last[-500:].decode(errors='replace')}",
        ) from error
    return done.stdout
