"""The layout holds what the whole form stands on, and the documents show the same."""

from pathlib import Path

import pytest

from collector.bus import rights, topics
from collector.bus.topics import TOPICS, Topic
from schema import bus, ids

DOCUMENT = Path(__file__).resolve().parents[3] / "docs/operator/cluster.md"


def shown(topic: Topic) -> str:
    """The row of a topic in the document."""
    hours = topic.retention_ms / topics.HOUR_MS
    kept = "the newest of each key" if topic.compacted else f"{hours:g} h"
    count = "`bus.partitions`" if topic.partitions is None else str(topic.partitions)
    return f"| `{topic.name}` | {count} | {topic.key} | {kept} | {topic.what} |"


@pytest.mark.parametrize("topic", TOPICS, ids=lambda one: one.name)
def test_the_document_shows_each_topic_as_it_is(topic: Topic) -> None:
    assert shown(topic) in DOCUMENT.read_text("utf-8")


def test_the_document_shows_no_topic_that_is_none() -> None:
    rows = [
        line for line in DOCUMENT.read_text("utf-8").splitlines() if "`bus.partitions` |" in line
    ]
    data = [topic for topic in TOPICS if topic.partitions is None]
    assert len(rows) == len(data)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda one: one.name)
def test_every_topic_stamps_arrival_and_elects_nobody_who_lacks_records(topic: Topic) -> None:
    config = topic.config(3)
    assert config["message.timestamp.type"] == "LogAppendTime"
    assert config["unclean.leader.election.enable"] == "false"
    assert config["min.insync.replicas"] == "2"
    assert int(config["max.message.bytes"]) > bus.RECORD_BYTES_MAX
    assert topic.config(1)["min.insync.replicas"] == "1"
    assert topic.config(2)["min.insync.replicas"] == "1"


def test_compacted_topics_are_kept_and_the_others_are_not() -> None:
    kept = {topic.name for topic in TOPICS if topic.config(3)["cleanup.policy"] == "compact"}
    assert kept == {"receipts", "artefacts"}


def test_a_record_is_gone_soon_after_its_retention() -> None:
    assert all(topic.kept_ms_max <= 8 * topics.DAY_MS for topic in TOPICS)


@pytest.mark.parametrize("count", topics.PARTITION_COUNTS)
def test_partition_counts_divide_the_buckets(count: int) -> None:
    assert ids.BUCKETS % count == 0


def test_a_sensor_has_no_right_to_any_topic_but_its_three() -> None:
    granted = rights.of_sensor("gate", "p")
    assert {(one.name, one.operation) for one in granted if one.operation in ("READ", "WRITE")} == {
        ("p.batches", "WRITE"),
        ("p.heartbeats", "WRITE"),
        ("p.receipts", "READ"),
    }
    assert all(one.kind == "topic" and not one.prefixed for one in granted)


def test_nobody_but_the_centre_writes_receipts_and_the_feed() -> None:
    everyone = (
        rights.of_sensor("gate", "p") | rights.of_centre("c", "p") | rights.of_worker("w", "p")
    )
    for name in ("p.receipts", "p.accepted", "p.artefacts"):
        writers = {
            one.principal for one in everyone if (one.name, one.operation) == (name, "WRITE")
        }
        assert writers == {"User:c"}
