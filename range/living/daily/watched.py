"""Watched: files, programs and ports of the boxes, as our own sensors see them.

Files are written in the box's own folders. A program is real and stands still before its first
instruction, so that it does nothing but be there; a port is open in a network of its own. Each is
looked at by the product's own source, and gone again at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from living.daily import kernel
from schema.event import Fields
from sensors.inventory import ListeningSource, Machine, ProcessSource
from sensors.proc import Inventory
from sensors.webroot import WebrootSource

__all__ = ["ROOTS", "Watch", "program"]

ROOTS: Final = ("/srv/www/portal", "/srv/share")
"""The folders that are watched on each box."""
_ANY_LIMIT: Final = 4096
_STAND_IN: Final = "/usr/bin/true"
"""In place of a program that is not installed here, under its name."""
_PATHS: Final = ("/usr/bin", "/bin", "/usr/sbin")
_LAST_PID: Final = "/proc/sys/kernel/ns_last_pid"
_PARENT_PID: Final = 600
"""Not 2, whose children are the kernel's own on a machine, and are left out."""
_FILE_BYTES: Final = 4096


class Watch:
    """All boxes' sensors, in a process that goes from one box to the next."""

    def __init__(self) -> None:
        self._now = 0
        self._files: dict[str, WebrootSource] = {}

    def file(self, told: dict[str, str], at: int) -> list[Fields]:
        """Write a file under a watched folder; what the sensor tells of it."""
        self._now = at
        kernel.enter(told["namespace"], kernel.NEWNS)
        host, path = told["host"], Path(told["path"])
        source = self._files.get(host)
        if source is None:
            for root in ROOTS:
                Path(root).mkdir(parents=True, exist_ok=True)
            source = WebrootSource("files", self._machine(host), map(Path, ROOTS), interval_us=0)
            self._files[host] = source
            source.poll(_ANY_LIMIT)
        path.parent.mkdir(parents=True, exist_ok=True)
        # What is in it is chance: nothing of anybody's, and nothing was encrypted.
        path.write_bytes(os.urandom(_FILE_BYTES))
        shutil.chown(path, told["owner"])
        return list(source.poll(_ANY_LIMIT).events)

    def process(self, told: dict[str, str], at: int) -> list[Fields]:
        """Let a program stand under its parent; what the sensor tells of it."""
        return self._apart(told, at, kernel.NEWPID | kernel.NEWNS, self._process)

    def port(self, told: dict[str, str], at: int) -> list[Fields]:
        """Open a port, or close it; what the sensor tells of it."""
        return self._apart(told, at, kernel.NEWPID | kernel.NEWNS | kernel.NEWNET, self._port)

    def _machine(self, host: str) -> Machine:
        return Machine(
            host=host, boot_id="range", now=lambda: self._now,
            user_of=lambda uid: pwd.getpwuid(uid).pw_name,
        )  # fmt: skip

    def _apart(
        self, told: dict[str, str], at: int, kinds: int,
        look: Callable[[dict[str, str]], list[Fields]],
    ) -> list[Fields]:  # fmt: skip
        """In fresh namespaces on top of the box's own, which end with the look."""
        self._now = at
        near, far = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(near)
                kernel.enter(told["namespace"], kernel.NEWNS)
                kernel.separate(kinds)
                first = os.fork()
                if first:
                    os.waitpid(first, 0)
                else:
                    kernel.mount_proc()
                    answer = json.dumps(look(told)).encode()
                    with os.fdopen(far, "wb") as out:
                        out.write(answer)
            except BaseException:  # noqa: BLE001 - told below, in whichever process it came up
                traceback.print_exc()
            finally:
                os._exit(0)
        os.close(far)
        with os.fdopen(near, "rb") as given:
            answer = given.read()
        os.waitpid(child, 0)
        if not answer:
            raise RuntimeError(f"nothing was seen of {told}")
        events: list[Fields] = json.loads(answer)
        return events

    def _process(self, told: dict[str, str]) -> list[Fields]:
        source = ProcessSource("processes", self._machine(told["host"]), interval_us=0)
        ready, say = os.pipe()
        go, begin = os.pipe()
        _next_pid(_PARENT_PID)
        if os.fork() == 0:
            os.close(begin)
            kernel.named(told["parent"])
            os.write(say, b"1")
            os.read(go, 1)
            child = _standing(told)
            os.waitpid(child, os.WUNTRACED)
            os.write(say, b"2")
            signal.pause()
        os.close(say)
        os.close(go)
        os.read(ready, 1)
        source.poll(_ANY_LIMIT)
        os.write(begin, b"1")
        os.read(ready, 1)
        # When it ends, this process is the first of its namespace: all others end with it.
        return list(source.poll(_ANY_LIMIT).events)

    def _port(self, told: dict[str, str]) -> list[Fields]:
        kernel.loopback_up()
        source: Inventory = ListeningSource(
            "ports", self._machine(told["host"]), interval_us=0
        )  # fmt: skip
        # What is open at the first look was told before.
        source.restored = True
        if told["action"] == "port_opened":
            source.poll(_ANY_LIMIT)
        child, ready = _listening(told)
        os.read(ready, 1)
        if told["action"] != "port_opened":
            source.poll(_ANY_LIMIT)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        return list(source.poll(_ANY_LIMIT).events)


def _next_pid(number: int) -> None:
    """The number of the next process, where the kernel lets us choose and it is still free."""
    with contextlib.suppress(OSError):
        Path(_LAST_PID).write_bytes(str(number - 1).encode())


def _standing(told: dict[str, str]) -> int:
    """A process that has become the program and does not move."""
    _next_pid(int(told["pid"]))  # the one the town gave it
    child = os.fork()
    if child:
        return child
    account = pwd.getpwnam(told["user"])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    kernel.traced()
    os.execv(told["program"], told["command"].split(" "))
    raise AssertionError("not reached")


def program(name: str, run: Path) -> str:
    """The program of that name, or one that does nothing, under the name in the box's ``/run``."""
    for folder in _PATHS:
        if os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    link = run / name
    if not link.is_symlink():
        link.symlink_to(_STAND_IN)
    return f"/run/{name}"


def _listening(told: dict[str, str]) -> tuple[int, int]:
    """A process that listens, and a pipe that tells when it does."""
    ready, say = os.pipe()
    child = os.fork()
    if child:
        os.close(say)
        return child, ready
    kernel.named(told["process"])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
        one.bind((told["address"], int(told["port"])))
        one.listen()
        os.write(say, b"1")
        time.sleep(60)
    os._exit(0)
