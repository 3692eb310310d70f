"""Service: carries out what is done to payments, step by step, and lets the logs say so."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from district.calendar import DAY_US, MINUTE_US, SECOND_US
from district.deed import Deed
from district.payment import misdeeds
from district.payment.departments import Department
from district.payment.doors import Doors, Resumed, Steps, in_memory
from district.payment.flows import (
    Answered,
    BankFile,
    BankRest,
    BatchCheck,
    Flow,
    Forged,
    Guess,
    Issued,
    Looked,
    MarkPaid,
    Ordered,
    PatternTopUp,
    Query,
    Receipt,
    Refund,
    RefundSome,
    RefundSpree,
    Replay,
    SetBack,
    SwitchPayee,
    Told,
    TreasuryFile,
)
from district.payment.institutions import (
    CALL_BACK_ADDRESSES,
    Institutions,
    Transaction,
    verify,
)
from district.payment.platform import Platform
from district.payment.records import Order
from district.payment.requests import (
    Answer,
    CreateOrder,
    EnterNotice,
    IssueNotice,
    IssueReceipt,
    PayResult,
    QueryNotice,
    RefundOrder,
    Request,
)
from district.payment.store import MemoryStore
from district.payment.tally import CHI_SQUARE_PERMILLE, Tally
from district.stream import Sink, Stream
from district.town import REGION

__all__ = ["BANK", "PLATFORM", "TOLD", "TREASURY", "Service"]

PLATFORM: Final = Stream(
    name="payment-platform.jsonl",
    form="mapping:payment_platform",
    host="pay-app-01",
    view="provider",
)
TOLD: Final = Stream(
    name="payment-nontax.jsonl", form="wechat_nontax", host="dept-app-01", view="caller"
)
BANK: Final = Stream(
    name="payment-bank.txt",
    form="mapping:payment_bank",
    host="pay-file-01",
    view="reconciliation",
    encoding="gb18030",
)
TREASURY: Final = Stream(
    name="payment-treasury.txt",
    form="mapping:payment_treasury",
    host="pay-file-01",
    view="reconciliation",
    encoding="gb18030",
)
REFUNDED_SHARES: Final = (1000, 500, 1000, 300)
"""Permille of an order that is given back, in turn."""
RECENT: Final = 400
"""Notices a department's server checks again: those of the last days."""
TOP_UP_A_DAY: Final = 45
"""Amounts an operator takes in two hours beside the usual work."""
RECENT_DAYS: Final = 45
AMOUNTS_MIN: Final = 205
"""Fewer are not judged; a few more than the rule's 200, for days at the window's edge."""
OVER_PERMILLE: Final = 200
UNDER_PERMILLE: Final = 500
"""By so much an attack goes over its figure, and one below stays under: the days that follow still
move a share that is looked at over a month, and it is looked at on each of them."""


class Service:
    """The platform, its institutions, and what lies between a notice and its receipt."""

    def __init__(
        self, departments: dict[str, Department], sink: Sink, chance: random.Random
    ) -> None:
        self._departments = departments
        self._sink = sink
        self.chance = chance
        """Of all that nobody decides."""
        self.first_day = 0
        """Midnight of the town's first day; told with the first day that is lived."""
        self.store = MemoryStore()
        self.platform = Platform(
            self.store,
            lambda at, line: sink.write(PLATFORM.name, at, line),
            verify,
            REGION,
        )
        self.institutions = Institutions(departments)
        self.doors: Doors = in_memory(
            self.platform,
            self.store,
            self.institutions,
            lambda at, line: sink.write(TOLD.name, at, line),
        )
        """Others, once the town is living."""
        self.tally = Tally()
        self._notices: dict[str, deque[str]] = {code: deque(maxlen=RECENT) for code in departments}
        self._turn = 0

    def day(self, now: int) -> int:
        """The number of the day, from the town's first."""
        return (now - self.first_day) // DAY_US

    def perform(self, now: int, act: object) -> Iterable[Deed]:
        """Carry one act out; what follows from it is returned."""
        return self.doors.walk(act.steps if isinstance(act, Resumed) else self._steps(now, act))

    def _handle(self, request: Request, now: int) -> Answer:
        return self.doors.desk.handle(request, now)

    def _steps(self, now: int, act: object) -> Steps:
        match act:
            case Flow():
                yield from self._start(now, act)
            case Issued():
                yield from self._look(now, act)
            case Looked():
                yield from self._order(now, act)
            case Ordered():
                yield from self._pay(now, act)
            case Answered():
                yield from self._answered(now, act)
            case Told():
                self.doors.words.to_platform(self.institutions.tell(act.made), now)
            case Receipt():
                self._handle(IssueReceipt(order=act.order), now)
            case BankFile():
                yield from self._bank_file(now)
            case BankRest():
                self._rows(BANK, now, self.doors.files.supplement(now))
            case TreasuryFile():
                self._rows(TREASURY, now, self.doors.files.receipts(now))
            case BatchCheck():
                yield from self._batch(now, act)
            case Guess():
                yield from self._guess(now, act)
            case Query():
                self._handle(QueryNotice(via=act.via, notice=act.notice), now)
            case RefundSome():
                yield from self._refunds(now, act)
            case RefundSpree():
                yield from self._spree(now, act)
            case Refund():
                yield from self._refund(now, act)
            case PatternTopUp():
                yield from self._top_up(now, act)
            case Forged() | Replay() | SetBack() | MarkPaid() | SwitchPayee():
                yield from misdeeds.carry_out(self, now, act)
            case _:
                raise TypeError(act)

    def _start(self, now: int, flow: Flow) -> Iterator[Deed]:
        if flow.number:
            asked = IssueNotice(
                via=self._departments[flow.dept].server(),
                dept=flow.dept,
                due_fen=flow.due_fen,
                payer=flow.number,
            )
            notice = self._handle(asked, now).number
        else:
            notice = self._own_notice(now, flow)
        self._notices[flow.dept].append(notice)
        if flow.looks:
            yield _deed(now + flow.after_us, Issued(flow=flow, notice=notice))
        else:
            looked = Looked(flow=flow, notice=notice, channel=flow.channel)
            yield _deed(now + flow.after_us, looked)

    def _own_notice(self, now: int, flow: Flow) -> str:
        """A counter or a device makes the notice with the order; no line of its own."""
        self._turn += 1
        no = f"{REGION}99{self._turn:012d}"
        asked = EnterNotice(via=flow.via, notice=no, dept=flow.dept, due_fen=flow.due_fen)
        self._handle(asked, now)
        return no

    def _look(self, now: int, act: Issued) -> Iterator[Deed]:
        flow, at = act.flow, now
        for _ in range(flow.looks):
            yield _deed(at, Query(via=flow.via, notice=act.notice))
            at += flow.pace_us
        channel = flow.channel
        if flow.changes_mind:
            channel = "alipay" if flow.channel != "alipay" else "bank"
        looked = Looked(flow=flow, notice=act.notice, channel=channel)
        yield _deed(at, looked)
        if flow.changes_mind or flow.twice:
            again = replace(looked, channel=flow.channel, other_node=flow.twice)
            yield _deed(at + 2 * flow.pace_us, again)

    def _order(self, now: int, act: Looked) -> Iterator[Deed]:
        flow = act.flow
        asked = CreateOrder(
            via=flow.via,
            notice=act.notice,
            amount_fen=flow.due_fen if flow.amount_fen is None else flow.amount_fen,
            channel=act.channel,
            return_host=flow.return_host,
            old_interface=flow.amount_fen is not None,
            other_node=act.other_node,
        )
        answer = self._handle(asked, now)
        if not answer.ok:
            return
        if flow.via.unit:
            self.tally.took(flow.via.unit, flow.via.user, self.day(now), flow.due_fen)
        if flow.marked_by is not None:
            yield _deed(now + 3 * MINUTE_US, MarkPaid(flow=flow, order=answer.number))
        elif not (flow.changes_mind and act.channel != flow.channel):
            ordered = Ordered(flow=flow, order=answer.number, other_node=act.other_node)
            yield _deed(now + flow.pace_us, ordered)

    def _pay(self, now: int, act: Ordered) -> Iterator[Deed]:
        flow = act.flow
        if act.attempt < len(flow.failures):
            reason = flow.failures[act.attempt]
            self._handle(PayResult(via=flow.via, order=act.order, refusal=reason), now)
            if not (flow.gives_up and act.attempt + 1 == len(flow.failures)):
                yield _deed(now + flow.pace_us, replace(act, attempt=act.attempt + 1))
            return
        order = self.doors.desk.order(act.order)
        assert order is not None
        if not flow.via.unit:
            self._handle(PayResult(via=flow.via, order=act.order), now)
        self.doors.providers.collect(
            now,
            order,
            account=flow.account or self._account(flow.dept, now),
            payer=flow.payer,
            money=flow.money,
        )
        answered = Answered(flow=flow, order=act.order, other_node=act.other_node)
        yield _deed(now + flow.told_after_us, answered)

    def _answered(self, now: int, act: Answered) -> Steps:
        flow, made = act.flow, self.doors.providers.transaction(act.order)
        assert made is not None
        told = self.institutions.tell(made)
        answer = self.doors.words.to_platform(told, now, other_node=flow.twice)
        for more in flow.told_again_us:
            yield _deed(now + more, Told(made=made))
        if answer.ok and flow.receipt_after_us is not None:
            yield _deed(now + flow.receipt_after_us, Receipt(order=act.order))
        if made.channel == "wechat":
            yield (later := now + SECOND_US // 2)
            self._tell_department(later, made)

    def _account(self, dept: str, now: int) -> str:
        """Which of its accounts a department is paid into: mostly the first."""
        open_ = self._departments[dept].accounts_on(self.day(now))
        return open_[0] if self.chance.random() < 0.6 else self.chance.choice(open_)

    def _tell_department(
        self, now: int, made: Transaction, *, refund: str = "", fen: int = 0
    ) -> None:
        address = CALL_BACK_ADDRESSES["wechat"]
        self.doors.words.to_department(made, now, address=address, refund=refund, fen=fen)

    def _bank_file(self, now: int) -> Iterator[Deed]:
        self._rows(BANK, now, self.doors.files.settlement(now, self.chance))
        yield _deed(now + self.chance.randrange(60, 300) * MINUTE_US, BankRest())

    def _rows(self, stream: Stream, now: int, rows: Iterable[str]) -> None:
        for row in rows:
            self._sink.write(stream.name, now, row)

    def _batch(self, now: int, act: BatchCheck) -> Iterator[Deed]:
        via = self._departments[act.dept].server(1)
        known = list(self._notices[act.dept])[-act.count :]
        for place, one in enumerate(known):
            gone = self.chance.randrange(1000) < act.withdrawn_permille
            notice = f"{REGION}25{self.chance.randrange(10**12):012d}" if gone else one
            yield _deed(now + place * 2 * SECOND_US, Query(via=via, notice=notice))

    def _guess(self, now: int, act: Guess) -> Iterator[Deed]:
        known = [no for notices in self._notices.values() for no in list(notices)[-50:]]
        self.chance.shuffle(known)
        start = self.chance.randrange(10**11)
        for place in range(act.count):
            notice = f"{REGION}24{start + place:012d}"
            # The last one is a guess too: the share is looked at when a number is not found.
            if known and place + 1 < act.count:
                notice = known.pop() if self.chance.randrange(1000) < act.hit_permille else notice
            yield _deed(now + place * act.every_us, Query(via=act.via, notice=notice))

    def _refundable(self, dept: str, now: int) -> list[Order]:
        return [
            order
            for order in self.doors.desk.paid(dept, now - RECENT_DAYS * DAY_US)
            if order.status != "6" and order.transaction and now - order.paid_at > 10 * MINUTE_US
        ]

    def _refunds(self, now: int, act: RefundSome) -> Iterator[Deed]:
        found = self._refundable(act.dept, now)
        chosen = self.chance.sample(found, min(act.count, len(found)))
        for place, order in enumerate(chosen):
            refund = Refund(via=act.via, order=order.id, to_account=act.to_account)
            yield _deed(now + place * act.every_us, refund)

    def _spree(self, now: int, act: RefundSpree) -> Iterator[Deed]:
        day = self.day(now)
        noticed = self.tally.refunds_noticed_at(act.via.user, day)
        count = -(-noticed * act.strength // 1000) if act.strength >= 1000 else (
            noticed * act.strength // 1000 - self.tally.taken_on(act.via.user, day)
        )  # fmt: skip
        some = RefundSome(
            dept=act.dept, via=act.via, count=max(1, count), every_us=40 * SECOND_US
        )  # fmt: skip
        return self._refunds(now, some)

    def _refund(self, now: int, act: Refund) -> Steps:
        order = self.doors.desk.order(act.order)
        assert order is not None
        self._turn += 1
        share = REFUNDED_SHARES[self._turn % len(REFUNDED_SHARES)]
        fen = min(
            order.amount_fen - order.refunded_fen, max(1, order.amount_fen * share // 1000)
        )  # fmt: skip
        if fen <= 0:
            return
        asked = RefundOrder(
            via=act.via, order=order.id, amount_fen=fen, to_account=act.to_account
        )  # fmt: skip
        answer = self._handle(asked, now)
        if not answer.ok:
            return
        self.tally.refunded(act.via.user, self.day(now))
        self.doors.providers.refund(answer.number, order.id, fen)
        made = self.doors.providers.transaction(order.id)
        if made is not None and made.channel == "wechat" and not act.to_account:
            yield (later := now + SECOND_US)
            self._tell_department(later, made, refund=answer.number, fen=fen)

    def _top_up(self, now: int, act: PatternTopUp) -> Iterator[Deed]:
        day, more, parts = self.day(now), 0, 0
        drift = OVER_PERMILLE if act.strength >= 1000 else -UNDER_PERMILLE
        wanted = act.strength * CHI_SQUARE_PERMILLE // 1000 * (1000 + drift) // 1000
        for place in range(TOP_UP_A_DAY):
            count, chi = self.tally.pattern(
                act.via.unit, act.via.user, day, more=more, parts=parts
            )  # fmt: skip
            if chi >= wanted and count > AMOUNTS_MIN:
                return
            near = chi < wanted
            more, parts = more + 1, parts + near
            fen = self.chance.randrange(30, 300) * 100 + 50
            flow = Flow(
                dept=act.dept,
                due_fen=480_000 + self.chance.randrange(1, 1999) * 10 if near else fen,
                channel="pos",
                via=act.via,
                payer=f"pos:{self.chance.randrange(10**9):09d}",
                looks=0,
            )
            yield _deed(now + place * 90 * SECOND_US, flow)


def _deed(at: int, act: object) -> Deed:
    return Deed(at=at, system="payment", act=act)
