"""Entry: logging in to the boxes over real SSH, and commands of administrators through real sudo."""

from __future__ import annotations

import contextlib
import logging
import os
import pty
import re
import select
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import paramiko
from district.daily.acts import Entered, Said
from paramiko.common import cMSG_DISCONNECT
from paramiko.message import Message

from living.daily.box import PASSWORD, Box

__all__ = ["Entries"]

logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)

_WRONG: Final = "123456"
_TIMEOUT_S: Final = 20.0
_BY_APPLICATION: Final = 11
"""SSH_DISCONNECT_BY_APPLICATION, RFC 4253 section 11.1."""
_SUDO: Final = re.compile(r"(\S+) : TTY=\S+ ; PWD=(\S+) ; USER=root ; COMMAND=(.*)\Z")
_MEMBER: Final = re.compile(r"add '([^']+)' to group '([^']+)'\Z")


class Entries:
    """Who comes in and what they do as administrators, one after the other."""

    def __init__(self, boxes: Mapping[str, Box], key: Path) -> None:
        self._boxes = boxes
        self._key = paramiko.Ed25519Key.from_private_key_file(str(key))

    def enter(self, act: Entered) -> None:
        """Log in, or be refused, from the client's own address.

        Raises RuntimeError when it went otherwise than the town has it.
        """
        box = self._boxes[act.host]
        (box.lack if act.unknown else box.have)(act.user)
        box.settle()
        mark = box.log.mark()
        with _connected(box.machine.address, act) as connection:
            port = connection.getsockname()[1]
            transport = paramiko.Transport(connection)
            try:
                transport.start_client(timeout=_TIMEOUT_S)
                entered = self._try(transport, act)
                if entered:
                    _say_goodbye(transport)
                    # The server ends its session before it closes the line.
                    box.log.until(mark, f"session closed for user {act.user}")
            finally:
                transport.close()
        if entered != act.success:
            raise RuntimeError(f"{act.user} at {act.host}: {'let in' if entered else 'refused'}")
        if not entered:
            box.log.until(mark, f"port {port} [preauth]")

    def _try(self, transport: paramiko.Transport, act: Entered) -> bool:
        with contextlib.suppress(paramiko.AuthenticationException):
            if act.method == "publickey":
                transport.auth_publickey(act.user, self._key)
            else:
                word = PASSWORD if act.success else _WRONG
                transport.auth_password(act.user, word, fallback=False)
        return transport.is_authenticated()

    def command(self, act: Said) -> bool:
        """Carry out what sudo or usermod tells of; False where it is neither.

        Raises RuntimeError when the program did not tell it.
        """
        box = self._boxes[act.host]
        if act.program == "sudo" and (found := _SUDO.match(act.text)):
            self._sudo(box, *found.groups())
            return True
        if act.program == "usermod" and (found := _MEMBER.match(act.text)):
            self._join(box, *found.groups())
            return True
        return False

    @staticmethod
    def _sudo(box: Box, user: str, cwd: str, command: str) -> None:
        box.have(user)
        box.settle()
        mark = box.log.mark()
        as_user = ("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups")
        _at_terminal(box.inside(*as_user, "sudo", *command.split(" "), cwd=cwd))
        box.log.until(mark, "sudo:session", "session closed for user root")

    @staticmethod
    def _join(box: Box, member: str, group: str) -> None:
        box.have(member)
        box.settle()
        mark = box.log.mark()
        command = box.inside("usermod", "-aG", group, member)
        subprocess.run(command, check=False, capture_output=True, timeout=_TIMEOUT_S)
        box.log.until(mark, f"add '{member}' to shadow group '{group}'")
        box.regroup()


def _connected(address: str, act: Entered) -> socket.socket:
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.settimeout(_TIMEOUT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            connection.bind((act.address, act.port))
        except OSError:
            connection.bind((act.address, 0))  # Somebody has that one; any other will do.
        connection.connect((address, 22))
    except BaseException:
        connection.close()
        raise
    return connection


def _say_goodbye(transport: paramiko.Transport) -> None:
    message = Message()
    message.add_byte(cMSG_DISCONNECT)
    message.add_int(_BY_APPLICATION)
    message.add_string("disconnected by user")
    message.add_string("")
    transport._send_message(message)  # noqa: SLF001 - paramiko has no public disconnect message


def _at_terminal(command: tuple[str, ...]) -> None:
    """Run it at a terminal of its own; whoever reads there leaves with ``q``."""
    near, far = pty.openpty()
    try:
        child = subprocess.Popen(
            ("setsid", "--ctty", *command), stdin=far, stdout=far, stderr=far, close_fds=True
        )
        os.close(far)
        far = -1
        ends = time.monotonic() + _TIMEOUT_S
        # Read all of it, or the command waits for room.
        with contextlib.suppress(OSError):
            while time.monotonic() < ends:
                readable, _, _ = select.select([near], [], [], 0.3)
                if readable and not os.read(near, 65_536):
                    break
                if not readable:
                    os.write(near, b"q")
        child.kill()
        child.wait(_TIMEOUT_S)
    finally:
        os.close(near)
        if far >= 0:
            os.close(far)
