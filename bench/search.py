"""Search nodes beside the embedded index: what storing an event costs us, how long pages wait.

The same synthetic events of a day in both, by their own insert; then the pages' questions in turn,
median of the rounds. CPU is this process's alone: the nodes' own work is theirs. The node is that
of ``deploy/services``, or the one ``SEARCH_URL`` names.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from collector import normalise
from collector.index.duckdb_index import DuckDbIndex
from collector.index.elastic_documents import documents
from collector.index.elastic_index import ElasticIndex
from collector.index.elastic_mapping import events_alias
from collector.index.elastic_nodes import Connection, Nodes
from collector.index.elastic_setup import Layout
from schema.enrichment import Enrichment
from schema.event import AcceptedBatch, Fields
from schema.filter import parse
from schema.ports import EventIndex
from schema.shapes import shapes
from schema.times import DAY, HOUR, MINUTE, from_text, to_text

EVENTS = int(os.environ.get("SEARCH_EVENTS", "1000000"))
BATCH = 1000
TOGETHER = 10
"""Batches of one insert, as intake hands them on under load."""
ROUNDS = 9
NEEDLE = "口令重置"
START = from_text("2026-11-20T00:00:00.000000Z")
STEP = 23 * HOUR // EVENTS
PREFIX = f"bench{uuid.uuid4().hex[:8]}"


def run() -> list[dict[str, object]]:
    """Microseconds of CPU an event, events a second, and milliseconds for each question."""
    with tempfile.TemporaryDirectory(prefix="fengsui-bench-") as folder, _node(folder) as urls:
        elastic = ElasticIndex(Connection(hosts=urls), Layout(prefix=PREFIX, replicas=0))
        duckdb = DuckDbIndex(Path(folder) / "index")
        try:
            figures = _stored(elastic, duckdb)
            _settle(urls)
            return figures + [_asked(what, ask, elastic, duckdb) for what, ask in _questions()]
        finally:
            duckdb.close()
            elastic.close()
            _forget(urls)


def _stored(elastic: ElasticIndex, duckdb: DuckDbIndex) -> list[dict[str, object]]:
    building, cpu, wall = [], {"elastic": 0.0, "duckdb": 0.0}, {"elastic": 0.0, "duckdb": 0.0}
    for first in range(0, EVENTS, BATCH * TOGETHER):
        batches = [_batch(first + at * BATCH) for at in range(TOGETHER)]
        begun = time.process_time()
        for batch in batches:
            b"".join([lines for lines, *_ in documents(batch, prefix=PREFIX)])
        building.append((time.process_time() - begun) / BATCH / TOGETHER * 1e6)
        for name, index in (("elastic", elastic), ("duckdb", duckdb)):
            begun, stood = time.process_time(), time.perf_counter()
            index.insert(batches)
            cpu[name] += time.process_time() - begun
            wall[name] += time.perf_counter() - stood
    us = {name: seconds / EVENTS * 1e6 for name, seconds in cpu.items()}
    rate = {name: EVENTS / seconds for name, seconds in wall.items()}
    spread = f"none; spread {min(building):.1f} to {max(building):.1f}"
    return [
        _row("build_bulk_cpu", statistics.median(building), None, spread, "us/event"),
        _row("insert_cpu", us["elastic"], us["duckdb"], "DuckDbIndex", "us/event"),
        _row("insert_rate", rate["elastic"], rate["duckdb"], "DuckDbIndex", "events/s"),
    ]


def _asked(
    what: str, ask: Callable[[EventIndex], object], elastic: ElasticIndex, duckdb: DuckDbIndex
) -> dict[str, object]:
    took: dict[str, list[float]] = {"elastic": [], "duckdb": []}
    for _ in range(ROUNDS):
        answers = []
        for name, index in (("elastic", elastic), ("duckdb", duckdb)):
            begun = time.perf_counter()
            answers.append(ask(index))
            took[name].append((time.perf_counter() - begun) * 1000)
        assert answers[0] == answers[1], what
    ours, peer = statistics.median(took["elastic"]), statistics.median(took["duckdb"])
    return _row(what, ours, peer, "DuckDbIndex, the same answer", "ms")


def _questions() -> list[tuple[str, Callable[[EventIndex], object]]]:
    whole = {"start": START, "end": START + DAY}
    recent = {"start": START + 23 * HOUR - 15 * MINUTE, "end": START + DAY}
    return [
        ("last_15_minutes_by_severity",
         lambda index: index.count_by((), "event.severity", **recent, limit=10)),
        ("top_sources", lambda index: index.count_by((), "source.ip", **whole, limit=20)),
        ("hourly_histogram",
         lambda index: index.count_by((), "@timestamp/3600", **whole, limit=48)),
        ("chinese_substring_count",
         lambda index: index.count_by(parse(NEEDLE), "event.severity", **whole, limit=10)),
        ("chinese_substring_newest_100",
         lambda index: index.search(parse(NEEDLE), **whole, limit=100)),
        ("absent_substring", lambda index: index.search(parse("无此内容"), **whole, limit=100)),
        ("newest_100", lambda index: index.search((), **whole, limit=100)),
        ("failures_newest_100",
         lambda index: index.search(parse("event.outcome:failure"), **whole, limit=100)),
    ]  # fmt: skip


def _batch(first: int) -> AcceptedBatch:
    times = [START + (first + at) * STEP for at in range(BATCH)]
    events = [_fields(first + at, time_us) for at, time_us in enumerate(times)]
    ids = [(first + at).to_bytes(8, "big") + os.urandom(8) for at in range(BATCH)]
    found = shapes(events)
    return AcceptedBatch(
        sensor="bench",
        number=first // BATCH + 1,
        first_sequence=first,
        low_watermark=0,
        received_at=START + DAY,
        indexes=range(BATCH),
        ids=ids,
        times=times,
        events=events,
        enrichment=Enrichment(
            events, ids, received_at=START + DAY, unusual=normalise.unusual_in(found)
        ),
        shapes=found,
    )


def _fields(number: int, time_us: int) -> Fields:
    """Four of five from a web server, one from a database that speaks Chinese."""
    place: Fields = {
        "@timestamp": to_text(time_us),
        "gov.sensor.source": "log",
        "gov.sensor.generation": "g",
        "gov.sensor.offset": number,
        "source.ip": f"10.{number % 7}.{number * 7919 % 251}.{number * 104_729 % 13}",
    }
    if number % 5 == 0:
        text = NEEDLE if number % 100 == 0 else "办件查询"
        statement = f"SELECT * FROM 办件 WHERE 事项 = '{text}' AND 序号 = {number}"
        return place | {
            "event.dataset": "postgresql.log",
            "event.action": "db_statement",
            "event.original": f"2026-11-20 08:00:00.000 UTC [17] app@share LOG:  {statement}",
            "gov.db.statement": statement,
            "host.name": "share-db",
            "log.level": "ERROR" if number % 50 == 0 else "LOG",
            "user.name": f"app{number % 9}",
        }
    path = f"/api/cert/{number * 31 % 4001}"
    status = 404 if number % 17 == 0 else 200
    agent = f"Mozilla/5.0 (X11; Linux x86_64) Chrome/{number % 40}"
    return place | {
        "event.category": ["web"],
        "event.dataset": "nginx.access",
        "event.original": f'10.0.0.1 - - [20/Nov/2026:08:00:00 +0000] "GET {path}?n={number} '
        f'HTTP/1.1" {status} 1234 "-" "{agent}"',
        "event.outcome": "success" if status == 200 else "failure",
        "host.name": "gateway",
        "http.request.method": "GET",
        "http.response.body.bytes": number * 13 % 50_000,
        "http.response.status_code": status,
        "http.version": "1.1",
        "url.path": path,
        "url.query": f"n={number}",
        "user_agent.original": agent,
    }


@contextmanager
def _node(folder: str) -> Iterator[list[str]]:
    named = os.environ.get("SEARCH_URL")
    if named:
        yield [named]
        return
    from deploy.services import Elasticsearch

    with Elasticsearch(Path(folder) / "node", heap="1g") as node:
        node.start()
        yield node.urls


def _settle(urls: list[str]) -> None:
    nodes = Nodes(Connection(hosts=urls))
    nodes.ask("POST", f"/{events_alias(PREFIX)}/_refresh")
    nodes.close()


def _forget(urls: list[str]) -> None:
    nodes = Nodes(Connection(hosts=urls))
    for name in nodes.ask("GET", f"/{PREFIX}-*", params={"filter_path": "*.aliases"}):
        nodes.ask("DELETE", f"/{name}", missing=True)
    nodes.ask("DELETE", f"/_index_template/{events_alias(PREFIX)}", missing=True)
    nodes.close()


def _row(
    what: str, ours: float, peer: float | None, peer_name: str, unit: str
) -> dict[str, object]:
    better = unit == "events/s"
    ratio = None if not peer else (ours / peer if better else peer / ours)
    return {
        "what": what,
        "ours": round(ours, 2),
        "peer": None if peer is None else round(peer, 2),
        "peer_name": f"{peer_name}; {EVENTS} synthetic events of a day",
        "ratio": None if ratio is None else round(ratio, 3),
        "unit": unit,
    }
