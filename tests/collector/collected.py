"""A whole collector in a temporary folder, and sensors to feed it; clock and dice are ours."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from collector.control import ControlLog
from collector.enrolments import Enrolments
from collector.idindex import IdIndex
from collector.index.duckdb_index import DuckDbIndex
from collector.intake import Intake
from collector.ownchain import OwnChain
from collector.state.database import Database
from crypto import sm2
from schema import batch as batches
from schema import heartbeat, log
from schema.batch import Batch, Chain, Contents, Position
from schema.event import AcceptedBatch, Fields, decode, encode
from schema.filter import parse
from schema.ports import EventIndex
from schema.times import from_text, to_text

START = from_text("2026-11-20T08:00:00.000000Z")
KEYS = [sm2.PrivateKey.generate() for _ in range(4)]
RECEIPT_KEY, COLLECTOR_KEY, SENSOR_KEY, OTHER_KEY = KEYS


class FakeClock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> int:
        return self.time


class FakeEntropy:
    def __init__(self) -> None:
        self._count = itertools.count(1)

    def take(self, size: int) -> bytes:
        return next(self._count).to_bytes(8, "big").ljust(size, b"\1")[:size]


class Site:
    """Everything of one data folder, opened as the product opens it; reopen after ``close``."""

    def __init__(
        self, folder: Path, *, realm: str = "duty", clock: FakeClock | None = None
    ) -> None:
        self.folder = folder
        self.segments = folder / "segments"
        self.clock = clock or FakeClock()
        self.entropy = FakeEntropy()
        self.database = Database(folder / "state.db")
        self.closers: dict[str, Callable[[], None]] = {}
        self.enrolments = Enrolments(
            self.database,
            segments=self.segments,
            realm=realm,
            receipt_point=RECEIPT_KEY.public.point,
            clock=self.clock,
            entropy=self.entropy,
        )
        own = self.enrolments.add_local("collector", "local", key=COLLECTOR_KEY.public)
        self.control = ControlLog(
            OwnChain(self.segments, own, key=COLLECTOR_KEY, clock=self.clock, entropy=self.entropy),
            self.clock,
        )
        self.ids = IdIndex(self.segments)
        self.index = DuckDbIndex(folder / "index", fetch=self.ids.fetch)
        self.intake = self.open_intake(realm)

    def open_intake(self, realm: str = "duty", index: EventIndex | None = None) -> Intake:
        return Intake(
            self.folder,
            database=self.database,
            index=index or self.index,
            ids=self.ids,
            enrolments=self.enrolments,
            receipt_key=RECEIPT_KEY,
            control=self.control,
            clock=self.clock,
            realm=realm,
            closers=self.closers,
        )

    def enrol(self, name: str = "gate", key: sm2.PrivateKey = SENSOR_KEY) -> None:
        self.enrolments.add_local(name, "unit", key=key.public)

    def rounds(self, count: int = 3, batches_max: int = 8) -> list[AcceptedBatch]:
        """Rounds as the pipeline steps them; what came of them but the collector's own chain."""
        found: list[AcceptedBatch] = []
        for _ in range(count):
            found += self.intake.step(batches_max)
            self.control.flush()
        return [batch for batch in found if batch.sensor != "collector"]

    def records(self, action: str) -> list[Fields]:
        """Sealed control records of that kind."""
        reader = log.Reader(self.segments / "collector")
        found = []
        while some := reader.read(64):
            for batch in some:
                body = batches.unpack_body(batch.body, batch.header.count)
                found += [decode(payload) for payload in body.payloads if payload]
        return [fields for fields in found if fields["event.action"] == action]

    def count(self, text: str = "") -> int:
        buckets = self.index.count_by(
            parse(f"-sensor:collector {text}"), "sensor", start=0, end=START * 2, limit=100
        )
        return sum(bucket.count for bucket in buckets)

    def close(self) -> None:
        self.index.close()
        self.database.close()


class FakeSensor:
    """Seals what it is given, as a sensor does; keeps its own chain."""

    def __init__(
        self,
        name: str = "gate",
        key: sm2.PrivateKey = SENSOR_KEY,
        *,
        realm: str = "duty",
        enrolment: int = 1,
        number: int = 0,
    ) -> None:
        self.key = key
        self.chain = Chain(realm=realm, sensor=name, enrolment=enrolment, number=number)
        self.offset = 0

    def events(self, count: int, *, time: int = START, **fields: object) -> list[Fields]:
        made = []
        for index in range(count):
            made.append(
                {
                    "@timestamp": to_text(time + index * 1000),
                    "event.dataset": "nginx.access",
                    "event.original": f'127.0.0.9 - - "GET /a{self.offset} HTTP/1.1" 200 12',
                    "event.outcome": "success",
                    "gov.sensor.source": "nginx",
                    "gov.sensor.generation": "g1",
                    "gov.sensor.offset": self.offset,
                    "host.name": "gateway",
                    "http.response.status_code": 200,
                    "http.version": "1.1",
                    "source.ip": f"127.0.0.{index % 5 + 1}",
                    "url.path": f"/a{self.offset}",
                }
                | fields
            )
            self.offset += 100
        return made

    def seal(
        self,
        events: Sequence[Fields | bytes],
        *,
        low_watermark: int = START,
        move: bool = True,
        positions: dict[str, Position] | None = None,
    ) -> Batch:
        batch = batches.seal(
            self.chain,
            Contents(
                payloads=[one if isinstance(one, bytes) else encode(one) for one in events],
                min_time=START,
                max_time=START,
                low_watermark=low_watermark,
                positions=positions or {"nginx": Position("g1", self.offset)},
            ),
            key=self.key,
            boot_id="boot",
            salts=bytes(range(16)) * len(events),
        )
        if move:
            self.chain = self.chain.after(batch)
        return batch

    def batch(self, count: int = 3, **more: int) -> Batch:
        return self.seal(self.events(count), **more)

    def heartbeat(self, low_watermark: int) -> heartbeat.Signed:
        beat = heartbeat.Heartbeat(
            realm=self.chain.realm,
            sensor=self.chain.sensor,
            enrolment=self.chain.enrolment,
            key_id=self.key.public.key_id,
            head=self.chain.hash,
            time=low_watermark,
            low_watermark=low_watermark,
        )
        return heartbeat.sign(beat, self.key)


def framed(*found: Batch) -> bytes:
    raw = [batches.to_bytes(batch) for batch in found]
    return b"".join(len(one).to_bytes(4, "little") + one for one in raw)
