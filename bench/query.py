"""Searching a million events under the memory cap while two thousand a second come in.

Synthetic events of the shape nginx and PostgreSQL give, spread over a day, taken in through the
whole of intake. Wall time as a person waits for it; median of the rounds.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from collector.control import ControlLog
from collector.enrolments import Enrolments
from collector.idindex import IdIndex
from collector.index.duckdb_index import DuckDbIndex
from collector.intake import Intake
from collector.ownchain import OwnChain
from collector.state.database import Database
from crypto import sm2
from fengsui.settings import IndexSettings
from schema import batch, log
from schema.event import Fields, encode
from schema.filter import parse
from schema.times import DAY, HOUR, MINUTE, SECOND, from_text, to_text

EVENTS = 1_000_000
A_SECOND = 2_000
ROUNDS = 15
BATCH = 1000
NEEDLE = "口令重置"
START = from_text("2026-11-20T00:00:00.000000Z")
NOTE = "synthetic rows"
MEMORY_MB = IndexSettings().memory_mb
"""What the product gives its index unless told otherwise."""


class _Now:
    def now(self) -> int:
        return time.time_ns() // 1000


class _Dice:
    def take(self, size: int) -> bytes:
        return os.urandom(size)


class _Stand:
    """One data folder with a sensor whose events we make up."""

    def __init__(self, folder: Path) -> None:
        clock, dice, key = _Now(), _Dice(), sm2.PrivateKey.generate()
        segments = folder / "segments"
        self.database = Database(folder / "state.db")
        self.ids = IdIndex(segments)
        self.index = DuckDbIndex(folder / "index", fetch=self.ids.fetch, memory_mb=MEMORY_MB)
        enrolments = Enrolments(
            self.database,
            segments=segments,
            realm="demonstration",
            receipt_point=key.public.point,
            clock=clock,
            entropy=dice,
        )
        own = enrolments.add_local("collector", "bench", key=key.public)
        enrolments.add_local("bench", "bench", key=key.public)
        self.control = ControlLog(
            OwnChain(segments, own, key=key, clock=clock, entropy=dice), clock
        )
        self.intake = Intake(
            folder,
            database=self.database,
            index=self.index,
            ids=self.ids,
            enrolments=enrolments,
            receipt_key=key,
            control=self.control,
            clock=clock,
            realm="demonstration",
            closers={},
        )
        self._key = key
        self._chain = batch.Chain(realm="demonstration", sensor="bench", enrolment=1)
        self._writer = log.Writer(segments / "bench")
        self.made = 0

    def add(self, count: int, start: int, step_us: int) -> None:
        """Seal and take in that many events, ``step_us`` apart."""
        payloads = [encode(_fields(self.made + n, start + n * step_us)) for n in range(count)]
        end = start + count * step_us
        sealed = batch.seal(
            self._chain,
            batch.Contents(
                payloads=payloads,
                min_time=start,
                max_time=end,
                low_watermark=end,
                positions={"log": batch.Position(generation="g", offset=self.made)},
            ),
            key=self._key,
            boot_id="bench",
            salts=os.urandom(16 * count),
        )
        self._writer.append(sealed)
        self._chain = self._chain.after(sealed)
        self.made += count

    def take_in(self) -> None:
        """Rounds until nothing is new."""
        while self.intake.step(8):
            self.control.flush()

    def close(self) -> None:
        self.index.close()
        self.database.close()


def run() -> list[dict[str, object]]:
    """Milliseconds for each question."""
    with tempfile.TemporaryDirectory(prefix="fengsui-bench-") as folder:
        stand = _Stand(Path(folder))
        try:
            return _measured(stand)
        finally:
            stand.close()


def _measured(stand: _Stand) -> list[dict[str, object]]:
    step = 23 * HOUR // EVENTS
    for at in range(0, EVENTS, BATCH):
        stand.add(BATCH, START + at * step, step)
        if at % (64 * BATCH) == 0:
            stand.take_in()
    stand.take_in()
    stop = threading.Event()
    coming = threading.Thread(target=_keep_coming, args=(stand, START + 23 * HOUR, stop))
    coming.start()
    try:
        time.sleep(2)
        return [_figure(what, ask) for what, ask in _questions(stand)]
    finally:
        stop.set()
        coming.join()


def _keep_coming(stand: _Stand, start: int, stop: threading.Event) -> None:
    """Two thousand events a second, in four batches a second."""
    at = start
    while not stop.is_set():
        begun = time.monotonic()
        stand.add(A_SECOND // 4, at, SECOND // A_SECOND)
        stand.take_in()
        at += SECOND // 4
        stop.wait(max(0.0, 0.25 - (time.monotonic() - begun)))


def _questions(stand: _Stand) -> list[tuple[str, Callable[[], object]]]:
    index, end = stand.index, START + DAY
    recent = START + 23 * HOUR - 13 * MINUTE
    page = index.search((), start=START, end=end, limit=500)
    old = index.search((), start=START, end=START + HOUR, limit=500)
    ids = [hit.id for one in zip(page.hits, old.hits, strict=True) for hit in one]
    turn = iter(ids)
    return [
        (
            "last_15_minutes_by_severity",
            lambda: index.count_by((), "event.severity", start=recent, end=end, limit=10),
        ),
        ("top_sources", lambda: index.count_by((), "source.ip", start=START, end=end, limit=20)),
        (
            "hourly_histogram",
            lambda: index.count_by((), "@timestamp/3600", start=START, end=end, limit=48),
        ),
        (
            "chinese_substring_count",
            lambda: index.count_by(parse(NEEDLE), "event.severity", start=START, end=end, limit=10),
        ),
        (
            "chinese_substring_newest_100",
            lambda: index.search(parse(NEEDLE), start=START, end=end, limit=100),
        ),
        (
            "absent_substring",
            lambda: index.search(parse("无此内容"), start=START, end=end, limit=100),
        ),
        ("newest_100", lambda: index.search((), start=START, end=end, limit=100)),
        ("one_event_by_id", lambda: index.get(next(turn))),
    ]


def _figure(what: str, ask: Callable[[], object]) -> dict[str, object]:
    rounds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        ask()
        rounds.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.05)
    return {
        "what": what,
        "ours": round(statistics.median(rounds), 2),
        "peer": None,
        "peer_name": f"none; {NOTE}; spread {min(rounds):.2f} to {max(rounds):.2f}; "
        f"memory limit {MEMORY_MB} MB",
        "ratio": None,
        "unit": "ms",
    }


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
    return place | {
        "event.dataset": "nginx.access",
        "event.action": "http_request",
        "event.original": f'10.0.0.1 - - [20/Nov/2026:08:00:00 +0000] "GET {path}?n={number} '
        f'HTTP/1.1" {status} 1234 "-" "Mozilla/5.0 (X11; Linux x86_64) Chrome/{number % 40}"',
        "event.outcome": "success" if status == 200 else "failure",
        "host.name": "gateway",
        "http.request.method": "GET",
        "http.response.body.bytes": number * 13 % 50_000,
        "http.response.status_code": status,
        "http.version": "1.1",
        "url.path": path,
        "url.query": f"n={number}",
        "user_agent.original": f"Mozilla/5.0 (X11; Linux x86_64) Chrome/{number % 40}",
    }
