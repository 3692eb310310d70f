"""Signing: the platform's own national-crypto service, with a key for each program of the town."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from crypto.sm2 import PublicKey

__all__ = ["Signing"]

_APPLICATION: Final = "district"
_SETTINGS: Final = """
[sensor]
inventory = false
watch = [{{ name = "idle", path = "{log}", format = "nginx_access" }}]
"""


class Signing:
    """Runs the service in a process of its own and asks it over HTTP."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "idle.log").touch()
        (folder / "settings.toml").write_text(
            _SETTINGS.format(log=folder / "idle.log"), encoding="utf-8"
        )
        self._folder = folder
        self._public: dict[str, PublicKey] = {}
        self._process = subprocess.Popen(
            (sys.executable, "-m", "fengsui", "up", "--port", "0", "--data", str(folder)),
            stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        host, _, port = self._base().rpartition(":")
        self._say("add", _APPLICATION, "--name", "示例区", "--unit", "local")
        self._say("quota", _APPLICATION, "--per-second", "1000000")
        self._say("grant", _APPLICATION, "--key", "*", "--operation", "keys_manage")
        token = self._say("token", _APPLICATION).split()[0]
        self._connection = http.client.HTTPConnection(host, int(port), timeout=30)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def sign(self, program: str, text: bytes, *, domain: str) -> bytes:
        """The program's SM2 signature over the text (DER), under the ID ``domain``.

        The program's key is made when it signs first. Raises RuntimeError where it is refused.
        """
        self.public(program)
        asked = {"key": _name(program), "message": base64.b64encode(text).decode(), "id": domain}
        return base64.b64decode(self._ask("/v1/crypto/sign", asked)["signature"])

    def public(self, program: str) -> PublicKey:
        """The key that verifies what this program signs."""
        if program not in self._public:
            name = _name(program)
            made = self._ask("/v1/crypto/keys", {"key": name, "use": "sign"}, once=name)
            self._public[program] = PublicKey.from_point(
                bytes.fromhex(made["versions"][-1]["public_key"])
            )
        return self._public[program]

    def stop(self) -> None:
        """End the service."""
        self._connection.close()
        self._process.terminate()
        self._process.wait(timeout=60)

    def _ask(self, path: str, asked: dict[str, str], *, once: str = "") -> dict[str, Any]:
        headers = self._headers | ({"Idempotency-Key": once} if once else {})
        body = json.dumps(asked)
        try:
            status, content = self._posted(path, body, headers)
        except (BrokenPipeError, ConnectionResetError):
            # The service closes a connection on which nobody asked for some seconds.
            self._connection.close()
            status, content = self._posted(path, body, headers)
        if status not in (200, 201):
            raise RuntimeError(f"{path}: {status} {content[:400]!r}")
        found: dict[str, Any] = json.loads(content)
        return found

    def _posted(self, path: str, body: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        self._connection.request("POST", path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def _say(self, *words: str) -> str:
        command = (sys.executable, "-m", "fengsui", "application", *words)
        done = subprocess.run(
            (*command, "--data", str(self._folder)), check=True, capture_output=True, text=True
        )
        return done.stdout

    def _base(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(r"http://([^/\s]+)/\S*#token=", line):
                return found[1]
        raise RuntimeError("the signing service did not start")


def _name(program: str) -> str:
    return re.sub(r"[^a-z0-9-]", "-", program.lower())
