"""Carries actions out against the range's servers, through guarded sockets only."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import subprocess
import time
from email.utils import formatdate
from pathlib import Path

import guard
import paramiko
import pg8000.exceptions
import pg8000.native
from actions import Action, LocalSudo, Page, PortProbe, Request, Shell, Sql
from clock import Pace
from paramiko.common import cMSG_DISCONNECT
from paramiko.message import Message
from town import PORTS

__all__ = ["Client"]

logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)

_HOST = "portal.gov.example"
_STATIC_DATE = formatdate(1_790_000_000, usegmt=True)
_CHUNK = 262_144
_ANSWER_PAUSE_S = 0.25  # true seconds a prompt of su, sudo or passwd needs to appear
_STEP_LIMIT_S = 8.0
_BY_APPLICATION = 11  # SSH_DISCONNECT_BY_APPLICATION, RFC 4253 section 11.1


class Client:
    """Runs one action at a time; safe to use from many threads."""

    def __init__(self, *, pace: Pace, key: Path) -> None:
        """Take the clock to wait by and the service accounts' key."""
        self._pace = pace
        self._key = paramiko.Ed25519Key.from_private_key_file(str(key))

    def run(self, action: Action) -> None:
        """Do it. Raises OSError, SSHException or InterfaceError where a server refused."""
        if isinstance(action, Page):
            self._page(action)
        elif isinstance(action, Shell):
            self._shell(action)
        elif isinstance(action, Sql):
            self._sql(action)
        elif isinstance(action, PortProbe):
            guard.connect(("127.0.0.1", PORTS["sshd"]), source=action.source).close()
        elif isinstance(action, LocalSudo):
            command = ("runuser", "-u", action.user, "--", "sudo", "-n", *action.command)
            subprocess.run(command, capture_output=True, check=False, timeout=20, cwd="/")
        else:
            raise TypeError(f"no such action: {action!r}")

    @staticmethod
    def _page(page: Page) -> None:
        with guard.connect(("127.0.0.1", PORTS["nginx"]), source=page.source) as connection:
            if page.raw:
                connection.sendall(page.raw)
                connection.recv(_CHUNK)
            for request in page.requests:
                connection.sendall(_request_bytes(request, agent=page.agent))
                if not _read_answer(connection, head=request.method == "HEAD"):
                    break

    def _shell(self, shell: Shell) -> None:
        connection = guard.connect(("127.0.0.1", PORTS["sshd"]), source=shell.source)
        transport = paramiko.Transport(connection)
        try:
            transport.start_client(timeout=30)
            for guess in shell.wrong:
                with contextlib.suppress(paramiko.AuthenticationException):
                    transport.auth_password(shell.user, guess, fallback=False)
            if shell.key:
                transport.auth_publickey(shell.user, self._key)
            elif shell.password:
                transport.auth_password(shell.user, shell.password, fallback=False)
            if transport.is_authenticated():
                self._steps(shell, transport)
            _say_goodbye(transport, shell.goodbye)
        finally:
            transport.close()

    def _steps(self, shell: Shell, transport: paramiko.Transport) -> None:
        login = self._pace.recorded_s()
        for step in shell.steps:
            self._pace.wait_until(login + step.after_s)
            channel = transport.open_session()
            channel.settimeout(_STEP_LIMIT_S)
            if step.terminal:
                channel.get_pty()
            channel.exec_command(step.command)
            with contextlib.suppress(TimeoutError, OSError):
                for answer in step.answers:
                    channel.settimeout(_STEP_LIMIT_S)
                    channel.recv(_CHUNK)
                    time.sleep(_ANSWER_PAUSE_S)
                    channel.sendall(f"{answer}\n".encode())
                while channel.recv(_CHUNK):
                    pass
            channel.close()
        self._pace.wait_until(login + shell.length_s)

    def _sql(self, sql: Sql) -> None:
        with guard.connect(("127.0.0.1", PORTS[sql.cluster]), source=sql.source) as raw:
            self._statements(sql, raw)

    def _statements(self, sql: Sql, raw: socket.socket) -> None:
        connection = pg8000.native.Connection(
            sql.user,
            database=sql.database,
            password=sql.password,
            application_name=sql.application or None,
            sock=raw,
        )
        login = self._pace.recorded_s()
        try:
            for after_s, statement in sql.statements:
                self._pace.wait_until(login + after_s)
                with contextlib.suppress(pg8000.exceptions.DatabaseError):
                    connection.run(statement, stream=io.BytesIO())  # for COPY TO stdout
        finally:
            connection.close()


def _say_goodbye(transport: paramiko.Transport, words: str) -> None:
    if not words or not transport.is_active():
        return
    message = Message()
    message.add_byte(cMSG_DISCONNECT)
    message.add_int(_BY_APPLICATION)
    message.add_string(words)
    message.add_string("")
    transport._send_message(message)  # noqa: SLF001 - paramiko has no public disconnect message
    time.sleep(0.02)


def _request_bytes(request: Request, *, agent: str) -> bytes:
    lines = [
        request.method.encode() + b" " + request.target + b" HTTP/1.1",
        b"Host: " + _HOST.encode(),
        b"User-Agent: " + agent.encode(),
        b"Accept: */*",
    ]
    if request.referer:
        lines.append(b"Referer: " + request.referer.encode())
    if request.cached:
        lines.append(b"If-Modified-Since: " + _STATIC_DATE.encode())
    if request.body:
        lines.append(b"Content-Type: application/x-www-form-urlencoded")
        lines.append(b"Content-Length: " + str(len(request.body)).encode())
    return b"\r\n".join(lines) + b"\r\n\r\n" + request.body


def _read_answer(connection: socket.socket, *, head: bool) -> bool:
    """Read one answer away; return whether the connection can be used again."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(_CHUNK)
        if not part:
            return False
        received += part
    top, _, rest = received.partition(b"\r\n\r\n")
    low = top.lower()
    if head or b" 304 " in top[:13] or b" 204 " in top[:13]:
        return b"connection: close" not in low
    if b"transfer-encoding: chunked" in low:
        while not rest.endswith(b"0\r\n\r\n"):
            part = connection.recv(_CHUNK)
            if not part:
                return False
            rest = (rest + part)[-16:]
        return True
    length = int(low.partition(b"content-length:")[2].split(b"\r\n")[0] or b"0")
    left = length - len(rest)
    while left > 0:
        part = connection.recv(min(_CHUNK, left))
        if not part:
            return False
        left -= len(part)
    return b"connection: close" not in low
