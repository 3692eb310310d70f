"""Tailing an nginx access log: our file source and parser beside syslog-ng's, on the same lines.

Both follow one path through two rotations, keep a checkpoint, parse the same fields (request line
and target taken apart, path percent-decoded, time, numbers) and write one JSON object a line. The
lines are the recorded ones, repeated. CPU time, rounds interleaved, medians.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import zstandard

from schema import event
from sensors.sources import Context
from sensors.tail import FileSource

ROUNDS = 7
PARTS = 3
PART_LINES = 100_000
POLL_EVENTS = 1024
ROOT = Path(__file__).resolve().parent.parent
RECORDING = ROOT / "range" / "recordings" / "district-day" / "nginx-access.log.zst"
CACHE = ROOT / ".cache" / "syslog-ng"
PACKAGES = ("syslog-ng-core", "libivykis0", "libnet1", "libpcre3")
PEER_NAME = "syslog-ng 3.38.1 csv-parser"
WAIT_SECONDS = 120.0

CONFIG = """@version: 3.38
options { threaded(yes); stats-freq(0); keep-hostname(yes); use-dns(no); };
source s_log {
  file("%(log)s" follow-freq(0.1) flags(no-parse) log-fetch-limit(1000) log-iw-size(20000));
};
parser p_line {
  csv-parser(columns("c.address", "c.dash", "c.user", "c.time", "c.request", "c.status", "c.size",
      "c.referrer", "c.agent")
    delimiters(" ") quote-pairs('""[]') flags(escape-backslash));
};
parser p_request {
  csv-parser(template("${c.request}") columns("c.method", "c.target", "c.version")
    delimiters(" ") flags(greedy));
};
parser p_target {
  csv-parser(template("${c.target}") columns("c.path", "c.query") delimiters("?") flags(greedy));
};
parser p_time { date-parser(template("${c.time}") format("%%d/%%b/%%Y:%%H:%%M:%%S %%z")); };
destination d_json {
  file("%(out)s" template("$(format-json @timestamp=\\"${ISODATE}\\" event.action=\\"http_request\\"
event.dataset=\\"nginx.access\\" event.original=\\"${MESSAGE}\\" host.name=\\"gateway\\"
event.outcome=\\"$(if (\\"${c.status}\\" < \\"400\\") success failure)\\"
http.response.status_code=int(\\"${c.status}\\") http.response.body.bytes=int(\\"${c.size}\\")
http.request.method=\\"${c.method}\\" http.version=\\"${c.version}\\"
http.request.referrer=\\"${c.referrer}\\" user_agent.original=\\"${c.agent}\\"
source.ip=\\"${c.address}\\" user.name=\\"${c.user}\\" url.original=\\"${c.target}\\"
url.path=\\"$(url-decode ${c.path})\\" url.query=\\"${c.query}\\")\\n"));
};
log { source(s_log); parser(p_line); parser(p_request); parser(p_target); parser(p_time);
  destination(d_json); flags(flow-control); };
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """An unpacked or installed syslog-ng."""

    program: Path
    environment: dict[str, str]
    modules: Path | None


def run() -> list[dict[str, object]]:
    """Events of one CPU second, ours and the peer's."""
    peer, why = _peer()
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        part = Path(scratch) / "part"
        part.write_bytes(_part())
        for number in range(ROUNDS):
            ours.append(_ours(Path(scratch) / f"ours-{number}", part))
            if peer:
                theirs.append(_theirs(peer, Path(scratch) / f"peer-{number}", part))
    our_rate = PARTS * PART_LINES / statistics.median(ours)
    peer_rate = PARTS * PART_LINES / statistics.median(theirs) if theirs else None
    spread = f"ours {min(ours):.2f} to {max(ours):.2f} s"
    if theirs:
        spread += f", peer {min(theirs):.2f} to {max(theirs):.2f} s"
    return [
        {
            "what": "nginx_tail_parse",
            "ours": round(our_rate),
            "peer": round(peer_rate) if peer_rate else None,
            "peer_name": f"{PEER_NAME}{'' if peer else f' (missing: {why})'}; {spread}",
            "ratio": round(our_rate / peer_rate, 2) if peer_rate else None,
            "unit": "events/cpu s",
        }
    ]


def _part() -> bytes:
    """One part's lines: the recorded ones, repeated."""
    with RECORDING.open("rb") as file:
        lines = zstandard.ZstdDecompressor().stream_reader(file).read().splitlines(keepends=True)
    times = -(-PART_LINES // len(lines))
    return b"".join((lines * times)[:PART_LINES])


def _rotations(log: Path, part: Path) -> Iterator[int]:
    """Put one part after the other at ``log``; what stood there is renamed. Yields lines so far."""
    for number in range(PARTS):
        fresh = log.with_name(f"fresh-{number}")
        shutil.copyfile(part, fresh)
        if log.exists():
            log.rename(log.with_name(f"{log.name}.{number}"))
        fresh.rename(log)
        yield (number + 1) * PART_LINES


def _ours(folder: Path, part: Path) -> float:
    """CPU seconds of our source, parser, canonical JSON and checkpoint over all parts."""
    folder.mkdir()
    log, done, spent = folder / "access.log", 0, 0.0
    context = Context(host="gateway", utc_offset_minutes=0, now=lambda: time.time_ns() // 1000)
    source = FileSource("nginx", str(log), form="nginx_access", context=context)
    position = os.open(folder / "position", os.O_WRONLY | os.O_CREAT)
    with (folder / "out.jsonl").open("wb", buffering=1 << 16) as out:
        for expected in _rotations(log, part):
            deadline = time.monotonic() + WAIT_SECONDS
            while done < expected:
                begun = time.process_time()
                polled = source.poll(POLL_EVENTS)
                for fields, (generation, offset) in zip(polled.events, polled.places, strict=True):
                    fields[event.SOURCE] = "nginx"
                    fields[event.GENERATION] = generation
                    fields[event.OFFSET] = offset
                    out.write(event.encode(fields) + b"\n")
                at = polled.position
                os.pwrite(position, f"{at.generation} {at.offset}\n".encode(), 0)
                spent += time.process_time() - begun
                done += len(polled.events)
                _check(deadline, done, expected)
                if not polled.events:
                    time.sleep(0.05)
    os.close(position)
    source.close()
    shutil.rmtree(folder)
    return spent


def _theirs(peer: Peer, folder: Path, part: Path) -> float:
    """CPU seconds of syslog-ng over all parts, its start left out."""
    folder.mkdir()
    log, out = folder / "access.log", folder / "out.jsonl"
    out.touch()
    with _running(peer, folder, log, out) as process:
        # An empty log to begin with: its start-up is not counted.
        time.sleep(1.0)
        begun = _cpu_seconds(process.pid)
        seen, counted = 0, 0
        with out.open("rb") as written:
            for expected in _rotations(log, part):
                deadline = time.monotonic() + WAIT_SECONDS
                while counted < expected:
                    time.sleep(0.05)
                    chunk = written.read()
                    seen += len(chunk)
                    counted += chunk.count(b"\n")
                    _check(deadline, counted, expected)
        spent = _cpu_seconds(process.pid) - begun
    shutil.rmtree(folder)
    return spent


def _check(deadline: float, done: int, expected: int) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(f"{done} of {expected} lines in {WAIT_SECONDS:.0f} s")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _running(peer: Peer, folder: Path, log: Path, out: Path) -> Iterator[subprocess.Popen[bytes]]:
    config = folder / "syslog-ng.conf"
    config.write_text(CONFIG % {"log": log, "out": out})
    command = [str(peer.program), "--foreground", "--no-caps", "--cfgfile", str(config)]
    command += ["--persist-file", str(folder / "persist"), "--pidfile", str(folder / "pid")]
    command += ["--control", str(folder / "control")]
    if peer.modules:
        command += ["--module-path", str(peer.modules)]
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            command, env=peer.environment, stdout=errors, stderr=errors, cwd=folder
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _peer() -> tuple[Peer | None, str]:
    """The installed syslog-ng, or Debian's package unpacked under ``.cache/``; else why not."""
    installed = shutil.which("syslog-ng")
    if installed:
        return Peer(Path(installed), dict(os.environ), None), ""
    program = CACHE / "usr" / "sbin" / "syslog-ng"
    try:
        if not program.exists():
            CACHE.mkdir(parents=True, exist_ok=True)
            _quiet("apt-get", "download", *PACKAGES)
            for package in CACHE.glob("*.deb"):
                _quiet("dpkg", "-x", str(package), str(CACHE))
        triplet = next((CACHE / "usr" / "lib").glob("*-linux-gnu"))
        libraries = (triplet, CACHE / "lib" / triplet.name, CACHE / "usr/lib/syslog-ng")
        environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries))}
        modules = next((CACHE / "usr/lib/syslog-ng").glob("3.*"))
        subprocess.run(
            [str(program), "--module-path", str(modules), "-V"],
            env=environment,
            check=True,
            capture_output=True,
        )
    except (OSError, StopIteration, subprocess.CalledProcessError) as error:
        return None, f"no syslog-ng, and Debian's package is not to be had: {type(error).__name__}"
    return Peer(program, environment, modules), ""


def _quiet(*command: str) -> None:
    subprocess.run(command, cwd=CACHE, check=True, capture_output=True)
