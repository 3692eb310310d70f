"""Signatures a CPU second of the national-crypto service, its audit entries on the disk.

``ours`` counts the CPU of all processes of the service, the audit chain included and the client
excluded; the peer is the same service on the system's libcrypto, a round of each in turn.
"""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from crypto import engines, sm2

ROUNDS = 7
SECONDS = 2.0
CONNECTIONS = 32
SYNCS = 500
BATCH = 64
SIGNED_MAX = 15_000
"""Requests signed ahead for one round: more than two seconds of the fastest service use up."""
APPLICATION = "bench"
SETTINGS = """
[sensor]
inventory = false
watch = [{{ name = "idle", path = "{log}", format = "nginx_access" }}]
"""
"""A site with nothing to watch: only the service is measured."""
HERE = Path(__file__).parent


class Service(NamedTuple):
    """A running service, its application, and the client that loads it."""

    process: psutil.Process
    client: subprocess.Popen[str]
    plan: dict[str, object]
    scalar: str


def run() -> list[dict[str, object]]:
    """Signs a CPU second by bearer token, by signed request, in batches; p99 at half load."""
    native = engines.current().name
    with ExitStack() as running:
        ours = running.enter_context(_service(native))
        peer = running.enter_context(_service("libcrypto"))
        rows = []
        for what, items, signed in (
            ("single_bearer", 1, False),
            ("single_signed_request", 1, True),
            (f"batch{BATCH}", BATCH, False),
        ):
            rates = [[], []]
            for _ in range(ROUNDS):
                for service, found in ((ours, rates[0]), (peer, rates[1])):
                    found.append(_round(service, items=items, signed=signed)[0])
            rows.append(_row(what, *rates, f"signatures/CPU s ({native})"))
        rows.append(_half_load(ours, peer))
        rows.append(_row("disk_sync_p99", [_disk_sync(Path(tempfile.gettempdir()))], [], "ms"))
    return rows


def _disk_sync(folder: Path) -> float:
    """The p99 of one fdatasync of some bytes on the same disk: no durable answer is faster."""
    taken = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCS):
            file.write(b"x" * 300)
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - begun) * 1000)
    return sorted(taken)[SYNCS * 99 // 100]


def _half_load(ours: Service, peer: Service) -> dict[str, object]:
    """The p99 of a call at half of what the service on libcrypto and on our engine carry."""
    found = []
    for service in (ours, peer):
        most = statistics.median(_round(service, items=1, signed=False)[1] for _ in range(3))
        found.append([
            float(str(_ask(service, items=1, rate=most / 2)["p99"])) for _ in range(ROUNDS)
        ])  # fmt: skip
    return _row("p99_at_half_load", *found, "ms", less_is_better=True)


def _round(service: Service, *, items: int, signed: bool) -> tuple[float, float]:
    """Signatures a CPU second, and calls a second."""
    before = _cpu(service.process)
    found = _ask(service, items=items, signed=signed)
    calls, seconds = int(str(found["calls"])), float(str(found["seconds"]))
    return calls * items / (_cpu(service.process) - before), calls / seconds


def _ask(
    service: Service, *, items: int, signed: bool = False, rate: float = 0.0
) -> dict[str, object]:
    plan = {
        **service.plan,
        "items": items,
        "rate": rate,
        "seconds": SECONDS,
        "connections": CONNECTIONS,
        "signed": SIGNED_MAX,
    }
    if signed:
        plan |= {"token": "", "scalar": service.scalar}
    assert service.client.stdin is not None
    assert service.client.stdout is not None
    service.client.stdin.write(json.dumps(plan) + "\n")
    service.client.stdin.flush()
    line = service.client.stdout.readline()
    if not line:
        raise RuntimeError("the client ended: see its error above")
    answer: dict[str, object] = json.loads(line)
    return answer


def _cpu(process: psutil.Process) -> float:
    """CPU seconds of the service's processes so far."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


@contextmanager
def _service(backend: str) -> Iterator[Service]:
    """A site of its own with an application, its two credentials and a signing key."""
    with ExitStack() as running:
        scratch = running.enter_context(tempfile.TemporaryDirectory(prefix="fengsui-bench-"))
        environment = {**os.environ, "FENGSUI_CRYPTO_BACKEND": backend, "PYTHONUNBUFFERED": "1"}
        (Path(scratch) / "settings.toml").write_text(SETTINGS.format(log=Path(scratch) / "log"))
        (Path(scratch) / "log").touch()
        up = _fengsui("up", "--port", "0", "--data", scratch, env=environment)
        running.callback(_stop, up)
        base = _base(up)
        say = _commands(Path(scratch), environment)
        say("add", APPLICATION, "--name", "bench", "--unit", "local")
        say("quota", APPLICATION, "--per-second", "1000000")
        say("grant", APPLICATION, "--key", "*", "--operation", "keys_manage")
        token = say("token", APPLICATION).split()[0]
        key = sm2.PrivateKey.generate()
        _enrol(say, key, Path(scratch))
        _make_key(base, token)
        client = subprocess.Popen(
            [sys.executable, "-P", str(HERE / "_signing_load.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.callback(_end, client)
        host, _, port = base.removeprefix("http://").partition(":")
        plan = {"host": host, "port": int(port), "token": token, "application": APPLICATION}
        scalar = bytes(key.scalar()).hex()
        yield Service(process=psutil.Process(up.pid), client=client, plan=dict(plan), scalar=scalar)


def _commands(site: Path, environment: dict[str, str]) -> Callable[..., str]:
    def say(*words: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "fengsui", "application", *words, "--data", str(site)],
            check=True, capture_output=True, text=True, env=environment,
        ).stdout  # fmt: skip

    return say


def _enrol(say: Callable[..., str], key: sm2.PrivateKey, scratch: Path) -> None:
    text = f"FENGSUI-CREDENTIAL/1\n{APPLICATION}\n{key.public.key_id}".encode()
    public = scratch / "public.pem"
    public.write_bytes(key.public.to_pem())
    proof = scratch / "proof.sig"
    proof.write_bytes(key.sign(text, domain="fengsui/credential/1"))
    say("key", APPLICATION, "--public", str(public), "--proof", str(proof))


def _make_key(base: str, token: str) -> None:
    asked = urllib.request.Request(
        f"{base}/v1/crypto/keys",
        data=json.dumps({"key": "receipt", "use": "sign"}).encode(),
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "bench",
                 "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(asked) as answer:
        answer.read()


def _fengsui(*words: str, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fengsui", *words], stdout=subprocess.PIPE, text=True, env=env
    )


def _base(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(r"(http://[^/\s]+)/\S*#token=", line)
        if found:
            # What a start does once is no part of the figure.
            time.sleep(3)
            return found[1]
    raise RuntimeError("the platform printed no URL")


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)


def _end(client: subprocess.Popen[str]) -> None:
    assert client.stdin is not None
    client.stdin.close()
    client.wait(timeout=30)


def _row(
    what: str,
    ours: Sequence[float],
    peer: Sequence[float],
    unit: str,
    *,
    less_is_better: bool = False,
) -> dict[str, object]:
    mine = statistics.median(ours)
    if not peer:
        return {
            "what": what, "ours": round(mine, 2), "peer": None, "peer_name": "none",
            "ratio": None, "unit": unit,
        }  # fmt: skip
    other = statistics.median(peer)
    return {
        "what": what,
        "ours": round(mine, 2),
        "peer": round(other, 2),
        "peer_name": "the same service on libcrypto",
        "ratio": round(other / mine if less_is_better else mine / other, 2),
        "unit": unit,
    }
