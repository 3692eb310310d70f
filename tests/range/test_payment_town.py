"""Payments of the made-up district as a whole: its lines, its sums, and its labels."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter, defaultdict
from collections.abc import Sequence

import pytest
from district.calendar import DAY_US, HOUR_US
from district.episode import Plan
from district.payment import make
from district.payment.departments import departments
from district.payment.institutions import SHORT_FEN, Institutions
from district.payment.records import Order
from district.payment.tally import Tally, is_pattern
from district.run import District, Today
from district.stream import EVENTS
from district.system import Occasion
from district.town import Town

from schema.event import Fields
from schema.fields import catalogue
from sensors.sources import Context, open_format

MIDNIGHT = 1_790_000_000_000_000 // DAY_US * DAY_US - 8 * HOUR_US
"""In Beijing."""


def lived(seed: int = 5, *, days: int = 12, volume: float = 0.3) -> list[Today]:
    return list(District([make], seed=seed, volume=volume, warm_up=days, measured=1).run())


@pytest.fixture(scope="module")
def district() -> tuple[District, list[Today]]:
    made = District([make], seed=5, volume=0.3, warm_up=12, measured=14)
    return made, list(made.run())


@pytest.fixture(scope="module")
def events(district: tuple[District, list[Today]]) -> dict[str, list[tuple[str, Fields]]]:
    """(episode, fields) by stream, read by the product's own formats."""
    made, days = district
    read: dict[str, list[tuple[str, Fields]]] = defaultdict(list)
    for stream in made.streams:
        lines = [line for today in days for line in today.lines if line.stream == stream.name]
        if stream.form == EVENTS:
            read[stream.name] = [(one.episode, one.text) for one in lines]  # type: ignore[misc]
            continue
        context = Context(host=stream.host, utc_offset_minutes=480, now=lambda: MIDNIGHT)
        raw = [str(line.text).encode(stream.encoding) for line in lines]
        parsed = open_format(stream.form).parse(raw, context)
        read[stream.name] = [(one.episode, each) for one, each in zip(lines, parsed, strict=True)]
    return read


def test_a_seed_gives_the_same_lines() -> None:
    first, again = lived(days=3), lived(days=3)
    assert [day.lines for day in first] == [day.lines for day in again]
    assert [day.lines for day in first] != [day.lines for day in lived(6, days=3)]


def test_every_line_is_understood_by_the_products_own_formats(
    events: dict[str, list[tuple[str, Fields]]],
) -> None:
    assert all(events.values())
    for stream, rows in events.items():
        for _, fields in rows:
            assert fields["event.action"] not in ("unparsed", "logged"), (stream, fields)
            assert "gov.line.undecodable" not in fields
            named = {name for name in fields if not name.startswith("labels.")}
            assert named <= set(catalogue())


def test_the_business_log_holds_what_the_rules_read(
    events: dict[str, list[tuple[str, Fields]]],
) -> None:
    log = [fields for _, fields in events["payment-platform.jsonl"]]
    actions = Counter(str(fields["event.action"]) for fields in log)
    assert set(actions) >= {
        "notice_issue", "notice_query", "order_create", "pay_result", "pay_callback",
        "receipt_issue", "refund", "order_status",
    }  # fmt: skip
    order = next(one for one in log if one["event.action"] == "order_create")
    assert order["gov.pay.amount_fen"] == order["gov.pay.notice_amount_fen"]
    told = next(one for one in log if one["event.action"] == "pay_callback")
    assert told["gov.crypto.sig_valid"] is True


def _sums(rows: Sequence[tuple[str, Fields]], *, action: str) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for _, fields in rows:
        again = fields.get("event.reason") == "duplicate"
        refused = fields.get("event.outcome") == "failure"
        if fields["event.action"] == action and not again and not refused:
            key = str(fields["gov.pay.business_date"]), str(fields["gov.pay.dept_code"])
            fen = fields["gov.pay.amount_fen"]
            assert isinstance(fen, int)
            found[key] += fen
    return found


def test_orders_bank_and_treasury_are_equal_on_days_without_an_attack() -> None:
    made = District([make], seed=8, volume=0.3, warm_up=12, measured=1)
    lines: dict[str, list[bytes]] = defaultdict(list)
    days = [today for today in made.run() if not today.day.measured]
    encodings = {stream.name: stream.encoding for stream in made.streams}
    for today in days:
        for line in today.lines:
            if isinstance(line.text, str):
                lines[line.stream].append(line.text.encode(encodings[line.stream]))
    context = Context(host="h", utc_offset_minutes=480, now=lambda: MIDNIGHT)
    read = {}
    for stream in made.streams:
        if stream.form != EVENTS:
            parsed = open_format(stream.form).parse(lines[stream.name], context)
            read[stream.name] = [("", one) for one in parsed]
    paid = _sums(read["payment-platform.jsonl"], action="pay_callback")
    settled = _sums(read["payment-bank.txt"], action="settled")
    received = _sums(read["payment-treasury.txt"], action="received")
    assert len(settled) > 40
    assert settled == received
    assert {key: paid[key] for key in settled} == settled


def test_files_come_on_working_days_for_all_days_before_them(
    district: tuple[District, list[Today]], events: dict[str, list[tuple[str, Fields]]]
) -> None:
    _, days = district
    for today in days:
        sent = [line for line in today.lines if line.stream == "payment-bank.txt"]
        assert bool(sent) <= today.day.working
    for _, fields in events["payment-bank.txt"]:
        assert str(fields["gov.pay.business_date"]) < _local_date(fields)


def _local_date(fields: Fields) -> str:
    moment = dt.datetime.fromisoformat(str(fields["@timestamp"]))
    return (moment + dt.timedelta(hours=8)).date().isoformat()


def test_each_use_case_has_its_attacks_and_ten_times_as_many_lookalikes(
    district: tuple[District, list[Today]],
) -> None:
    made, _ = district
    cases = [attack.use_case for attack in made.systems[0].attacks]
    assert cases == [*(f"PAY{number:02d}" for number in range(1, 14)), "X04"]
    full = District([make], seed=5, volume=0.3, warm_up=1, measured=28)
    like: Counter[str] = Counter()
    for day in full.days:
        plans: list[Plan] = list(full.systems[0].lookalikes(day, random.Random(day.number)))
        like.update(plan.episode.use_case for plan in plans)
    assert set(like) == set(cases)
    assert min(like.values()) >= 30


def test_an_attack_below_its_threshold_is_labelled_so_and_names_nobody_wrong(
    district: tuple[District, list[Today]],
) -> None:
    made, _ = district
    day = made.days[15]
    for attack in made.systems[0].attacks:
        for strength, kind in ((1500, "attack"), (700, "below")):
            occasion = Occasion(
                number=1,
                start=day.at(10),
                strength=strength,
                day=day,
                chance=random.Random(3),
            )
            episode, deeds = attack.plan(occasion)
            assert episode.kind == kind
            assert episode.use_case == attack.use_case
            assert deeds
            assert episode.start <= min(deed.at for deed in deeds)
            assert episode.end >= max(deed.at for deed in deeds)
            assert episode.entities or episode.collect or kind == "below"


def test_an_attacks_own_lines_are_labelled(
    district: tuple[District, list[Today]], events: dict[str, list[tuple[str, Fields]]]
) -> None:
    labelled = {episode for rows in events.values() for episode, _ in rows if episode}
    _, days = district
    attacks = {one.id for today in days for one in today.episodes if one.kind == "attack"}
    assert attacks <= labelled | {one for one in attacks if one.startswith("PAY06")}


def test_a_bank_that_never_had_the_money_or_lacks_some_shows_in_its_file() -> None:
    institutions = Institutions(departments(Town(1)))
    account = departments(Town(1))["102"].accounts[0]
    for place, money in enumerate(("whole", "unsettled", "short", "kept")):
        order = Order(
            id=f"ZF{place}", notice="N", dept="102", amount_fen=5_000, channel="bank"
        )  # fmt: skip
        institutions.collect(MIDNIGHT, order, account=account, payer="p", money=money)  # type: ignore[arg-type]
    rows = [
        *institutions.settlement(MIDNIGHT + DAY_US, random.Random(1)),
        *institutions.supplement(MIDNIGHT + DAY_US),
    ]
    found = {row.split("|")[5]: row.split("|")[10] for row in rows}
    assert found == {"ZF0": "50.00", "ZF2": f"{(5_000 - SHORT_FEN) / 100:.2f}", "ZF3": "50.00"}
    (receipt,) = institutions.receipts(MIDNIGHT + DAY_US)
    assert receipt.split()[-2] == "90.00"


def test_what_operators_did_is_counted_as_the_rules_count_it() -> None:
    tally = Tally()
    for day in range(40):
        for _ in range(4):
            tally.refunded("a", day)
    assert tally.refunds_noticed_at("a", 40) == 8
    for _ in range(10):
        tally.refunded("a", 20)
    assert tally.refunds_noticed_at("a", 40) == 22
    for fen in [12_350] * 94 + [200_000] * 6:
        tally.took("u", "b", 39, fen)
        tally.took("u", "c", 39, fen)
    count, chi = tally.pattern("u", "c", 40)
    assert (count, chi) == (100, 0)
    count, chi = tally.pattern("u", "c", 40, more=25, parts=25)
    assert count == 125
    assert chi > 10_828
    assert is_pattern(499_990)
    assert is_pattern(200_000)
    assert not is_pattern(500_050)
