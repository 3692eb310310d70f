"""rsyslog beside ``bench cluster``: the same lines through its Kafka and Elasticsearch modules.

It carries lines and reads no field of them, hides nothing, seals and proves nothing; that is what
the difference pays for.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bench import _cluster_ground as grounds
from bench._cluster_ground import PARTITIONS, Ground
from bench.peers import rsyslog
from bench.peers.rsyslog import Rsyslog
from collector.bus.access import Access
from collector.bus.admin import Admin
from collector.bus.topics import BATCHES
from collector.index.elastic_nodes import Connection, Nodes
from schema.errors import FengsuiError

WAIT_SECONDS = 180.0


def measure(ground: Ground, peer: Rsyslog, events: int) -> dict[str, float]:
    """Microseconds of CPU a line: of following a file into a topic, of a topic into an index."""
    name = f"peer{uuid.uuid4().hex[:8]}"
    folder = ground.folder / name
    folder.mkdir()
    file = folder / "in.log"
    file.write_bytes(b"".join(grounds.lines(events)))
    access = Access(brokers=tuple(ground.brokers.split(",")))
    with Admin(access) as admin:
        admin.create(name, partitions=PARTITIONS, replication=1, config=BATCHES.config(1))
    asker = Consumer({**access.confluent(), "group.id": f"{name}-asker"})
    nodes = Nodes(Connection(hosts=ground.search))

    def written() -> bool:
        with suppress(KafkaException):
            places = [TopicPartition(name, number) for number in range(PARTITIONS)]
            ends = [asker.get_watermark_offsets(place, timeout=10)[1] for place in places]
            return sum(ends) >= events
        return False

    def stored() -> bool:
        with suppress(FengsuiError):
            nodes.ask("POST", f"/{name}/_refresh", missing=True)
            found = nodes.ask("GET", f"/{name}/_count", missing=True)
            return int(found.get("count", 0)) >= events
        return False

    grounds.until(lambda: _led(asker, name), "a leader of each partition")
    to_bus = rsyslog.LINES_TO_KAFKA.format(
        state=folder / "out", lines=file, broker=ground.brokers, topic=name
    )
    port = ground.search[0].rstrip("/").rpartition(":")[2]
    to_index = rsyslog.KAFKA_TO_ELASTICSEARCH.format(
        state=folder / "in", broker=ground.brokers, topic=name, group=name, port=port, index=name
    )
    found = {}
    try:
        for what, config, done in (
            ("sensor_to_bus", to_bus, written),
            ("collector", to_index, stored),
        ):
            place: Path = folder / ("out" if what == "sensor_to_bus" else "in")
            search = grounds.cpu_of(ground.search_pids)
            found[what] = peer.cpu_seconds(config, place, done, WAIT_SECONDS) / events * 1e6
            found["elasticsearch"] = (grounds.cpu_of(ground.search_pids) - search) / events * 1e6
        stats = nodes.ask("GET", f"/{name}/_stats/store", params={"filter_path": "_all.primaries"})
        found["index_bytes"] = stats["_all"]["primaries"]["store"]["size_in_bytes"] / events
    finally:
        asker.close()
        nodes.ask("DELETE", f"/{name}", missing=True)
        nodes.close()
    return found


def _led(asker: Consumer, topic: str) -> bool:
    with suppress(KafkaException):
        for number in range(PARTITIONS):
            asker.get_watermark_offsets(TopicPartition(topic, number), timeout=10)
        return True
    return False
