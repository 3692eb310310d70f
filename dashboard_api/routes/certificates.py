"""Certificates of the national-crypto service: issued here, imported, checked, renewed, revoked.

The site's authority is made when it is first needed. It is the site's own and no licensed one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias

from fastapi import Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.responses import Response

from crypto.x509.certificate import Certificate, load_all
from crypto.x509.extension import AlternativeName, KeyUsage, NameKind
from crypto.x509.name import Name
from crypto.x509.request import CertificateRequest
from crypto.x509.revocation import Reason, RevocationList
from dashboard_api import examples, paths
from dashboard_api.access.roles import Permission
from dashboard_api.applications.model import SITE, Operation
from dashboard_api.context import Site
from dashboard_api.custody.certificate_desk import DAYS_MAX, CertificateDesk, NewCertificate
from dashboard_api.custody.certificate_rows import Filed, Kind
from dashboard_api.idempotency import (
    Answer,
    Attempt,
    Attempted,
    Idempotency,
    Recorder,
    caller_of,
)
from dashboard_api.services import present
from dashboard_api.signing.asking import Asker, Asking
from dashboard_api.wire import Time
from schema.errors import FengsuiError

router = paths.router("certificates")

CHAIN_CHARS_MAX: Final = 128 * 1024
"""Eight certificates of some KiB each, as PEM."""
LIST_CHARS_MAX: Final = 700 * 1024
"""A list of some ten thousand revocations as PEM, under the limit of a request's body."""
_KEY: Final = r"^[a-z0-9][a-z0-9_.-]{0,62}$"
_OWNER: Final = r"^[a-z0-9][a-z0-9-]{0,23}$"
Issued: TypeAlias = Literal["sign", "encrypt", "server"]
AnyKind: TypeAlias = Literal["root", "sign", "encrypt", "server", "timestamp", "imported"]
Why: TypeAlias = Literal[
    "unspecified", "key_compromise", "affiliation_changed", "superseded",
    "cessation_of_operation", "privilege_withdrawn",
]  # fmt: skip
_USAGES: Final = {"sign": KeyUsage.SIGNING, "encrypt": KeyUsage.ENCRYPTION}


def desk_of(services: Site) -> CertificateDesk:
    """The certificates of the site that was asked."""
    return present(services.certificates)


Desk = Annotated[CertificateDesk, Depends(desk_of)]
Reader = Annotated[Asker, Depends(Asking(Permission.KEYS_READ, Operation.CERTIFICATES_READ))]
Keeper = Annotated[
    Asker, Depends(Asking(Permission.KEYS_MANAGE, Operation.CERTIFICATES_MANAGE, key="key"))
]
KeeperOf = Annotated[Asker, Depends(Asking(Permission.KEYS_MANAGE, Operation.CERTIFICATES_MANAGE))]
Serial = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{1,64}$",
        description="serial number or SM3 fingerprint, hexadecimal",
        examples=[examples.CERTIFICATE["serial"]],
    ),
]


class NewCertificateBody(BaseModel):
    """A certificate for a key here, or for who made a request (PKCS#10): one of the two."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"key": "payments.receipt", "profile": "sign"}},
    )
    key: str = Field(default="", pattern=f"{_KEY}|^$", description="a key of the service")
    request: str = Field(default="", max_length=CHAIN_CHARS_MAX, description="PEM")
    owner: str = Field(
        default=SITE, pattern=_OWNER, description="with a request: the application it is for"
    )
    profile: Issued = "sign"
    days: int = Field(default=365, ge=1, le=DAYS_MAX)
    subject: list[tuple[str, str]] = Field(
        default=[],
        max_length=16,
        description='such as [["C", "CN"], ["O", "…"], ["CN", "…"]]; without one the key\'s name, '
        "or the request's",
    )
    dns: list[str] = Field(default=[], max_length=100)

    def new(self) -> NewCertificate:
        """As the desk takes it."""
        return NewCertificate(
            kind=Kind(self.profile),
            days=self.days,
            subject=Name.of(self.subject) if self.subject else None,
            names=tuple(AlternativeName(NameKind.DNS, one) for one in self.dns),
        )


class ImportCertificateBody(BaseModel):
    """One of three: a chain for a key here, a root to trust, an issuer's revocation list."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"key": "payments.receipt", "chain": "-----BEGIN CERTIFICATE-----"}
        },
    )
    key: str = Field(default="", pattern=f"{_KEY}|^$")
    chain: str = Field(
        default="", max_length=CHAIN_CHARS_MAX, description="PEM, the key's own first, root last"
    )
    anchor: str = Field(default="", max_length=CHAIN_CHARS_MAX, description="PEM of a root")
    revocation_list: str = Field(default="", max_length=LIST_CHARS_MAX, description="PEM")


class CheckBody(BaseModel):
    """A certificate to check against the roots the site trusts."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"certificate": "-----BEGIN CERTIFICATE-----"}},
    )
    certificate: str = Field(max_length=CHAIN_CHARS_MAX, description="PEM, or base64 of DER")
    others: str = Field(
        default="",
        max_length=CHAIN_CHARS_MAX,
        description="PEM of those above it: helpful, not trusted",
    )
    usage: Literal["sign", "encrypt", ""] = Field(default="", description="what it must be for")


class RenewBody(BaseModel):
    """For how long; null for as long as before."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"days": 365}})
    days: int | None = Field(default=None, ge=1, le=DAYS_MAX)


class RevokeBody(BaseModel):
    """Why (RFC 5280, 5.3.1)."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "key_compromise"}}
    )
    reason: Why = "unspecified"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateView:
    """A certificate."""

    serial: str
    fingerprint: str
    subject: str
    issuer: str
    owner: str
    key: str | None
    version: int | None
    profile: AnyKind
    not_before: Time
    not_after: Time
    created_at: Time
    revoked_at: Time | None
    reason: str | None
    renewed_by: str | None
    """Fingerprint of the one that took its place."""
    certificate: str
    """PEM."""
    above: str
    """PEM of the certificates between it and the root."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificatesView:
    """Certificates by owner, newest first."""

    items: list[CertificateView]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedView:
    """What was taken in: SM3 of the certificate, or the issuer of the list."""

    imported: Literal["chain", "anchor", "revocation_list"]
    fingerprint: str | None
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkView:
    """One certificate of a path."""

    subject: str
    serial: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedView:
    """A certificate that holds; one that does not is refused with the reason's own code."""

    valid: Literal[True]
    path: list[LinkView]
    """From the certificate up to the root."""
    revocation: Literal["checked", "no_list"]
    """``no_list``: an issuer on the way has no list at hand here."""


_certificate_text: Final = TypeAdapter(CertificateView)
_imported_text: Final = TypeAdapter(ImportedView)


@router.get("/v1/crypto/certificates", responses=examples.answer(examples.CERTIFICATES))
def certificates(reader: Reader, desk: Desk) -> CertificatesView:
    """The certificates you may see."""
    return CertificatesView(items=[_view(one) for one in desk.page(reader)])


@router.post(
    "/v1/crypto/certificates",
    status_code=201,
    response_model=CertificateView,
    responses=examples.answer(examples.CERTIFICATE, 201),
)
def issue(
    keeper: Keeper, desk: Desk, recorder: Recorder, attempt: Attempted, body: NewCertificateBody
) -> Response:
    """Issue a certificate by the site's own authority. An application: for its own keys only."""
    if bool(body.key) == bool(body.request):
        raise _one_of("key and request")

    def make() -> Filed:
        if body.key:
            return desk.issue_for_key(keeper, body.key, body.new())
        request = CertificateRequest.from_pem(body.request.encode())
        return desk.issue_for_request(keeper, request, body.owner, body.new())

    return _once(recorder, attempt, keeper, make, status=201)


@router.post(
    "/v1/crypto/certificates:import",
    status_code=201,
    response_model=ImportedView,
    responses=examples.answer(examples.CERTIFICATE_IMPORTED, 201),
)
def take_in(
    keeper: Keeper, desk: Desk, recorder: Recorder, attempt: Attempted, body: ImportCertificateBody
) -> Response:
    """Take in what a licensed authority issued for a key, a root to trust, or a revocation list."""
    given = [bool(body.chain), bool(body.anchor), bool(body.revocation_list)]
    if sum(given) != 1 or bool(body.chain) != bool(body.key):
        raise _one_of("chain (with key), anchor and revocation_list")

    def do() -> Answer:
        return Answer(status=201, body=_imported_text.dump_json(_imported(desk, keeper, body)))

    return recorder.once(caller_of(keeper), attempt, do).response()


@router.post(
    "/v1/crypto/certificates:check", responses=examples.answer(examples.CERTIFICATE_CHECKED)
)
def check(reader: Reader, desk: Desk, body: CheckBody) -> CheckedView:
    """Check a chain up to a root the site trusts, with the revocation lists at hand.

    What is wrong is refused by its own code: `crypto.certificate.expired`, `.revoked`,
    `.untrusted`, `.signature`, `.usage`…, `crypto.crl.stale`…
    """
    del reader
    others = load_all(body.others.encode()) if body.others else []
    found = desk.check(_certificate(body.certificate), others=others, usage=_USAGES.get(body.usage))
    return CheckedView(
        valid=True,
        path=[
            LinkView(
                subject=str(one.subject), serial=f"{one.serial:x}", fingerprint=one.fingerprint
            )
            for one in found.path
        ],
        revocation=found.revocation,
    )


@router.get(
    "/v1/crypto/certificates/{serial:plain}", responses=examples.answer(examples.CERTIFICATE)
)
def certificate(reader: Reader, desk: Desk, serial: Serial) -> CertificateView:
    """One certificate."""
    return _view(desk.get(reader, serial))


@router.post(
    "/v1/crypto/certificates/{serial:plain}:renew",
    status_code=201,
    response_model=CertificateView,
    responses=examples.answer(examples.CERTIFICATE, 201),
)
def renew(
    keeper: KeeperOf,
    desk: Desk,
    recorder: Recorder,
    attempt: Attempted,
    serial: Serial,
    body: RenewBody,
) -> Response:
    """Issue the same again, for the key's latest version. The old one stays valid to its end."""
    return _once(
        recorder, attempt, keeper, lambda: desk.renew(keeper, serial, body.days), status=201
    )


@router.post(
    "/v1/crypto/certificates/{serial:plain}:revoke",
    response_model=CertificateView,
    responses=examples.answer(examples.CERTIFICATE_REVOKED),
)
def revoke(
    keeper: KeeperOf,
    desk: Desk,
    recorder: Recorder,
    attempt: Attempted,
    serial: Serial,
    body: RevokeBody,
) -> Response:
    """Let a certificate count no more, for good. The revocation list says so at once."""
    reason = Reason[body.reason.upper()]
    return _once(recorder, attempt, keeper, lambda: desk.revoke(keeper, serial, reason))


@router.get(
    "/v1/crypto/revocation-list",
    response_class=Response,
    responses=examples.REVOCATION_LISTS,
)
def revocation_list(
    reader: Reader, desk: Desk, form: Annotated[Literal["pem", "der"], Query()] = "pem"
) -> Response:
    """The list of what the site's authority revoked, at most a day old."""
    del reader
    found = desk.authority.revocation_list()
    if form == "der":
        return Response(found.der, media_type="application/pkix-crl")
    return Response(found.to_pem(), media_type="application/x-pem-file")


def _once(
    recorder: Idempotency,
    attempt: Attempt,
    asking: Asker,
    change: Callable[[], Filed],
    *,
    status: int = 200,
) -> Response:
    def do() -> Answer:
        return Answer(status=status, body=_certificate_text.dump_json(_view(change())))

    return recorder.once(caller_of(asking), attempt, do).response()


def _imported(desk: CertificateDesk, keeper: Asker, body: ImportCertificateBody) -> ImportedView:
    if body.chain:
        chain: Sequence[Certificate] = load_all(body.chain.encode())
        filed = desk.import_chain(keeper, body.key, chain)
        return ImportedView(
            imported="chain",
            fingerprint=filed.fingerprint,
            subject=str(filed.certificate.subject),
        )
    if body.anchor:
        root = Certificate.from_pem(body.anchor.encode())
        desk.import_anchor(keeper, root)
        return ImportedView(
            imported="anchor", fingerprint=root.fingerprint, subject=str(root.subject)
        )
    found = RevocationList.from_pem(body.revocation_list.encode())
    desk.import_list(keeper, found)
    return ImportedView(imported="revocation_list", fingerprint=None, subject=str(found.issuer))


def _certificate(text: str) -> Certificate:
    if text.lstrip().startswith("-----"):
        return Certificate.from_pem(text.encode())
    try:
        return Certificate.from_der(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise FengsuiError(
            "dashboard_api.certificate.form", "the certificate is neither PEM nor base64 of DER"
        ) from None


def _one_of(fields: str) -> FengsuiError:
    return FengsuiError("dashboard_api.certificate.form", f"send one of {fields}", fields=fields)


def _view(one: Filed) -> CertificateView:
    found = one.certificate
    return CertificateView(
        serial=one.serial,
        fingerprint=one.fingerprint,
        subject=str(found.subject),
        issuer=str(found.issuer),
        owner=one.owner,
        key=one.key or None,
        version=one.version or None,
        profile=one.kind.value,
        not_before=found.not_before_us,
        not_after=found.not_after_us,
        created_at=one.created_at,
        revoked_at=one.revoked_at,
        reason=None if one.reason is None else one.reason.name.lower(),
        renewed_by=one.renewed_by,
        certificate=found.to_pem().decode(),
        above="".join(above.to_pem().decode() for above in one.above),
    )
