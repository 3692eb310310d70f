import json
import socket
import threading

import benchwork
import msgspec
import pytest

from crypto.errors import CryptoError
from dashboard_api.applications.model import Operation
from dashboard_api.signing import frames
from dashboard_api.signing.call import Admitted, Call
from dashboard_api.signing.frames import Ready, Stopped
from dashboard_api.signing.heads import Head, Teller
from dashboard_api.signing.journal import FileJournal
from dashboard_api.signing.refusal import STRANGERS_MAX
from dashboard_api.signing.worker import COUNTED, GROUP_CALLS_MAX, Worker, items_of, serve
from schema.times import MINUTE


class KeptJournal:
    """Keeps marks in memory, and what was durable when."""

    def __init__(self):
        self.noted, self.durable = [], []
        self.commits = 0
        self.error = None

    def add(self, mark):
        self.noted.append(mark)

    def commit(self):
        self.commits += 1
        if self.error:
            raise self.error
        self.durable = list(self.noted)

    def mac(self, payloads):
        return tuple(b"mac of " + one for one in payloads)


@pytest.fixture
def journal():
    return KeptJournal()


@pytest.fixture
def made(journal):
    return benchwork.parts(journal)


@pytest.fixture
def worker(made):
    return Worker(made)


def call(number=1, body=b"abc", *, name="app-a", operation=Operation.SIGN, key=""):
    authorization = f"Bearer fsk1.{name}.x"
    return Call(number, operation, "POST", "/v1/crypto/sign", authorization, "en", body, key)


def code(reply):
    problem = json.loads(reply.body)
    assert problem["status"] == reply.status
    return reply.status, problem["code"]


def test_a_call_is_answered_and_has_its_entry(worker, journal):
    (reply,) = worker.answer([call(7)])
    assert (reply.id, reply.status, reply.body) == (7, 200, b"app-a:cba")
    (mark,) = journal.durable
    assert (mark.application, mark.operation, mark.key) == ("app-a", "sign", "app-a.k")
    assert (mark.result, mark.items, mark.payload_macs) == ("done", 1, (b"mac of abc",))


def test_one_group_waits_for_the_disk_once(worker, made, journal):
    replies = worker.answer([call(number) for number in range(50)])
    assert [reply.id for reply in replies] == list(range(50))
    assert (journal.commits, made.callers.commits, len(journal.durable)) == (1, 1, 50)
    assert (made.directory.refreshed, made.keys.refreshed) == (1, 1)


def test_each_entry_has_the_codes_of_its_own_payloads(worker, journal):
    worker.answer([call(1, b"one"), call(2, b"refuse"), call(3, b"three")])
    found = [mark.payload_macs for mark in journal.durable]
    assert found == [(b"mac of one",), (), (b"mac of three",)]


def test_two_applications_in_one_group_do_not_touch_each_other(worker, journal):
    replies = worker.answer([
        call(1, b"fail", name="app-a"), call(2, b"abc", name="app-b"),
        call(3, b"refuse", name="app-a"), call(4, b"xyz", name="stranger"),
        call(5, b"def", name="app-a"),
    ])  # fmt: skip
    assert [reply.status for reply in replies] == [500, 200, 403, 401, 200]
    assert (replies[1].body, replies[4].body) == (b"app-b:cba", b"app-a:fed")
    assert [(mark.application, mark.result) for mark in journal.durable] == [
        ("app-a", "dashboard_api.request.failed"),
        ("app-b", "done"),
        ("app-a", "dashboard_api.scope.missing"),
        ("", "dashboard_api.credential.unknown"),
        ("app-a", "done"),
    ]


def test_a_call_that_fails_unforeseen_says_nothing_of_what_it_held(worker, caplog):
    (reply,) = worker.answer([call(1, b"fail")])
    assert code(reply) == (500, "dashboard_api.request.failed")
    assert b"secret" not in reply.body
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


def test_a_refusal_says_when_to_come_again(worker, made):
    (reply,) = worker.answer([call(1, json.dumps({"items": [1] * 101}).encode())])
    assert code(reply) == (429, "dashboard_api.quota.exceeded")
    assert reply.retry_seconds == 7
    assert made.quota.taken == [("app-a", Operation.SIGN, 101)]


@pytest.mark.parametrize(
    ("body", "items"),
    [(b"{}", 1), (b'{"items": [1, 2]}', 2), (b'{"items": []}', 1), (b'{"items": 5}', 1),
     (b'{"items"', 1), (b'{"message": "\\"items\\""}', 1), (b'\xff"items"', 1),
     (b'{"items": ' + b"[" * 100_000, 1)],
)  # fmt: skip
def test_items_are_counted_before_they_are_read(body, items):
    assert items_of(call(body=body)) == items


def test_an_answer_too_long_for_a_frame_is_refused(worker):
    assert code(worker.answer([call(1, b"long")])[0]) == (413, "dashboard_api.call.too_many")


def test_a_managing_call_is_admitted_with_the_whole_id_of_its_key(worker, journal):
    (reply,) = worker.answer([call(1, operation=Operation.KEYS_MANAGE, key="receipt")])
    admitted = msgspec.json.decode(reply.body, type=Admitted)
    assert (admitted.application, admitted.unit, admitted.key) == ("app-a", "tax", "app-a.receipt")
    assert journal.durable[0].mode == "admitted"


@pytest.mark.parametrize("key", ["app-b.receipt", ""])
def test_a_managing_call_beyond_its_grants_is_refused(worker, journal, key):
    (reply,) = worker.answer([call(1, operation=Operation.KEYS_MANAGE, key=key)])
    assert code(reply) == (403, "dashboard_api.scope.missing")
    assert journal.durable[0].application == "app-a"


@pytest.mark.parametrize("part", ["callers", "journal"])
def test_a_full_disk_stops_signing_for_good(worker, made, part):
    getattr(made, part).error = OSError(28, "No space left on device")
    replies = worker.answer([call(1), call(2, name="stranger")])
    assert [code(reply) for reply in replies] == [(503, "dashboard_api.signing.stopped")] * 2
    assert replies[0].retry_seconds > 0
    getattr(made, part).error = None
    assert code(worker.answer([call(3)])[0]) == (503, "dashboard_api.signing.stopped")
    assert made.journal.durable == []


def test_an_entry_that_cannot_be_made_stops_signing_too(worker, made, journal, monkeypatch):
    def refuse(mark):
        raise ValueError("no entry")

    monkeypatch.setattr(journal, "add", refuse)
    assert code(worker.answer([call(1)])[0]) == (503, "dashboard_api.signing.stopped")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (CryptoError("crypto.keystore.busy", "busy"), (503, "crypto.keystore.busy")),
        (ZeroDivisionError(), (500, "dashboard_api.request.failed")),
    ],
)
def test_keys_that_cannot_be_read_refuse_the_group_and_not_the_next(worker, made, error, told):
    made.keys.error = error
    assert [code(reply) for reply in worker.answer([call(1), call(2)])] == [told] * 2
    made.keys.error = None
    assert worker.answer([call(3)])[0].status == 200


def test_strangers_get_so_many_entries_a_minute_and_the_rest_are_counted(worker, made, journal):
    made.clock.time = 100 * MINUTE
    worker.answer([call(number, name="stranger") for number in range(STRANGERS_MAX + 20)])
    worker.answer([call(1, name="stranger"), call(2)])
    assert len(journal.durable) == STRANGERS_MAX + 1
    made.clock.time += MINUTE
    worker.answer([call(3)])
    counted, done = journal.durable[-2:]
    assert (counted.result, counted.items, counted.application) == (COUNTED, 21, "")
    assert done.application == "app-a"
    worker.answer([call(4)])
    assert journal.durable[-1].result == "done"


@pytest.fixture
def line(tmp_path):
    """The loop in a thread over the real journal, and our end of its line."""
    ours, theirs = socket.socketpair()
    journal = FileJournal(tmp_path, benchwork.MAC_KEY)
    made = benchwork.parts(journal)
    teller = Teller(0, journal, made.clock)
    thread = threading.Thread(
        target=serve, args=(theirs, Worker(made), lambda last: teller.head(closing=last))
    )
    thread.start()
    ours.settimeout(5)
    with ours, theirs:
        yield Line(ours, journal)
        ours.close()
        thread.join(5)
        assert not thread.is_alive()
    journal.close()


class Line:
    def __init__(self, ours, journal):
        self.socket, self.journal = ours, journal
        self._incoming, self._told = frames.told(), []
        assert self.read() == Ready()

    def send(self, *calls):
        self.socket.sendall(frames.pack(calls))

    def read(self):
        while not self._told:
            data = self.socket.recv(1 << 16)
            assert data, "the line has ended"
            self._told.extend(self._incoming.take(data))
        return self._told.pop(0)


def test_over_the_line_every_call_is_answered_and_in_the_journal(line):
    count = GROUP_CALLS_MAX * 2 + 10
    threading.Thread(target=line.send, args=[call(n) for n in range(count)]).start()
    found = [line.read() for _ in range(count)]
    heads = [one for one in found if isinstance(one, Head)]
    while len(found) - len(heads) < count:
        found.append(line.read())
    replies = [one for one in found if not isinstance(one, Head)]
    assert [reply.id for reply in replies] == list(range(count))
    assert line.journal.n == count


def test_at_its_end_it_tells_where_the_journal_stands(line):
    line.send(call(1))
    assert line.read().id == 1
    assert line.read().n == 1
    line.send(call(2))
    assert line.read().id == 2
    line.socket.shutdown(socket.SHUT_WR)
    assert line.read().n == 2


def test_when_nobody_calls_it_tells_within_seconds(line):
    line.send(call(1))
    line.read(), line.read()
    line.send(call(2))
    assert line.read().id == 2
    assert line.read().n == 2


def test_a_line_that_ends_inside_a_call_is_an_end(line):
    line.socket.sendall(bytes(frames.pack([call(1)]))[:-3])


def test_it_says_that_it_has_stopped():
    ours, theirs = socket.socketpair()
    journal = KeptJournal()
    journal.error = OSError(28, "No space left on device")
    worker = Worker(benchwork.parts(journal))
    thread = threading.Thread(target=serve, args=(theirs, worker, lambda last: None))
    thread.start()
    with ours, theirs:
        ours.settimeout(5)
        line = Line(ours, journal)
        line.send(call(1))
        assert code(line.read())[0] == 503
        assert line.read() == Stopped("[Errno 28] No space left on device")
        ours.shutdown(socket.SHUT_WR)
        thread.join(5)
    assert not thread.is_alive()
