"""Surface: what the town asks of the platform, the certificate desk and the servers' CA.

Each has two adapters: the classes of this package, in memory, which write their lines at the times
they are told; and the living ones, which reach real services that look at a clock of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, Protocol

from district.certificates.records import Answer, Certificate, Via
from district.town import Application, Clerk

__all__ = ["Authority", "Certification", "ServerCa", "ServerWish"]

ServerWish = Literal["sign", "renew", "refused"]
"""What a server asks step-ca for; ``refused`` shows a token that the provisioner did not make."""


class Certification(Protocol):
    """The e-certificate platform; ``now`` is when it is asked, microseconds UTC."""

    def login(self, now: int, via: Via, *, serial: str) -> Answer:
        """A clerk comes in with the certificate of that serial."""

    def take(self, now: int, via: Via, *, matter: str) -> Answer:
        """A clerk is on duty for a matter."""

    def open_case(self, now: int, via: Via, *, matter: str, applicant: str) -> Answer:
        """A case begins; the answer has its number."""

    def add_party(self, now: int, via: Via, *, case: str, party: str) -> Answer:
        """Somebody joins a case."""

    def close_case(self, now: int, via: Via, *, case: str) -> Answer:
        """A case is decided."""

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
        """QUERY, STATUS, FETCH or DOWNLOAD, by code or by holder."""

    def consent(self, now: int, via: Via, *, holder: str, app: str) -> Answer:
        """A holder lets an application use own certificates; the answer has its number."""

    def make_code(self, now: int, via: Via, *, item: str, holder: str) -> Answer:
        """A holder asks for a code to show; the answer has it."""

    def redeem(self, now: int, via: Via, *, code: str, scanned_at: int = 0) -> Answer:
        """An application shows a code."""

    def apply(self, now: int, via: Via, *, case: str, item: str, holder: str) -> Answer:
        """A clerk asks for a certificate to be issued."""

    def approve(self, now: int, via: Via, *, case: str) -> Answer:
        """A manager agrees."""

    def issue(
        self, now: int, via: Via, *, case: str, item: str, holder: str, approver: str
    ) -> Answer:  # fmt: skip
        """A certificate is made, or a new version of it."""

    def end(
        self, now: int, via: Via, *, licence: str, case: str, approver: str, op: str = "ANNUL"
    ) -> Answer:  # fmt: skip
        """A certificate is annulled, or suspended."""

    def verify(self, now: int, via: Via, *, item: str, genuine: bool) -> Answer:
        """Somebody brings a file, sealed by its body or not, to have its seal checked."""

    def held(self, holder: str, item: str) -> Certificate:
        """What somebody holds, as the town knows without asking."""


class Authority(Protocol):
    """The certificate desk and its CA."""

    @property
    def serials(self) -> Mapping[str, str]:
        """By account: the certificate each clerk logs in with."""

    @property
    def revoked(self) -> Collection[str]:
        """Serials of what was taken back."""

    def request(self, now: int, officer: Clerk, *, profile: str, subject: str) -> str:
        """A request is entered; its number."""

    def approve(self, now: int, officer: Clerk, *, request: str) -> None:
        """A second person agrees."""

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

    def renewed(self, clerk: Clerk) -> str:
        """From now on the clerk logs in with another certificate; the old serial."""

    def revoke(self, now: int, officer: Clerk, *, serial: str, reason: int) -> None:
        """A certificate is taken back."""

    def publish(self, now: int) -> None:
        """The revocation list."""

    def answer(self, now: int, address: str, *, serial: str, fails: bool = False) -> None:
        """Somebody asks whether a certificate holds."""

    def sign_audit(self, now: int) -> None:
        """The hour's part of the audit trail is signed."""

    def audit(self, now: int, event: str, officer: str = "system") -> None:
        """The audit trail itself is stopped, started or rotated."""

    def down(self, job: Literal["list", "signature"], until: int) -> None:
        """A job of the CA does not run until then."""


class ServerCa(Protocol):
    """The CA that servers get their own certificates from."""

    def ask(self, now: int, app: Application, wish: ServerWish) -> None:
        """An application's first server asks."""
