"""Idp: a real Keycloak: its own copy, its realms, and the hand that steers it."""

from __future__ import annotations

import json
import os
import shutil
import time
import urllib.parse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from living.ground import Ground
from living.web import Reply, Web

__all__ = ["ADDRESS", "BASE", "HOST", "Admin", "start"]

ADDRESS: Final = "10.30.2.5"
PORT: Final = 8080
HOST: Final = "idp.district.example"
BASE: Final = f"http://{ADDRESS}:{PORT}"
RECORDER: Final = "recorder"
"""The recorder's own account in ``master``: what it sets up leaves no line in the recording."""
RECORDER_PASSWORD: Final = "recorder-steers"
_STARTS_S: Final = 420
_FAILED: Final = '"message":"ERROR: '
_USERS_A_FILE: Final = 50
"""The time a transaction takes grows with the square of its accounts."""
_OPTIONS: Final = (
    "start", "--db=dev-file", "--cache=local", "--http-enabled=true", f"--http-host={ADDRESS}",
    f"--http-port={PORT}", "--hostname-strict=false", "--log=console",
    "--log-console-output=json", "--import-realm", "--features-disabled=persistent-user-sessions",
    "--spi-events-listener-jboss-logging-success-level=info",
    "--spi-x509cert-lookup-provider=nginx",
    "--spi-x509cert-lookup-nginx-ssl-client-cert=ssl-client-cert",
    "--spi-x509cert-lookup-nginx-trust-proxy-verification=true",
)  # fmt: skip
_JAVA: Final = "-Djboss.host.name=idp-01 -Djboss.qualified.host.name=idp-01 -Xms384m -Xmx768m"


def start(ground: Ground, realms: Iterable[Mapping[str, Any]]) -> Path:
    """Copy, import, start; the file its console goes to.

    Raises RuntimeError where it does not answer in seven minutes.
    """
    folder = ground.scratch / "keycloak"
    _copy(ground.programs["keycloak"], folder)
    (folder / "data" / "import").mkdir(parents=True)
    for realm in realms:
        _write(folder / "data" / "import", dict(realm))
    log = ground.scratch / "logs" / "keycloak.log"
    environment = {
        "KC_BOOTSTRAP_ADMIN_USERNAME": RECORDER,
        "KC_BOOTSTRAP_ADMIN_PASSWORD": RECORDER_PASSWORD,
        "JAVA_OPTS_APPEND": _JAVA,
        # As containers of it are: times are in UTC.
        "TZ": "UTC",
    }
    ground.run("keycloak", (str(folder / "bin" / "kc.sh"), *_OPTIONS), env=environment, log=log)
    ends = time.monotonic() + _STARTS_S
    while "Listening on:" not in (said := log.read_text("utf-8", "replace")):
        if time.monotonic() > ends or _FAILED in said:
            raise RuntimeError(f"Keycloak did not start: {said[-2000:]}")
        time.sleep(0.5)
    return log


def _write(folder: Path, realm: dict[str, Any]) -> None:
    """As an export to a folder is: users apart, so that each file is a transaction of its own."""
    name, users = realm["realm"], realm.pop("users")
    files = {f"{name}-realm.json": realm}
    for place in range(0, len(users), _USERS_A_FILE):
        part = {"realm": name, "users": users[place : place + _USERS_A_FILE]}
        files[f"{name}-users-{place // _USERS_A_FILE}.json"] = part
    for file, told in files.items():
        (folder / file).write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


def _copy(source: Path, folder: Path) -> None:
    """What a start writes to is its own; the libraries are the given ones."""
    folder.mkdir()
    for name in ("bin", "conf", "providers", "themes"):
        shutil.copytree(source / name, folder / name)
    (folder / "lib").mkdir()
    for name in os.listdir(source / "lib"):
        if name == "lib":
            (folder / "lib" / name).symlink_to(source / "lib" / name)
        elif (source / "lib" / name).is_dir():
            shutil.copytree(source / "lib" / name, folder / "lib" / name)
        else:
            shutil.copy2(source / "lib" / name, folder / "lib" / name)


class Admin:
    """The interface of administrators, for one account and from one address."""

    def __init__(self, web: Web, user: str, password: str, source: str, client: str) -> None:
        self._web, self._source = web, source
        self._asked = urllib.parse.urlencode(
            {"grant_type": "password", "client_id": client, "username": user, "password": password}
        ).encode()
        self._token = ""

    def ask(self, method: str, path: str, told: object = None, *, source: str = "") -> Any:
        """Below ``/admin/realms``; the answer's JSON. Raises RuntimeError where it is refused."""
        source = source or self._source
        if not self._token:
            self.sign_in()
        reply = self._send(method, path, told, source)
        if reply.status == 401:
            self.sign_in()
            reply = self._send(method, path, told, source)
        if reply.status >= 300:
            raise RuntimeError(f"{method} {path}: {reply.status} {reply.body[:400]!r}")
        return json.loads(reply.body) if reply.body else None

    def _send(self, method: str, path: str, told: object, source: str) -> Reply:
        return self._web.request(
            method, f"{BASE}/admin/realms{path}", source=source,
            headers={"Host": HOST, "Authorization": f"Bearer {self._token}",
                     "Content-Type": "application/json"},
            body=b"" if told is None else json.dumps(told).encode(),
        )  # fmt: skip

    def sign_in(self) -> None:
        """Fetch a token; raises RuntimeError where none is given."""
        reply = self._web.request(
            "POST", f"{BASE}/realms/master/protocol/openid-connect/token",
            source=self._source, body=self._asked,
            headers={"Host": HOST, "Content-Type": "application/x-www-form-urlencoded"},
        )  # fmt: skip
        if reply.status != 200:
            raise RuntimeError(f"no token: {reply.status} {reply.body[:400]!r}")
        self._token = str(json.loads(reply.body)["access_token"])
