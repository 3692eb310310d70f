"""A log file followed, parsed and written as JSON lines: our file source against syslog-ng.

Both read the same 300,000 true nginx lines (the shipped recording, repeated), write the same
fields as JSON lines, follow rotation and keep a checkpoint; ours syncs it after each block.
CPU time of the whole process, start included; interleaved rounds, medians.

syslog-ng is the system's, or Debian's package unpacked without root under ``.cache/``.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import zstandard

ROUNDS = 7
LINES = 300_000
ROOT = Path(__file__).resolve().parent.parent
RECORDING = ROOT / "range" / "recordings" / "district-day" / "nginx-access.log.zst"
READER = ROOT / "bench" / "_tail_reader.py"
CACHE = ROOT / ".cache" / "syslog-ng"
PACKAGES = ("syslog-ng-core", "libivykis0", "libpcre3", "libnet1", "libwrap0", "libjson-c5")
WAIT_SECONDS_MAX = 120

# The fields of our format but for event.outcome, each made with the peer's cheapest means.
PEER_CONFIG = r"""@version: 3.38
options { stats-freq(0); };
source lines { file("%(folder)s/in.log" flags(no-parse) follow-freq(0.1) log-fetch-limit(1000)); };
parser line { csv-parser(
  columns("source.ip", "ident", "user.name", "time", "request", "status", "bytes", "referrer",
          "agent")
  delimiters(" ") quote-pairs('""[]') flags(escape-none)); };
parser request { csv-parser(columns("method", "url", "version")
  delimiters(" ") template("${request}") flags(escape-none)); };
parser url { csv-parser(columns("path", "query")
  delimiters("?") template("${url}") flags(greedy, escape-none)); };
parser date { date-parser(format("%%d/%%b/%%Y:%%H:%%M:%%S %%z") template("${time}")); };
destination json { file("%(folder)s/out.json" template("$(format-json
  @timestamp=$S_ISODATE event.dataset=nginx.access event.action=http_request
  event.original=$MSG host.name=h source.ip=${source.ip} user.name=${user.name}
  http.request.method=${method} http.version=${version} url.original=${url}
  url.path=$(url-decode ${path}) url.query=${query}
  http.response.status_code=int64(${status}) http.response.body.bytes=int64(${bytes})
  http.request.referrer=${referrer} user_agent.original=${agent})\n")); };
log { source(lines); parser(line); parser(request); parser(url); parser(date);
      destination(json); };
"""


class Peer(NamedTuple):
    """An installed syslog-ng."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    name: str


def run() -> list[dict[str, object]]:
    """Events per CPU second of both, and their ratio."""
    peer = _peer()
    ours: list[float] = []
    theirs: list[float] = []
    # Beside the sources: a folder in memory would hide what writing costs.
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name)
        _write_lines(folder / "in.log")
        for _ in range(ROUNDS):
            ours.append(LINES / _our_seconds(folder))
            if peer:
                theirs.append(LINES / _peer_seconds(folder, peer))
    spread = f"ours {min(ours):.0f} to {max(ours):.0f}"
    result: dict[str, object] = {
        "what": "nginx_tail_parse",
        "ours": round(statistics.median(ours)),
        "peer": None,
        "peer_name": f"syslog-ng is not here and could not be fetched; spread {spread}",
        "ratio": None,
        "unit": "events/cpu s",
    }
    if peer:
        result["peer"] = round(statistics.median(theirs))
        result["ratio"] = round(statistics.median(ours) / statistics.median(theirs), 2)
        result["peer_name"] = (
            f"{peer.name} csv-parser; spread {spread}, peer {min(theirs):.0f} to {max(theirs):.0f}"
        )
    return [result]


def _write_lines(path: Path) -> None:
    with RECORDING.open("rb") as packed:
        raw = zstandard.ZstdDecompressor().stream_reader(packed).read()
    lines = raw.splitlines(keepends=True)
    times = -(-LINES // len(lines))
    path.write_bytes(b"".join((lines * times)[:LINES]))


def _cpu_seconds(command: Sequence[str], folder: Path, peer: Peer | None) -> float:
    """CPU time of a child that writes ``out.json``; one that does not end is told to."""
    out = folder / "out.json"
    out.unlink(missing_ok=True)
    environment = {**os.environ, **(peer.environment if peer else {})}
    child = os.posix_spawn(command[0], command, environment)
    lines, read_to, began = 0, 0, time.monotonic()
    while lines < LINES:
        if time.monotonic() - began > WAIT_SECONDS_MAX:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise TimeoutError(f"{command[0]} wrote {lines} of {LINES} lines")
        time.sleep(0.05)
        if out.exists():
            with out.open("rb") as file:
                file.seek(read_to)
                fresh = file.read()
            read_to += len(fresh)
            lines += fresh.count(b"\n")
    if peer:
        os.kill(child, signal.SIGTERM)
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status):
        raise ChildProcessError(f"{command[0]} failed")
    return usage.ru_utime + usage.ru_stime


def _our_seconds(folder: Path) -> float:
    return _cpu_seconds([sys.executable, "-P", str(READER), str(folder)], folder, None)


def _peer_seconds(folder: Path, peer: Peer) -> float:
    config = folder / "peer.conf"
    config.write_text(PEER_CONFIG % {"folder": folder})
    state = folder / "peer"
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir()
    files = ("-f", config, "-R", state / "persist", "-c", state / "control", "-p", state / "pid")
    return _cpu_seconds([*peer.command, *map(str, files)], folder, peer)


def _peer() -> Peer | None:
    system = shutil.which("syslog-ng")
    if system:
        return _checked((system, "-F", "--no-caps"), {})
    root = CACHE / "root"
    program = root / "usr/sbin/syslog-ng"
    if not program.exists() and not _unpack(root):
        return None
    modules = next(root.glob("usr/lib/syslog-ng/[0-9]*"))
    libraries = (
        root / "usr/lib/syslog-ng",
        root / "usr/lib/x86_64-linux-gnu",
        root / "lib/x86_64-linux-gnu",
    )
    return _checked(
        (str(program), "-F", "--no-caps", "--module-path", str(modules)),
        {"LD_LIBRARY_PATH": ":".join(map(str, libraries))},
    )


def _checked(command: tuple[str, ...], environment: Mapping[str, str]) -> Peer | None:
    """The peer, once it has told its version."""
    asked = subprocess.run(
        [*command, "--version"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        return None
    version = asked.stdout.splitlines()[0].partition("(")[2].rstrip(")")
    return Peer(command=command, environment=environment, name=f"syslog-ng {version}")


def _unpack(root: Path) -> bool:
    """Fetch Debian's packages as any user may, and unpack them beside the sources."""
    packages = CACHE / "deb"
    packages.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            ["apt-get", "download", "-q", *PACKAGES], cwd=packages, check=True, capture_output=True
        )
        for package in packages.glob("*.deb"):
            subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
