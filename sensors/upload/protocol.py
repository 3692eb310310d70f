"""Protocol of the upload service: one line of JSON asks, one line answers, on a Unix socket.

    {"file": "/data/upload/7.docx", "user": "c000001", "app": "portal"}
    {"allow": false, "reason": "classified_marking", "sm3": "…"}

A connection may ask again and again. A line that is no question is answered with ``error`` and
ends the connection. Standard: RFC 8259; no key is unknown, no line longer than the limit.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import msgspec

from schema.errors import FengsuiError

LINE_BYTES_MAX: Final = 16 * 1024
"""A path of 4,096 characters and some short words, in UTF-8 and escapes."""
ANSWER_SECONDS: Final = 300.0
"""A client waits so long: the largest file, behind others."""

Word: TypeAlias = Annotated[str, msgspec.Meta(max_length=256)]


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """May this file be uploaded?"""

    file: Annotated[str, msgspec.Meta(min_length=1, max_length=4096, pattern=r"^/[^\x00]*$")]
    """Absolute path, where the application has put it."""
    user: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    app: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    name: Word = ""
    """What the sender calls the file; the last part of the path where absent."""
    matter: Word = ""
    unit: Word = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The decision; unless ``allow`` is true a file must not be accepted."""

    allow: bool
    reason: str = ""
    sm3: str = ""
    error: str = ""
    """Why the line was no question."""


def parse(line: bytes) -> Question:
    """The question of a line; raises ``sensors.upload.question``."""
    try:
        return msgspec.json.decode(line, type=Question)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FengsuiError(
            "sensors.upload.question", f"this is no question: {error}", why=str(error)
        ) from error


def write(message: Question | Answer) -> bytes:
    """The line of a message."""
    return msgspec.json.encode(message) + b"\n"


def ask(path: Path, question: Question, *, seconds: float = ANSWER_SECONDS) -> Answer:
    """Ask the service that listens there; raises ``sensors.upload.unanswered``."""
    try:
        with socket.socket(socket.AF_UNIX) as service:
            service.settimeout(seconds)
            service.connect(str(path))
            service.sendall(write(question))
            with service.makefile("rb") as lines:
                return msgspec.json.decode(lines.readline(LINE_BYTES_MAX), type=Answer)
    except (OSError, msgspec.DecodeError) as error:
        raise FengsuiError(
            "sensors.upload.unanswered",
            f"the upload service at {path} does not answer: {error}; is the sensor running?",
            path=str(path),
        ) from error
