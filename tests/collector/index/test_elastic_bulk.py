"""Search nodes that are busy, half willing or gone: what is stored, tried again and told."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from collector.index.elastic_bulk import BYTES_MAX, ITEMS_MAX, Bulk, Rejected
from collector.index.elastic_documents import Document, documents
from collector.index.elastic_nodes import (
    STORE_SECONDS,
    TRIES_MAX,
    Connection,
    IndexUnavailableError,
    Nodes,
)
from schema.errors import FengsuiError
from schema.event import AcceptedBatch
from schema.times import from_text, to_text

START = from_text("2026-11-20T08:00:00.000000Z")


class Scripted:
    """A node that answers as the test has written down, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, object]] = []
        self.asked: list[bytes] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                scripted.asked.append(self.rfile.read(int(self.headers["content-length"])))
                status, body = (
                    scripted.answers.pop(0) if scripted.answers else (200, {"errors": False})
                )
                payload = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("x-elastic-product", "Elasticsearch")
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def ids(self, at: int) -> list[int]:
        """Which events a request held, by index."""
        lines = self.asked[at].splitlines()[1::2]
        return [json.loads(line)["fengsui"]["index"] for line in lines]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def items(*statuses: int, kind: str = "some_exception") -> tuple[int, object]:
    found = [
        {"create": {"status": status} | ({"error": {"type": kind}} if status > 201 else {})}
        for status in statuses
    ]
    return 200, {"errors": any(status > 201 for status in statuses), "items": found}


class Stand:
    def __init__(self) -> None:
        self.node = Scripted()
        self.waits: list[float] = []
        self.rejected: list[Rejected] = []
        self.prepared: list[str] = []
        self.nodes = Nodes(Connection(hosts=[self.node.url]), wait=self.waits.append)
        self.bulk = Bulk(
            self.nodes,
            prepare=self.prepared.append,
            rejected=self.rejected.append,
            refresh=False,
        )

    def close(self) -> None:
        self.nodes.close()
        self.node.close()


@pytest.fixture
def stand() -> Iterator[Stand]:
    made = Stand()
    yield made
    made.close()


def events(count: int, message: str = "") -> list[Document]:
    times = [START + at for at in range(count)]
    batch = AcceptedBatch(
        sensor="gate",
        number=1,
        first_sequence=1,
        low_watermark=0,
        received_at=0,
        indexes=range(count),
        ids=[at.to_bytes(16, "big") for at in range(count)],
        times=times,
        events=[{"@timestamp": to_text(time), "message": message} for time in times],
        enrichment=[{} for _ in times],
    )
    return documents(batch, prefix="t")


def test_only_events_that_were_put_off_are_sent_again(stand: Stand) -> None:
    stand.node.answers = [items(201, 429, 409, 503), items(429, 201), items(201)]
    stand.bulk.store(events(4))
    assert [stand.node.ids(at) for at in range(3)] == [[0, 1, 2, 3], [1, 3], [1]]
    assert (stand.bulk.created, stand.bulk.repeated, stand.bulk.retried) == (3, 1, 3)
    assert stand.waits[0] < stand.waits[1]


def test_a_busy_node_is_asked_again_with_growing_waits(stand: Stand) -> None:
    stand.node.answers = [(429, {}), (503, {}), (502, {})]
    stand.bulk.store(events(2))
    assert len(stand.node.asked) == 4
    assert stand.bulk.created == 2


@pytest.mark.parametrize(
    "answer", [(429, {}), items(429, 503), items(403, 403, kind="cluster_block_exception")]
)
def test_nodes_that_stay_busy_are_an_error_that_is_tried_again_like_a_full_disk(
    stand: Stand, answer: tuple[int, object]
) -> None:
    stand.node.answers = [answer] * 100
    with pytest.raises(IndexUnavailableError) as raised:
        stand.bulk.store(events(2))
    assert isinstance(raised.value, OSError)
    assert raised.value.code == "collector.index.unavailable"
    assert len(stand.node.asked) == TRIES_MAX
    assert sum(stand.waits) < 12


def test_nodes_that_are_gone_are_the_same_error(stand: Stand) -> None:
    nodes = Nodes(Connection(hosts=["http://127.0.0.1:9"]), wait=stand.waits.append)
    with pytest.raises(IndexUnavailableError):
        nodes.ask("GET", "/_cluster/health")
    nodes.close()


def test_a_node_that_never_answers_holds_nobody_longer_than_was_given() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        nodes = Nodes(Connection(hosts=[f"http://127.0.0.1:{port}"]))
        begun = time.monotonic()
        # As behind a link that is half open: it takes what we send, and says nothing.
        with nodes.within(1), pytest.raises(IndexUnavailableError, match="waits in the log"):
            nodes.ask("GET", "/_cluster/health")
        with nodes.within(1):
            for _ in range(2):
                with pytest.raises(IndexUnavailableError):
                    nodes.ask("GET", "/_cluster/health")
        assert time.monotonic() - begun < 5
        nodes.close()


def test_a_node_that_stays_busy_is_not_asked_past_the_time_given(stand: Stand) -> None:
    time_now = [0.0]

    def wait(seconds: float) -> None:
        time_now[0] += seconds + 9

    nodes = Nodes(Connection(hosts=[stand.node.url]), wait=wait, monotonic=lambda: time_now[0])
    stand.node.answers = [(429, {})] * 100
    with nodes.within(STORE_SECONDS), pytest.raises(IndexUnavailableError):
        nodes.ask("POST", "/_bulk", b"")
    assert len(stand.node.asked) == 3
    nodes.close()


def test_an_event_refused_for_its_own_sake_is_told_and_the_others_go_on(stand: Stand) -> None:
    stand.node.answers = [items(201, 400, 201, kind="document_parsing_exception")]
    stand.bulk.store(events(3))
    assert [(one.index, one.reason) for one in stand.rejected] == [
        (1, "document_parsing_exception")
    ]
    assert (stand.bulk.created, stand.bulk.rejected) == (2, 1)


def test_a_refusal_of_our_rights_stops_and_says_where_to_look(stand: Stand) -> None:
    stand.node.answers = [items(403, 403, kind="security_exception")]
    with pytest.raises(FengsuiError, match=r"docs/operator/search\.md") as raised:
        stand.bulk.store(events(2))
    assert raised.value.code == "collector.index.refused"
    assert not isinstance(raised.value, OSError)


def test_an_index_that_went_is_made_again(stand: Stand) -> None:
    stand.node.answers = [items(404, 404, kind="index_not_found_exception")]
    stand.bulk.store(events(2))
    assert set(stand.prepared) == {"t-events-log-20261120"}
    assert stand.bulk.created == 2


def test_an_answer_for_other_events_than_were_sent_is_no_answer(stand: Stand) -> None:
    stand.node.answers = [(200, {"errors": True, "items": []})]
    with pytest.raises(IndexUnavailableError):
        stand.bulk.store(events(2))


def test_requests_are_bounded_in_items_and_bytes(stand: Stand) -> None:
    stand.bulk.store(events(ITEMS_MAX + 1))
    assert [len(stand.node.ids(at)) for at in range(2)] == [ITEMS_MAX, 1]
    stand.node.asked.clear()
    stand.bulk.store(events(300, "x" * 60_000))
    assert sum(len(stand.node.ids(at)) for at in range(len(stand.node.asked))) == 300
    assert max(map(len, stand.node.asked)) <= BYTES_MAX


@pytest.mark.parametrize(
    "host",
    ["http://10.0.0.1:9200", "http://search:9200", "https://search", "search:9200",
     "https://u:p@search:9200", "ftp://search:21", "https://search:99999"],
)  # fmt: skip
def test_a_node_that_would_be_asked_in_the_open_or_is_misspelt_is_refused(host: str) -> None:
    with pytest.raises(FengsuiError, match=r"search node|TLS"):
        Nodes(Connection(hosts=[host]))


def test_a_secret_others_can_read_is_refused_and_never_told(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    secret.chmod(0o644)
    with pytest.raises(FengsuiError, match="chmod 600") as raised:
        Nodes(Connection(hosts=["http://127.0.0.1:1"], user="u", password_file=str(secret)))
    assert "hunter2" not in str(raised.value)
    secret.chmod(0o600)
    Nodes(Connection(hosts=["http://127.0.0.1:1"], user="u", password_file=str(secret))).close()
    secret.write_text(" \n")
    with pytest.raises(FengsuiError, match="no secret"):
        Nodes(Connection(hosts=["http://127.0.0.1:1"], api_key_file=str(secret)))


def test_a_secret_is_shown_to_the_node_as_it_asks_for_it(stand: Stand, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("abc123")
    key.chmod(0o600)
    nodes = Nodes(Connection(hosts=[stand.node.url], api_key_file=str(key)))
    headers = nodes._client._headers
    nodes.close()
    assert headers["authorization"] == "ApiKey abc123"
