"""The bus: records of one sealed batch of 1,000 events each, through our port, to a real broker.

Ours is the client that ``auto`` takes (confluent-kafka), the peer kafka-python behind the same
port: batches a second of wall time, and CPU of this process a batch. Interleaved, medians of
seven rounds; one broker on the same machine, one copy. Says so where there is no Java.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from collector.bus.access import Access
from collector.bus.admin import Admin
from collector.bus.confluent_bus import ConfluentReader, ConfluentWriter
from collector.bus.kafka_bus import KafkaPythonReader, KafkaPythonWriter
from collector.bus.sealed import SealedReader, SealedWriter, Sealing, SealKey
from collector.bus.topics import BATCHES
from crypto import sm2
from fengsui.clock import SystemEntropy
from schema import batch, event
from schema.bus import BusReader, BusWriter, Place
from schema.errors import FengsuiError
from schema.times import SECOND, to_text

ROUNDS = 7
RECORDS = 240
"""Of a round: some ten megabytes, several flushes."""
FLUSH_EVERY = 32
"""As a sensor does."""
EVENTS = 1000
PARTITIONS = 4


def run() -> list[dict[str, object]]:
    """Writing and reading by both clients, plain and sealed."""
    try:
        from deploy.services import Kafka, MissingToolError
    except ImportError as error:
        raise FengsuiError("fengsui.bench.unavailable", f"no checkout here: {error}") from error
    with tempfile.TemporaryDirectory() as folder:
        try:
            kafka = Kafka(Path(folder) / "kafka")
        except MissingToolError as error:
            raise FengsuiError("fengsui.bench.unavailable", f"no broker: {error}") from error
        with kafka:
            kafka.start()
            return _measured(Access(brokers=tuple(kafka.address.split(","))))


def _measured(access: Access) -> list[dict[str, object]]:
    value = _sealed_batch()
    sealing = Sealing([SealKey.of(os.urandom(16))], SystemEntropy())
    forms: list[tuple[str, Callable[[BusWriter], BusWriter], Callable[[BusReader], BusReader]]] = [
        ("", lambda one: one, lambda one: one),
        ("_sm4", lambda one: SealedWriter(one, sealing), lambda one: SealedReader(one, sealing)),
    ]
    rows: list[dict[str, object]] = []
    for name, write_form, read_form in forms:
        figures: dict[str, list[tuple[float, float, float, float]]] = {"ours": [], "peer": []}
        for turn in range(ROUNDS + 1):
            for side, make_writer, make_reader in (
                ("ours", ConfluentWriter, ConfluentReader),
                ("peer", KafkaPythonWriter, KafkaPythonReader),
            ):
                topic = f"bench{name}-{turn}-{side}"
                with Admin(access) as admin:
                    config = BATCHES.config(1)
                    admin.create(topic, partitions=PARTITIONS, replication=1, config=config)
                writer = write_form(make_writer(access))
                starts = {Place(topic, one): 0 for one in range(PARTITIONS)}
                reader = read_form(make_reader(access, starts))
                measured = (*_write(writer, topic, value), *_read(reader, len(value)))
                if turn:  # the first warms broker and clients
                    figures[side].append(measured)
        rows += _rows(name, figures, len(value))
    return rows


def _write(writer: BusWriter, topic: str, value: bytes) -> tuple[float, float]:
    # Connecting is not what is measured.
    writer.send(Place(topic, 0), key=b"bench", value=value)
    writer.flush()
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(1, RECORDS):
        writer.send(Place(topic, number % PARTITIONS), key=b"bench", value=value)
        if number % FLUSH_EVERY == 0:
            writer.flush()
    writer.flush()
    spent = time.perf_counter() - wall, time.process_time() - cpu
    writer.close()
    return spent


def _read(reader: BusReader, size: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    count = 0
    while count < RECORDS:
        for record in reader.read(records_max=64, wait_seconds=5):
            assert len(record.value) == size
            count += 1
    spent = time.perf_counter() - wall, time.process_time() - cpu
    reader.close()
    return spent


def _rows(
    name: str, figures: dict[str, list[tuple[float, float, float, float]]], size: int
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for at, what in enumerate(("write", "write_cpu", "read", "read_cpu")):
        ours, peer = (statistics.median(one[at] for one in figures[side]) for side in figures)
        spread = f"ours {_spread(figures['ours'], at)}, peer {_spread(figures['peer'], at)} ms"
        cpu = what.endswith("cpu")
        scale = 1000 / RECORDS
        rows.append(
            {
                "what": f"bus_{what}{name}",
                "ours": round(ours * scale if cpu else RECORDS / ours, 3),
                "peer": round(peer * scale if cpu else RECORDS / peer, 3),
                "peer_name": f"kafka-python by the same port, {size} bytes a batch; {spread}",
                "ratio": round(peer / ours, 2),
                "unit": "ms/batch" if cpu else "batches/s",
            }
        )
    return rows


def _spread(rounds: list[tuple[float, float, float, float]], at: int) -> str:
    times = [one[at] * 1000 / RECORDS for one in rounds]
    return f"{min(times):.2f} to {max(times):.2f}"


def _sealed_batch() -> bytes:
    key = sm2.PrivateKey.generate()
    chain = batch.Chain(realm="demonstration", sensor="bench", enrolment=1)
    payloads = [event.encode(_fields(index)) for index in range(EVENTS)]
    contents = batch.Contents(
        payloads=payloads, min_time=0, max_time=EVENTS, low_watermark=EVENTS, positions={}
    )
    sealed = batch.seal(chain, contents, key=key, boot_id="bench", salts=os.urandom(16 * EVENTS))
    return batch.to_bytes(sealed)


def _fields(index: int) -> event.Fields:
    return {
        "@timestamp": to_text(index * SECOND),
        "event.dataset": "nginx.access",
        "event.original": f"10.0.{index % 256}.7 - - GET /page/{index * 7919 % 100003} 200",
        "source.ip": f"10.0.{index % 256}.7",
        "url.path": f"/page/{index * 7919 % 100003}",
        "http.response.status_code": 200,
        "http.response.body.bytes": index * 104729 % 65521,
    }
