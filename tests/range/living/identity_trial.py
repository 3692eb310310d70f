"""Run inside the namespaces: the same deeds in memory and on real servers, as events."""

from __future__ import annotations

import heapq
import json
import sys
import time
from collections.abc import Iterable
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "range"), str(ROOT)]

from district.calendar import HOUR_US, MINUTE_US, SECOND_US  # noqa: E402
from district.deed import Deed  # noqa: E402
from district.identity import Identity, make  # noqa: E402
from district.identity.acts import (  # noqa: E402
    Administer,
    BadSignature,
    BindDevice,
    ChangeClient,
    Fail,
    Impersonate,
    Refresh,
    RegisterClient,
    Request,
    ResetPassword,
    SendCode,
    SignIn,
    UseClient,
    Who,
)
from district.stream import Sink  # noqa: E402
from district.town import Town  # noqa: E402
from living.clock import Clock  # noqa: E402
from living.crew import Crew  # noqa: E402
from living.ground import NETWORKS, Ground  # noqa: E402
from living.identity import make as make_living  # noqa: E402
from living.namespace import settle  # noqa: E402

START = 1_794_758_400_000_000  # 2026-11-16 00:00 in Beijing
SCRATCH = Path("/srv")


def planned(system: Identity, town: Town) -> list[Deed]:
    """Every act there is, most of them several times."""
    chance = town.chance("trial")
    people = system.people
    found: list[tuple[int, object]] = []
    at = START + 8 * HOUR_US

    def do(act: object, *, more: int = 0) -> None:
        nonlocal at
        at += 20 * MINUTE_US // 10
        found.append((at + more, act))

    def who(number: int) -> Who:
        return people.citizen(town.citizens[number], chance)

    for number in range(60):
        do(SendCode(who=who(number)))
        do(SignIn(who=who(number), session=f"s{number}", requests=2))
        do(Refresh(session=f"s{number}", address=who(number).address))
    for number in range(0, 60, 6):
        do(Refresh(session=f"s{number}", address="203.0.113.40", stale=True))
        do(Refresh(session=f"s{number}", address="203.0.113.40", stale=True))
        do(Refresh(session=f"s{number}", address=who(number).address))
    for number in range(60, 70):
        do(Fail(who=who(number), times=3, every_us=9 * SECOND_US))
        do(SignIn(who=who(number), requests=0))
    do(Fail(who=who(70), times=12, every_us=4 * SECOND_US))
    do(SignIn(who=who(70), requests=1))
    do(Fail(who=who(75), times=10, every_us=SECOND_US))
    found.append((at + 30 * SECOND_US, SignIn(who=who(75), requests=0)))
    do(Fail(who=Who(user="test001", realm="citizens", address="198.18.0.9", agent="A"),
            error="user_not_found"))  # fmt: skip
    clerks = [people.clerk(one) for one in people.counters[:15]]
    for place, clerk in enumerate(clerks):
        do(SignIn(who=clerk, client="service-hall", method="otp", session=f"c{place}", requests=0))
        do(SignIn(who=clerk, client="oa", requests=0))
        do(Fail(who=clerk, client="oa", times=2, every_us=11 * SECOND_US))
    for one in people.with_certificate[:12]:
        owner = people.clerk(one)
        do(SignIn(who=owner, client="cert-desk", method="certificate", requests=0))
        do(SignIn(who=owner, client="cert-desk", requests=0))
    left = people.extra("left.clerk1", chance)
    do(Fail(who=left, client="oa", error="user_disabled"))
    do(SignIn(who=left, client="oa", requests=0))
    do(Fail(who=left, client="oa", error="user_disabled"))
    for number in range(80, 86):
        do(ResetPassword(who=who(number)))
        do(BindDevice(who=who(number)))
        do(SignIn(who=who(number), method="otp"))
        do(SignIn(who=who(number), requests=1))
    do(ResetPassword(who=clerks[0], client="oa"))
    do(BindDevice(who=clerks[0], client="oa"))
    do(SignIn(who=clerks[0], client="oa", method="otp", requests=0))
    for number in range(90, 94):
        do(Impersonate(operator="admin.wang", target=who(number).user, realm="citizens",
                       address=people.admin_desk))  # fmt: skip
        do(Administer(operator="admin.li", target=who(number).user, address=people.admin_desk))
        do(Administer(operator="support.chen", target=who(number).user,
                      address=people.admin_desk, reset=True))  # fmt: skip
        do(SignIn(who=who(number), requests=0))
    do(RegisterClient(client="svc-new", addresses=("10.30.2.71",), sensitive=("idcard",)))
    for number in range(100, 110):
        for client in ("svc-new", "open-data"):
            do(SignIn(who=who(number), client=client, consent="consent_granted", requests=0))
    for client in ("oa", "open-data"):
        do(ChangeClient(client=client, address="10.20.3.24"))
        do(UseClient(client="oa", address="10.20.3.24", who=who(111)))
    for number in range(3):
        do(BadSignature(address=f"203.0.113.{number + 1}"))
    do(Request(session="s1", address="203.0.113.9", agent="python-requests/2.31.0"))
    return [Deed(at=moment, system="identity", act=act) for moment, act in found]


def lived(deeds: Iterable[Deed], hands: object) -> None:
    """In the order of time, with what follows."""
    order = count()
    heap = [(one.at, next(order), one) for one in deeds]
    heapq.heapify(heap)
    while heap:
        _, _, deed = heapq.heappop(heap)
        for more in hands(deed):  # type: ignore[operator]
            heapq.heappush(heap, (more.at, next(order), more))


def told(sink: Sink) -> list[tuple[int, str, str]]:
    lines = sorted(sink.lines, key=lambda one: one.at)
    return [(one.at, one.stream, str(one.text)) for one in lines]


def main(keycloak: Path, out: Path) -> None:
    """Writes the lines of both."""
    import guard

    settle(SCRATCH)
    guard.install(*NETWORKS)
    town, memory = Town(3), Sink()
    system = make(town, memory)
    assert isinstance(system, Identity)
    lived(planned(system, town), system.perform)
    sink = Sink()
    other = make(town, sink)
    assert isinstance(other, Identity)
    part = make_living(other, town, sink)
    clock = Clock(START)
    ground = Ground(SCRATCH, clock, {"keycloak": keycloak})
    try:
        begun = time.monotonic()
        part.start(ground)
        ground.serve()
        started = time.monotonic()
        part.begin()
        crew = Crew({"identity": part}, ground.logs, clock=clock, sink=sink)
        lived(planned(other, town), lambda deed: crew.perform(other, deed))
        crew.end_of_day()
        facts = {
            "started_s": started - begun,
            "deeds": crew.deeds["identity"],
            "seconds": crew.seconds["identity"],
            "failures": dict(crew.failures),
        }
    finally:
        ground.stop()
    said = {"generated": told(memory), "living": told(sink), "facts": facts}
    out.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
