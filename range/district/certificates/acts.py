"""Acts: what people and programs do to the platform and the desk; each may lead to further ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from district.certificates.records import Via
from district.certificates.surface import ServerWish
from district.town import Application, Clerk

__all__ = [
    "Agree", "Annul", "Apply", "CheckList", "Close", "CodeUse", "Collect", "ConsentUse",
    "DeskApproval", "DeskIssue", "Desked", "Entry", "Get", "Handshake", "Job", "Join", "Login",
    "Lost", "OldCase", "Outage", "Party", "Pretext", "Redeem", "Replace", "Resume", "Revoke",
    "Shown", "Simple", "StepCa", "Take", "Verify", "Visit",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A clerk comes in with the certificate of that serial, or the own one."""

    via: Via
    serial: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A clerk is on duty for a matter."""

    via: Via
    matter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Get:
    """One look-up, fetch, download or status."""

    via: Via
    op: str
    item: str = ""
    holder: str = ""
    licence: str = ""
    matter: str = ""
    case: str = ""
    consent: str = ""
    original: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A citizen comes to a counter: a case, its certificates, its end."""

    via: Via
    matter: str
    holder: str
    items: tuple[str, ...]
    download: str = ""
    """One of the items."""
    original: bool = False
    party: str = ""
    """Somebody who joins the case, and whose certificate is fetched too."""
    close_after_us: int = 0
    """Never, if 0."""
    again_after_us: int = 0
    """So long after the end something is fetched once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """A case ends."""

    via: Via
    case: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Somebody joins that case."""

    via: Via
    case: str
    party: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Somebody joins a clerk's case, and is looked at."""

    via: Via
    party: str
    item: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """A clerk fetches from an own open case: of its party, or of somebody else."""

    via: Via
    op: str = "FETCH"
    item: str = ""
    """Of the matter's kinds if empty."""
    matter: str = ""
    """The case's own if empty."""
    stranger: str = ""
    original: bool = False
    place: int = 0
    """Which of the open cases, from the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldCase:
    """A clerk fetches for a case that ended so long ago."""

    via: Via
    at_least_us: int
    at_most_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretext:
    """A case opened for nothing but to look somebody up."""

    via: Via
    matter: str
    victim: str
    item: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckList:
    """A program asks for a list of codes; each of them comes as a look-up of its own."""

    via: Via
    count: int
    missing: int
    pace_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How a use code is shown after it was made."""

    via: Via
    after_us: int
    scanned_after_us: int = 0
    """What an offline reader says; 0 for one that is not offline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeUse:
    """A holder makes a use code and shows it."""

    via: Via
    item: str
    holder: str
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem:
    """A code is shown."""

    via: Via
    code: str
    scanned_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentUse:
    """A holder consents; an application fetches for these holders on it."""

    via: Via
    holder: str
    user: Via
    matter: str
    gets: tuple[tuple[int, str, str], ...]
    """(after, holder, item)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Certificates are issued anew, or annulled: with an approval, or by direct entry."""

    via: Via
    approver: Via | None
    holders: tuple[str, ...]
    item: str
    op: Literal["ISSUE", "ANNUL"] = "ISSUE"
    pace_us: int = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """A clerk asks for a certificate to be issued or annulled."""

    via: Via
    case: str
    item: str
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agree:
    """A manager approves it."""

    via: Via
    case: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Simple:
    """One issue or annulment of an entry."""

    via: Via
    op: Literal["ISSUE", "ANNUL", "SUSPEND"]
    holder: str
    item: str
    case: str
    approver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Annul:
    """A certificate is annulled with approval, and asked for again."""

    via: Via
    approver: Via
    holder: str
    item: str
    asked: tuple[tuple[int, Via, str], ...]
    """(after, by which way, QUERY, FETCH …)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace:
    """A file is downloaded, changed in the storage, and downloaded again so many times; then
    somebody notices and suspends it. Or it is issued anew, as it should be."""

    via: Via
    clerk: Via
    approver: Via
    holder: str
    item: str
    times: int
    anew: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The stored file is not what was issued any more."""

    holder: str
    item: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """A file's seal is checked."""

    via: Via
    item: str
    genuine: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Desked:
    """A certificate is asked for at the desk."""

    officer: Clerk
    approver: Clerk | None
    profile: str
    subject: str
    alg: str = "SM2"
    wait_us: int = 600_000_000
    """Until it is approved, and again until it is issued."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskApproval:
    """A request at the desk is approved."""

    approver: Clerk
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskIssue:
    """What was requested at the desk is issued."""

    asked: Desked
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """A clerk's certificate is revoked and replaced; the old one is tried so much later."""

    officer: Clerk
    clerk: Clerk
    reason: int
    tried: tuple[tuple[int, Via], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A job of the CA is down until it is put right."""

    job: Literal["list", "signature"]
    gap_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """It works again, and does at once what it is for."""

    job: Literal["list", "signature"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """A link is opened to a service; what our own packet view sees of it."""

    service: str
    address: str
    server: str
    version: str
    cipher: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCa:
    """A server asks step-ca."""

    app: Application
    what: ServerWish = "renew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job of the CA runs: publish, sign_audit, an OCSP answer, or an event of the audit trail."""

    what: str
    serial: str = ""
    address: str = ""
    officer: str = ""
    fails: bool = field(default=False)
