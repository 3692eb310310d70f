"""Namespace: own processes, mounts and networks, in which all of the town's addresses are local."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from servers import isolate

from living.ground import NETWORKS

__all__ = ["enter", "settle"]

_UNSHARE: Final = (
    "unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--mount-proc",
    "--kill-child", "--propagation", "private",
)  # fmt: skip


def enter(argv: Sequence[str]) -> None:
    """Run this program anew inside fresh namespaces and wait for it; needs root.

    Raises ``subprocess.CalledProcessError`` when it fails there.
    """
    subprocess.run((*_UNSHARE, sys.executable, *argv), check=True)


def settle(scratch: Path) -> None:
    """Inside: cover the machine's folders, and let every address of the town lead here."""
    isolate(scratch)
    # Everything below is owned by those servers that run as their own users.
    scratch.chmod(0o755)
    for network in NETWORKS:
        subprocess.run(("ip", "route", "add", "local", network, "dev", "lo"), check=True)
    # Many short connections from one address to one server: their ports are free again at once.
    for name, value in (("ip_local_port_range", "1024 65535"), ("tcp_tw_reuse", "1")):
        Path(f"/proc/sys/net/ipv4/{name}").write_text(value, encoding="ascii")
