"""Ground: what living systems stand on: databases, a web server, addresses, the town's clock."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pg8000.dbapi

from living.clock import Clock
from living.logs import RealLog
from living.signing import Signing
from living.web import Web

__all__ = ["NETWORKS", "Ground"]

NETWORKS: Final = (
    "10.0.0.0/8", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24",
    "169.254.169.254/32",
)  # fmt: skip
"""The town's, and the address of clouds' metadata, where one call-back leads; in the namespace each
of their addresses is the machine itself."""
_PG_BIN: Final = Path("/usr/lib/postgresql/15/bin")
_PG_PORT: Final = 5432
_PG_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "timezone": "Asia/Shanghai",
    "log_timezone": "Asia/Shanghai",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "128MB",
}
"""A recording that fails is made anew: nothing need survive a power cut."""
_NGINX: Final = """\
user www-data;
worker_processes 1;
pid {scratch}/nginx/pid;
error_log {scratch}/nginx/error.log warn;
events {{ worker_connections 2048; }}
http {{
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  keepalive_timeout 3600;
  keepalive_requests 1000000;
  server_tokens off;
  client_body_temp_path {scratch}/nginx/body;
  proxy_temp_path {scratch}/nginx/proxy;
  fastcgi_temp_path {scratch}/nginx/fastcgi;
  uwsgi_temp_path {scratch}/nginx/uwsgi;
  scgi_temp_path {scratch}/nginx/scgi;
{sites}
}}
"""
_WAIT_S: Final = 120.0


class Ground:
    """Made once inside the namespaces; :meth:`stop` ends all that was started."""

    def __init__(self, scratch: Path, clock: Clock, programs: Mapping[str, Path]) -> None:
        """``programs`` are those that no package of the system brings: keycloak, step-ca."""
        self.scratch, self.clock, self.programs = scratch, clock, programs
        self.web = Web()
        self.signing = Signing(scratch / "signing")
        self.logs: list[RealLog] = []
        self._sites: list[str] = []
        self._children: list[subprocess.Popen[bytes]] = []
        (scratch / "logs").mkdir()
        (scratch / "logs").chmod(0o777)
        self._postgres()

    def database(self, name: str) -> pg8000.dbapi.Connection:
        """A fresh database and a connection to it."""
        with contextlib.closing(self._connect("postgres")) as connection:
            connection.autocommit = True
            connection.cursor().execute(f'create database "{name}"')
        return self._connect(name)

    def run(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
        user: str = "",
    ) -> None:
        """Start a real server; its output goes to ``log`` (else to ``logs/<name>.out``)."""
        command = [*(("runuser", "-u", user, "--") if user else ()), *argv]
        path = log or self.scratch / "logs" / f"{name}.out"
        with path.open("ab") as output:
            self._children.append(
                subprocess.Popen(
                    command, stdout=output, stderr=subprocess.STDOUT, cwd="/",
                    stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})},
                )
            )  # fmt: skip

    def wait(self, address: str, port: int) -> None:
        """Until it answers; raises RuntimeError when it does not within two minutes."""
        ends = time.monotonic() + _WAIT_S
        while time.monotonic() < ends:
            with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
                return
            time.sleep(0.1)
        raise RuntimeError(f"nothing listens at {address}:{port}")

    def site(self, config: str) -> None:
        """What goes into nginx's ``http`` block: servers, log formats, upstreams."""
        self._sites.append(config)

    def open(self, log: RealLog) -> None:
        """A real server's log that the recorder reads and restamps."""
        self.logs.append(log)

    def serve(self) -> None:
        """Start nginx with all sites."""
        folder = self.scratch / "nginx"
        folder.mkdir()
        config = folder / "nginx.conf"
        config.write_text(
            _NGINX.format(scratch=self.scratch, sites="\n".join(self._sites)), encoding="utf-8"
        )
        self.run("nginx", ("nginx", "-c", str(config), "-g", "daemon off;"))
        ends = time.monotonic() + 10
        while not (folder / "pid").exists():
            if self._children[-1].poll() is not None or time.monotonic() > ends:
                said = (self.scratch / "logs" / "nginx.out").read_text("utf-8", "replace")
                raise RuntimeError(f"nginx did not start: {said[-800:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End every server."""
        self.web.close()
        for child in reversed(self._children):
            child.terminate()
            try:
                child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                child.kill()
        self.signing.stop()

    def _postgres(self) -> None:
        data = self.scratch / "postgres"
        data.mkdir()
        shutil.chown(data, "postgres", "postgres")
        command = (
            "runuser", "-u", "postgres", "--", str(_PG_BIN / "initdb"), "-D", str(data),
            "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", "postgres",
        )  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, cwd="/")
        settings = "".join(f"{name} = '{value}'\n" for name, value in _PG_SETTINGS.items())
        settings += f"port = {_PG_PORT}\nunix_socket_directories = '{data}'\n"
        with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(settings)
        self.run("postgres", (str(_PG_BIN / "postgres"), "-D", str(data)), user="postgres")
        ends = time.monotonic() + 30
        while True:
            try:
                self._connect("postgres").close()
            except pg8000.dbapi.Error:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.1)
            else:
                return

    @staticmethod
    def _connect(database: str) -> pg8000.dbapi.Connection:
        return pg8000.dbapi.connect(
            user="postgres", host="127.0.0.1", port=_PG_PORT, database=database, tcp_keepalive=True
        )
