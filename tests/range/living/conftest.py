"""A real PostgreSQL for the living parts' stores, started once where it is installed."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import pg8000.dbapi

PG_BIN = Path("/usr/lib/postgresql/15/bin")
WAIT_S = 30


@pytest.fixture(scope="session")
def postgres_port() -> Iterator[int]:
    """The port of a PostgreSQL of our own on 127.0.0.1; user postgres, no password."""
    pytest.importorskip("pg8000", reason="pg8000 is not installed (range/README.md)")
    if not PG_BIN.is_dir() or os.geteuid() != 0 or not shutil.which("runuser"):
        pytest.skip("needs PostgreSQL 15 and root, to start it as its own user")
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="range-pg-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        data = folder / "data"
        data.mkdir()
        shutil.chown(data, "postgres", "postgres")
        as_owner = ("runuser", "-u", "postgres", "--")
        initdb = (PG_BIN / "initdb", "-D", data, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        subprocess.run((*as_owner, *initdb), check=True, capture_output=True, cwd="/")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": data,
                   "fsync": "off", "synchronous_commit": "off"}  # fmt: skip
        command = [*as_owner, str(PG_BIN / "postgres"), "-D", str(data)]
        for key, value in options.items():
            command += ["-c", f"{key}={value}"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        try:
            _wait(port)
            yield port
        finally:
            server.terminate()
            server.wait(timeout=WAIT_S)


@pytest.fixture
def fresh_database(postgres_port: int) -> "Iterator[Callable[[], pg8000.dbapi.Connection]]":
    """Connects to an empty database, another one each time it is called."""
    import pg8000.dbapi

    with contextlib.ExitStack() as opened:

        def connect(database: str) -> pg8000.dbapi.Connection:
            made = pg8000.dbapi.connect(
                user="postgres", host="127.0.0.1", port=postgres_port, database=database
            )
            return opened.enter_context(contextlib.closing(made))

        def fresh() -> pg8000.dbapi.Connection:
            root = connect("postgres")
            root.autocommit = True
            cursor = root.cursor()
            cursor.execute("select 'store_' || (count(*) + 1) from pg_database")
            name = str(cursor.fetchall()[0][0])
            cursor.execute(f"create database {name}")
            return connect(name)

        yield fresh


def _wait(port: int) -> None:
    import pg8000.dbapi

    ends = time.monotonic() + WAIT_S
    while True:
        with contextlib.suppress(pg8000.dbapi.Error, OSError):
            pg8000.dbapi.connect(user="postgres", host="127.0.0.1", port=port).close()
            return
        if time.monotonic() > ends:
            pytest.fail("PostgreSQL did not start")
        time.sleep(0.1)
