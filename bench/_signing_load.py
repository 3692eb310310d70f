"""The client of ``signing``: keep-alive connections that each have one request on the way.

Reads one JSON line of what to ask from standard input, answers with one JSON line of what came
back. It makes every request before the clock starts, so that its own signing is not in the figures.
"""

from __future__ import annotations

import base64
import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator

from crypto import sm2, sm3

SIGN = "/v1/crypto/sign"
DOMAIN = "fengsui/request/1"


def load(plan: dict[str, object]) -> dict[str, object]:
    """Ask until the time is over; returns counts and latencies (ms, sorted)."""
    requests = _requests(plan)
    address = str(plan["host"]), int(str(plan["port"]))
    if plan.get("rate"):
        return _paced(requests, address, rate=float(str(plan["rate"])), plan=plan)
    return _saturating(requests, address, plan)


def _requests(plan: dict[str, object]) -> Iterator[bytes]:
    items = int(str(plan["items"]))
    one = [
        {
            "key": "receipt",
            "message": base64.b64encode(b"receipt %06d of thirty-two b" % n).decode(),
        }
        for n in range(items)
    ]
    body = json.dumps(one[0] if items == 1 else {"items": one}).encode()
    if plan.get("token"):
        fixed = _http(plan, body, f"Bearer {plan['token']}")
        while True:
            yield fixed
    key = sm2.PrivateKey.from_scalar(bytes.fromhex(str(plan["scalar"])))
    credential = f"{plan['application']}.{key.public.key_id}"
    digest = sm3.digest(body).hex()
    made = []
    for n in range(int(str(plan["signed"]))):
        at, nonce = int(time.time()), f"{time.time_ns():x}-{n:08d}"
        text = "\n".join(("FENGSUI-SM2/1", "POST", SIGN, str(at), nonce, credential, digest))
        raw = sm2.signature_to_raw(key.sign(text.encode(), domain=DOMAIN))
        value = (
            f"Fengsui-SM2 credential={credential},timestamp={at},nonce={nonce},"
            f"signature={base64.b64encode(raw).decode()}"
        )
        made.append(_http(plan, body, value))
    yield from made


def _http(plan: dict[str, object], body: bytes, authorization: str) -> bytes:
    head = (
        f"POST {SIGN} HTTP/1.1\r\nHost: {plan['host']}:{plan['port']}\r\n"
        f"Authorization: {authorization}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection:
    """One keep-alive connection with at most one request on the way."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self.since = 0.0
        self.busy = False

    def send(self, request: bytes, since: float) -> None:
        self.since, self.busy = since, True
        self.socket.sendall(request)

    def take(self) -> bool:
        """Whether a whole answer is here; raises for any but 200."""
        got = self.socket.recv(1 << 20)
        if not got:
            raise RuntimeError("the service closed a connection")
        self._buffer += got
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(rest) < size:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(self._buffer[:600].decode(errors="replace"))
        self._buffer, self.busy = rest[size:], False
        return True


def _saturating(
    requests: Iterator[bytes], address: tuple[str, int], plan: dict[str, object]
) -> dict[str, object]:
    chosen = selectors.DefaultSelector()
    latencies: list[float] = []
    begun = time.perf_counter()
    until = begun + float(str(plan["seconds"]))
    open_ones = 0
    for _ in range(int(str(plan["connections"]))):
        connection = _Connection(address)
        chosen.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(next(requests), time.perf_counter())
        open_ones += 1
    while open_ones:
        for key, _ in chosen.select(5):
            connection = key.data
            if not connection.take():
                continue
            now = time.perf_counter()
            latencies.append((now - connection.since) * 1000)
            request = next(requests, None) if now < until else None
            if request is None:
                chosen.unregister(connection.socket)
                connection.socket.close()
                open_ones -= 1
            else:
                connection.send(request, now)
    return {"calls": len(latencies), "seconds": time.perf_counter() - begun, **_spread(latencies)}


def _paced(
    requests: Iterator[bytes], address: tuple[str, int], *, rate: float, plan: dict[str, object]
) -> dict[str, object]:
    """Ask at a rate whatever comes back; a latency counts from when its request was due."""
    chosen = selectors.DefaultSelector()
    free: list[_Connection] = []
    for _ in range(int(str(plan["connections"]))):
        connection = _Connection(address)
        chosen.register(connection.socket, selectors.EVENT_READ, connection)
        free.append(connection)
    every = len(free)
    latencies: list[float] = []
    begun = time.perf_counter()
    total = int(rate * float(str(plan["seconds"])))
    sent = 0
    while sent < total or len(free) < every:
        now = time.perf_counter()
        while free and sent < total and now >= begun + sent / rate:
            free.pop().send(next(requests), begun + sent / rate)
            sent += 1
        due = begun + sent / rate - time.perf_counter()
        wait = max(0.0, min(due, 0.05)) if sent < total and free else 0.05
        for key, _ in chosen.select(wait):
            if key.data.take():
                latencies.append((time.perf_counter() - key.data.since) * 1000)
                free.append(key.data)
    return {"calls": len(latencies), "seconds": time.perf_counter() - begun, **_spread(latencies)}


def _spread(latencies: list[float]) -> dict[str, float]:
    ordered = sorted(latencies)
    return {
        "p50": ordered[len(ordered) // 2],
        "p99": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
    }


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(load(json.loads(line))), flush=True)
