"""The e-certificate platform and the desk over HTTP: who is let in, and what is answered."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest
from district.calendar import MINUTE_US, SECOND_US
from district.certificates.desk import Desk
from district.certificates.offices import MINI, VERIFIER, Offices
from district.certificates.platform import STALE, Platform
from district.certificates.records import Via
from district.certificates.store import MemoryStore
from district.certificates.surface import Certification
from district.town import Town
from living.certificates.desk_api import PROGRAM, DeskApi
from living.certificates.platform_api import PlatformApi
from living.certificates.remote_desk import RemoteDesk
from living.certificates.remote_platform import RemotePlatform
from living.certificates.signed import DOMAIN, Client, Gate, Said
from living.serving import BODY_BYTES_MAX, Service
from living.signed import RefusedError
from living.web import Reply, Web

from crypto.sm2 import PrivateKey, PublicKey

NOON = 1_790_000_000_000_000
HERE = "127.0.0.9"
"""Where the town's people call from; another one than the service's."""


class Clock:
    """The town's, put forward by hand."""

    at = NOON

    def now(self) -> int:
        return self.at


class Keys:
    """A key for everybody who asks for one."""

    def __init__(self) -> None:
        self._keys: dict[str, PrivateKey] = {}

    def sign(self, program: str, text: bytes, *, domain: str) -> bytes:
        return self._key(program).sign(text, domain=domain)

    def public(self, program: str) -> PublicKey:
        return self._key(program).public

    def _key(self, program: str) -> PrivateKey:
        return self._keys.setdefault(program, PrivateKey.generate())


class Transactions:
    """Of a store that needs none, until its database is gone."""

    gone = False

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        if self.gone:
            raise ConnectionError("no database")
        return contextlib.nullcontext()


class District:
    """One platform reached by HTTP and its twin in memory, each with its log."""

    def __init__(self) -> None:
        self.town, self.clock, self.keys, self.web = Town(1), Clock(), Keys(), Web()
        self.offices, self.transactions = Offices(self.town), Transactions()
        self.revoked: set[str] = set()
        self.lines: list[dict[str, object]] = []
        self.twin_lines: list[dict[str, object]] = []
        self.twin = self._platform(self.twin_lines)
        platform = self._platform(self.lines)
        programs = [*(app.app for app in self.town.applications), MINI, VERIFIER, PROGRAM]
        self.gate = Gate({name: self.keys.public(name) for name in programs})
        seals = {item.code: f"seal-{item.issuer.short}" for item in self.offices.items}
        self.api = PlatformApi(
            platform, self.transactions, clock=self.clock, gate=self.gate,
            seals={item: self.keys.public(name) for item, name in seals.items()},
        )  # fmt: skip
        self.services = {
            node: Service("127.0.0.1", 0, partial(self.api.handle, node)).start()
            for node in ("ecert-1", STALE)
        }
        nodes = {
            node: f"http://127.0.0.1:{service.port}" for node, service in self.services.items()
        }
        self.base = nodes["ecert-1"]
        self.client = Client(self.web, self.keys, self.clock)
        self.remote = RemotePlatform(
            self.client, nodes=nodes, keys=self.keys, seals=seals, held=platform.held
        )
        self.matter = self.offices.matters[0]
        clerk = self.offices.clerks[self.matter.unit.code][0]
        self.counter = Via(
            app=self.offices.counter_app[clerk.unit.code].app, address=HERE, agent=clerk.agent,
            operator=clerk.user, unit=clerk.unit.code,
        )  # fmt: skip
        someone = self.town.citizens[0]
        self.holder = someone.number
        self.mini = Via(app=MINI, address=HERE, agent=someone.agent, operator=someone.user)

    def _platform(self, lines: list[dict[str, object]]) -> Platform:
        return Platform(
            MemoryStore(),
            lambda _, line: lines.append(json.loads(line)),
            permitted={(app, item.code, one.code) for app, item, one in self.offices.approved()},
            items={item.code: item for item in self.offices.items},
            region="110099",
            revoked=lambda serial: serial in self.revoked,
        )

    def signed(self, target: str, body: bytes, **changed: str) -> dict[str, str]:
        """Headers of a request by the counter's program; changed before it is signed."""
        said = Said(
            program=self.counter.app, operator=self.counter.operator, unit=self.counter.unit,
            time_ms=str(self.clock.at // 1000), nonce="n1",
        )  # fmt: skip
        said = replace(said, **changed)
        text = said.text("POST", target, body)
        signature = self.keys.sign(self.counter.app, text, domain=DOMAIN)
        return replace(said, signature=signature).headers()

    def post(self, target: str, body: bytes, headers: dict[str, str]) -> Reply:
        return self.web.request("POST", self.base + target, source=HERE, headers=headers, body=body)

    def stop(self) -> None:
        self.web.close()
        for service in self.services.values():
            service.stop()


@pytest.fixture
def district() -> Iterator[District]:
    made = District()
    yield made
    made.stop()


def live_a_day(platform: Certification, district: District) -> list[object]:
    """Everything the town does to the platform, at the clock's times; what it was answered."""
    clock, counter, mini = district.clock, district.counter, district.mini
    first, second = (item.code for item in district.matter.items)
    said: list[object] = []

    def done(answer: object) -> None:
        said.append(answer)
        clock.at += SECOND_US

    clock.at = NOON
    district.revoked.add("0A")
    for node, serial in (("ecert-1", "0B"), ("ecert-1", "0A"), (STALE, "0A")):
        done(platform.login(clock.at, replace(counter, node=node), serial=serial))
    done(platform.take(clock.at, counter, matter=district.matter.code))
    case = platform.open_case(
        clock.at, counter, matter=district.matter.code, applicant=district.holder
    )
    done(case)
    asked = {"holder": district.holder, "matter": district.matter.code, "case": case.number}
    for op in ("QUERY", "FETCH", "STATUS", "DOWNLOAD"):
        done(platform.get(clock.at, counter, op=op, item=first, original=True, **asked))
    needless = next(one.code for one in district.offices.items if one.code not in (first, second))
    for item in ("E0000", needless):
        done(platform.get(clock.at, counter, op="FETCH", item=item, **asked))
    done(platform.add_party(clock.at, counter, case=case.number, party="110099199001010011"))
    done(platform.close_case(clock.at, counter, case=case.number))
    consent = platform.consent(clock.at, mini, holder=district.holder, app=counter.app)
    done(consent)
    someone = district.town.citizens[1].number
    more = {"item": second, "consent": consent.number}
    done(platform.get(clock.at, mini, op="FETCH", holder=someone, **more))
    code = platform.make_code(clock.at, mini, item=first, holder=district.holder)
    done(code)
    for _ in range(3):
        done(platform.redeem(clock.at, counter, code=code.number, scanned_at=clock.at))
    done(platform.redeem(clock.at, counter, code="0000"))
    entry = {"case": "B1", "item": first, "holder": district.holder}
    done(platform.apply(clock.at, counter, **entry))
    done(platform.approve(clock.at, counter, case="B1"))
    done(platform.issue(clock.at, counter, approver=counter.operator, **entry))
    licence = platform.held(district.holder, first).licence
    for op in ("SUSPEND", "ANNUL"):
        done(platform.end(clock.at, counter, licence=licence, case="B1", approver="", op=op))
    done(platform.get(clock.at, mini, op="FETCH", licence=licence))
    for genuine in (True, False):
        done(platform.verify(clock.at, counter, item=first, genuine=genuine))
    return said


def test_over_http_everything_is_answered_and_written_as_in_memory(district: District) -> None:
    assert live_a_day(district.remote, district) == live_a_day(district.twin, district)
    assert district.lines == district.twin_lines
    assert {line["op"] for line in district.lines} >= {"VERIFY", "SUSPEND", "REDEEM", "CASE_PARTY"}
    assert {line["code"] for line in district.lines} == {
        "0", "1401", "1403", "1404", "1409", "1410", "1422", "1423", "3021",
    }  # fmt: skip
    assert {line["ip"] for line in district.lines} == {HERE}


def test_a_status_of_http_tells_what_was_refused(district: District) -> None:
    target, body = "/v1/certificates/query", b'{"licence":"1.2.156.1"}'
    reply = district.post(target, body, district.signed(target, body))
    assert (reply.status, json.loads(reply.body)["code"]) == (404, "1404")


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("another body", lambda one: ("/v1/duties", b'{"matter":"M0102"}', one)),
        ("another path", lambda one: ("/v1/sessions", b'{"matter":"M0101"}', one)),
        ("another operator", lambda one: (*SAID, one | {"X-Operator": "na.li"})),
        ("another unit", lambda one: (*SAID, one | {"X-Unit": "110099002"})),
        ("another program", lambda one: (*SAID, one | {"X-App-Id": MINI})),
        ("a program nobody knows", lambda one: (*SAID, one | {"X-App-Id": "app-x"})),
        ("no base64", lambda one: (*SAID, one | {"X-Signature": "?"})),
        ("no signature", lambda one: (*SAID, {**one, "X-Signature": ""})),
        ("no headers", lambda _: (*SAID, {})),
    ],
)
def test_what_its_program_did_not_sign_is_not_let_in_and_leaves_no_line(
    district: District,
    why: str,
    change: Callable[[dict[str, str]], tuple[str, bytes, dict[str, str]]],
) -> None:
    target, body, headers = change(district.signed(*SAID))
    reply = district.post(target, body, headers)
    assert reply.status == 401, why
    assert "error" in json.loads(reply.body)
    assert district.lines == []


SAID = ("/v1/duties", b'{"matter":"M0101"}')


def test_a_request_is_let_in_once(district: District) -> None:
    headers = district.signed(*SAID)
    assert [district.post(*SAID, headers).status for _ in range(2)] == [200, 401]
    assert len(district.lines) == 1


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_request_of_another_time_is_not_let_in(district: District, minutes: int) -> None:
    time_ms = str((NOON + minutes * MINUTE_US) // 1000)
    assert district.post(*SAID, district.signed(*SAID, time_ms=time_ms)).status == 401


def test_the_oldest_nonce_is_forgotten_when_too_many_came() -> None:
    keys = Keys()
    gate = Gate({"one": keys.public("one")}, nonces_max=2)
    said = Said(
        program="one", operator="", unit="", time_ms=str(NOON // 1000), nonce="",
        signature=keys.sign("one", b"text", domain=DOMAIN),
    )  # fmt: skip
    for nonce in ("a", "b", "c", "a"):
        gate.check(replace(said, nonce=nonce), b"text", now=NOON)
    with pytest.raises(RefusedError, match="seen before"):
        gate.check(replace(said, nonce="c"), b"text", now=NOON)


@pytest.mark.parametrize(
    ("target", "body", "status"),
    [
        ("/v1/duties", b"{", 400),
        ("/v1/duties", b'{"matter":1}', 400),
        ("/v1/duties", b'{"matter":"M0101","more":1}', 400),
        ("/v1/duties", b'{"matter":"' + b"M" * 129 + b'"}', 400),
        ("/v1/cases/C1/close", b"{}", 404),
        ("/v1/nothing", b"{}", 404),
        ("/v1/seals/verify", b'{"item":"E0000","file":"","seal":""}', 404),
        ("/v1/seals/verify", b'{"item":"E0101","file":"?","seal":""}', 400),
    ],
)
def test_what_is_not_understood_is_refused_and_leaves_no_line(
    district: District, target: str, body: bytes, status: int
) -> None:
    assert district.post(target, body, district.signed(target, body)).status == status
    assert district.lines == []


def test_a_body_that_is_too_large_is_not_read(district: District) -> None:
    assert district.post("/v1/duties", b" " * (BODY_BYTES_MAX + 1), {}).status == 413


def test_a_remote_caller_hears_of_a_refusal_at_the_gate(district: District) -> None:
    with pytest.raises(RuntimeError, match="no such program"):
        district.remote.take(0, replace(district.counter, app="app-x"), matter="M0101")


def test_a_request_that_the_service_cannot_do_fails_loudly_and_the_next_is_answered(
    district: District, capsys: pytest.CaptureFixture[str]
) -> None:
    district.transactions.gone = True
    assert district.post(*SAID, district.signed(*SAID)).status == 500
    district.transactions.gone = False
    assert district.post(*SAID, district.signed(*SAID, nonce="n2")).status == 200
    said, ends = "", time.monotonic() + 10
    # The service prints it after it has answered.
    while "no database" not in said and time.monotonic() < ends:
        said += capsys.readouterr().err
        time.sleep(0.01)
    assert "no database" in said
    assert len(district.lines) == 1


class Office:
    """The desk by HTTP, its twin in memory, and their logs."""

    def __init__(self, district: District) -> None:
        self.lines: list[str] = []
        self.twin_lines: list[str] = []
        self.twin = Desk(district.town, lambda _, line: self.twin_lines.append(line))
        desk = Desk(district.town, lambda _, line: self.lines.append(line))
        self.officers = {
            one.user: replace(one, address=f"127.0.0.{20 + place}")
            for place, one in enumerate(desk.officers)
        }
        api = DeskApi(desk, clock=district.clock, gate=district.gate, officers=self.officers)
        self.services = (
            Service("127.0.0.1", 0, api.handle).start(),
            Service("127.0.0.1", 0, api.respond).start(),
        )  # fmt: skip
        base, responder = (f"http://127.0.0.1:{service.port}" for service in self.services)
        self.remote = RemoteDesk(
            desk, api, client=district.client, web=district.web, clock=district.clock,
            base=base, responder=responder,
        )  # fmt: skip


@pytest.fixture
def office(district: District) -> Iterator[Office]:
    made = Office(district)
    yield made
    for service in made.services:
        service.stop()


def test_the_desk_writes_over_http_what_it_writes_in_memory(
    district: District, office: Office
) -> None:
    one, other = list(office.officers.values())[:2]
    clerk = district.town.clerks[0]
    for desk in (office.remote, office.twin):
        district.clock.at = NOON
        number = desk.request(NOON, one, profile="clerk-sign", subject="CN=x,OU=y")
        desk.approve(NOON, other, request=number)
        issue = {"request": number, "profile": "clerk-sign", "subject": "CN=x,OU=y"}
        serial = desk.issue(NOON, one, approver=other.user, **issue)
        old = desk.renewed(clerk)
        desk.revoke(NOON, one, serial=old, reason=1)
        assert old in desk.revoked
        assert desk.serials[clerk.user] not in (old, serial)
        for asked, fails in ((old, False), (serial, False), (serial, True)):
            desk.answer(NOON, "127.0.0.7", serial=asked, fails=fails)
        desk.publish(NOON)
        desk.down("list", NOON + MINUTE_US)
        desk.publish(NOON)
        desk.sign_audit(NOON)
        desk.audit(NOON, "AUDIT_ROTATE")
    assert office.lines == office.twin_lines
    assert len(office.lines) == 11


def test_only_officers_work_at_the_desk(district: District, office: Office) -> None:
    clerk = replace(district.town.clerks[0], address=HERE)
    with pytest.raises(RuntimeError, match="403"):
        office.remote.request(NOON, clerk, profile="clerk-sign", subject="CN=x")
    assert office.lines == []
