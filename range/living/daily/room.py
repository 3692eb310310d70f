"""Room: programs and ports of the boxes, as the product's own sensors see them.

A process and a network namespace of its own in which nothing else runs. A program is real and
stands still before its first instruction, so that it does nothing but be there; a port is open in a
network that leads nowhere. Each is looked at and gone again at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NoReturn

from living.daily import kernel
from schema.event import Fields
from sensors.inventory import ListeningSource, Machine, ProcessSource

__all__ = ["Room"]

_ANY_LIMIT: Final = 4096
_STAND_IN: Final = "/usr/bin/true"
"""In place of a program that is not installed here, under its name."""
_PATHS: Final = ("/usr/bin", "/bin", "/usr/sbin")
_LAST_PID: Final = Path("/proc/sys/kernel/ns_last_pid")
_PARENT_PID: Final = 600
"""Not 2, whose children are the kernel's own on a machine, and are left out."""


class Room:
    """Made in the first process of the namespaces."""

    def __init__(self, stand_ins: Path) -> None:
        self._stand_ins = stand_ins
        stand_ins.mkdir(exist_ok=True)
        self._now = 0
        kernel.mount_proc()
        kernel.loopback_up()

    def process(self, told: dict[str, str], at: int) -> list[Fields]:
        """Let a program stand under its parent; what the sensor tells of it.

        Raises RuntimeError when it did not come up.
        """
        source = ProcessSource("processes", self._machine(told, at), interval_us=0)
        program = self._program(told["name"])
        go, begin = os.pipe()
        with _child(lambda say: _parent(told, program, go, say), _PARENT_PID) as ready:
            _heard(ready)
            source.poll(_ANY_LIMIT)
            os.write(begin, b"1")
            child = int(_heard(ready))
            events = list(source.poll(_ANY_LIMIT).events)
            # Before its parent, whose end would let it go on.
            os.kill(child, signal.SIGKILL)
        os.close(go)
        os.close(begin)
        return events

    def port(self, told: dict[str, str], at: int) -> list[Fields]:
        """Open a port, or close it; what the sensor tells of it.

        Raises RuntimeError when nobody could listen there.
        """
        source = ListeningSource("ports", self._machine(told, at), interval_us=0)
        # What is open at the first look was told before.
        source.restored = True
        opened = told["action"] == "port_opened"
        if opened:
            source.poll(_ANY_LIMIT)
        with _child(lambda say: _listen(told, say)) as ready:
            _heard(ready)
            events = list(source.poll(_ANY_LIMIT).events)
        return events if opened else list(source.poll(_ANY_LIMIT).events)

    def _machine(self, told: dict[str, str], at: int) -> Machine:
        names = {told.get("uid", ""): told.get("user", ""), "0": "root"}
        return Machine(
            host=told["host"], boot_id="range", now=lambda: at,
            user_of=lambda uid: names.get(str(uid), str(uid)),
        )  # fmt: skip

    def _program(self, name: str) -> str:
        """The program of that name, or one that does nothing, under the name."""
        for folder in _PATHS:
            if os.access(f"{folder}/{name}", os.X_OK):
                return f"{folder}/{name}"
        link = self._stand_ins / name
        if not link.is_symlink():
            link.symlink_to(_STAND_IN)
        return str(link)


@contextlib.contextmanager
def _child(work: Callable[[int], NoReturn], number: int = 0) -> Iterator[int]:
    """A process at work while the block lasts; the end at which it tells of itself."""
    near, far = os.pipe()
    pid = _forked(number)
    if pid == 0:
        try:
            os.close(near)
            work(far)
        except BaseException:  # noqa: BLE001 - a forked process ends here, whatever it was
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(far)
    try:
        yield near
    finally:
        os.close(near)
        os.kill(pid, signal.SIGKILL)
        # Its own children are this process' then: it is the first here.
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()


def _forked(number: int) -> int:
    """Fork a process of that number, where the kernel lets us choose and it is free."""
    if number:
        with contextlib.suppress(OSError):
            _LAST_PID.write_bytes(str(number - 1).encode())
    return os.fork()


def _heard(ready: int) -> bytes:
    told = os.read(ready, 64)
    if not told:
        raise RuntimeError("a process of the room ended too early")
    return told


def _parent(told: dict[str, str], program: str, go: int, say: int) -> NoReturn:
    """A process with the parent's name, and under it the program, which does not move."""
    kernel.named(told["parent"])
    os.write(say, b"1")
    os.read(go, 1)
    child = _forked(int(told["pid"]))
    if child == 0:
        os.setgid(int(told["gid"]))
        os.setuid(int(told["uid"]))
        kernel.traced()
        os.execv(program, told["command"].split(" "))
    os.waitpid(child, os.WUNTRACED)
    kernel.bound(child)
    os.write(say, str(child).encode())
    while True:
        signal.pause()


def _listen(told: dict[str, str], say: int) -> NoReturn:
    kernel.named(told["process"])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((told["address"], int(told["port"])))
        one.listen()
        os.write(say, b"1")
        while True:
            signal.pause()
