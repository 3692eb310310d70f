"""Service: carries acts out on platform, desk and CA, and says what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

from district.calendar import DAY_US, MINUTE_US, SECOND_US
from district.certificates import acts
from district.certificates.desk import Desk
from district.certificates.offices import Offices
from district.certificates.platform import Platform
from district.certificates.records import Case, Certificate
from district.certificates.step_ca import StepTemplates
from district.certificates.store import MemoryStore, Store
from district.certificates.surface import Authority, Certification, ServerCa
from district.stream import Sink, Stream
from district.town import REGION, Town, citizen_number

__all__ = ["CA", "LINKS", "PLATFORM", "STEP", "Service"]

PLATFORM: Final = Stream(
    name="certificate-platform", form="mapping:certificate_platform", host="ecert-app",
    view="provider",
)  # fmt: skip
CA: Final = Stream(
    name="certificate-ca", form="mapping:certificate_ca", host="ca-desk", view="provider"
)  # fmt: skip
STEP: Final = Stream(name="step-ca", form="step_ca", host="step-ca", view="provider")
LINKS: Final = Stream(name="certificate-links", form="events", host="gateway-1", view="network")
LISTED: Final = 400
"""People on the lists that programs check; none of them lives here any more."""
OPEN_DAYS: Final = 25
"""A case opened longer ago is nobody's daily work any more."""

Then = Iterator[tuple[int, object]]


class Service:
    """Made anew for each run; its ports lead into memory until :meth:`live`."""

    def __init__(self, town: Town, offices: Offices, sink: Sink) -> None:
        self._offices, self._sink = offices, sink
        self._dice = town.chance("certificates", "service")
        self.memory = MemoryStore()
        """Where its state is while it lives in memory."""
        self.store: Store = self.memory
        listed = town.chance("certificates", "listed")
        self._listed = [citizen_number(listed) for _ in range(LISTED)]
        permitted = {(app, item.code, matter.code) for app, item, matter in offices.approved()}
        for unit in town.units:
            app = offices.counter_app[unit.code].app
            first = offices.matters_of(unit)
            permitted |= {(app, offices.left_over[unit.code].code, one.code) for one in first}
        desk = Desk(town, lambda at, line: sink.write(CA.name, at, line))
        self.officers = desk.officers
        self._permitted = permitted
        self.desk: Authority = desk
        self.platform: Certification = self.platform_on(self.memory)
        self.servers: ServerCa = StepTemplates(town, partial(sink.write, STEP.name))
        self._do: dict[type, Callable[[int, Any], Then]] = {
            acts.Login: self._login, acts.Take: self._take, acts.Get: self._get,
            acts.Visit: self._visit, acts.Close: self._close, acts.Party: self._party,
            acts.Join: self._join,
            acts.Collect: self._collect, acts.OldCase: self._old_case,
            acts.Pretext: self._pretext, acts.CheckList: self._check_list,
            acts.CodeUse: self._code_use, acts.Redeem: self._redeem,
            acts.ConsentUse: self._consent_use, acts.Entry: self._entry,
            acts.Apply: self._apply, acts.Agree: self._agree,
            acts.Simple: self._simple, acts.Annul: self._annul, acts.Replace: self._replace,
            acts.Lost: self._lost, acts.Verify: self._verify, acts.Desked: self._desked,
            acts.DeskApproval: self._desk_approval, acts.DeskIssue: self._desk_issue,
            acts.Revoke: self._revoke, acts.Outage: self._outage, acts.Resume: self._resume,
            acts.Handshake: self._handshake, acts.StepCa: self._step_ca, acts.Job: self._job,
        }  # fmt: skip

    def platform_on(self, store: Store) -> Platform:
        """The platform's rules over a store; it writes the platform's log."""
        return Platform(
            store,
            partial(self._sink.write, PLATFORM.name),
            permitted=self._permitted,
            items={item.code: item for item in self._offices.items},
            region=REGION,
            revoked=lambda serial: serial in self.desk.revoked,
        )

    def live(
        self, *, store: Store, platform: Certification, desk: Authority, servers: ServerCa
    ) -> None:
        """From now on what is done is done there. ``store`` is what the town knows of people and
        cases without asking, and where somebody reaches past the platform."""
        self.store, self.platform, self.desk, self.servers = store, platform, desk, servers

    def perform(self, at: int, act: object) -> list[tuple[int, object]]:
        """Do it; what follows, and when."""
        return list(self._do[type(act)](at, act))

    def _login(self, at: int, act: acts.Login) -> Then:
        serial = act.serial or self.desk.serials[act.via.operator]
        self.platform.login(at, act.via, serial=serial)
        return iter(())

    def _take(self, at: int, act: acts.Take) -> Then:
        self.platform.take(at, act.via, matter=act.matter)
        return iter(())

    def _get(self, at: int, act: acts.Get) -> Then:
        self.platform.get(
            at, act.via, op=act.op, item=act.item, holder=act.holder, licence=act.licence,
            matter=act.matter, case=act.case, consent=act.consent, original=act.original,
        )  # fmt: skip
        return iter(())

    def _visit(self, at: int, act: acts.Visit) -> Then:
        case = self.platform.open_case(at, act.via, matter=act.matter, applicant=act.holder).number
        get = acts.Get(via=act.via, op="FETCH", holder=act.holder, matter=act.matter, case=case)
        for place, item in enumerate(act.items, 1):
            yield at + place * 45 * SECOND_US, replace(get, item=item)
        if act.download:
            copy = replace(get, op="DOWNLOAD", item=act.download, original=act.original)
            yield at + 4 * MINUTE_US, copy
        if act.party:
            yield at + 20 * SECOND_US, acts.Party(via=act.via, case=case, party=act.party)
            yield at + 5 * MINUTE_US, replace(get, holder=act.party, item=act.items[0])
        if act.close_after_us:
            ends = at + act.close_after_us
            yield ends, acts.Close(via=act.via, case=case)
            if act.again_after_us:
                yield ends + act.again_after_us, replace(get, item=act.items[0])

    def _close(self, at: int, act: acts.Close) -> Then:
        self.platform.close_case(at, act.via, case=act.case)
        return iter(())

    def _party(self, at: int, act: acts.Party) -> Then:
        self.platform.add_party(at, act.via, case=act.case, party=act.party)
        return iter(())

    def _join(self, at: int, act: acts.Join) -> Then:
        case = self._open_case(at, act.via.operator)
        if case:
            self.platform.add_party(at, act.via, case=case.no, party=act.party)
            yield (
                at + MINUTE_US,
                acts.Get(via=act.via, op="FETCH", item=act.item, holder=act.party,
                         matter=case.matter, case=case.no),
            )  # fmt: skip

    def _collect(self, at: int, act: acts.Collect) -> Then:
        case = self._open_case(at, act.via.operator, act.place)
        if case:
            kinds = next(one for one in self._offices.matters if one.code == case.matter).items
            self.platform.get(
                at, act.via, op=act.op, item=act.item or kinds[act.place % 2].code,
                holder=act.stranger or case.parties[0], matter=act.matter or case.matter,
                case=case.no, original=act.original,
            )  # fmt: skip
        return iter(())

    def _open_case(self, at: int, operator: str, place: int = 0) -> Case | None:
        """A case the clerk may still work on: opened lately, not closed for more than days."""
        found = [
            case
            for case in self.store.cases_of(operator)
            if at - OPEN_DAYS * DAY_US < case.opened_at < at
            and (not case.closed_at or at - case.closed_at < 5 * DAY_US)
        ]
        return found[-1 - place % len(found)] if found else None

    def _old_case(self, at: int, act: acts.OldCase) -> Then:
        found = [
            case
            for case in self.store.cases_of(act.via.operator)
            if case.closed_at and act.at_least_us <= at - case.closed_at <= act.at_most_us
        ]
        if found:
            case = found[-1]
            kinds = next(one for one in self._offices.matters if one.code == case.matter).items
            self.platform.get(
                at, act.via, op="FETCH", item=kinds[0].code, holder=case.parties[0],
                matter=case.matter, case=case.no,
            )  # fmt: skip
        return iter(())

    def _pretext(self, at: int, act: acts.Pretext) -> Then:
        visit = acts.Visit(
            via=act.via, matter=act.matter, holder=act.victim, items=(act.item,),
            close_after_us=10 * MINUTE_US,
        )  # fmt: skip
        return self._visit(at, visit)

    def _check_list(self, at: int, act: acts.CheckList) -> Then:
        """Missing codes stand among the others, one of them last."""
        dice = self._dice
        misses = {act.count - 1, *dice.sample(range(act.count - 1), max(0, act.missing - 1))}
        for place in range(act.count):
            item = dice.choice(self._offices.items).code
            if place in misses and act.missing:
                licence = f"1.2.156.3005.2.{item}.{REGION}{dice.randrange(10**8):08d}"
                if self.store.certificate(licence):
                    continue
            else:
                licence = self.platform.held(dice.choice(self._listed), item).licence
            get = acts.Get(via=act.via, op="QUERY", licence=licence)
            yield at + place * act.pace_us, get

    def _code_use(self, at: int, act: acts.CodeUse) -> Then:
        code = self.platform.make_code(at, act.via, item=act.item, holder=act.holder).number
        for one in act.shown:
            scanned_at = at + one.scanned_after_us if one.scanned_after_us else 0
            yield (
                at + one.after_us,
                acts.Redeem(via=one.via, code=code, scanned_at=scanned_at),
            )

    def _redeem(self, at: int, act: acts.Redeem) -> Then:
        self.platform.redeem(at, act.via, code=act.code, scanned_at=act.scanned_at)
        return iter(())

    def _consent_use(self, at: int, act: acts.ConsentUse) -> Then:
        consent = self.platform.consent(at, act.via, holder=act.holder, app=act.user.app).number
        for after, holder, item in act.gets:
            get = acts.Get(
                via=act.user, op="FETCH", item=item, holder=holder, matter=act.matter,
                consent=consent,
            )  # fmt: skip
            yield at + after, get

    def _entry(self, at: int, act: acts.Entry) -> Then:
        for place, holder in enumerate(act.holders):
            case = f"B{at // SECOND_US}{place:03d}"
            begin = at + place * act.pace_us
            if act.approver:
                yield begin, acts.Apply(via=act.via, case=case, item=act.item, holder=holder)
                yield begin + 4 * SECOND_US, acts.Agree(via=act.approver, case=case)
            simple = acts.Simple(
                via=act.via, op=act.op, holder=holder, item=act.item, case=case,
                approver=act.approver.operator if act.approver else "",
            )  # fmt: skip
            yield begin + 8 * SECOND_US, simple

    def _apply(self, at: int, act: acts.Apply) -> Then:
        self.platform.apply(at, act.via, case=act.case, item=act.item, holder=act.holder)
        return iter(())

    def _agree(self, at: int, act: acts.Agree) -> Then:
        self.platform.approve(at, act.via, case=act.case)
        return iter(())

    def _simple(self, at: int, act: acts.Simple) -> Then:
        if act.op == "ISSUE":
            self.platform.issue(
                at, act.via, case=act.case, item=act.item, holder=act.holder, approver=act.approver
            )
        else:
            licence = self.platform.held(act.holder, act.item).licence
            self.platform.end(
                at, act.via, licence=licence, case=act.case, approver=act.approver, op=act.op
            )
        return iter(())

    def _annul(self, at: int, act: acts.Annul) -> Then:
        held = self.platform.held(act.holder, act.item)
        case = f"B{at // SECOND_US}Z"
        self.platform.approve(at, act.approver, case=case)
        yield (
            at + SECOND_US,
            acts.Simple(
                via=act.via, op="ANNUL", holder=act.holder, item=act.item, case=case,
                approver=act.approver.operator,
            ),
        )  # fmt: skip
        for after, via, op in act.asked:
            yield at + after, acts.Get(via=via, op=op, licence=held.licence)

    def _replace(self, at: int, act: acts.Replace) -> Then:
        look = acts.Get(via=act.via, op="DOWNLOAD", item=act.item, holder=act.holder)
        case = f"B{at // SECOND_US}Y"
        change = acts.Simple(
            via=act.clerk, op="ISSUE" if act.anew else "SUSPEND", holder=act.holder,
            item=act.item, case=case, approver=act.approver.operator,
        )  # fmt: skip
        yield at, look
        if act.anew:
            yield at + 30 * MINUTE_US, change
        else:
            yield at + 30 * MINUTE_US, acts.Lost(holder=act.holder, item=act.item)
        for place in range(act.times):
            yield at + (60 + 20 * place) * MINUTE_US, look
        if not act.anew:
            yield at + (60 + 20 * act.times) * MINUTE_US, change

    def _lost(self, at: int, act: acts.Lost) -> Then:
        del at
        held: Certificate = self.platform.held(act.holder, act.item)
        altered = f"{self._dice.getrandbits(256):064x}"
        self.store.save(replace(held, file_sm3=altered))
        return iter(())

    def _verify(self, at: int, act: acts.Verify) -> Then:
        self.platform.verify(at, act.via, item=act.item, genuine=act.genuine)
        return iter(())

    def _desked(self, at: int, act: acts.Desked) -> Then:
        request = self.desk.request(at, act.officer, profile=act.profile, subject=act.subject)
        if act.approver:
            yield at + act.wait_us, acts.DeskApproval(approver=act.approver, request=request)
        yield at + 2 * act.wait_us, acts.DeskIssue(asked=act, request=request)

    def _desk_approval(self, at: int, act: acts.DeskApproval) -> Then:
        self.desk.approve(at, act.approver, request=act.request)
        return iter(())

    def _desk_issue(self, at: int, act: acts.DeskIssue) -> Then:
        asked = act.asked
        self.desk.issue(
            at, asked.officer, request=act.request, profile=asked.profile, subject=asked.subject,
            approver=asked.approver.user if asked.approver else "", alg=asked.alg,
        )  # fmt: skip
        return iter(())

    def _revoke(self, at: int, act: acts.Revoke) -> Then:
        old = self.desk.renewed(act.clerk)
        self.desk.revoke(at, act.officer, serial=old, reason=act.reason)
        for after, via in act.tried:
            yield at + after, acts.Login(via=via, serial=old)

    def _outage(self, at: int, act: acts.Outage) -> Then:
        if act.job == "list":
            self.desk.publish(at)
        else:
            self.desk.sign_audit(at)
        self.desk.down(act.job, at + act.gap_us)
        yield at + act.gap_us, acts.Resume(job=act.job)

    def _resume(self, at: int, act: acts.Resume) -> Then:
        if act.job == "list":
            self.desk.publish(at)
        else:
            self.desk.sign_audit(at)
        return iter(())

    def _handshake(self, at: int, act: acts.Handshake) -> Then:
        self._sink.event(
            LINKS.name,
            at,
            {
                "event.dataset": "packet.tls", "event.action": "tls_handshake",
                "event.outcome": "success", "service.name": act.service,
                "source.ip": act.address, "destination.ip": act.server, "destination.port": 443,
                "tls.version": act.version, "tls.cipher": act.cipher, "host.name": LINKS.host,
            },
        )  # fmt: skip
        return iter(())

    def _step_ca(self, at: int, act: acts.StepCa) -> Then:
        self.servers.ask(at, act.app, act.what)
        return iter(())

    def _job(self, at: int, act: acts.Job) -> Then:
        if act.what == "publish":
            self.desk.publish(at)
        elif act.what == "sign_audit":
            self.desk.sign_audit(at)
        elif act.what == "ocsp":
            serial = act.serial or self._dice.choice(list(self.desk.serials.values()))
            self.desk.answer(at, act.address, serial=serial, fails=act.fails)
        else:
            self.desk.audit(at, act.what, act.officer or "system")
        return iter(())
