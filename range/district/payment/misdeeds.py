"""Misdeeds: what only an attacker or a dishonest insider does to payments."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from district.calendar import DAY_US, MINUTE_US, SECOND_US
from district.deed import Deed
from district.payment.departments import CHANNELS
from district.payment.doors import Steps
from district.payment.flows import Forged, MarkPaid, Receipt, Replay, SetBack, SwitchPayee
from district.payment.platform import clock
from district.payment.records import CallBack, Order
from district.payment.requests import (
    ChangePayee,
    CreateOrder,
    IssueNotice,
    SetStatus,
)

if TYPE_CHECKING:
    from district.payment.service import Service

__all__ = ["carry_out"]

_RECENT_US: Final = 5 * DAY_US
"""An order is touched while somebody may still use what it paid for."""


def carry_out(
    service: Service, now: int, act: Forged | Replay | SetBack | MarkPaid | SwitchPayee
) -> Steps:
    """Do one of them; what follows is returned."""
    desk = service.doors.desk
    if isinstance(act, Forged):
        service.doors.words.to_platform(_forged(now, act), now)
    elif isinstance(act, Replay):
        yield from _replay(service, now, act)
    elif isinstance(act, SetBack):
        for place, order in enumerate(_recent(service, act.dept, now)[: act.count]):
            if place:
                yield now + place * MINUTE_US
            asked = SetStatus(via=act.via, order=order.id, status=act.status)
            desk.handle(asked, now + place * MINUTE_US)
    elif isinstance(act, MarkPaid):
        assert act.flow.marked_by is not None
        desk.handle(SetStatus(via=act.flow.marked_by, order=act.order, status="3"), now)
        yield Deed(at=now + MINUTE_US, system="payment", act=Receipt(order=act.order))
    else:
        desk.handle(ChangePayee(via=act.via, dept=act.dept, account=act.account), now)


def _forged(now: int, act: Forged) -> CallBack:
    day = clock(now)
    return CallBack(
        order=act.order,
        transaction=f"4200002{day:%Y%m%d%H%M%S}{now % 10**7:07d}",
        amount_fen=act.fen,
        channel="wechat",
        bank=CHANNELS["wechat"],
        payee_account=act.account,
        payer_account=f"oX{now % 10**9:09d}",
        business_date=day.date().isoformat(),
        signature="0" * 64,
        address=act.address,
    )


def _replay(service: Service, now: int, act: Replay) -> Steps:
    """An own notice and order, and the institution's signed words about somebody else's payment."""
    desk, words = service.doors.desk, service.doors.words
    victims = [one for one in _recent(service, act.dept, now) if one.channel == "wechat"]
    made = service.doors.providers.transaction(victims[0].id) if victims else None
    if made is None:
        return
    flow = act.flow
    issued = IssueNotice(via=flow.via, dept=flow.dept, due_fen=made.fen, payer=flow.number)
    created = CreateOrder(
        via=flow.via,
        notice=desk.handle(issued, now).number,
        amount_fen=made.fen,
        channel=made.channel,
        return_host=flow.return_host,
    )
    yield (now := now + MINUTE_US)
    order = desk.handle(created, now).number
    told = replace(service.institutions.tell(made), order=order, address=act.address)
    yield (now := now + MINUTE_US)
    words.to_platform(told, now)
    # The department's own server hears of it in the same way.
    theirs = replace(made, order=order, notice=created.notice)
    yield (now := now + SECOND_US)
    words.to_department(theirs, now, address=act.address)


def _recent(service: Service, dept: str, now: int) -> list[Order]:
    """Paid some time ago, so that nothing of them is still on its way."""
    return [
        order
        for order in service.doors.desk.paid(dept, now - _RECENT_US)
        if order.status == "4" and order.transaction and now - order.paid_at > 30 * MINUTE_US
    ]
