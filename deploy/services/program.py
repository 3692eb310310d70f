"""One started program: its log, its process, and the ways to end it, gentle or not."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from deploy.services.errors import ServiceError

POLL_SECONDS: Final = 0.05
LOG_LINES_SHOWN: Final = 20


class Program:
    """A program with its own log file; started again it keeps name, folder and log.

    For one thread at a time. It runs in a session of its own: what interrupts the caller does not
    interrupt it, so that the caller decides in which order things end.
    """

    def __init__(self, name: str, command: Sequence[str], *, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = list(command)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """Of the last start; 0 before the first."""
        return self._process.pid if self._process else 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; its output is added to the log.

        Raises :class:`ServiceError` when it runs already.
        """
        if self.running:
            raise ServiceError(f"{self.name} runs already")
        self._folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                start_new_session=True,
            )

    def wait(self, ready: Callable[[], bool], *, seconds_max: float) -> None:
        """Return once it is ready.

        Raises :class:`ServiceError` with the end of its log when it ends or takes too long.
        """
        until = time.monotonic() + seconds_max
        while not ready():
            if not self.running:
                raise ServiceError(f"{self.name} ended before it was ready; {self._tail()}")
            if time.monotonic() > until:
                raise ServiceError(f"{self.name} not ready in {seconds_max:g} s; {self._tail()}")
            time.sleep(POLL_SECONDS)

    def said(self) -> str:
        """What it wrote since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode("utf-8", "replace")

    def kill(self) -> None:
        """``kill -9``: it learns nothing of it. Nothing when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def ask_to_end(self) -> None:
        """SIGTERM, without waiting."""
        if self.running:
            self._signal(signal.SIGTERM)

    def end_by(self, until: float) -> None:
        """Wait for the end until that monotonic time, then kill it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self) -> None:
        """SIGSTOP: its sockets stay open and nobody answers, as on a machine that hangs."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: it goes on as if no time had passed."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise ServiceError(f"{self.name} was never started")
        self._process.send_signal(number)

    def _tail(self) -> str:
        lines = self.said().splitlines()[-LOG_LINES_SHOWN:]
        return "\n".join([f"see {self.log}", *lines])
