"""Sensing: lets our own sensors look, each in a process that may go where the recorder may not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from district.daily.acts import Act, Asked, Connected, FileSeen, PortSeen, ProcessSeen

from living.daily.box import Box
from living.daily.wire import PORTS
from living.ground import NETWORKS
from schema.event import Fields

__all__ = ["Sensing"]

_RANGE: Final = Path(__file__).resolve().parents[2]
_PROGRAM: Final = (
    "import sys; sys.path[:0] = sys.argv[1:3]; "
    "from living.daily.looking import serve; serve(sys.argv[3], sys.argv[4:])"
)


class Sensing:
    """One process that goes into the boxes, one that lives in a room of its own, one in the
    watched network."""

    def __init__(self, boxes: Mapping[str, Box]) -> None:
        self._boxes = boxes
        self._watch, self._room = _started("watch"), _started("room")
        self._wire = _started("wire")

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
            return self._file(act, at)
        if isinstance(act, ProcessSeen):
            return self._process(act, at)
        if isinstance(act, PortSeen):
            told = {"host": act.host, "action": act.action, "address": act.address,
                    "port": str(act.port), "process": act.process}  # fmt: skip
            return self._ask(self._room, "port", told, at)
        return None

    def _file(self, act: FileSeen, at: int) -> list[Fields]:
        box = self._boxes[act.host]
        box.have(act.owner)
        box.settle()
        told = {"host": act.host, "path": act.path, "owner": act.owner,
                "namespace": box.namespace()}  # fmt: skip
        return self._ask(self._watch, "file", told, at)

    def _process(self, act: ProcessSeen, at: int) -> list[Fields]:
        box = self._boxes[act.host]
        box.have(act.user)
        box.settle()
        uid, gid = box.account(act.user)
        told = {"host": act.host, "name": act.name, "parent": act.parent, "user": act.user,
                "command": act.command, "uid": str(uid), "gid": str(gid),
                "pid": str(act.pid)}  # fmt: skip
        return self._ask(self._room, "process", told, at)

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
        (sys.executable, "-c", _PROGRAM, str(_RANGE), str(_RANGE.parent), role, *NETWORKS),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
    )  # fmt: skip
