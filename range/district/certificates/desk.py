"""Desk: the certificate desk and its CA, what they log, and how long each of their jobs is down.

A request is entered by one officer, approved by another and issued by the first. The revocation
list comes out twice a day, the audit trail is signed each hour; both stop while they are down.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Final, Literal

from district.calendar import HOUR_US, SECOND_US, ZONE
from district.town import Clerk, Town

__all__ = ["OCSP", "PROFILES", "SIGN", "Desk"]

SIGN: Final = "ca-sign"
"""The issuing service."""
OCSP: Final = "ocsp-1"
DESK: Final = "ra-desk"
PROFILES: Final = ("clerk-sign", "clerk-encrypt", "seal-unit")
"""What the desk's officers are granted."""
FORBIDDEN: Final = "admin-sign"
LIST_LIFE_US: Final = 24 * HOUR_US


class Desk:
    """Writes its log and remembers serials and outages."""

    def __init__(self, town: Town, write: Callable[[int, str], None]) -> None:
        self._write = write
        self._dice = town.chance("certificates", "desk")
        back = [clerk for clerk in town.clerks if clerk.role == "back"]
        self.officers: tuple[Clerk, ...] = tuple(back[-6:])
        self.serials = {clerk.user: self._serial() for clerk in town.clerks}
        """The certificate each clerk logs in with."""
        self.revoked: set[str] = set()
        self._no_list_until = 0
        self._no_signature_until = 0
        self._requests = 0
        self._records = 0

    def request(self, now: int, officer: Clerk, *, profile: str, subject: str) -> str:
        """A request is entered; its number."""
        self._requests += 1
        number = f"R{_clock(now):%Y%m%d}-{self._requests:05d}"
        self._say(now, DESK, "CERT_REQUEST", req=number, officer=officer.user, ip=officer.address,
                  profile=profile, subject=subject)  # fmt: skip
        return number

    def approve(self, now: int, officer: Clerk, *, request: str) -> None:
        """A second person agrees."""
        self._say(
            now, DESK, "CERT_APPROVE", req=request, officer=officer.user, ip=officer.address,
            approver=officer.user,
        )  # fmt: skip

    def issue(
        self,
        now: int,
        officer: Clerk,
        *,
        request: str,
        profile: str,
        subject: str,
        approver: str,
        alg: str = "SM2",
    ) -> str:
        """The CA signs; the serial number."""
        serial = self._serial()
        self._say(
            now, SIGN, "CERT_ISSUE", req=request, officer=officer.user, approver=approver,
            profile=profile, subject=subject, serial=serial, alg=alg,
        )  # fmt: skip
        return serial

    def renewed(self, clerk: Clerk) -> str:
        """From now on the clerk logs in with another certificate; the old serial."""
        old = self.serials[clerk.user]
        self.serials[clerk.user] = self._serial()
        return old

    def revoke(self, now: int, officer: Clerk, *, serial: str, reason: int) -> None:
        """A certificate is taken back."""
        self.revoked.add(serial)
        self._say(now, SIGN, "CERT_REVOKE", officer=officer.user, serial=serial, reason=str(reason))

    def publish(self, now: int) -> None:
        """The revocation list, where the job runs."""
        if now < self._no_list_until:
            self._say(now, SIGN, "CRL_PUBLISH", outcome="Failure", info="signer not reachable")
            return
        until = f"{_clock(now + LIST_LIFE_US):%Y-%m-%d %H:%M:%S}"
        self._say(now, SIGN, "CRL_PUBLISH", records=str(len(self.revoked)), next_update=until)

    def answer(self, now: int, address: str, *, serial: str, fails: bool = False) -> None:
        """Somebody asks whether a certificate holds."""
        said = "tryLater" if fails else self.status(serial)
        outcome = "Failure" if fails else "Success"
        self._say(now, OCSP, "OCSP_ANSWER", outcome=outcome, ip=address, serial=serial, info=said)

    def status(self, serial: str) -> str:
        """What the responder says of a certificate: ``good`` or ``revoked``."""
        return "revoked" if serial in self.revoked else "good"

    def sign_audit(self, now: int) -> None:
        """The hour's part of the audit trail is signed, where the job runs."""
        if now < self._no_signature_until:
            return
        self._records += self._dice.randrange(20, 90)
        self._say(now, SIGN, "AUDIT_SIGN", records=str(self._records))

    def down(self, job: Literal["list", "signature"], until: int) -> None:
        """That job does not run until then."""
        if job == "list":
            self._no_list_until = max(self._no_list_until, until)
        else:
            self._no_signature_until = max(self._no_signature_until, until)

    def audit(self, now: int, event: str, officer: str = "system") -> None:
        """The audit trail itself is stopped, started or rotated."""
        self._say(now, SIGN, event, officer=officer)

    def _serial(self) -> str:
        return f"{self._dice.getrandbits(63) | 1 << 62:016X}"

    def _say(
        self, now: int, service: str, event: str, *, outcome: str = "Success", **more: str
    ) -> None:
        moment = _clock(now)
        words = [f'time="{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"']
        words += [f"service={service}", f"event={event}", f"outcome={outcome}"]
        words += [f"{name}={_quoted(value)}" for name, value in more.items() if value]
        self._write(now, " ".join(words))


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value or "=" in value else value


def _clock(now: int) -> dt.datetime:
    moment = dt.datetime.fromtimestamp(now // SECOND_US, ZONE)
    return moment.replace(microsecond=now % SECOND_US)
