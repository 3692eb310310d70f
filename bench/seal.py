"""Sealing an event: canonical bytes, event id, salted leaf, Merkle tree, signature, compression.

Synthetic events of the shape nginx gives. CPU time; median of nine rounds.
"""

from __future__ import annotations

import os
import statistics
import time

from crypto import sm2
from schema import batch, event, ids
from schema.times import SECOND, to_text

ROUNDS = 9
BATCHES = 16


def run() -> list[dict[str, object]]:
    """Microseconds an event at 256 and at 1024 a batch."""
    return [_measure(count) for count in (256, 1024)]


def _measure(count: int) -> dict[str, object]:
    key = sm2.PrivateKey.generate()
    chain = batch.Chain(realm="demonstration", sensor="bench", enrolment=1)
    fields = [_fields(index) for index in range(count)]
    places = [("nginx", "0123456789abcdef", index * 200) for index in range(count)]
    position = {"nginx": batch.Position(generation="0123456789abcdef", offset=count * 200)}
    rounds = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(BATCHES):
            payloads = [event.encode(one) for one in fields]
            ids.event_ids("bench", 1, places)
            batch.seal(
                chain,
                batch.Contents(
                    payloads=payloads,
                    min_time=0,
                    max_time=count * SECOND,
                    low_watermark=count * SECOND,
                    positions=position,
                ),
                key=key,
                boot_id="bench",
                salts=os.urandom(16 * count),
            )
        rounds.append((time.process_time() - begun) / (BATCHES * count) * 1e6)
    return {
        "what": f"seal_{count}_a_batch",
        "ours": round(statistics.median(rounds), 2),
        "peer": None,
        "peer_name": f"none; spread {min(rounds):.2f} to {max(rounds):.2f}",
        "ratio": None,
        "unit": "us/event",
    }


def _fields(index: int) -> event.Fields:
    path = f"/api/cert/{index % 97}"
    return {
        "@timestamp": to_text(1_795_000_000 * SECOND + index * 1000),
        "event.dataset": "nginx.access",
        "event.action": "http_request",
        "event.outcome": "success",
        "event.original": f'127.0.3.{index % 250} - - [20/Nov/2026:08:00:00 +0000] "GET {path} '
        'HTTP/1.1" 200 1234 "-" "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"',
        "gov.sensor.generation": "0123456789abcdef",
        "gov.sensor.offset": index * 200,
        "gov.sensor.source": "nginx",
        "host.name": "gateway",
        "http.request.method": "GET",
        "http.response.body.bytes": 1234,
        "http.response.status_code": 200,
        "http.version": "1.1",
        "source.ip": f"127.0.3.{index % 250}",
        "url.original": path,
        "url.path": path,
        "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
    }
