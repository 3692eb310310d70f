"""Search nodes fail under a bulk: every event is found once when they are back."""

from __future__ import annotations

import http.client
import json
import threading
import time

import pytest
from event_index import START, batch_of

from collector.index.elastic_index import ElasticIndex
from collector.index.elastic_nodes import Connection, IndexUnavailableError
from collector.index.elastic_setup import Layout
from schema.times import DAY

EVENTS = 500
FAULT_SECONDS = 3
AGAIN_SECONDS = 0.2
HTTP_SECONDS = 10


class Filling(threading.Thread):
    """Stores batch after batch in the way the pipeline does: refused ones come again."""

    def __init__(self, index):
        super().__init__(name="filling", daemon=True)
        self.refused = 0
        self.stored = 0
        self._index = index
        self._enough = threading.Event()

    def run(self):
        while not self._enough.is_set():
            number = self.stored + 1
            events = [{"url.path": f"/{number}/{place}"} for place in range(EVENTS)]
            batch = batch_of(events, number=number, step=1)
            while not self._enough.is_set():
                try:
                    self._index.insert([batch])
                except IndexUnavailableError:
                    self.refused += 1
                    time.sleep(AGAIN_SECONDS)
                else:
                    self.stored += 1
                    break

    def wait_for(self, more):
        begun, target = time.monotonic(), self.stored + more
        while self.stored < target:
            assert self.is_alive()
            assert time.monotonic() - begun < 90, f"refused {self.refused} times"
            time.sleep(0.02)
        return time.monotonic() - begun

    def finish(self):
        self.wait_for(1)
        self._enough.set()
        self.join(60)
        assert not self.is_alive()


def filled(urls, prefix):
    index = ElasticIndex(Connection(hosts=urls), Layout(prefix=prefix, replicas=0, refresh_s=0))
    filling = Filling(index)
    filling.start()
    filling.wait_for(2)
    return index, filling


def check_found_once(urls, prefix, filling):
    """As many events as were stored, each path once."""
    index = ElasticIndex(Connection(hosts=urls), Layout(prefix=prefix, replicas=0, refresh_s=0))
    try:
        assert index.cursor("gate") == filling.stored
        (counted,) = index.count_by([], "@timestamp/86400", start=START, end=START + DAY, limit=5)
        assert counted.count == filling.stored * EVENTS
    finally:
        index.close()


def test_a_search_node_killed_under_a_bulk_finds_every_event_once(
    elasticsearch, own_prefix, measures
):
    index, filling = filled(elasticsearch.urls, own_prefix)
    begun = time.monotonic()
    elasticsearch.kill(1)
    elasticsearch.restart(1)
    filling.wait_for(1)
    recovered = time.monotonic() - begun
    filling.finish()
    index.close()
    check_found_once(elasticsearch.urls, own_prefix, filling)
    measures.add(
        "kill -9 of the search node in a bulk: to the next stored batch",
        recovered_seconds=recovered,
        refused=filling.refused,
        lost=0,
        twice=0,
    )


@pytest.mark.parametrize(
    "fault",
    [
        "cut",
        "deaf",
        pytest.param("delay", marks=pytest.mark.long),
        pytest.param("half_open", marks=pytest.mark.long),
    ],
)
def test_a_failing_link_to_the_search_node_loses_and_doubles_no_event(
    elasticsearch, link, own_prefix, measures, fault
):
    proxy = link(elasticsearch.http_ports[0])
    index, filling = filled([f"http://127.0.0.1:{proxy.port}"], own_prefix)
    {
        "delay": lambda: proxy.delay(200, jitter_ms=100),
        "cut": proxy.cut,
        "half_open": proxy.half_open,
        "deaf": lambda: proxy.half_open("down"),
    }[fault]()
    time.sleep(FAULT_SECONDS)
    proxy.heal()
    recovered = filling.wait_for(1)
    filling.finish()
    index.close()
    check_found_once(elasticsearch.urls, own_prefix, filling)
    measures.add(f"link to the search node: {fault}", recovered_seconds=recovered, lost=0, twice=0)


def test_a_search_node_whose_disk_is_full_refuses_and_takes_all_once_there_is_room(
    elasticsearch, own_prefix, measures
):
    """What a node does at its flood-stage watermark: its indices take no more writes."""
    index, filling = filled(elasticsearch.urls, own_prefix)
    _block(elasticsearch, own_prefix, blocked=True)
    standing = filling.stored
    while not filling.refused:
        assert filling.is_alive()
        time.sleep(0.1)
    assert filling.stored <= standing + 1
    _block(elasticsearch, own_prefix, blocked=False)
    recovered = filling.wait_for(1)
    filling.finish()
    index.close()
    check_found_once(elasticsearch.urls, own_prefix, filling)
    measures.add(
        "the search node's disk over its flood-stage watermark: from room to the next batch",
        recovered_seconds=recovered,
        lost=0,
        twice=0,
    )


def _block(elasticsearch, prefix, *, blocked):
    connection = http.client.HTTPConnection(
        "127.0.0.1", elasticsearch.http_ports[0], timeout=HTTP_SECONDS
    )
    try:
        connection.request(
            "PUT",
            f"/{prefix}-events*/_settings",
            json.dumps({"index.blocks.read_only_allow_delete": blocked or None}),
            {"Content-Type": "application/json"},
        )
        assert connection.getresponse().status == 200
    finally:
        connection.close()
