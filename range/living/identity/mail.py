"""Mail: a post office that keeps what Keycloak sends, so that its links can be followed."""

from __future__ import annotations

import email
import email.policy
import re
import socketserver
import threading
from typing import Final

__all__ = ["ADDRESS", "PORT", "Post", "letter_link"]

ADDRESS: Final = "10.30.2.9"
PORT: Final = 25
LETTERS_MAX: Final = 64
"""Kept at once: a link is followed a minute later."""
_LINK: Final = re.compile(r"https?://\S+/action-token\?\S+")


class _Handler(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as a client needs to hand a letter over."""

    def handle(self) -> None:
        self._say("220 mail.district.example ESMTP")
        to = ""
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"RCPT":
                to = line.decode("ascii", "replace").partition("<")[2].partition(">")[0]
            if verb == b"DATA":
                self._say("354 go on")
                self._take(to)
            self._say("221 bye" if verb == b"QUIT" else "250 mail.district.example")
            if verb == b"QUIT":
                return

    def _take(self, to: str) -> None:
        said = bytearray()
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            said += line[1:] if line.startswith(b"..") else line
        assert isinstance(self.server, Post)
        self.server.put(to, bytes(said))

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode("ascii"))


class Post(socketserver.ThreadingTCPServer):
    """Started once; ends with the recorder."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__((ADDRESS, PORT), _Handler)
        self._letters: dict[str, bytes] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def put(self, to: str, letter: bytes) -> None:
        """The newest of an account counts."""
        self._letters.pop(to, None)
        self._letters[to] = letter
        if len(self._letters) > LETTERS_MAX:
            del self._letters[next(iter(self._letters))]

    def link(self, to: str) -> str:
        """The link of the letter to this address; nothing where none came."""
        return letter_link(self._letters.pop(to, b""))


def letter_link(letter: bytes) -> str:
    """The link that sets a password anew, from a letter's text."""
    message = email.message_from_bytes(letter, policy=email.policy.default)
    body = message.get_body(("plain", "html"))
    found = _LINK.search(str(body.get_content())) if body is not None else None
    return found[0] if found else ""
