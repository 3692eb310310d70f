"""Local administration: commands reach the running platform by ``DIR/run/api.sock``.

The socket is 0600 inside a 0700 folder: whoever may open it owns the data folder anyway. One JSON
line goes in, one comes out. Without a running platform the command opens the folder itself.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from fengsui.folder import DataFolder, Ownership
from schema.errors import FengsuiError

_logger = logging.getLogger(__name__)

LINE_BYTES_MAX: Final = 64 * 1024
"""Of a command."""
REPLY_BYTES_MAX: Final = 16 * 1024 * 1024
"""Of an answer: a thousand exceptions with all their words."""
_TIMEOUT_SECONDS: Final = 30.0
SOCKET_NAME: Final = "api.sock"

Handler = Callable[[Mapping[str, str]], str]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A command and its arguments."""

    command: str
    arguments: dict[str, str]


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The text to print, or the error's code and message."""

    text: str = ""
    code: str = ""


class LocalServer:
    """Answers commands on the socket until closed."""

    def __init__(self, folder: DataFolder, handlers: Mapping[str, Handler]) -> None:
        self._path = folder.run / SOCKET_NAME
        self._handlers = handlers
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX)
        _bind(self._socket, self._path)
        self._path.chmod(0o600)
        self._socket.listen(4)
        self._thread = threading.Thread(target=self._serve, name="local", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering and remove the socket."""
        # Shutting down wakes the thread out of accept; closing alone would not.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(_TIMEOUT_SECONDS)
                try:
                    connection.sendall(msgspec.json.encode(self._answer(connection)) + b"\n")
                except OSError as error:
                    _logger.warning("a local command was not answered", extra={"why": str(error)})

    def _answer(self, connection: socket.socket) -> Reply:
        try:
            request = msgspec.json.decode(_line(connection, LINE_BYTES_MAX), type=Request)
            return Reply(text=_handler(self._handlers, request.command)(request.arguments))
        except FengsuiError as error:
            return Reply(text=str(error.args[0]), code=error.code)
        except msgspec.MsgspecError as error:
            return Reply(text=f"not a command: {error}", code="fengsui.command.malformed")
        except Exception as error:
            # The outermost loop of the thread: told to the caller; the next is answered.
            _logger.exception("a local command failed")
            return Reply(text=f"{type(error).__name__}: {error}", code="fengsui.command.failed")


def _handler(handlers: Mapping[str, Handler], command: str) -> Handler:
    handler = handlers.get(command)
    if handler is None:
        raise FengsuiError("fengsui.command.unknown", f"there is no local command {command!r}")
    return handler


def _bind(listener: socket.socket, path: Path) -> None:
    try:
        listener.bind(str(path))
    except OSError as error:
        raise FengsuiError(
            "fengsui.server.socket",
            f"cannot listen on {path}: {error}; a data folder's path may have about 90 characters",
            path=str(path),
        ) from error


def _line(connection: socket.socket, most: int) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < most:
        more = connection.recv(LINE_BYTES_MAX)
        if not more:
            break
        line += more
    return line


def call(folder: DataFolder, command: str, **arguments: str) -> str:
    """Run a command in the running platform, or here where none runs; returns its text."""
    return call_within(folder, command, arguments, seconds=_TIMEOUT_SECONDS)


def call_within(
    folder: DataFolder, command: str, arguments: Mapping[str, str], *, seconds: float
) -> str:
    """As :func:`call`, for a command that may take longer."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(seconds)
    with connection:
        try:
            connection.connect(str(folder.run / SOCKET_NAME))
        except OSError:
            return _call_here(folder, command, arguments)
        request = Request(command=command, arguments=dict(arguments))
        try:
            connection.sendall(msgspec.json.encode(request) + b"\n")
            line = _line(connection, REPLY_BYTES_MAX)
        except TimeoutError as error:
            raise FengsuiError(
                "fengsui.command.unanswered",
                f"the platform did not answer {command} within {seconds:.0f} s: it may be busy "
                "with another command, or still be doing this one; look whether it was done",
            ) from error
        except ConnectionError:
            line = b""
    if not line.endswith(b"\n"):
        raise FengsuiError(
            "fengsui.command.unanswered",
            f"the platform ended before it answered {command}: look whether it was done",
        )
    reply = msgspec.json.decode(line, type=Reply)
    if reply.code:
        raise FengsuiError(reply.code, reply.text)
    return reply.text


def _call_here(folder: DataFolder, command: str, arguments: Mapping[str, str]) -> str:
    from fengsui.administration import handlers, opened

    if not folder.state.exists():
        folder.must_exist()
    # Of a folder without its mark nothing is made up: keys and a state of record least of all.
    folder.realm()
    owner = Ownership(folder)
    try:
        with opened(folder) as administration:
            return _handler(handlers(administration), command)(arguments)
    finally:
        owner.release()
