"""The district's data exchange: it refuses what it should, gives what was granted, and no more
lines than the product's own formats understand."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from district.calendar import SECOND_US
from district.run import District, Today
from district.sharing import make
from district.sharing.catalogue import ITEMS, ROW_LIMIT
from district.sharing.exchange import DOMAIN, WINDOW_MS, Answer, Exchange, Request
from district.sharing.parties import Parties
from district.sharing.store import SEEN_US, InMemory
from district.stream import EVENTS
from district.town import Town

from crypto.sm2 import PrivateKey
from sensors.mask import Masker
from sensors.sources import Context, open_format

TOWN = Town(1)
PARTIES = Parties(TOWN)
NARROW = PARTIES.narrow[0]
ITEM = NARROW.items[0]
NOW = 1_791_500_000 * SECOND_US
PERSON = TOWN.citizens[0].number
ATTACKS = 21
"""DX01 to DX20, and X05."""


@pytest.fixture
def exchange() -> Exchange:
    store = InMemory()
    PARTIES.fill(store, TOWN)
    return Exchange(store)


def ask(exchange: Exchange, *, now: int = NOW, key: PrivateKey = NARROW.key, **told: object
        ) -> Answer:  # fmt: skip
    members = {
        "rid": NARROW.requester, "sid": ITEM.service, "rtime": NOW // 1000, "fields": "",
        "subject": PERSON, **told,
    }  # fmt: skip
    text = json.dumps(members)
    request = Request(
        text=text, signature=key.sign(text.encode(), domain=DOMAIN), address="10.30.11.11"
    )
    return exchange.handle(request, now, node="dx-1", stamp="t", trace="x")


def test_a_granted_request_is_given_the_approved_fields_of_one_person(exchange: Exchange) -> None:
    answer = ask(exchange)
    assert (answer.code, answer.rows, answer.fields) == (0, 1, ITEM.approved)
    told = json.loads(answer.line)
    assert (told["sig_valid"], told["rows"], told["org"]) == (True, 1, NARROW.unit.code)


def test_a_page_has_at_most_a_hundred_rows(exchange: Exchange) -> None:
    assert ask(exchange, subject="", size=5000).rows == ROW_LIMIT
    assert ask(exchange, subject="", size=7).rows == 7


def test_an_answer_is_never_cut_where_every_field_is_asked_for_by_name(exchange: Exchange) -> None:
    assert ask(exchange, fields=",".join(ITEM.fields)).fields == ITEM.fields


def test_another_key_a_strange_name_and_a_strange_service_are_refused(exchange: Exchange) -> None:
    other = next(item for item in ITEMS if item not in (*NARROW.items, PARTIES.ended(NARROW)))
    assert ask(exchange, key=PARTIES.stray).code == 4102
    assert ask(exchange, rid="rid-nobody-1").code == 4101
    assert ask(exchange, sid=other.service).code == 4103
    assert ask(exchange, subject="110099190001010019").code == 4040


def test_a_request_is_taken_once_and_within_its_window(exchange: Exchange) -> None:
    late = NOW + (WINDOW_MS + 1000) * 1000
    assert ask(exchange).code == 0
    assert ask(exchange).code == 4105
    assert ask(exchange, now=NOW + 60 * SECOND_US).code == 4105
    assert ask(exchange, now=late).code == 4104
    # Forgotten once its own time is far past: then its window refuses it.
    assert ask(exchange, now=NOW + SEEN_US + 1).code == 4104


def test_a_grant_that_ran_out_still_works_since_nobody_told_the_node(exchange: Exchange) -> None:
    assert ask(exchange, sid=PARTIES.ended(NARROW).service).code == 0


def test_keys_are_made_from_the_seed() -> None:
    again = Parties(Town(1)).narrow[0]
    assert again.key.public.key_id == NARROW.key.public.key_id
    assert Parties(Town(2)).narrow[0].key.public.key_id != NARROW.key.public.key_id


def town(seed: int = 5) -> District:
    return District([make], seed=seed, warm_up=1, measured=4)


@pytest.fixture(scope="module")
def days() -> list[Today]:
    """Five days of it, lived once."""
    return list(town().run())


def test_every_line_is_understood_and_no_number_leaves(days: list[Today]) -> None:
    district = town()
    numbers = {citizen.number for citizen in district.town.citizens}
    masker = Masker(bytes(32))
    for stream in district.streams:
        rows = [line.text for today in days for line in today.lines if line.stream == stream.name]
        if stream.form == EVENTS:
            events = [dict(row) for row in rows if isinstance(row, dict)]
        else:
            context = Context(host=stream.host, utc_offset_minutes=480, now=lambda: NOW)
            raw = [str(row).encode() for row in rows]
            events = open_format(stream.form).parse(raw, context)
        masker.mask(events)
        assert events
        assert all(event["event.action"] != "unparsed" for event in events)
        texts = " ".join(str(value) for event in events for value in event.values())
        assert not [number for number in numbers if number in texts]


def test_the_same_seed_writes_the_same_lines(days: list[Today]) -> None:
    assert [next(town().run()).lines] == [days[0].lines]
    assert next(town(6).run()).lines != days[0].lines


def test_each_use_case_is_carried_out_three_times_and_looks_like_honest_work(
    days: list[Today],
) -> None:
    kinds: Counter[tuple[str, str]] = Counter()
    for today in days:
        for episode in today.episodes:
            assert episode.start <= episode.end
            kinds[episode.use_case, episode.kind] += 1
    cases = sorted({case for case, _ in kinds})
    assert len(cases) == ATTACKS
    for case in cases:
        assert (kinds[case, "attack"], kinds[case, "below"]) == (2, 1)
        assert kinds[case, "lookalike"] == 2 * len(days)
