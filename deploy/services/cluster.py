"""Some nodes that are one service: started together, failed one by one, never left behind."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.services import leash, status
from deploy.services.program import Program

READY_SECONDS_MAX: Final = 120
"""Two to five seconds are usual; a machine with a load of twenty took fifteen."""
END_SECONDS_MAX: Final = 10
"""A broker whose quorum is gone never ends by itself: it is killed after that long."""


class Cluster:
    """Nodes numbered from 1. As a context manager it discards them in the end.

    ``leashed`` ties the nodes to this process: whatever ends it ends them.
    """

    def __init__(
        self, service: str, folder: Path, programs: Sequence[Program], *, leashed: bool
    ) -> None:
        self.folder = folder
        self._service = service
        self._programs = tuple(programs)
        self._leash = leash.Leash(folder) if leashed else None

    @property
    def address(self) -> str:
        """What a client is given to find the service."""
        raise NotImplementedError

    @property
    def programs(self) -> tuple[Program, ...]:
        return self._programs

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def start(self) -> float:
        """Start every node that does not run and wait for all; returns the seconds it took."""
        begun = time.monotonic()
        fresh = [program for program in self._programs if not program.running]
        if not fresh:
            return 0.0
        try:
            for program in fresh:
                program.start()
            self._write_status()
            for program in fresh:
                self._wait(program)
        except BaseException:
            self.kill_all()
            raise
        return time.monotonic() - begun

    def node(self, number: int) -> Program:
        """The node of that number, for its log, process, ``pause`` and ``resume``."""
        return self._programs[number - 1]

    def kill(self, number: int) -> None:
        """``kill -9`` of one node."""
        self.node(number).kill()

    def restart(self, number: int) -> float:
        """Start a node that was killed, wait until it serves; returns the seconds it took."""
        begun = time.monotonic()
        program = self.node(number)
        program.start()
        self._write_status()
        self._wait(program)
        return time.monotonic() - begun

    def heal(self) -> None:
        """Make every node run again, whatever a test did to them."""
        for program in self._programs:
            if program.running:
                program.resume()
        self.start()

    def stop(self) -> None:
        """End every node, gently first; the data stays, so that :meth:`start` goes on with it."""
        for program in self._programs:
            program.ask_to_end()
        until = time.monotonic() + END_SECONDS_MAX
        for program in self._programs:
            program.end_by(until)
        status.remove(self.folder)

    def kill_all(self) -> None:
        """``kill -9`` of every node at once."""
        for program in self._programs:
            program.kill()
        status.remove(self.folder)

    def discard(self) -> None:
        """End every node at once and remove its data; the logs stay."""
        self.kill_all()
        if self._leash is not None:
            self._leash.let_go()
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)

    def _write_status(self) -> None:
        status.write(self.folder, self._service, self.address, self._programs)

    def _wait(self, program: Program) -> None:
        program.wait(lambda: self._ready(program), seconds_max=READY_SECONDS_MAX)

    def _ready(self, program: Program) -> bool:
        raise NotImplementedError
