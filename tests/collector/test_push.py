"""Pushed events are checked, masked, sealed once and answered alike however often they come."""

from collections.abc import Callable

import pytest
from collected import COLLECTOR_KEY, START, Site

from collector import push
from collector.clients import Client
from collector.ownchain import OwnChain
from collector.push import Push
from schema import limits
from schema.errors import FengsuiError
from schema.event import Fields
from schema.filter import parse
from schema.times import DAY, SECOND, to_text

CLIENT = Client(id="portal", unit="cert")


def _masker(events: list[Fields]) -> None:
    for event in events:
        if event.get("message") == "secret":
            event["message"] = "<<classified>>"


@pytest.fixture
def open_push(site: Site) -> Callable[[], Push]:
    def chain_of(unit: str) -> OwnChain:
        name = push.chain_name(unit, site.enrolments)
        own = site.enrolments.add_local(name, unit, key=COLLECTOR_KEY.public)
        return OwnChain(
            site.segments, own, key=COLLECTOR_KEY, clock=site.clock, entropy=site.entropy,
            lateness_us=push.LATENESS_US,
        )  # fmt: skip

    def opened() -> Push:
        opened = Push(chain_of, site.database, masker=_masker, clock=site.clock)
        opened.open(CLIENT.unit)
        return opened

    return opened


def _events(count: int) -> list[Fields]:
    return [{"event.action": "login", "user.name": f"u{n}"} for n in range(count)]


def test_pushed_events_are_sealed_by_the_collector_and_say_so(
    site: Site, open_push: Callable[[], Push]
) -> None:
    push = open_push()
    answer = push.push(CLIENT, "b1", [*_events(2), {"message": "secret", "color": "red"}])
    assert (answer.accepted, answer.refused) == (3, ())
    push.push(CLIENT, "b2", _events(1))
    site.rounds()
    page = site.index.search(parse("gov.app.id:portal"), start=0, end=START * 2, limit=9)
    assert len(page.hits) == 4
    assert [hit.fields["gov.sensor.offset"] for hit in page.hits] == [3, 2, 1, 0]
    assert {hit.fields["gov.sensor.sealed_by"] for hit in page.hits} == {"collector"}
    assert {hit.fields["event.dataset"] for hit in page.hits} == {"app.event"}
    assert page.hits[1].fields["message"] == "<<classified>>"
    assert page.hits[1].fields["labels.color"] == "red"


def test_a_repeated_batch_id_gets_the_recorded_answer(
    site: Site, open_push: Callable[[], Push]
) -> None:
    first = open_push().push(CLIENT, "b1", [*_events(2), {"event.duration": "long"}])
    again = open_push()
    assert again.push(CLIENT, "b1", _events(7)) == first
    assert again.push(Client(id="other", unit="x"), "b1", _events(1)).accepted == 1
    site.rounds()
    assert site.count() == 3


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"event.duration": "long"}, "collector.push.type"),
        ({"source.ip": "nowhere"}, "collector.push.type"),
        ({"gov.sensor.offset": 4}, "collector.push.field"),
        ({"a b": "x"}, "collector.push.field"),
        ({"@timestamp": "now"}, "collector.push.time"),
        ({"event.dataset": "system.auth"}, "collector.push.dataset"),
        ({f"labels.n{n}": "x" for n in range(200)}, "collector.push.fields"),
        ({"message": "x" * 70_000}, "collector.push.size"),
        ({"color": "red", "labels.color": "blue"}, "collector.push.field"),
        ({"labels.color": "red", "color": "blue"}, "collector.push.field"),
    ],
)
def test_a_bad_event_is_refused_by_name_and_the_others_are_taken(
    open_push: Callable[[], Push], event: Fields, code: str
) -> None:
    answer = open_push().push(CLIENT, "b1", [*_events(1), event])
    assert answer.accepted == 1
    assert [(one.index, one.code) for one in answer.refused] == [(1, code)]


def test_a_batch_past_the_limits_is_refused_as_a_whole(open_push: Callable[[], Push]) -> None:
    push = open_push()
    for batch_id, events in (("b", []), ("b", _events(2000)), ("", _events(1))):
        with pytest.raises(FengsuiError) as caught:
            push.push(CLIENT, batch_id, events)
        assert caught.value.code == "collector.push.batch"


def test_an_answer_whose_batch_was_lost_with_a_crash_is_void(
    site: Site, open_push: Callable[[], Push]
) -> None:
    open_push().push(CLIENT, "b1", _events(1))
    site.database.write(
        lambda state: state.execute(
            "INSERT INTO push_answers VALUES ('portal', 'b2', 2, ?, 1, 'push')",
            (b'{"accepted":1,"refused":[]}',),
        )
    )
    push = open_push()
    push.push(CLIENT, "b2", _events(1))
    site.rounds()
    assert site.count() == 2


def test_the_clients_own_time_is_kept(site: Site, open_push: Callable[[], Push]) -> None:
    open_push().push(CLIENT, "b1", [{"@timestamp": to_text(START - 5)}])
    site.rounds()
    page = site.index.search(parse("gov.app.id:portal"), start=0, end=START, limit=9)
    assert [hit.fields["@timestamp"] for hit in page.hits] == [to_text(START - 5)]


def test_every_event_that_was_accepted_is_indexed(
    site: Site, open_push: Callable[[], Push]
) -> None:
    answer = open_push().push(
        CLIENT,
        "b1",
        [
            {f"k{n}": 1 for n in range(push.FIELDS_MAX)},
            {f"k{n}": 1 for n in range(push.FIELDS_MAX + 1)},
            {"message": "x" * (push.BYTES_MAX - 100)},
            {"message": "x" * (limits.EVENT_BYTES_MAX - 100)},
            {"@timestamp": "0005-01-01T00:00:00.000000Z"},
            {"k": 2**63},
        ],
    )
    site.rounds()
    assert [one.code for one in answer.refused] == [
        "collector.push.fields",
        "collector.push.size",
        "collector.push.time",
        "collector.push.type",
    ]
    assert site.count() == answer.accepted == 2
    assert site.records("event_quarantined") == []


def test_each_unit_has_a_chain_of_its_own(site: Site, open_push: Callable[[], Push]) -> None:
    push = open_push()
    push.push(CLIENT, "b1", _events(1))
    push.push(Client(id="tax", unit="tax"), "b1", _events(2))
    push.push(Client(id="社保", unit="社保局"), "b1", _events(3))
    site.rounds()
    found = {one.unit: (one.name, one.events) for one in site.intake.status() if one.events}
    assert found["cert"] == ("push", 1)
    assert found["tax"] == ("push-tax", 2)
    assert found["社保局"][1] == 3
    # The same chains after a restart, and the same answers.
    push = open_push()
    push.push(Client(id="tax", unit="tax"), "b1", _events(9))
    push.push(Client(id="tax", unit="tax"), "b2", _events(1))
    site.rounds()
    assert {one.unit: one.events for one in site.intake.status()}["tax"] == 3


def test_an_event_of_a_moment_ago_is_not_late(site: Site, open_push: Callable[[], Push]) -> None:
    push = open_push()
    for number, ago in enumerate((0, 50, 70)):
        time = to_text(site.clock.now() - ago * SECOND)
        push.push(CLIENT, f"b{number}", [{"@timestamp": time}])
    site.rounds()
    assert [one.late for one in site.intake.status() if one.name == "push"] == [1]


def test_events_of_too_many_days_are_refused_not_lost(
    site: Site, open_push: Callable[[], Push]
) -> None:
    events: list[Fields] = [{"@timestamp": to_text(START - n * DAY)} for n in range(70)]
    answer = open_push().push(CLIENT, "b1", [*events, *events])
    site.rounds()
    assert (answer.accepted, len(answer.refused)) == (128, 12)
    assert {one.code for one in answer.refused} == {"collector.push.time"}
    assert site.count() == 128
    assert site.records("event_quarantined") == []


def test_answers_are_kept_for_a_week(site: Site, open_push: Callable[[], Push]) -> None:
    open_push().push(CLIENT, "b1", _events(1))
    site.clock.time += 8 * DAY
    open_push().push(CLIENT, "b2", _events(1))
    with site.database.read() as state:
        kept = [row["batch_id"] for row in state.execute("SELECT batch_id FROM push_answers")]
    assert kept == ["b2"]
