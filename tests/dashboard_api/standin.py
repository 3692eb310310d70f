"""A small site in memory behind the real API: its desks keep what tests put into them.

Users, sessions and audit are the real ones on a real SQLite file; proofs are over really sealed
batches. Two sensors of two units: ``gate`` of ``tax`` and ``pay`` of ``social``.
"""

import asyncio
import dataclasses
import hashlib
from collections import Counter
from functools import cache

import httpx

from collector.assets.dismissals import Dismissals
from collector.assets.sightings import Sightings
from collector.proof import prove
from collector.registers import description
from collector.registers.store import RegisterStore
from collector.state.database import Database
from collector.state.exceptions import Exceptions
from crypto import sm2
from crypto.keystore.source import MasterReference
from dashboard_api import views
from dashboard_api.access import users
from dashboard_api.access.access import Access
from dashboard_api.access.accounts import Accounts
from dashboard_api.access.roles import Role
from dashboard_api.access.users import NewUser
from dashboard_api.app import create_app
from dashboard_api.applications.approvals import Approvals
from dashboard_api.applications.registry import Registry
from dashboard_api.audit import AuditChain
from dashboard_api.custody.authority import SiteAuthority
from dashboard_api.custody.certificate_desk import CertificateDesk
from dashboard_api.custody.device import SiteDevice
from dashboard_api.custody.device_desk import DeviceDesk
from dashboard_api.custody.key_desk import KeyDesk
from dashboard_api.custody.ownership import Ownership
from dashboard_api.custody.room import KeyRoom
from dashboard_api.custody.status import StatusDesk
from dashboard_api.grants.check import GrantCheck
from dashboard_api.grants.desk import GrantDesk
from dashboard_api.grants.gateways import Gateways
from dashboard_api.grants.quota import QuotaBook
from dashboard_api.idempotency import Idempotency
from dashboard_api.live import LiveStream
from dashboard_api.registers.assets import AssetDesk
from dashboard_api.registers.desk import RegisterDesk
from dashboard_api.retention import nothing
from dashboard_api.services import Changes, Enrolled, PushAnswer, Services
from schema import batch as batches
from schema import ids
from schema.errors import FengsuiError
from schema.event import GENERATION, OFFSET, SOURCE, encode
from schema.ids import uuid7
from schema.ports import Bucketed, EventHit, EventPage
from schema.receipt import Head, sign_receipt
from schema.times import DAY, SECOND, from_text, to_text
from sensors.mask import Masker

START = from_text("2026-11-20T08:00:00.000000Z")
BASE = "http://127.0.0.1:8750"
PASSWORD = "correct horse battery"
UNITS = {"gate": "tax", "pay": "social"}
PUSH_TOKEN = "push-token"


@cache
def key(name):
    _ = name
    return sm2.PrivateKey.generate()


class FakeClock:
    def __init__(self):
        self.time = START

    def now(self):
        return self.time

    def forward(self, seconds):
        self.time += round(seconds * SECOND)


class FakeEntropy:
    """Different each time, the same in each run."""

    def __init__(self):
        self._taken = 0

    def take(self, size):
        self._taken += 1
        return hashlib.shake_128(self._taken.to_bytes(8, "big")).digest(size)


def event_id(sensor, index):
    return ids.event_id(sensor, 1, "access", "a", index).hex()


def fields(sensor, index):
    return {
        "@timestamp": to_text(START + index * SECOND),
        "event.dataset": "nginx.access",
        "source.ip": f"203.0.113.{index}",
        "host.name": sensor,
        SOURCE: "access",
        GENERATION: "a",
        OFFSET: index,
    }


class FakeEvents:
    def __init__(self):
        self.hits = [
            EventHit(
                id=event_id(sensor, index),
                sensor=sensor,
                number=1,
                index=index,
                fields=fields(sensor, index),
            )
            for index in (2, 1, 0)
            for sensor in UNITS
        ]

    def _matching(self, terms, start, end, sensors):
        return [
            hit
            for hit in self.hits
            if (sensors is None or hit.sensor in sensors)
            and start <= from_text(hit.fields["@timestamp"]) < end
            and all(hit.fields.get(term.field) == term.value for term in terms)
        ]

    def search(self, terms, *, start, end, limit, after="", sensors=None):
        hits = self._matching(terms, start, end, sensors)
        at = int(after or 0)
        more = at + limit < len(hits)
        return EventPage(hits=hits[at : at + limit], next_cursor=str(at + limit) if more else "")

    def count_by(self, terms, field, *, start, end, limit, sensors=None):
        counts = Counter(hit.fields[field] for hit in self._matching(terms, start, end, sensors))
        return [Bucketed(key=key, count=count) for key, count in counts.most_common(limit)]

    def get(self, wanted):
        return next((hit for hit in self.hits if hit.id == wanted), None)


class FakeProofs:
    """Seals one batch for each sensor and proves its events."""

    def prove(self, wanted):
        for sensor in UNITS:
            for index in range(3):
                if event_id(sensor, index) == wanted:
                    return self._prove(wanted, sensor, index)
        return None

    def _prove(self, wanted, sensor, index):
        batch = sealed(sensor)
        return prove(
            wanted,
            batch,
            segment_name=f"{sensor}/000000000001.seg",
            index=index,
            key=key("sensor").public,
            receipt=receipt(sensor),
            receipt_key=key("receipt").public,
        )


@cache
def sealed(sensor):
    return batches.seal(
        batches.Chain(realm="duty", sensor=sensor, enrolment=1),
        batches.Contents(
            payloads=[encode(fields(sensor, index)) for index in range(3)],
            min_time=START,
            max_time=START + 2 * SECOND,
            low_watermark=START + 2 * SECOND,
            positions={"access": batches.Position("a", 900)},
        ),
        key=key("sensor"),
        boot_id="boot",
        salts=bytes(48),
    )


@cache
def receipt(sensor):
    head = Head(sensor=sensor, enrolment=1, number=1, events=3, hash=sealed(sensor).hash)
    return sign_receipt(head, START, key("receipt"))


def alert_row(name, *, seq, sensors=("gate",), severity=3, entity_field="source.ip"):
    return views.AlertRow(
        id=hashlib.md5(name.encode()).hexdigest(),
        seq=seq,
        rule=views.RuleBrief(
            id="gateway-path-probing",
            version="1.0.0",
            kind="threshold",
            system="gateway",
            title_zh="路径探测",
            title_en="Path probing",
        ),
        entity_field=entity_field,
        entity=name,
        severity=severity,
        score=60,
        state="final",
        decided_at=START,
        last_at=START,
        count=30,
        acknowledged=None,
        sensors=frozenset(sensors),
    )


class FakeAlerts:
    def __init__(self, exceptions=None):
        self.rows = {}
        self.broken = False
        self.exceptions = exceptions

    def put(self, name, *, sensors=("gate",), exception="", entity_field="source.ip"):
        row = alert_row(name, seq=self.newest + 1, sensors=sensors, entity_field=entity_field)
        if exception:
            mark = views.ExceptionMark(
                id=exception, reason="压测", owner="张三", expires_at=START + 30 * DAY
            )
            row = dataclasses.replace(row, exception=mark)
        self.rows[row.id] = row
        return row

    @property
    def newest(self):
        return max((row.seq for row in self.rows.values()), default=0)

    def _seen(self, visible):
        return [
            row
            for row in sorted(self.rows.values(), key=lambda row: -row.seq)
            if visible is None or (row.sensors and row.sensors <= visible)
        ]

    def page(self, query, visible):
        rows = [
            row
            for row in self._seen(visible)
            if all(term.value == row.entity for term in query.terms)
            and (query.state is None or row.state == query.state)
            and (query.verdict == "all" or (query.verdict == "done") == bool(row.acknowledged))
            and (query.hidden or row.exception is None)
        ]
        at = int(query.cursor or 0)
        more = at + query.limit < len(rows)
        return views.AlertPage(
            items=rows[at : at + query.limit],
            next_cursor=str(at + query.limit) if more else None,
            total=len(rows),
        )

    def summary(self, visible):
        everyone = [row for row in self._seen(visible) if row.acknowledged is None]
        rows = [row for row in everyone if row.exception is None]
        severities = Counter(row.severity for row in rows)
        return views.AlertSummary(
            open=len(rows),
            by_severity=[severities[one] for one in range(5)],
            by_rule=[
                views.RuleOpen(
                    rule="gateway-path-probing", title_zh="路径探测", title_en="", open=len(rows)
                )
            ],
            hidden=len(everyone) - len(rows),
        )

    def would_hide(self, draft, now, visible):
        rows = [row for row in self._seen(visible) if row.entity == draft.entity]
        return views.ExceptionPreview(
            since=now - 30 * DAY,
            count=len(rows),
            judged_true=sum(
                row.acknowledged is not None and row.acknowledged.verdict == "true_positive"
                for row in rows
            ),
            by_rule=[
                views.RuleHidden(
                    rule="gateway-path-probing", title_zh="路径探测", title_en="", count=len(rows)
                )
            ],
            items=rows,
        )

    def get(self, alert_id):
        row = self.rows.get(alert_id)
        reasons = views.AlertReasons(
            reason_zh="来源 203.0.113.1 在 5 分钟内失败 30 次",
            reason_en="203.0.113.1 failed 30 times in 5 minutes",
            conditions=(
                views.ConditionView(name="count", value=30, threshold=30, comparison="gte"),
            ),
            counterfactual_zh=("若少于 30 次则不触发",),
            counterfactual_en=("with fewer than 30 it would not fire",),
            triage_zh="研判",
            triage_en="triage",
            techniques=("T1595.003",),
            false_positives=(views.TextPair(zh="扫描器", en="scanner"),),
            events=(event_id("gate", 0), event_id("gone", 0)),
            history=(views.HistoryItem(at=START, state="final", count=30),),
        )
        return (row, reasons) if row else None

    def since(self, seq, limit):
        if self.broken:
            raise FengsuiError("collector.state.closed", "the state file is closed")
        rows = sorted(self.rows.values(), key=lambda row: row.seq)
        found = [row for row in rows if row.seq > seq][:limit]
        changed_at = self.exceptions.changed_at() if self.exceptions else 0
        return Changes(rows=found, newest=self.newest, exceptions_changed_at=changed_at)

    def acknowledge(self, alert_id, decision):
        verdict = views.Acknowledgement(
            by=decision.by, at=decision.at, verdict=decision.verdict, note=decision.note
        )
        row = dataclasses.replace(self.rows[alert_id], acknowledged=verdict, seq=self.newest + 1)
        self.rows[alert_id] = row
        return row


class FakeSensors:
    def __init__(self):
        self.units = dict(UNITS)
        self.events = dict.fromkeys(UNITS, 3)
        self.revoked = set()

    def rows(self):
        return [
            views.SensorRow(
                name=name,
                unit=unit,
                realm="duty",
                status="revoked" if name in self.revoked else "active",
                enrolment=1,
                key_id="ab" * 16,
                last_batch=1,
                last_event_at=START,
                last_seen_at=None,
                lag_seconds=4,
                events=self.events[name],
                quarantined=1,
                gaps=(views.GapView(from_=START, to=START + SECOND, reason="silent"),),
            )
            for name, unit in self.units.items()
        ]

    def watermark(self):
        return START

    def coverage(self, query, visible):
        self.asked = (query, visible)
        return views.CoverageView(start=START, items=[], next_cursor=None, totals=[])

    def revoke(self, name):
        if name not in self.units:
            raise FengsuiError("collector.enrolment.unknown", f"there is no sensor {name}")
        self.revoked.add(name)


class FakeRules:
    def rows(self):
        return [
            views.RuleRow(
                id="gateway-path-probing",
                version="1.0.0",
                severity=3,
                system="gateway",
                kind="threshold",
                techniques=("T1595.003",),
                false_positives=(views.TextPair(zh="扫描器", en="scanner"),),
                text=views.RuleTexts(title_zh="路径探测", title_en="", triage_zh="", triage_en=""),
                use_case=views.RuleUseCase(
                    id="DX11", seen_in=("gateway",), owasp=("API8",), limits=None
                ),
                hindrances=(views.RuleHindrance(code="no_geo", names=(), until=None),),
            )
        ]


class FakeDoor:
    """Refuses the word ``forked``; gives a receipt for anything else."""

    def __init__(self):
        self.bodies = []
        self.beats = []

    def accept(self, raw):
        if raw == b"forked":
            raise FengsuiError("schema.batch.forked", "two batches claim number 4", expected=5)
        self.bodies.append(raw)
        return [receipt("gate")]

    def heartbeat(self, signed):
        self.beats.append(signed)


class FakePush:
    def __init__(self):
        self.pushed = []

    def client(self, token):
        if token != PUSH_TOKEN:
            raise FengsuiError("collector.client.unknown", "no client has this token")
        return "portal"

    def push(self, client, batch_id, events):
        self.pushed.append((client, batch_id, events))
        return PushAnswer(accepted=len(events), refused=())


class FakeEnrolment:
    def issue_token(self, name, unit):
        return f"token-{name}-{unit}"

    def enrol(self, token, name, *, unit, public_key, proof):
        if token != "good":
            raise FengsuiError("collector.enrolment.token_invalid", "the token is used")
        return Enrolled(
            sensor=name, enrolment=1, realm="duty", receipt_public_key="04", last_batch=0
        )


class FakeKeyDesk:
    """Carries out what was approved: notes it, and gives an exported key for an export."""

    def __init__(self):
        self.carried = []
        self.refusal = None

    def carry_out(self, approval):
        self.carried.append((approval.kind, approval.key))
        if self.refusal is not None:
            raise self.refusal
        return b"wrapped " + approval.key.encode() if approval.kind == "export" else None


class FakeProcesses:
    """Signing processes as their counts tell of them."""

    restarts = 1
    waiting = 3

    def failures(self):
        return ["dashboard_api.signing.restarted"]


class StandIn:
    """One site: its services, its app, and signed-in browsers."""

    def __init__(self, folder, *, root_path="/", webui=None, retention=nothing, device=None):
        self.clock, self.entropy = FakeClock(), FakeEntropy()
        self.database = Database(folder / "state.db")
        self.audit = AuditChain(self.database, key("audit"), self.clock)
        parts = {"clock": self.clock, "entropy": self.entropy}
        self.access = Access(self.database, self.audit, **parts)
        self.accounts = Accounts(self.database, self.audit, **parts)
        self.exceptions = Exceptions(self.database, self.clock)
        self.alerts = FakeAlerts(self.exceptions)
        self.sensors, self.events = FakeSensors(), FakeEvents()
        self.door, self.push = FakeDoor(), FakePush()
        self.stream = LiveStream(self.alerts, self.sensors)
        self.failures = []
        self.keydesk = FakeKeyDesk()
        self.applications = Registry(self.database, self.audit, **parts)
        self.approvals = Approvals(self.database, self.audit, desk=self.keydesk, **parts)
        self.room = KeyRoom(folder / "keys", MasterReference(), environment={}, **parts)
        self.device = device or SiteDevice("", "", monotonic=self.clock.now)
        devices = DeviceDesk(self.database, self.device, clock=self.clock, master=2)
        self.keys = KeyDesk(
            self.room,
            self.audit,
            unit_of=lambda application: self.applications.get(application).unit,
            clock=self.clock,
            devices=devices,
        )
        self.authority = SiteAuthority(
            self.database, self.room, self.audit, site="区政务服务中心", **parts
        )
        self.certificates = CertificateDesk(
            self.database,
            self.room,
            self.audit,
            authority=self.authority,
            ownership=Ownership(lambda application: self.applications.get(application).unit),
            clock=self.clock,
            devices=devices,
        )
        self.noted = 0
        self.registers = RegisterDesk(
            store=RegisterStore(self.database, description.load(), clock=self.clock),
            mask=Masker(bytes(32)).mask,
            clock=self.clock,
            noted=self._note,
        )
        self.assets = AssetDesk(
            sightings=Sightings(self.database),
            dismissals=Dismissals(self.database),
            events=self.events,
            store=self.registers.store,
            mask=self.registers.mask,
            clock=self.clock,
        )
        self.grants = GrantDesk(
            database=self.database, registers=self.registers.store, noted=self._note, **parts
        )
        self.quota = QuotaBook(self.database, self.clock, keep_seconds=0.01)
        self.grant_check = GrantCheck(
            self.registers.store.view, self.quota, self.clock, mode="closed"
        )
        self.gateways = Gateways(self.database, **parts)
        self.processes = FakeProcesses()
        self.signing_status = StatusDesk(
            self.processes,
            self.database,
            workers=2,
            device="",
            ownership=Ownership(lambda application: self.applications.get(application).unit),
            clock=self.clock,
        )
        self.services = Services(
            site=views.SiteInfo(
                name="区政务服务中心",
                realm="duty",
                version="0.1.0",
                sibling=None,
                sources=(),
                cipher=views.CipherInfo(backend="native", module="software"),
                rules=views.RuleCount(count=1, digest="00"),
            ),
            alerts=self.alerts,
            events=self.events,
            proofs=FakeProofs(),
            sensors=self.sensors,
            rules=FakeRules(),
            exceptions=self.exceptions,
            door=self.door,
            push=self.push,
            enrolment=FakeEnrolment(),
            access=self.access,
            accounts=self.accounts,
            audit=self.audit,
            stream=self.stream,
            failures=lambda: self.failures,
            retention=retention,
            applications=self.applications,
            approvals=self.approvals,
            idempotency=Idempotency(self.database, self.clock),
            keys=self.keys,
            certificates=self.certificates,
            signing_status=self.signing_status,
            registers=self.registers,
            assets=self.assets,
            grants=self.grants,
            grant_check=self.grant_check,
            gateways=self.gateways,
            **parts,
        )
        self.app = create_app(self.services, root_path=root_path, webui=webui or folder / "webui")

    def _note(self):
        self.noted += 1

    def user(self, name, *roles, units=("*",)):
        """A user with these roles, without a password."""
        new = NewUser(
            id=uuid7(self.clock.now(), self.entropy.take(10)),
            name=name,
            display_name=name,
            roles=frozenset(roles),
            units=units,
        )
        self.database.write(lambda state: users.add(state, new, self.clock.now()))
        return new

    def browser(self, *roles, units=("*",), app=None):
        """A browser signed in by a link as a new user with these roles."""
        browser = Browser(app or self.app)
        if roles:
            name = f"u{len(self.accounts.everyone())}"
            self.user(name, *roles, units=units)
            token = self.access.issue_link(name, actor="test")
            assert browser.post("/v1/login/link", json={"token": token}).status_code == 200
        return browser

    def officer(self, **more):
        return self.browser(Role.OFFICER, **more)

    def acts(self):
        """The audit chain, oldest first, as (actor, action, object, result)."""
        return [
            (entry.actor, entry.action, entry.object, entry.result)
            for entry, _ in reversed(self.audit.page(0, 10_000))
        ]

    def close(self):
        self.quota.close()
        self.room.close()
        self.stream.close()
        self.database.close()


class Browser:
    """Speaks to an app as a browser does: with its cookies and its own origin."""

    def __init__(self, app, base=BASE):
        self._app = app
        self._base = base
        self.cookies = httpx.Cookies()

    def request(self, method, path, **more):
        return asyncio.run(self._request(method, path, **more))

    async def _request(self, method, path, *, headers=None, **more):
        sent = {"Origin": self._base, **(headers or {})}
        sent = {name: value for name, value in sent.items() if value is not None}
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url=self._base, cookies=self.cookies
        ) as client:
            response = await client.request(method, path, headers=sent, **more)
            self.cookies = client.cookies
        return response

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, **more):
        return self.request("POST", path, **more)

    def put(self, path, **more):
        return self.request("PUT", path, **more)

    def delete(self, path, **more):
        return self.request("DELETE", path, **more)


def problem(response):
    """(status, code) of a response that must be problem+json."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    body = response.json()
    assert set(body) == {"type", "title", "status", "code", "detail", "params"}
    assert body["status"] == response.status_code
    return response.status_code, body["code"]
