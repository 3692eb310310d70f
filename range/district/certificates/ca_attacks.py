"""CA attacks: how the desk and the CA are abused, and how their jobs stand still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from district.calendar import HOUR_US, MINUTE_US, SECOND_US
from district.certificates import acts
from district.certificates.desk import FORBIDDEN, OCSP, PROFILES, SIGN
from district.certificates.ordinary import SERVICES, Ordinary, deed
from district.certificates.planning import Planning
from district.certificates.platform import STALE
from district.episode import Plan
from district.system import Attack, Occasion
from district.town import Clerk

__all__ = ["CaAttacks"]

REQUEST: Final = "gov.ca.request_id"
SURGE: Final = 12
LIST_US: Final = 26 * HOUR_US
SIGNED_US: Final = 2 * HOUR_US
WINDOW_US: Final = 24 * HOUR_US
ERRORS: Final = 100


class CaAttacks(Planning):
    """ID17 to ID22."""

    def __init__(self, ordinary: Ordinary) -> None:
        super().__init__(ordinary)
        self.all: Sequence[Attack] = (
            Attack(use_case="ID17", plan=self._alone, hours="office"),
            Attack(use_case="ID18", plan=self._surge, hours="office"),
            Attack(use_case="ID19", plan=self._revoked, hours="office", span_days=6),
            Attack(use_case="ID20", plan=self._stale, hours="any", span_days=6),
            Attack(use_case="ID21", plan=self._unsigned, hours="any", span_days=2),
            Attack(use_case="ID22", plan=self._weak, hours="any"),
        )

    def _alone(self, occasion: Occasion) -> Plan:
        """An officer issues without the second person, or plays both; below: two of them."""
        chance = occasion.chance
        officer, other = self._ordinary.officers(chance)
        approver: Clerk | None = other
        if occasion.strength >= 1000:
            approver = None if occasion.number % 2 == 0 else officer
        deeds = [
            deed(
                occasion.start + place * 11 * MINUTE_US,
                acts.Desked(
                    officer=officer, approver=approver, profile=PROFILES[0],
                    subject=f"CN={officer.user}{place},OU=it", wait_us=2 * MINUTE_US,
                ),
            )
            for place in range(self._times(occasion))
        ]  # fmt: skip
        return self._plan(
            occasion, "ID17", deeds, [officer.user], collect=(REQUEST,), waits_us=HOUR_US
        )  # fmt: skip

    def _surge(self, occasion: Occasion) -> Plan:
        """Far more than ever in an hour, each of them approved; or a profile nobody granted."""
        chance = occasion.chance
        officer, approver = self._ordinary.officers(chance)
        count, profile = -(-SURGE * occasion.strength // 1000), PROFILES[0]
        if occasion.number % 2:
            count = self._times(occasion)
            profile = FORBIDDEN if occasion.strength >= 1000 else profile
        # From the beginning of an hour, so that all lie in one.
        start = (occasion.start // HOUR_US) * HOUR_US + MINUTE_US
        deeds = [
            deed(
                start + place * 80 * SECOND_US,
                acts.Desked(
                    officer=officer, approver=approver, profile=profile,
                    subject=f"CN=svc{place}", wait_us=30 * SECOND_US,
                ),
            )
            for place in range(count)
        ]  # fmt: skip
        return self._plan(occasion, "ID18", deeds, [officer.user])

    def _revoked(self, occasion: Occasion) -> Plan:
        """A revoked certificate opens a node that looks at no list; below: before it is out."""
        clerk = self._clerk(occasion, "ID19")
        via = self._ordinary.counter(clerk, node=STALE, vpn=True)
        after = WINDOW_US * occasion.strength // 1000 + HOUR_US
        act = self._ordinary.revoked(occasion.chance, ((after, via),), clerk)
        return self._plan(
            occasion, "ID19", [deed(occasion.start, act)], [clerk.user],
            collect=("gov.ca.serial",), waits_us=after,
        )  # fmt: skip

    def _stale(self, occasion: Occasion) -> Plan:
        """The list stays out; or the responder answers nobody."""
        if occasion.number % 2 == 0:
            start = occasion.day.at(12, 12)
            gap = LIST_US * occasion.strength // 1000 + 5 * MINUTE_US
            deeds = [deed(start, acts.Outage(job="list", gap_us=gap))]
            return self._plan(occasion, "ID20", deeds, [SIGN], waits_us=max(gap, LIST_US))
        count = -(-ERRORS * occasion.strength // 1000) if occasion.strength >= 1000 else 3
        deeds = [
            deed(
                occasion.start + place * 40 * SECOND_US,
                acts.Job(what="ocsp", address="10.30.10.11", fails=True),
            )
            for place in range(count)
        ]  # fmt: skip
        return self._plan(occasion, "ID20", deeds, [OCSP])

    def _unsigned(self, occasion: Occasion) -> Plan:
        """The audit trail is stopped, or goes on unsigned; below: rotated, or signed late."""
        if occasion.number % 2 == 0:
            what = "AUDIT_STOP" if occasion.strength >= 1000 else "AUDIT_ROTATE"
            officer, _ = self._ordinary.officers(occasion.chance)
            deeds = [
                deed(occasion.start, acts.Job(what=what, officer=officer.user)),
                deed(occasion.start + 7 * MINUTE_US, acts.Job(what="AUDIT_START")),
            ]
            return self._plan(occasion, "ID21", deeds, [SIGN, officer.user])
        gap = SIGNED_US * occasion.strength // 1000 + 2 * MINUTE_US
        deeds = [deed(occasion.start, acts.Outage(job="signature", gap_us=gap))]
        return self._plan(occasion, "ID21", deeds, [SIGN], waits_us=max(gap, SIGNED_US))

    def _weak(self, occasion: Occasion) -> Plan:
        """A link by a suite outside the policy, or a certificate by a short key; below: allowed
        ones."""
        chance = occasion.chance
        weak = occasion.strength >= 1000
        if occasion.number % 2 == 0:
            service, server = SERVICES[0]
            hello = self._ordinary.link(chance)
            if weak:
                hello = replace(
                    hello, service=service, server=server, version="1.2",
                    cipher="TLS_RSA_WITH_AES_128_CBC_SHA",
                )  # fmt: skip
            deeds = [
                deed(occasion.start + place * MINUTE_US, hello)
                for place in range(self._times(occasion))
            ]
            return self._plan(occasion, "ID22", deeds, [hello.service, hello.address])
        desked = self._ordinary.desked(chance, self._clerk(occasion, "ID22"))
        act = replace(desked, alg="RSA-1024" if weak else "SM2")
        return self._plan(
            occasion, "ID22", [deed(occasion.start, act)], [SIGN], waits_us=3 * HOUR_US
        )  # fmt: skip
