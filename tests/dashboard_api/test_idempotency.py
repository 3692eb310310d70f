import threading

import pytest

from dashboard_api import idempotency as module
from dashboard_api.idempotency import Answer, Attempt, Idempotency
from schema.errors import FengsuiError
from schema.times import SECOND

DONE = Answer(status=201, body=b'{"key":"payments.receipt"}')


def attempt(key="k", body=b"{}", path="/v1/crypto/keys", method="POST"):
    return Attempt.of(key, method=method, path=path, body=body)


@pytest.fixture
def recorded(site):
    return Idempotency(site.database, site.clock)


class Work:
    """Counts how often it was done."""

    def __init__(self, answer=DONE):
        self.times = 0
        self.answer = answer

    def __call__(self):
        self.times += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def refused(call):
    with pytest.raises(FengsuiError) as caught:
        call()
    return caught.value.code.removeprefix("dashboard_api.idempotency.")


def test_a_repeat_gets_the_same_answer_and_does_nothing(recorded):
    work = Work()
    assert [recorded.once("person:1", attempt(), work) for _ in range(3)] == [DONE] * 3
    assert work.times == 1


def test_without_a_key_each_sending_counts(recorded):
    work = Work()
    for _ in range(2):
        recorded.once("person:1", attempt(""), work)
    assert work.times == 2


def test_keys_are_ones_own(recorded):
    work = Work()
    for caller in ("person:1", "person:2", "application:1"):
        recorded.once(caller, attempt(), work)
    assert work.times == 3


@pytest.mark.parametrize(
    "other",
    [
        attempt(body=b"{ }"),
        attempt(path="/v1/crypto/key", body=b"s{}"),
        attempt(path="/v1/crypto/keys:import"),
        attempt(method="PUT"),
    ],
)
def test_another_request_under_the_same_key_is_a_conflict(recorded, other):
    recorded.once("person:1", attempt(), Work())
    work = Work()
    assert refused(lambda: recorded.once("person:1", other, work)) == "conflict"
    assert work.times == 0


def test_after_a_day_a_key_is_new(site, recorded):
    work = Work()
    recorded.once("person:1", attempt(), work)
    site.clock.forward(module.LIFE_US / SECOND - 1)
    recorded.once("person:1", attempt(), work)
    assert work.times == 1
    site.clock.forward(1)
    recorded.once("person:1", attempt(body=b"other"), work)
    assert work.times == 2


def test_what_was_refused_may_be_sent_again(recorded):
    work = Work(FengsuiError("crypto.key.unknown", "no such key"))
    for _ in range(2):
        with pytest.raises(FengsuiError, match="no such key"):
            recorded.once("person:1", attempt(), work)
    work.answer = DONE
    assert recorded.once("person:1", attempt(), work) == DONE
    assert work.times == 3


def test_of_a_secret_only_the_fact_is_kept(site, recorded):
    secret = Answer(status=201, body=b'{"token":"fsk1.payments.hidden"}')
    assert recorded.once("person:1", attempt(), Work(secret), secret=True) == secret
    work = Work()
    assert refused(lambda: recorded.once("person:1", attempt(), work)) == "given"
    assert work.times == 0
    with site.database.read() as state:
        assert not any("hidden" in line or "68696464656e" in line for line in state.iterdump())


def test_of_a_long_answer_only_the_fact_is_kept(recorded):
    recorded.once("person:1", attempt(), Work(Answer(status=200, body=bytes(65 * 1024))))
    assert refused(lambda: recorded.once("person:1", attempt(), Work())) == "given"


def test_what_a_crash_interrupted_is_not_done_again_by_itself(site, recorded):
    with pytest.raises(KeyboardInterrupt):
        recorded.once("person:1", attempt(), Work(KeyboardInterrupt()))
    assert refused(lambda: recorded.once("person:1", attempt(), Work())) == "interrupted"
    began = threading.Event()
    hold = threading.Event()

    def hanging():
        began.set()
        hold.wait(10)
        return DONE

    thread = threading.Thread(target=recorded.once, args=("person:1", attempt("h"), hanging))
    thread.start()
    began.wait(10)
    anew = Idempotency(site.database, site.clock)
    assert refused(lambda: anew.once("person:1", attempt("h"), Work())) == "interrupted"
    hold.set()
    thread.join()


def test_of_many_at_once_one_does_it_and_none_does_it_twice(recorded):
    start, outcomes = threading.Barrier(12), []
    let_go, lock = threading.Event(), threading.Lock()
    times = []

    def work():
        times.append(1)
        let_go.wait(10)
        return DONE

    def send():
        start.wait()
        try:
            outcome = recorded.once("person:1", attempt(), work)
        except FengsuiError as error:
            outcome = (error.code, error.params["retry_seconds"])
        with lock:
            outcomes.append(outcome)
            if len(outcomes) == 11:
                let_go.set()

    threads = [threading.Thread(target=send) for _ in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert outcomes == [("dashboard_api.idempotency.running", 1)] * 11 + [DONE]
    assert len(times) == 1
    assert recorded.once("person:1", attempt(), work) == DONE


def test_a_caller_has_so_many_records(recorded, monkeypatch):
    monkeypatch.setattr(module, "RECORDS_MAX", 2)
    for key in ("a", "b"):
        recorded.once("person:1", attempt(key), Work())
    assert refused(lambda: recorded.once("person:1", attempt("c"), Work())) == "limit"
    assert recorded.once("person:1", attempt("a"), Work()) == DONE
    assert recorded.once("person:2", attempt("c"), Work()) == DONE
