"""Looking: the processes in which our own sensors look, asked by one line of JSON each.

Such a process goes from namespace to namespace, which one with threads or with the recorder's open
files could not. It imports little: a small process is forked fast.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from living.daily import kernel
from living.daily.room import Room
from living.daily.watched import Watch
from living.daily.wire import Wire
from schema.event import Fields

__all__ = ["serve"]

_Answer: TypeAlias = Callable[[str, dict[str, str], int], list[Fields]]
_STAND_INS: Final = Path("/run/range-programs")


def serve(role: str, networks: Sequence[str]) -> None:
    """Answer until nobody asks; what went wrong is an answer too."""
    if role == "room":
        # The first process of a namespace is the one that is forked after it was made.
        kernel.separate(kernel.NEWPID | kernel.NEWNS | kernel.NEWNET)
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            return
    act = _ROLES[role](networks)
    for line in sys.stdin:
        what, at, told = json.loads(line)
        try:
            answer: object = act(what, told, at)
        except (OSError, RuntimeError, LookupError) as error:
            answer = f"{type(error).__name__}: {error}"
        print(json.dumps(answer), flush=True)


def _watch(_: Sequence[str]) -> _Answer:
    watch = Watch()
    return lambda _, told, at: watch.file(told, at)


def _room(_: Sequence[str]) -> _Answer:
    room = Room(_STAND_INS)
    return lambda what, told, at: (room.process if what == "process" else room.port)(told, at)


def _wire(networks: Sequence[str]) -> _Answer:
    wire = Wire(networks)

    def act(what: str, told: dict[str, str], at: int) -> list[Fields]:
        if what == "ask":
            return wire.ask(told["source"], told["name"], told["kind"], at)
        ends = told["source"], told["destination"], int(told["port"])
        return wire.connect(*ends, int(told["size"]), at)

    return act


_ROLES: Final[Mapping[str, Callable[[Sequence[str]], _Answer]]] = {
    "watch": _watch, "room": _room, "wire": _wire,
}  # fmt: skip
