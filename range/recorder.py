"""Receives what has no fine clock of its own and writes it as a file, each line with its true time.

- /dev/log (unix datagrams of sshd, sudo, su, passwd) becomes a classic syslog file, in the form
  rsyslog's traditional file format gives: the "<PRI>" goes, the host name comes in.
- nginx writes its error log into a pipe; each line is stored as it came.
Beside each file lies `<file>.times` with one true Unix time a line, because the log text itself
has whole seconds only and restamp needs finer order.
"""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import sys
import time
from pathlib import Path
from typing import BinaryIO

from town import HOST

_PACKET = re.compile(rb"<\d{1,3}>([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (.*)", re.DOTALL)
_LONGEST = 65_536  # bytes; far above what syslog(3) or nginx sends in one piece


class _Sink:
    def __init__(self, path: Path) -> None:
        self._lines: BinaryIO = path.open("ab", buffering=0)
        self._times: BinaryIO = path.with_name(path.name + ".times").open("ab", buffering=0)

    def write(self, line: bytes) -> None:
        self._lines.write(line + b"\n")
        self._times.write(b"%.6f\n" % time.time())


def _syslog_line(packet: bytes) -> bytes:
    matched = _PACKET.fullmatch(packet.rstrip(b"\n\0"))
    if matched is None:
        raise ValueError(f"not a local syslog packet: {packet[:80]!r}")
    text = matched[2].replace(b"\n", b"#012")
    return matched[1] + b" " + HOST.encode() + b" " + text


def _run(scratch: Path, raw: Path) -> None:
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    Path("/dev/log").chmod(0o666)
    pipe_path = scratch / "nginx-error.pipe"
    os.mkfifo(pipe_path)
    # Opened for both directions, so that it never reports the end of file.
    pipe = os.open(pipe_path, os.O_RDWR | os.O_NONBLOCK)
    shell, web = _Sink(raw / "sshd.log"), _Sink(raw / "nginx-error.log")
    rest = b""
    while True:
        ready, _, _ = select.select([log, pipe], [], [])
        if log in ready:
            shell.write(_syslog_line(log.recv(_LONGEST)))
        if pipe in ready:
            *lines, rest = (rest + os.read(pipe, _LONGEST)).split(b"\n")
            for line in lines:
                web.write(line)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _run(Path(sys.argv[1]), Path(sys.argv[2]))
