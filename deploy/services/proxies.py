"""Links that fail on demand: toxiproxy, built once from pinned Go modules."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from deploy.services.cluster import Cluster
from deploy.services.errors import MissingToolError, ServiceError
from deploy.services.places import CACHE, GO, HERE, alone
from deploy.services.ports import LOOPBACK, free_ports
from deploy.services.program import Program

VERSION: Final = "2.5.0"
BUILD_SECONDS_MAX: Final = 600
"""Seventeen seconds are usual; a first build on a busy machine compiles a good deal."""
ANSWER_SECONDS_MAX: Final = 10
_PACKAGE: Final = "github.com/Shopify/toxiproxy/v2/cmd/server"

Direction = Literal["up", "down"]
"""Towards the service, or back to its client."""
_STREAM: Final[Mapping[Direction, str]] = {"up": "upstream", "down": "downstream"}
BOTH: Final[tuple[Direction, Direction]] = ("up", "down")


class Proxies(Cluster):
    """The process all proxies live in; :meth:`start` brings it up, :meth:`link` makes one."""

    def __init__(self, folder: Path, *, leashed: bool = True) -> None:
        """Build the program where it is not there yet.

        Raises :class:`MissingToolError` without Go and :class:`ServiceError` where it fails to.
        """
        (self._port,) = free_ports(1)
        command = [str(_built()), "-host", LOOPBACK, "-port", str(self._port)]
        super().__init__(
            "proxies", folder, [Program("proxies", command, folder=folder)], leashed=leashed
        )

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def link(self, upstream: int, *, port: int | None = None) -> Proxy:
        """A link to that port of the loopback, from a free port or the one given."""
        listening = free_ports(1)[0] if port is None else port
        name = f"{listening}-{upstream}"
        self._ask(
            "POST",
            "/proxies",
            name=name,
            listen=f"{LOOPBACK}:{listening}",
            upstream=f"{LOOPBACK}:{upstream}",
            enabled=True,
        )
        return Proxy(self, name, listening)

    def _ready(self, program: Program) -> bool:  # noqa: ARG002 - there is one program
        try:
            self._ask("GET", "/version")
        except ServiceError:
            return False
        return True

    def _ask(self, method: str, path: str, **body: object) -> bytes:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=ANSWER_SECONDS_MAX)
        try:
            connection.request(method, path, json.dumps(body) if body else None)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise ServiceError(f"the proxies do not answer: {error}") from error
        finally:
            connection.close()
        if answer.status >= http.client.BAD_REQUEST:
            raise ServiceError(f"{method} {path}: {content.decode('utf-8', 'replace').strip()}")
        return content


@dataclass(frozen=True, slots=True)
class Proxy:
    """One link. Faults add up until :meth:`heal`."""

    _proxies: Proxies
    name: str
    port: int

    def delay(self, milliseconds: int, *, jitter_ms: int = 0) -> None:
        """Every byte takes that much longer, each way."""
        for direction in BOTH:
            self._poison("latency", direction, latency=milliseconds, jitter=jitter_ms)

    def slow(self, kilobytes_per_second: int) -> None:
        """No more than that gets through, each way."""
        for direction in BOTH:
            self._poison("bandwidth", direction, rate=kilobytes_per_second)

    def half_open(self, *directions: Direction) -> None:
        """Connections stand and new ones are taken, but nothing gets through; both ways when
        none is named.
        """
        for direction in directions or BOTH:
            self._poison("timeout", direction, timeout=0)

    def cut(self) -> None:
        """Every connection ends at once and new ones are refused."""
        self._ask("POST", "", enabled=False)

    def heal(self) -> None:
        """As it was made: open, and without faults. Half-open connections end."""
        for toxic in json.loads(self._ask("GET", "/toxics")):
            self._ask("DELETE", f"/toxics/{toxic['name']}")
        self._ask("POST", "", enabled=True)

    def remove(self) -> None:
        """Take the link away; its connections end."""
        self._ask("DELETE", "")

    def _poison(self, kind: str, direction: Direction, **attributes: int) -> None:
        self._ask("POST", "/toxics", type=kind, stream=_STREAM[direction], attributes=attributes)

    def _ask(self, method: str, path: str, **body: object) -> bytes:
        return self._proxies._ask(method, f"/proxies/{self.name}{path}", **body)  # noqa: SLF001 - one noun in two classes


def _built() -> Path:
    target = CACHE / f"toxiproxy-{VERSION}"
    with alone("toxiproxy"):
        if not target.exists():
            _build(target)
    return target


def _build(target: Path) -> None:
    program = shutil.which("go")
    if program is None:
        raise MissingToolError("go is not installed: apt-get install -y golang-go")
    fresh = target.with_suffix(".making")
    done = subprocess.run(
        [program, "build", "-mod=readonly", "-o", str(fresh), _PACKAGE],
        cwd=HERE / "toxiproxy",
        env={**os.environ, **GO},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS_MAX,
        check=False,
    )
    if done.returncode:
        raise ServiceError(f"toxiproxy {VERSION} does not build:\n{done.stderr.strip()}")
    fresh.rename(target)
