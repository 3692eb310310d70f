"""Platform: the district's e-certificate service, its rules, and the business log it writes.

A clerk opens a case and fetches what its matter needs; a citizen looks at own certificates, shows
one by a use code, or lets an application use them. Departments' own programs are trusted to ask for
cases that exist and by consents of the right holder; what a program may ask for is listed. The
service has the weak places that such services have: two nodes learn of a used code a second late,
a node's cache outlives an annulment, the old interface hands out originals, and whoever holds the
right of direct entry issues without approval. Requests and their times are passed in; what the
platform keeps stands behind :class:`~district.certificates.store.Store`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from crypto import sm3
from district.calendar import MINUTE_US, SECOND_US, ZONE
from district.certificates.offices import Item
from district.certificates.records import Answer, Case, Certificate, Consent, UseCode, Via
from district.certificates.store import Store

__all__ = ["CODE_LIFE_US", "HTTP_STATUS", "RACE_US", "SAID", "STALE", "Platform"]

CODE_LIFE_US: Final = 10 * MINUTE_US
RACE_US: Final = 1_500_000
"""So long one node does not know that the other one redeemed a code."""
STALE: Final = "ecert-3"
"""A node that answers from its cache and looks at no revocation list."""
HTTP_STATUS: Final = {"0": 200, "1404": 404, "1401": 401, "1403": 403, "1410": 410}
"""Of refusals that the interface answers with a status of their own; all others with 200."""
SAID: Final = {
    "1401": "login refused",
    "1403": "not permitted",
    "1404": "no such certificate",
    "1410": "certificate not valid",
    "1409": "consent does not match the holder",
    "1421": "use code expired",
    "1422": "use code used already",
    "1423": "no such use code",
    "3021": "seal not valid",
}


class Platform:
    """The service. Its methods raise LookupError for a case, certificate or kind that there is not
    where the business log has no line for that: a caller's mistake, not a deed."""

    def __init__(
        self,
        store: Store,
        write: Callable[[int, str], None],
        *,
        permitted: set[tuple[str, str, str]],
        items: dict[str, Item],
        region: str,
        revoked: Callable[[str], bool],
    ) -> None:
        """``permitted`` are triples of application, item and matter; ``revoked`` tells of a
        log-in certificate's serial whether the CA took it back."""
        self._store, self._write, self._permitted = store, write, permitted
        self._items, self._region = items, region
        self._programs = frozenset(app for app, _, _ in permitted)
        """Departments' programs; all others are citizens' front ends."""
        self._revoked = revoked

    def login(self, now: int, via: Via, *, serial: str) -> Answer:
        """A clerk's certificate opens the door, unless it was revoked and the node looks."""
        refused = via.node != STALE and self._revoked(serial)
        code = "1401" if refused else "0"
        return self._log(now, "LOGIN", code, via, loginCert=serial.upper())

    def take(self, now: int, via: Via, *, matter: str) -> Answer:
        """A clerk is on duty for a matter."""
        return self._log(now, "COUNTER_ON", "0", via, matter=matter)

    def open_case(self, now: int, via: Via, *, matter: str, applicant: str) -> Answer:
        """A case begins."""
        no = f"C{_clock(now):%Y%m%d}{self._store.next_number():06d}"
        self._store.save(
            Case(
                no=no, matter=matter, unit=via.unit, operator=via.operator, parties=(applicant,),
                opened_at=now,
            )
        )  # fmt: skip
        return self._log(now, "CASE_OPEN", "0", via, no, matter=matter, caseNo=no, idNo=applicant)

    def add_party(self, now: int, via: Via, *, case: str, party: str) -> Answer:
        """Somebody joins a case."""
        found = self._case(case)
        self._store.save(replace(found, parties=(*found.parties, party)))
        return self._log(
            now, "CASE_PARTY", "0", via, matter=found.matter, caseNo=case, idNo=party
        )  # fmt: skip

    def close_case(self, now: int, via: Via, *, case: str) -> Answer:
        """A case is decided."""
        found = self._case(case)
        self._store.save(replace(found, closed_at=now))
        return self._log(now, "CASE_CLOSE", "0", via, matter=found.matter, caseNo=case)

    def get(
        self,
        now: int,
        via: Via,
        *,
        op: str,
        item: str = "",
        holder: str = "",
        licence: str = "",
        matter: str = "",
        case: str = "",
        consent: str = "",
        original: bool = False,
    ) -> Answer:
        """Look up (QUERY, STATUS), fetch or download a certificate by its code or its holder."""
        asked = {
            "item": item, "licence": licence, "idNo": holder, "matter": matter, "caseNo": case,
            "consent": consent,
        }  # fmt: skip
        found = self._find(item, holder, licence)
        if found is None:
            return self._log(now, op, "1404", via, **asked)
        told: dict[str, str | bool | int] = {
            **asked, "item": found.item, "licence": found.licence, "ver": str(found.version),
            "state": found.state, "idNo": found.holder,
        }  # fmt: skip
        if via.app in self._programs:
            if matter and (via.app, found.item, matter) not in self._permitted:
                return self._log(now, op, "1403", via, **told)
        elif consent and not self._consents(consent, found.holder):
            return self._log(now, op, "1409", via, **told)
        if op in ("STATUS", "QUERY"):
            return self._log(now, op, "0", via, found.licence, **told)
        if found.state != "VALID" and via.node != STALE:
            return self._log(now, op, "1410", via, **told)
        told |= {"sm3": found.file_sm3, "alg": "SM2", "bytes": found.size}
        if op == "DOWNLOAD":
            told |= {"annotated": not original}
        return self._log(now, op, "0", via, found.licence, **told)

    def consent(self, now: int, via: Via, *, holder: str, app: str) -> Answer:
        """A holder lets an application use own certificates."""
        number = f"SQ{_clock(now):%Y%m%d}{self._store.next_number():06d}"
        self._store.save(Consent(id=number, holder=holder, app=app))
        return self._log(now, "CONSENT", "0", via, number, consent=number, idNo=holder)

    def make_code(self, now: int, via: Via, *, item: str, holder: str) -> Answer:
        """A holder asks for a code to show."""
        found = self.held(holder, item)
        moment = _clock(now)
        code = f"{moment:%H%M%S}{self._store.next_number():06d}{now % 9973:04d}"
        self._store.save(UseCode(code=code, licence=found.licence, made_at=now))
        told = {"item": found.item, "licence": found.licence, "idNo": holder}
        return self._log(now, "USECODE", "0", via, code, useCode=code, **told)

    def redeem(self, now: int, via: Via, *, code: str, scanned_at: int = 0) -> Answer:
        """An application shows a code; an offline reader says when it was scanned."""
        found = self._store.find(UseCode, code)
        if not isinstance(found, UseCode):
            return self._log(now, "REDEEM", "1423", via, useCode=code)
        told = {"useCode": code, "licence": found.licence}
        if (scanned_at or now) - found.made_at > CODE_LIFE_US:
            return self._log(now, "REDEEM", "1421", via, **told)
        if found.used_at and now - found.used_at > RACE_US:
            return self._log(now, "REDEEM", "1422", via, **told)
        self._store.save(replace(found, used_at=found.used_at or now))
        return self._log(now, "REDEEM", "0", via, found.licence, **told)

    def apply(self, now: int, via: Via, *, case: str, item: str, holder: str) -> Answer:
        """A clerk asks for a certificate to be issued."""
        return self._log(now, "APPLY", "0", via, caseNo=case, item=item, idNo=holder)

    def approve(self, now: int, via: Via, *, case: str) -> Answer:
        """A manager agrees."""
        return self._log(now, "APPROVE", "0", via, caseNo=case, approver=via.operator)

    def issue(
        self, now: int, via: Via, *, case: str, item: str, holder: str, approver: str
    ) -> Answer:  # fmt: skip
        """A certificate is made, or a new version of the one there is."""
        before = self.held(holder, item)
        made = _version(before, before.version + 1)
        self._store.save(made)
        told = {
            "item": item, "licence": made.licence, "ver": str(made.version), "state": made.state,
            "idNo": holder, "caseNo": case, "approver": approver, "sm3": made.file_sm3,
            "alg": "SM2",
        }  # fmt: skip
        return self._log(now, "ISSUE", "0", via, made.licence, **told)

    def end(
        self, now: int, via: Via, *, licence: str, case: str, approver: str, op: str = "ANNUL"
    ) -> Answer:  # fmt: skip
        """A certificate is annulled, or suspended (SUSPEND)."""
        found = self._store.certificate(licence)
        if found is None:
            raise LookupError(f"no certificate {licence}")
        state = "ANNULLED" if op == "ANNUL" else "SUSPENDED"
        self._store.save(replace(found, state=state))
        told = {
            "item": found.item, "licence": licence, "ver": str(found.version), "state": state,
            "idNo": found.holder, "caseNo": case, "approver": approver,
        }  # fmt: skip
        return self._log(now, op, "0", via, licence, **told)

    def verify(self, now: int, via: Via, *, item: str, genuine: bool) -> Answer:
        """Somebody brings a file to have its seal checked."""
        unit = self._items[item].issuer
        told: dict[str, str | bool] = {
            "item": item, "issuer": unit.code, "sealOk": genuine, "alg": "SM2",
        }  # fmt: skip
        return self._log(
            now, "VERIFY", "0" if genuine else "3021", via, sealKey=f"seal-{unit.short}", **told
        )

    def held(self, holder: str, item: str) -> Certificate:
        """The certificate of that kind that a person holds: everybody has them from before."""
        found = self._find(item, holder, "")
        if found is None:
            raise LookupError(f"no kind {item}")
        return found

    def _find(self, item: str, holder: str, licence: str) -> Certificate | None:
        if licence:
            return self._store.certificate(licence)
        found = self._store.held(holder, item)
        if found is None and item in self._items:
            place = self._store.next_number()
            found = _version(
                Certificate(
                    licence=f"1.2.156.3005.2.{item}.{self._region}{place:08d}",
                    item=item,
                    holder=holder,
                    issuer=self._items[item].issuer.code,
                    version=0,
                    state="VALID",
                    file_sm3="",
                    size=120_000 + place * 7919 % 180_000,
                ),
                1,
            )
            self._store.save(found)
        return found

    def _consents(self, consent: str, holder: str) -> bool:
        found = self._store.find(Consent, consent)
        return isinstance(found, Consent) and found.holder == holder

    def _case(self, no: str) -> Case:
        found = self._store.find(Case, no)
        if found is None:
            raise LookupError(f"no case {no}")
        assert isinstance(found, Case)
        return found

    def _log(
        self, now: int, op: str, code: str, via: Via, number: str = "", **more: str | bool | int
    ) -> Answer:
        line: dict[str, str | bool | int] = {
            "ts": _clock(now).isoformat(timespec="milliseconds"), "node": via.node, "op": op,
            "code": code, "msg": SAID.get(code, ""), "http": HTTP_STATUS.get(code, 200),
            "app": via.app, "operator": via.operator, "unit": via.unit, "ip": via.address,
            "ua": via.agent, **more,
        }  # fmt: skip
        self._write(now, json.dumps(line, ensure_ascii=False, separators=(",", ":")))
        return Answer(code=code, number=number)


def _version(before: Certificate, version: int) -> Certificate:
    name = f"{before.licence}/{version}"
    file_sm3 = sm3.digest(name.encode()).hex()
    return replace(before, version=version, state="VALID", file_sm3=file_sm3)


def _clock(now: int) -> dt.datetime:
    moment = dt.datetime.fromtimestamp(now // SECOND_US, ZONE)
    return moment.replace(microsecond=now % SECOND_US)
