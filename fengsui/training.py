"""Training in a child process: scikit-learn is imported there and its memory goes with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from analytics.models.artefact import Artefact, TrainingRequest, from_trainer
from fengsui.memory import give_back
from schema.errors import FengsuiError

MODULE: Final = "analytics.models.train"
_SECONDS_MAX: Final = 120
"""A training run of the largest history takes a few seconds; longer means it hangs."""


class ChildTrainer:
    """Trains each request in a child of its own and waits for it."""

    def train(self, request: TrainingRequest, *, wait: bool = True) -> Artefact:
        """The trained model; raises ``fengsui.training.failed`` with the child's last words."""
        del wait  # it always does
        # The child is the largest thing the platform ever starts: make room for it first.
        give_back()
        return from_trainer(request, _output(request.lines()))


class PatientTrainer:
    """Trains in children while its owner goes on; for one thread, and one request of each rule."""

    def __init__(self, train: Callable[[TrainingRequest], Artefact] | None = None) -> None:
        """``train`` waits for its answer; a child process where None."""
        self._train = train or ChildTrainer().train
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="training")
        self._running: dict[str, tuple[TrainingRequest, Future[Artefact]]] = {}

    def train(self, request: TrainingRequest, *, wait: bool) -> Artefact | None:
        """As for :class:`ChildTrainer`, but None while it is being trained and nobody waits."""
        asked, running = self._running.get(request.model, (None, None))
        if running is None or asked != request:
            running = self._threads.submit(self._train, request)
            self._running[request.model] = request, running
        if not (wait or running.done()):
            return None
        del self._running[request.model]
        return running.result()


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
