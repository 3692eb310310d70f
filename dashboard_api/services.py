"""Services: everything the API needs, behind small ports; the wiring picks what stands there.

``visible`` is the set of sensors a person may see, None for all of them. A desk that takes it
filters inside its own query, so that totals and pages are right; the routes check again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, TypeVar

from dashboard_api.grants.check import GrantCheck
from dashboard_api.grants.desk import GrantDesk
from dashboard_api.grants.gateways import Gateways
from dashboard_api.registers.assets import AssetDesk
from dashboard_api.registers.desk import RegisterDesk
from dashboard_api.retention import RetentionView, nothing
from dashboard_api.signing.refusal import absent
from dashboard_api.troubles import Trouble
from dashboard_api.troubles import nothing as no_troubles
from dashboard_api.views import (
    AlertPage,
    AlertReasons,
    AlertRow,
    AlertSummary,
    CoverageView,
    ExceptionPreview,
    MissedView,
    RuleRow,
    SensorRow,
    SiteInfo,
    State,
    Verdict,
)
from schema.event import Fields
from schema.filter import Term
from schema.heartbeat import Signed
from schema.ports import Clock, Entropy, EventReader
from schema.receipt import Receipt

if TYPE_CHECKING:
    from collector.proof import EventProof
    from collector.state.coverage import CoverageQuery
    from collector.state.exceptions import ExceptionDraft, Exceptions
    from dashboard_api.access.access import Access
    from dashboard_api.access.accounts import Accounts
    from dashboard_api.applications.approvals import Approvals
    from dashboard_api.applications.model import Operation
    from dashboard_api.applications.registry import Registry
    from dashboard_api.audit import AuditChain
    from dashboard_api.custody.certificate_desk import CertificateDesk
    from dashboard_api.custody.key_desk import KeyDesk
    from dashboard_api.custody.status import StatusDesk
    from dashboard_api.idempotency import Idempotency
    from dashboard_api.live import LiveStream
    from dashboard_api.signing.call import Reply

T = TypeVar("T")
Visible: TypeAlias = frozenset[str] | None
Judged: TypeAlias = Literal["open", "done", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertQuery:
    """Which alerts a page shows, newest first."""

    terms: Sequence[Term] = ()
    state: State | None = None
    verdict: Judged = "all"
    hidden: bool = False
    """Also those an exception hides."""
    cursor: str = ""
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A person's verdict on an alert. Time in microseconds UTC."""

    by: str
    at: int
    verdict: Verdict
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Alerts changed after a number, in change order, and the newest number there is."""

    rows: Sequence[AlertRow]
    newest: int
    exceptions_changed_at: int = 0
    """When what is hidden last changed, microseconds UTC; 0 for never."""


class AlertDesk(Protocol):
    """Alerts as people see them: what the rules decided, what people decided, and why."""

    def page(self, query: AlertQuery, visible: Visible) -> AlertPage:
        """One page of a list; an alert is in it if every sensor of its evidence is visible."""

    def summary(self, visible: Visible) -> AlertSummary:
        """Counts of alerts nobody has judged."""

    def would_hide(self, draft: ExceptionDraft, now: int, visible: Visible) -> ExceptionPreview:
        """What an exception made now would hide; raises for one that could not be made."""

    def get(self, alert_id: str) -> tuple[AlertRow, AlertReasons] | None:
        """One alert, or None."""

    def since(self, seq: int, limit: int) -> Changes:
        """At most ``limit`` alerts changed after ``seq``, in change order."""

    def acknowledge(self, alert_id: str, decision: Decision) -> AlertRow:
        """Record a verdict beside the alert; raises for an unknown one or a missing note."""


class ProofDesk(Protocol):
    """Proofs of stored events."""

    def prove(self, event_id: str) -> EventProof | None:
        """The path from the event to its sensor's signature; None for an unknown event."""


class SensorDesk(Protocol):
    """The sensors of this site."""

    def rows(self) -> Sequence[SensorRow]:
        """How every sensor stands, the platform's own chains included, by name."""

    def watermark(self) -> int:
        """Up to which event time the rules have decided, microseconds UTC; 0 for not yet."""

    def missed(self, visible: Visible, *, waiting: bool) -> MissedView:
        """What came too late, and who is silent; of these sensors only, where given."""

    def coverage(self, query: CoverageQuery, visible: Visible) -> CoverageView:
        """What was judged and what was not, by minute; of rules only where all is visible."""

    def revoke(self, name: str) -> None:
        """Refuse the sensor's batches from now on; raises for an unknown one."""


class RuleDesk(Protocol):
    """The loaded rules."""

    def rows(self) -> Sequence[RuleRow]:
        """Every rule, by id."""


class BatchDoor(Protocol):
    """Where remote sensors hand in what they sealed; their signature is who they are."""

    def accept(self, raw: bytes) -> Sequence[Receipt]:
        """Verify, store durably and countersign length-prefixed batches.

        Raises the refusal of the first batch that is not let in, with what was expected.
        """

    def heartbeat(self, signed: Signed) -> None:
        """Take an idle sensor's signed heartbeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One pushed event that was not taken: its place, why, and what to do."""

    index: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushAnswer:
    """How many pushed events were sealed, and which were not."""

    accepted: int
    refused: tuple[Refused, ...]


class PushDoor(Protocol):
    """Where business systems push events, to be sealed on arrival."""

    def client(self, token: str) -> str:
        """The client of a bearer token; raises ``collector.client.unknown``."""

    def push(self, client: str, batch_id: str, events: Sequence[Fields]) -> PushAnswer:
        """Seal the events; a repeated batch id gets the recorded answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What a newly enrolled sensor must know; its first batch is ``last_batch + 1``."""

    sensor: str
    enrolment: int
    realm: str
    receipt_public_key: str
    last_batch: int


class EnrolmentDoor(Protocol):
    """Letting sensors in."""

    def issue_token(self, name: str, unit: str) -> str:
        """A one-time token for that name and unit, good for an hour."""

    def enrol(self, token: str, name: str, *, unit: str, public_key: str, proof: str) -> Enrolled:
        """Let a sensor in; ``public_key`` and ``proof`` are hex."""


class Signing(Protocol):
    """The signing processes."""

    async def call(
        self,
        operation: Operation,
        *,
        method: str,
        target: str,
        authorization: str,
        languages: str,
        body: bytes,
        key: str = "",
        form: str = "",
    ) -> Reply:
        """The answer of the application's signing process; never raises."""

    async def close(self) -> None:
        """End every process; in the event loop that called them."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric of the data file as it stands now."""

    name: str
    value: int
    labels: dict[str, str]


def _no_failures() -> Sequence[str]:
    return ()


def _no_measures() -> Sequence[Measure]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What one site's API stands on."""

    site: SiteInfo
    alerts: AlertDesk
    events: EventReader
    proofs: ProofDesk
    sensors: SensorDesk
    rules: RuleDesk
    exceptions: Exceptions
    door: BatchDoor
    push: PushDoor
    enrolment: EnrolmentDoor
    access: Access
    accounts: Accounts
    audit: AuditChain
    stream: LiveStream
    clock: Clock
    entropy: Entropy
    failures: Callable[[], Sequence[str]] = _no_failures
    """Codes of what stands still (a stopped pipeline, a full disk); empty while ready."""
    troubles: Callable[[], Sequence[Trouble]] = no_troubles
    """Failures and warnings in words, for the pages."""
    measures: Callable[[], Sequence[Measure]] = _no_measures
    """What the parts behind a bus count; nothing where there is none."""
    warnings: Callable[[], Sequence[str]] = _no_failures
    """Codes of what needs a person though the site is ready: a disk that runs low."""
    retention: Callable[[], RetentionView] = nothing
    """What is kept how long, of every source."""
    free_bytes: Callable[[], int] = lambda: 0
    """Free on the disk of the data folder."""
    signing: Signing | None = None
    """None where nobody signs: a demonstration."""
    foreign_forms: bool = False
    """Whether messages after GM/T 0136 and of signature servers are answered too."""
    applications: Registry | None = None
    """Who may call the national-crypto service; None where nobody signs."""
    approvals: Approvals | None = None
    idempotency: Idempotency | None = None
    keys: KeyDesk | None = None
    """Keys of the national-crypto service."""
    certificates: CertificateDesk | None = None
    signing_status: StatusDesk | None = None
    registers: RegisterDesk | None = None
    """What the site knows of its units, grants and payees; None where a test keeps none."""
    assets: AssetDesk | None = None
    grants: GrantDesk | None = None
    grant_check: GrantCheck | None = None
    """Answers gateways whether a call may pass."""
    gateways: Gateways | None = None
    """Who may ask it."""


def present(part: T | None) -> T:
    """A part of the national-crypto service; raises ``dashboard_api.signing.absent``."""
    if part is None:
        raise absent()
    return part
