"""Grants: how fast a gateway is answered whether a call may pass.

Two figures: the decision alone in one process, beside Casbin (``pip install casbin``) with the same
pairs as policies; and the whole answer of a running platform over HTTP on eight kept connections
that ask without a pause. Casbin decides only on the pair; ours looks at the gateway, time, purpose,
fields and quota too, and keeps the count. Casbin brings no server: over HTTP ours stands beside
``uvicorn``, which ours runs on too, answering a few bytes in a process of its own, asked by turns.
Of so many rounds the median and the quietest are told: the one who asks and all else that runs on
the machine is in a time, and in the quietest least.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

from collector.state.database import Database
from dashboard_api.grants.check import GrantCheck, Question
from dashboard_api.grants.quota import QuotaBook
from schema.registers import (
    ALWAYS,
    FOREVER,
    RegisterView,
    Statement,
    Table,
    pack_fields,
    pack_key,
)

GRANTS = 2000
CALLS = 3000
CONNECTIONS = 8
"""Kept connections that ask at once, as a gateway's workers do."""
HTTP_CALLS = 4000
"""Of one round."""
ROUNDS = 7
BARE = """
import asyncio, socket, uvicorn
async def app(scope, receive, send):
    head = {"type": "http.response.start", "status": 200}
    await send(head | {"headers": [(b"content-length", b"14")]})
    await send({"type": "http.response.body", "body": b'"allowed":true'})
# The protocol is named: else asyncio leaves Nagle's algorithm on, and an answer takes 44 ms.
server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
server.bind(("127.0.0.1", 0))
server.listen()
print(server.getsockname()[1], flush=True)
config = uvicorn.Config(app, http="httptools", lifespan="off", access_log=False, log_config=None)
asyncio.run(uvicorn.Server(config).serve(sockets=[server]))
"""
MODEL = """[request_definition]
r = sub, obj
[policy_definition]
p = sub, obj
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.obj == p.obj
"""


class Now:
    """The wall clock."""

    def now(self) -> int:
        return time.time_ns() // 1000


def pairs(count: int) -> list[tuple[str, str]]:
    """Requester and service of each grant."""
    return [(f"unit-{n % 100}", f"service-{n // 100}") for n in range(count)]


def percentiles(taken: list[float]) -> dict[str, float]:
    """Of seconds, in microseconds."""
    ordered = sorted(taken)
    return {
        "p50_us": round(ordered[len(ordered) // 2] * 1e6, 1),
        "p99_us": round(ordered[len(ordered) * 99 // 100] * 1e6, 1),
    }


def timed(ask: Callable[[tuple[str, str]], bool], asked: list[tuple[str, str]]) -> dict[str, float]:
    """Time each question; none may be refused."""
    taken = []
    for pair in asked:
        begun = time.perf_counter()
        assert ask(pair), f"{pair} was refused"
        taken.append(time.perf_counter() - begun)
    return percentiles(taken)


def ours(count: int, calls: int) -> dict[str, float]:
    """The decision alone."""
    fields = pack_fields({"grant": "G", "fields": ["name", "state"], "quota_per_day": 10**9})
    table = Table(Statement(pack_key(pair), fields, ALWAYS, FOREVER, 1, 1) for pair in pairs(count))
    asked = [pairs(count)[n * 7919 % count] for n in range(calls)]
    with tempfile.TemporaryDirectory() as folder, closing(Database(Path(folder) / "state")) as file:
        quota = QuotaBook(file, Now())
        view = RegisterView({"grants": table})
        check = GrantCheck(lambda: view, quota, Now(), mode="closed")
        try:
            return timed(
                lambda pair: (
                    check.check(
                        Question(requester=pair[0], service=pair[1], fields=["name"])
                    ).allowed
                ),
                asked,
            )
        finally:
            quota.close()


def casbin_peer(count: int, calls: int) -> dict[str, float]:
    """The same pairs asked of Casbin; nothing where it is not installed."""
    try:
        import casbin  # type: ignore[import-not-found]
    except ImportError:
        return {}
    model = casbin.Model()
    model.load_model_from_text(MODEL)
    enforcer = casbin.Enforcer(model)
    enforcer.add_policies([list(pair) for pair in pairs(count)])
    asked = [pairs(count)[n * 7919 % count] for n in range(min(calls, 50))]
    return timed(lambda pair: enforcer.enforce(*pair), asked)


def _request(pair: tuple[str, str], token: str) -> bytes:
    body = json.dumps({"requester": pair[0], "service": pair[1], "fields": ["name"]})
    return (
        "POST /v1/grants:check HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def asking(port: int, requests: list[bytes]) -> list[float]:
    """Ask over so many connections at once; seconds of each. No call may be refused."""
    waiting = iter(requests)
    taken: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            begun = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"content-length: (\d+)", head)
            assert found is not None
            body = await reader.readexactly(int(found[1]))
            taken.append(time.perf_counter() - begun)
            assert b'"allowed":true' in body, body
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return taken


def by_turns(port: int, requests: list[bytes]) -> list[tuple[dict[str, float], dict[str, float]]]:
    """Ours and the bare server's figures of each round."""
    bare = subprocess.Popen([sys.executable, "-c", BARE], stdout=subprocess.PIPE, text=True)
    try:
        assert bare.stdout is not None
        other = int(bare.stdout.readline())
        asyncio.run(asking(other, requests[:500]))
        return [
            (
                percentiles(asyncio.run(asking(port, requests))),
                percentiles(asyncio.run(asking(other, requests))),
            )
            for _ in range(ROUNDS)
        ]
    finally:
        bare.terminate()
        bare.wait(30)


def over_http(count: int, calls: int) -> list[tuple[dict[str, float], dict[str, float]]]:
    """The whole answer of a running platform, and a bare one of its server, by rounds."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        (data / "settings.toml").write_text(
            "[server]\nport = 0\n[sensor]\ninventory = false\nwatch = []\n"
        )
        rows = Path(folder) / "grants.jsonl"
        rows.write_text(
            "".join(
                json.dumps({"requester": one, "service": two, "grant": "G", "fields": ["name"],
                            "quota_per_day": 10**9}) + "\n"
                for one, two in pairs(count)
            )
        )  # fmt: skip

        def fengsui(*words: str) -> str:
            command = [sys.executable, "-m", "fengsui", *words, "--data", str(data)]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout

        process = subprocess.Popen(
            [sys.executable, "-m", "fengsui", "up", "--data", str(data)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            port = 0
            assert process.stdout is not None
            for line in process.stdout:
                found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
                if found:
                    port = int(found[1])
                    break
            fengsui("register", "import", "grants", str(rows), "--by", "a", "--approved-by", "b")
            token = fengsui("gateway", "add", "bench", "--unit", "local", "--service", "*").split()[
                -1
            ]
            asked = [pairs(count)[n * 7919 % count] for n in range(calls)]
            requests = [_request(one, token) for one in asked]
            asyncio.run(asking(port, requests[:500]))
            return by_turns(port, requests)
        finally:
            process.terminate()
            process.wait(30)


def run() -> list[dict[str, object]]:
    """The decision beside Casbin's, and the whole answer over HTTP."""
    decision, casbin = ours(GRANTS, CALLS), casbin_peer(GRANTS, CALLS)
    rounds = over_http(GRANTS, HTTP_CALLS)
    return [
        *(
            _row(f"decision_{name}", figure, casbin.get(name), "casbin, the pair alone")
            for name, figure in decision.items()
        ),
        *(
            _row(
                f"http_{which}{name}",
                pick([ours[name] for ours, _ in rounds]),
                pick([bare[name] for _, bare in rounds]),
                "uvicorn, a few bytes",
            )
            for which, pick in (("", median), ("quietest_", min))
            for name in ("p50_us", "p99_us")
        ),
    ]


def _row(what: str, figure: float, peer: float | None, peer_name: str) -> dict[str, object]:
    return {
        "what": what,
        "ours": figure,
        "peer": peer,
        "peer_name": peer_name if peer else "none",
        "ratio": round(peer / figure, 2) if peer else None,
        "unit": f"us, {GRANTS} grants" + (f", {CONNECTIONS} at once" if "http" in what else ""),
    }
