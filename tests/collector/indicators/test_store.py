"""Lists are replaced by source, the allow-list wins, and a replay asks the lists of its time."""

import time

import pytest
from collected import Site

from collector.indicators import store as stores
from collector.indicators.store import IndicatorStore
from schema.batch import unpack_body
from schema.errors import FengsuiError
from schema.event import Fields, decode
from schema.indicators import Indicator
from schema.log import Cursor, Reader

AT = 500


def bad(*addresses: str, source: str = "feed") -> list[Indicator]:
    return [
        Indicator(
            kind="address", value=address, source=source, confidence=80, valid_from=0,
            valid_until=1000,
        )
        for address in addresses
    ]  # fmt: skip


ONE, TWO, THREE = (f"198.51.100.{number}" for number in (1, 2, 3))


@pytest.fixture
def store(site: Site) -> IndicatorStore:
    return IndicatorStore(site.database, clock=site.clock)


def listed(store: IndicatorStore) -> set[str]:
    return {value for value in (ONE, TWO, THREE) if store.view().find("address", value, AT)}


def sealed(site: Site) -> list[Fields]:
    batches = Reader(site.segments / "collector", Cursor(number=0)).read(1000)
    bodies = [unpack_body(batch.body, batch.header.count) for batch in batches]
    events = [decode(payload) for body in bodies for payload in body.payloads if payload]
    return [one for one in events if one["event.action"] == "indicators_changed"]


def test_a_list_replaces_the_list_of_its_source_only(store: IndicatorStore) -> None:
    store.replace("feed", bad(ONE, TWO), by="zhang")
    store.replace("other", bad(THREE, source="other"), by="zhang")
    store.replace("feed", bad(TWO), by="zhang")
    assert listed(store) == {TWO, THREE}
    assert [(one.source, one.count) for one in store.sources()] == [("feed", 1), ("other", 1)]
    assert store.state().count == 2
    store.replace("feed", [], by="zhang")
    assert listed(store) == {THREE}


def test_the_same_list_again_is_refused(store: IndicatorStore) -> None:
    store.replace("feed", bad(ONE), by="zhang")
    with pytest.raises(FengsuiError, match="lists all of this already"):
        store.replace("feed", bad(ONE), by="zhang")


def test_a_set_taken_before_does_not_change(store: IndicatorStore) -> None:
    store.replace("feed", bad(ONE), by="zhang")
    before = store.view()
    store.replace("feed", bad(TWO), by="zhang")
    assert before.find("address", ONE, AT) is not None
    assert listed(store) == {TWO}


def test_a_replay_asks_the_lists_of_its_time(store: IndicatorStore) -> None:
    first = store.replace("feed", bad(ONE), by="zhang").effective_at
    second = store.replace("feed", bad(TWO), by="zhang").effective_at
    third = store.allow(TWO, reason="ours", owner="li", by="zhang").effective_at
    asked = [
        {value for value in (ONE, TWO) if store.as_of(known).find("address", value, AT)}
        for known in (first - 1, first, second, third)
    ]
    assert asked == [set(), {ONE}, {TWO}, set()]


def test_the_allow_list_is_kept_with_reason_and_owner(site: Site, store: IndicatorStore) -> None:
    store.replace("feed", bad(ONE, TWO), by="zhang")
    store.allow("198.51.100.0/31", reason="出口", owner="li", by="zhang")
    assert listed(store) == {TWO}
    again = IndicatorStore(site.database, clock=site.clock)
    assert listed(again) == {TWO}
    assert [(one.value, one.reason, one.owner) for one in again.allowed()] == [
        ("198.51.100.0/31", "出口", "li")
    ]
    again.disallow("198.51.100.1/31", by="zhang")
    assert listed(again) == {ONE, TWO}


def test_what_nobody_answers_for_is_not_allowed(store: IndicatorStore) -> None:
    for reason, owner in (("", "li"), ("ours", " ")):
        with pytest.raises(FengsuiError, match="needs a reason and an owner"):
            store.allow(ONE, reason=reason, owner=owner, by="zhang")
    with pytest.raises(FengsuiError, match="is no address"):
        store.allow("!!", reason="ours", owner="li", by="zhang")
    with pytest.raises(FengsuiError, match="not on the allow-list"):
        store.disallow(ONE, by="zhang")
    store.allow(ONE, reason="ours", owner="li", by="zhang")
    with pytest.raises(FengsuiError, match="allowed already"):
        store.allow(ONE, reason="ours", owner="li", by="zhang")


@pytest.mark.parametrize("source", ["", "allow-list", "a\nb", "x" * 65])
def test_a_source_has_a_plain_name(store: IndicatorStore, source: str) -> None:
    with pytest.raises(FengsuiError, match="source's name"):
        store.replace(source, bad(ONE), by="zhang")


def test_limits_hold(store: IndicatorStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, most in (("ALL_MAX", 2), ("SOURCES_MAX", 1), ("ALLOWED_MAX", 1)):
        monkeypatch.setattr(stores, name, most)
    with pytest.raises(FengsuiError, match="over the limit of 2"):
        store.replace("feed", bad(ONE, TWO, THREE), by="zhang")
    store.replace("feed", bad(ONE), by="zhang")
    with pytest.raises(FengsuiError, match="1 sources"):
        store.replace("other", bad(ONE, source="other"), by="zhang")
    store.allow(TWO, reason="ours", owner="li", by="zhang")
    with pytest.raises(FengsuiError, match="has 1 entries"):
        store.allow(ONE, reason="ours", owner="li", by="zhang")
    assert listed(store) == {ONE}


def test_each_state_is_sealed_once_and_after_a_crash(site: Site, store: IndicatorStore) -> None:
    store.replace("feed", bad(ONE), by="zhang")
    store.allow(TWO, reason="ours", owner="li", by="zhang")
    for _ in range(2):
        IndicatorStore(site.database, clock=site.clock).note(site.control)
    assert [
        (one["labels.version"], one["labels.source"], one["gov.batch.hash"])
        for one in sealed(site)
    ] == [
        (str(one.number), one.source, one.digest) for one in reversed(store.states())
    ]  # fmt: skip


def test_what_went_long_ago_is_forgotten(site: Site, store: IndicatorStore) -> None:
    store.replace("feed", bad(ONE), by="zhang")
    store.replace("feed", bad(TWO), by="zhang")
    site.clock.time += stores.KEPT_US + 10
    store.replace("feed", bad(THREE), by="zhang")
    with site.database.read() as state:
        (count,) = state.execute("SELECT count(*) FROM indicators").fetchone()
    assert count == 2


def test_a_hundred_thousand_are_taken_in_without_a_restart(store: IndicatorStore) -> None:
    some = bad(*(f"11.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(100_000)))
    began = time.process_time()
    store.replace("feed", some, by="zhang")
    assert len(store.view()) == 100_000
    # Under a second alone; a shared and busy machine is given five.
    assert time.process_time() - began < 5
