"""Is the peer of ``bench crypto`` at its best? Our C loop ("ours") against ``openssl speed``.

Ratios belong within 0.9 to 1.1: a slow peer would flatter us. The tool and the library are the
system's; where its OpenSSL differs from the one linked, this says nothing.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from typing import NamedTuple

from bench.peers import fetch
from bench.peers.peer import MissingPeer, Peer
from bench.peers.rounds import figure

ROUNDS = 7
MIB = 1 << 20


class _Check(NamedTuple):
    what: str
    count: int
    each: float
    unit: str
    speed: Callable[[], float]


def run() -> list[dict[str, object]]:
    """What our loop does a CPU second, beside what ``openssl speed`` prints."""
    if shutil.which("openssl") is None:
        raise MissingPeer("openssl is not installed")
    checks = [
        _Check("sm2_sign", 900, 1, "op/cpu s", lambda: _signatures()[0]),
        _Check("sm2_verify", 1000, 1, "op/cpu s", lambda: _signatures()[1]),
        _mib("sm3"),
        _mib("sm4_ctr"),
        _mib("sm4_cbc"),
    ]
    ours: list[list[float]] = [[] for _ in checks]
    theirs: list[list[float]] = [[] for _ in checks]
    with fetch.start("openssl_c") as peer:
        for _ in range(ROUNDS):
            for index, check in enumerate(checks):
                ours[index].append(_loop(peer, check))
                theirs[index].append(check.speed())
        name = f"openssl speed; ours is the C loop over {peer.name}"
    return [
        figure(check.what, ours[index], theirs[index], unit=check.unit, peer_name=name)
        for index, check in enumerate(checks)
    ]


def _mib(what: str) -> _Check:
    name = what.replace("_", "-")
    return _Check(f"{what}_{MIB}", 80, MIB / 1e6, "MB/cpu s", lambda: _bytes(name))


def _loop(peer: Peer, check: _Check) -> float:
    return check.count * check.each / peer.seconds(check.what, check.count)


def _speed(*arguments: str) -> list[str]:
    done = subprocess.run(
        ["openssl", "speed", "-mr", "-seconds", "1", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip().splitlines()[-1].split(":")


def _signatures() -> tuple[float, float]:
    # +F7:0:256:CurveSM2:signatures a second:verifications a second
    line = _speed("sm2")
    return float(line[-2]), float(line[-1])


def _bytes(name: str) -> float:
    # +F:25:sm3:bytes a second
    return float(_speed("-bytes", str(MIB), "-evp", name)[-1]) / 1e6
