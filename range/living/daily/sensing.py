"""Sensing: the process in which our own sensors look, and the way to ask it.

One line of JSON each way. It goes from namespace to namespace, which a process with threads of its
own or open files of the recorder could not.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from district.daily.acts import Act, Asked, Connected, FileSeen, PortSeen, ProcessSeen

from living.daily.box import Box
from living.daily.watched import Watch, program
from living.daily.wire import PORTS, Wire
from schema.event import Fields

__all__ = ["Sensing", "serve"]

_RANGE: Final = Path(__file__).resolve().parents[2]
_PROGRAM: Final = (
    "import sys; sys.path[:0] = sys.argv[1:]; "
    "from living.daily.sensing import serve; serve(sys.argv[3])"
)


class Sensing:
    """Both processes: one that goes into the boxes, one that lives in the watched network."""

    def __init__(self, boxes: Mapping[str, Box]) -> None:
        self._boxes = boxes
        self._watch, self._wire = _started("watch"), _started("wire")

    def see(self, act: Act, at: int) -> list[Fields] | None:
        """Do it and look; None for what is not done here.

        Raises RuntimeError where the sensor did not see it.
        """
        if isinstance(act, Asked):
            return self._ask(
                self._wire, "ask", {"source": act.source, "name": act.name, "kind": act.kind}, at
            )
        if isinstance(act, Connected) and act.transport == "tcp" and act.port in PORTS:
            told = {"source": act.source, "destination": act.destination,
                    "port": str(act.port), "size": str(act.size)}  # fmt: skip
            return self._ask(self._wire, "connect", told, at)
        if isinstance(act, FileSeen) and act.action == "file_created":
            return self._look("file", act.host, {"path": act.path, "owner": act.owner}, at)
        if isinstance(act, ProcessSeen):
            run = self._boxes[act.host].folder / "run"
            told = {"parent": act.parent, "command": act.command, "user": act.user,
                    "pid": str(act.pid), "program": program(act.name, run)}  # fmt: skip
            return self._look("process", act.host, told, at)
        if isinstance(act, PortSeen):
            told = {"action": act.action, "address": act.address, "port": str(act.port),
                    "process": act.process}  # fmt: skip
            return self._look("port", act.host, told, at)
        return None

    def _look(self, what: str, host: str, told: dict[str, str], at: int) -> list[Fields]:
        box = self._boxes[host]
        for key in ("user", "owner"):
            if key in told:
                box.have(told[key])
        box.settle()
        return self._ask(self._watch, what, told | {"host": host, "namespace": box.namespace()}, at)

    @staticmethod
    def _ask(
        helper: subprocess.Popen[str], what: str, told: dict[str, str], at: int
    ) -> list[Fields]:
        if helper.stdin is None or helper.stdout is None:
            raise RuntimeError("the sensors' process has no ends")
        helper.stdin.write(json.dumps([what, at, told]) + "\n")
        helper.stdin.flush()
        answer = json.loads(helper.stdout.readline() or '"it ended"')
        if not isinstance(answer, list) or not answer:
            raise RuntimeError(f"{what} was not seen: {answer}")
        return answer


def _started(role: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        (sys.executable, "-c", _PROGRAM, str(_RANGE), str(_RANGE.parent), role),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
    )  # fmt: skip


def serve(role: str) -> None:
    """Answer until nobody asks; an OSError is an answer too."""
    wire = Wire() if role == "wire" else None
    watch = Watch()
    for line in sys.stdin:
        what, at, told = json.loads(line)
        try:
            if wire is not None:
                answer: object = _wired(wire, what, told, at)
            else:
                answer = {"file": watch.file, "process": watch.process, "port": watch.port}[what](
                    told, at
                )
        except (OSError, RuntimeError, LookupError) as error:
            answer = f"{type(error).__name__}: {error}"
        print(json.dumps(answer), flush=True)


def _wired(wire: Wire, what: str, told: dict[str, str], at: int) -> list[Fields]:
    if what == "ask":
        return wire.ask(told["source"], told["name"], told["kind"], at)
    return wire.connect(
        told["source"], told["destination"], int(told["port"]), int(told["size"]), at
    )
