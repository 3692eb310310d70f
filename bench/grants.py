"""Grants: how fast a gateway is answered whether a call may pass.

Three figures: the decision alone in one process, beside Casbin (``pip install casbin``) with the
same pairs as policies; the whole answer of a running platform over HTTP on eight kept connections
that ask without a pause; and, on the same connections, of Casbin's decision behind the smallest
answer the same server gives (``peer``). Casbin decides only on the pair; ours looks at the gateway,
time, purpose, fields and quota too, and keeps the count. A time is from a question's sending to the
end of its answer; the one who asks runs on the same machine and is in it.
"""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from dashboard_api.grants.check import GrantCheck, Question
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
    check = GrantCheck(lambda: RegisterView({"grants": table}), Now(), mode="closed")
    asked = [pairs(count)[n * 7919 % count] for n in range(calls)]
    return timed(
        lambda pair: (
            check.check(Question(requester=pair[0], service=pair[1], fields=["name"])).allowed
        ),
        asked,
    )


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


def over_http(count: int, calls: int) -> dict[str, float]:
    """The whole answer of a running platform."""
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
            token = fengsui("client", "add", "gateway", "--unit", "local").split()[-1]
            connection = http.client.HTTPConnection("127.0.0.1", port)
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

            def ask(pair: tuple[str, str]) -> bool:
                body = json.dumps({"requester": pair[0], "service": pair[1], "fields": ["name"]})
                connection.request("POST", "/v1/grants:check", body, headers)
                return bool(json.loads(connection.getresponse().read())["allowed"])

            asked = [pairs(count)[n * 7919 % count] for n in range(calls)]
            for pair in asked[:200]:
                ask(pair)
            return timed(ask, asked)
        finally:
            process.terminate()
            process.wait(30)


def run() -> list[dict[str, object]]:
    """The decision beside Casbin's, and the whole answer over HTTP."""
    decision, casbin = ours(GRANTS, CALLS), casbin_peer(GRANTS, CALLS)
    http = over_http(GRANTS, CALLS)
    return [
        *(_row(f"decision_{name}", figure, casbin.get(name)) for name, figure in decision.items()),
        *(_row(f"http_{name}", figure, None) for name, figure in http.items()),
    ]


def _row(what: str, figure: float, peer: float | None) -> dict[str, object]:
    return {
        "what": what,
        "ours": figure,
        "peer": peer,
        "peer_name": "casbin, the pair alone" if peer else "none",
        "ratio": round(peer / figure, 2) if peer else None,
        "unit": f"us, {GRANTS} grants",
    }
