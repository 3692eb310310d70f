"""Reads the true logs of a recording and finds for every line the connection that caused it.

A connection is named by server, client address and client port. Lines that name no port (PAM, sudo,
su) are joined through their process number or, at last, through the newest session of their user.
"""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

from restamp import DATABASE_TIME, JSON_TIME, Line

__all__ = ["read_raw"]


def read_raw(raw: Path) -> dict[str, list[Line]]:
    """Read the true logs of a recording, by source kind."""
    access, ports = _read_access(raw)
    return {
        "sshd": _read_shell(raw / "sshd.log"),
        "nginx_access": access,
        "nginx_error": _read_error(raw / "nginx-error.log", ports),
        "postgresql_text": _read_database(raw / "postgresql-pay.stderr"),
        "postgresql_json": _read_json(raw / "share" / "postgresql.json"),
    }


def _timed(path: Path) -> list[tuple[float, bytes]]:
    lines = path.read_bytes().split(b"\n")[:-1]
    times = path.with_name(path.name + ".times").read_text("ascii").split()
    return [(float(at), line) for at, line in zip(times, lines, strict=True)]


_PROCESS = re.compile(rb"^\S+ +\d+ \S+ \S+ \w+\[(\d+)\]: ")
_PEER = re.compile(rb" (127\.\d+\.\d+\.\d+) port (\d+)")
_OPENED = re.compile(rb"Accepted \w+ for (\S+) from (\S+) port (\d+)")


def _read_shell(path: Path) -> list[Line]:
    """Key each line by its connection (address and port), found by process where it is missing."""
    timed = _timed(path)
    by_process: dict[bytes, str] = {}
    for _, text in timed:
        process, peer = _PROCESS.match(text), _PEER.search(text)
        if process and peer:
            by_process.setdefault(process[1], f"ssh {peer[1].decode()} {peer[2].decode()}")
    lines = []
    newest: dict[bytes, str] = {}
    before = "local"
    for true_s, text in timed:
        opened, process = _OPENED.search(text), _PROCESS.match(text)
        if opened:
            newest.pop(opened[1], None)  # so that the newest session stands last
            newest[opened[1]] = f"ssh {opened[2].decode()} {opened[3].decode()}"
        key = by_process.get(process[1], "") if process else ""
        if not key:
            # sudo, su and passwd have no port. A line that names nobody who is logged in ("session
            # closed for user root") follows the line of its kind before it.
            key = before = _session_of(text, newest) or before
        lines.append(Line(true_s=true_s, key=key, text=text))
    return lines


def _session_of(text: bytes, newest: dict[bytes, str]) -> str:
    if b"svc.backup" in text:
        return "local"
    for name in reversed(newest):
        if any(mark + name in text for mark in (b" ", b"=", b"(", b"for ")):
            return newest[name]
    return ""


def _read_access(raw: Path) -> tuple[list[Line], dict[bytes, str]]:
    texts = (raw / "nginx-access.log").read_bytes().split(b"\n")[:-1]
    sides = (raw / "nginx-access.side").read_bytes().split(b"\n")[:-1]
    lines, ports = [], {}
    for text, side in zip(texts, sides, strict=True):
        at, connection, address, port = side.split(b" ")
        key = f"web {address.decode()} {port.decode()}"
        ports[connection] = key
        lines.append(Line(true_s=float(at), key=key, text=text))
    return lines, ports


def _read_error(path: Path, ports: dict[bytes, str]) -> list[Line]:
    lines = []
    for true_s, text in _timed(path):
        found = re.search(rb"\*(\d+) ", text)
        key = ports.get(found[1], "web") if found else "web"
        lines.append(Line(true_s=true_s, key=key, text=text))
    return lines


def _parse(stamp: bytes) -> float:
    return dt.datetime.fromisoformat(f"{stamp.decode('ascii')}+08:00").timestamp()


_RECEIVED = re.compile(rb"connection received: host=(\S+) port=(\d+)")


def _read_database(path: Path) -> list[Line]:
    """Key each record by its session; a session is named by the connection it came in on."""
    lines: list[Line] = []
    names: dict[bytes, str] = {}
    for text in path.read_bytes().split(b"\n")[:-1]:
        stamp = DATABASE_TIME.match(text)
        if stamp is None:
            if not lines:
                raise ValueError(f"the log begins with a continuation line: {text[:80]!r}")
            lines[-1].text += b"\n" + text
            continue
        process = re.search(rb" \[(\d+)\] ", text)
        number = process[1] if process else b""
        received = _RECEIVED.search(text)
        if received:
            names[number] = f"pay {received[1].decode()} {received[2].decode()}"
        key = names.get(number, f"pay {number.decode()}")
        lines.append(Line(true_s=_parse(stamp[0]), key=key, text=text))
    return lines


def _read_json(path: Path) -> list[Line]:
    lines = []
    names: dict[bytes, str] = {}
    for text in path.read_bytes().split(b"\n")[:-1]:
        stamp = JSON_TIME.match(text)
        process = re.search(rb'"pid":(\d+)', text)
        if stamp is None or process is None:
            raise ValueError(f"not a record of the JSON log: {text[:80]!r}")
        received = _RECEIVED.search(text)
        if received:
            names[process[1]] = f"share {received[1].decode()} {received[2].decode()}"
        key = names.get(process[1], f"share {process[1].decode()}")
        lines.append(Line(true_s=_parse(stamp[1]), key=key, text=text))
    return lines
