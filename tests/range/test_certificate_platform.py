"""The made-up e-certificate platform: what it allows, what it refuses, and what it writes."""

from __future__ import annotations

import json

import pytest
from district.calendar import MINUTE_US, SECOND_US
from district.certificates.offices import MINI, Offices
from district.certificates.platform import STALE, Platform
from district.certificates.records import Via
from district.certificates.store import MemoryStore
from district.town import Town

NOON = 1_790_000_000_000_000


class Desk:
    """A platform with its log, and somebody at a counter."""

    def __init__(self) -> None:
        self.town = Town(1)
        self.offices = Offices(self.town)
        self.lines: list[dict[str, object]] = []
        self.platform = Platform(
            MemoryStore(),
            lambda _, line: self.lines.append(json.loads(line)),
            permitted={(app, item.code, one.code) for app, item, one in self.offices.approved()},
            items={item.code: item for item in self.offices.items},
            region="110099",
            revoked=lambda _: False,
        )
        self.matter = self.offices.matters[0]
        clerk = self.offices.clerks[self.matter.unit.code][0]
        self.counter = Via(
            app=self.offices.counter_app[clerk.unit.code].app, address=clerk.address,
            operator=clerk.user, unit=clerk.unit.code,
        )  # fmt: skip
        someone = self.town.citizens[0]
        self.holder = someone.number
        self.mini = Via(app=MINI, address=someone.home, operator=someone.user)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_clerk_fetches_what_the_matter_needs_and_nothing_else(desk: Desk) -> None:
    case = desk.platform.open_case(
        NOON, desk.counter, matter=desk.matter.code, applicant=desk.holder
    )
    asked = {"holder": desk.holder, "matter": desk.matter.code, "case": case.number}
    needed = desk.matter.items[0].code
    assert desk.platform.get(NOON, desk.counter, op="FETCH", item=needed, **asked).ok
    wanted = {item.code for item in desk.matter.items}
    other = next(item.code for item in desk.offices.items if item.code not in wanted)
    assert desk.platform.get(NOON, desk.counter, op="FETCH", item=other, **asked).code == "1403"
    assert [line["op"] for line in desk.lines] == ["CASE_OPEN", "FETCH", "FETCH"]
    assert desk.lines[2]["http"] == 403
    assert "sm3" not in desk.lines[2]


def test_a_use_code_is_good_for_one_use_within_ten_minutes(desk: Desk) -> None:
    item = desk.matter.items[0].code
    code = desk.platform.make_code(NOON, desk.mini, item=item, holder=desk.holder).number
    assert desk.platform.redeem(NOON + SECOND_US, desk.counter, code=code).ok
    again = desk.platform.redeem(NOON + 9 * SECOND_US, desk.counter, code=code)
    assert again.code == "1422"
    late = desk.platform.make_code(NOON, desk.mini, item=item, holder=desk.holder).number
    assert desk.platform.redeem(NOON + 11 * MINUTE_US, desk.counter, code=late).code == "1421"
    assert desk.platform.redeem(NOON, desk.counter, code="000").code == "1423"


def test_an_annulled_certificate_is_refused_except_by_a_node_with_an_old_cache(desk: Desk) -> None:
    item = desk.matter.items[0].code
    licence = desk.platform.held(desk.holder, item).licence
    desk.platform.end(NOON, desk.counter, licence=licence, case="B1", approver="x")
    assert desk.platform.get(NOON, desk.mini, op="FETCH", licence=licence).code == "1410"
    assert desk.platform.get(NOON, desk.mini, op="STATUS", licence=licence).ok
    stale = Via(app=MINI, address="198.19.0.1", node=STALE)
    assert desk.platform.get(NOON, stale, op="FETCH", licence=licence).ok
    assert {line["state"] for line in desk.lines} == {"ANNULLED"}


def test_a_citizens_front_end_may_use_a_consent_for_its_holder_only(desk: Desk) -> None:
    consent = desk.platform.consent(NOON, desk.mini, holder=desk.holder, app=MINI).number
    item, other = desk.matter.items[0].code, desk.town.citizens[1].number
    own = {"item": item, "consent": consent}
    assert desk.platform.get(NOON, desk.mini, op="FETCH", holder=desk.holder, **own).ok
    assert desk.platform.get(NOON, desk.mini, op="FETCH", holder=other, **own).code == "1409"


def test_a_certificate_issued_anew_has_another_version_and_another_file(desk: Desk) -> None:
    item = desk.matter.items[0].code
    before = desk.platform.held(desk.holder, item)
    desk.platform.issue(NOON, desk.counter, case="B1", item=item, holder=desk.holder, approver="x")
    after = desk.platform.held(desk.holder, item)
    assert (before.licence, before.version, after.version) == (after.licence, 1, 2)
    assert before.file_sm3 != after.file_sm3


def test_an_unknown_code_is_not_found(desk: Desk) -> None:
    assert desk.platform.get(NOON, desk.mini, op="QUERY", licence="1.2.156.1").code == "1404"
    assert desk.lines[0]["http"] == 404
