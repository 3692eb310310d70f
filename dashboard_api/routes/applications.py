"""Applications that may call the national-crypto service, for the people who administer them.

The system administrator registers them and issues credentials, the security administrator says what
they may do. Everybody sees those of their own units; no application manages applications.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from fastapi import Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.responses import Response

from crypto.errors import CryptoError
from crypto.sm2 import PublicKey
from dashboard_api import examples, paths
from dashboard_api.access.principal import EVERY_UNIT, Principal
from dashboard_api.access.roles import Permission
from dashboard_api.applications import grants as granting
from dashboard_api.applications.credentials import NewKey
from dashboard_api.applications.model import SITE, Operation
from dashboard_api.applications.model import Quota as QuotaSet
from dashboard_api.applications.records import Hand, Issued, Kind, Registered
from dashboard_api.applications.registry import QUOTA_MAX, Registry
from dashboard_api.audit import Act
from dashboard_api.context import Site, require
from dashboard_api.idempotency import Answer, Attempted, Recorder, caller_of
from dashboard_api.services import present
from dashboard_api.wire import Time, time_of
from schema.errors import FengsuiError

router = paths.router("applications")

PAGE_MAX: Final = 100
"""Applications of one page: each may have a thousand grants."""


def registry_of(services: Site) -> Registry:
    """The applications of the site that was asked."""
    return present(services.applications)


Reader = Annotated[Principal, Depends(require(Permission.APPLICATIONS_READ))]
Keeper = Annotated[Principal, Depends(require(Permission.APPLICATIONS_MANAGE))]
Granter = Annotated[Principal, Depends(require(Permission.APPLICATIONS_GRANT))]
Applications = Annotated[Registry, Depends(registry_of)]
ApplicationId = Annotated[str, Path(pattern="^[a-z0-9][a-z0-9-]{0,23}$", examples=["payments"])]
CredentialId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", examples=[examples.CREDENTIAL["id"]])]


class NewApplication(BaseModel):
    """An application to be registered; its id stands before the names of its keys."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {name: examples.APPLICATION[name] for name in ("id", "name", "unit")}
        },
    )
    id: str = Field(max_length=24)
    name: str = Field(max_length=64)
    unit: str = Field(min_length=1, max_length=64)


class NewCredential(BaseModel):
    """A bearer token, or an SM2 key with proof that its holder has the private half."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"kind": "token", "expires_at": examples.CREDENTIAL["expires_at"]}
        },
    )
    kind: Kind
    public_key: str = Field(
        default="", max_length=1024, description="PEM, or the point 04… in 130 hexadecimal digits"
    )
    proof: str = Field(
        default="",
        max_length=256,
        description="base64 of a signature (DER or r ‖ s) by the key, with the SM2 ID "
        "fengsui/credential/1, over three lines joined by LF: FENGSUI-CREDENTIAL/1, the "
        "application's id, the key id",
    )
    expires_at: str = Field(
        default="", max_length=40, description="RFC 3339, at most 1,100 days ahead; empty for never"
    )


class Grant(BaseModel):
    """What may be done with one key."""

    model_config = ConfigDict(extra="forbid")
    key: str = Field(
        max_length=64,
        description="a key's whole id, * for all of the application's own, - for operations "
        "without a key",
    )
    operations: list[Operation] = Field(max_length=len(Operation))


class Grants(BaseModel):
    """All grants of an application, or with ``named`` those of the keys named here only."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": examples.GRANTS})
    grants: list[Grant] = Field(max_length=granting.GRANTS_MAX)
    replace: Literal["all", "named"] = "all"


class Quota(BaseModel):
    """How much an application may ask for; one item of a batch counts as one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": examples.QUOTA})
    per_second: int = Field(ge=1, le=QUOTA_MAX)
    per_day: int = Field(ge=0, le=QUOTA_MAX, description="0 for no limit")
    opens_per_minute: int = Field(ge=1, le=QUOTA_MAX, description="decryptions, opened envelopes")


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialView:
    """What an application proves itself by, or did; never the secret."""

    id: str
    kind: Kind
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None
    living: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedView:
    """A new credential; the token is shown this once, and only for a token."""

    credential: CredentialView
    token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationView:
    """An application as it stands."""

    id: str
    name: str
    unit: str
    created_at: Time
    disabled_at: Time | None
    quota: Quota
    credentials: list[CredentialView]
    grants: list[Grant]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationsView:
    """Applications by id."""

    items: list[ApplicationView]
    next_cursor: str | None


_issued_text: Final = TypeAdapter(IssuedView)


@router.get("/v1/crypto/applications", responses=examples.answer(examples.APPLICATIONS))
def applications(
    services: Site,
    reader: Reader,
    registry: Applications,
    cursor: Annotated[str, Query(max_length=24, description="next_cursor of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_MAX,
) -> ApplicationsView:
    """The applications of your units, with their credentials, grants and quotas."""
    found = registry.page(reader.scope.units, after=cursor, limit=limit + 1)
    now = services.clock.now()
    return ApplicationsView(
        items=[_view(one, now) for one in found[:limit]],
        next_cursor=found[limit - 1].id if len(found) > limit else None,
    )


@router.post(
    "/v1/crypto/applications",
    status_code=201,
    responses=examples.answer(examples.APPLICATION_NEW, 201),
)
def register(
    services: Site, keeper: Keeper, registry: Applications, body: NewApplication
) -> ApplicationView:
    """Register an application of one of your units, without a credential.

    It may do what is harmless with its own keys; the security administrator grants the rest.
    """
    with services.audit.refusals(Act(keeper.name, "application.register", body.id)):
        keeper.must_hold(body.unit)
        made = registry.register(Hand.of(keeper), body.id, name=body.name, unit=body.unit)
    return _view(made, services.clock.now())


@router.get(
    "/v1/crypto/applications/{application_id:plain}",
    responses=examples.answer(examples.APPLICATION),
)
def application(
    services: Site, reader: Reader, registry: Applications, application_id: ApplicationId
) -> ApplicationView:
    """One application of your units."""
    return _view(_seen(registry, reader, application_id), services.clock.now())


@router.post(
    "/v1/crypto/applications/{application_id:plain}:disable",
    responses=examples.answer(examples.APPLICATION_DISABLED),
)
def disable(
    services: Site, keeper: Keeper, registry: Applications, application_id: ApplicationId
) -> ApplicationView:
    """Refuse all its calls from now on; its keys, credentials and grants stay as they are."""
    with services.audit.refusals(Act(keeper.name, "application.disable", application_id)):
        _seen(registry, keeper, application_id)
        changed = registry.disable(Hand.of(keeper), application_id)
    return _view(changed, services.clock.now())


@router.post(
    "/v1/crypto/applications/{application_id:plain}:enable",
    responses=examples.answer(examples.APPLICATION),
)
def enable(
    services: Site, keeper: Keeper, registry: Applications, application_id: ApplicationId
) -> ApplicationView:
    """Answer its calls again."""
    with services.audit.refusals(Act(keeper.name, "application.enable", application_id)):
        _seen(registry, keeper, application_id)
        changed = registry.enable(Hand.of(keeper), application_id)
    return _view(changed, services.clock.now())


@router.post(
    "/v1/crypto/applications/{application_id:plain}/credentials",
    status_code=201,
    response_model=IssuedView,
    responses=examples.answer(examples.CREDENTIAL_ISSUED, 201),
)
def issue(
    services: Site,
    keeper: Keeper,
    registry: Applications,
    recorder: Recorder,
    attempt: Attempted,
    application_id: ApplicationId,
    body: NewCredential,
) -> Response:
    """Issue a bearer token, or enrol an SM2 key. At most four live at a time.

    A repeat under the same Idempotency-Key issues no second token and shows none.
    """

    def do() -> Answer:
        issued, token = _issue(registry, Hand.of(keeper), application_id, body)
        view = IssuedView(credential=_credential(issued, services.clock.now()), token=token)
        return Answer(status=201, body=_issued_text.dump_json(view))

    with services.audit.refusals(Act(keeper.name, f"credential.{body.kind}", application_id)):
        _seen(registry, keeper, application_id)
        secret = body.kind == "token"
        return recorder.once(caller_of(keeper), attempt, do, secret=secret).response()


@router.delete(
    "/v1/crypto/applications/{application_id:plain}/credentials/{credential_id:plain}",
    responses=examples.answer(examples.APPLICATION_REVOKED),
)
def revoke(
    services: Site,
    keeper: Keeper,
    registry: Applications,
    application_id: ApplicationId,
    credential_id: CredentialId,
) -> ApplicationView:
    """Believe a credential no longer, from the next call on and for good."""
    act = Act(keeper.name, "credential.revoke", f"{application_id}/{credential_id}")
    with services.audit.refusals(act):
        _seen(registry, keeper, application_id)
        changed = registry.revoke(Hand.of(keeper), application_id, credential_id)
    return _view(changed, services.clock.now())


@router.put(
    "/v1/crypto/applications/{application_id:plain}/grants",
    responses=examples.answer(examples.APPLICATION),
)
def put_grants(
    services: Site,
    granter: Granter,
    registry: Applications,
    application_id: ApplicationId,
    body: Grants,
) -> ApplicationView:
    """Say what it may do with which keys; keys of others only where you are in charge of both."""
    with services.audit.refusals(Act(granter.name, "application.grant", application_id)):
        _seen(registry, granter, application_id)
        wanted: dict[str, frozenset[Operation]] = {}
        for one in body.grants:
            _check_owner(registry, granter, application_id, one.key)
            wanted[one.key] = wanted.get(one.key, frozenset()) | frozenset(one.operations)
        put = registry.put_grants if body.replace == "all" else registry.put_some_grants
        changed = put(Hand.of(granter), application_id, wanted)
    return _view(changed, services.clock.now())


@router.put(
    "/v1/crypto/applications/{application_id:plain}/quota",
    responses=examples.answer(examples.APPLICATION),
)
def set_quota(
    services: Site,
    granter: Granter,
    registry: Applications,
    application_id: ApplicationId,
    body: Quota,
) -> ApplicationView:
    """Say how much it may ask for, from its next call on."""
    quota = QuotaSet(
        per_second=body.per_second,
        per_day=body.per_day,
        opens_per_minute=body.opens_per_minute,
    )
    with services.audit.refusals(Act(granter.name, "application.quota", application_id)):
        _seen(registry, granter, application_id)
        changed = registry.set_quota(Hand.of(granter), application_id, quota)
    return _view(changed, services.clock.now())


def _seen(registry: Registry, person: Principal, application_id: str) -> Registered:
    """The application; raises ``dashboard_api.application.unknown`` also for other units'."""
    found = registry.get(application_id)
    if not person.scope.holds(found.unit):
        raise FengsuiError(
            "dashboard_api.application.unknown",
            f"there is no application {application_id}",
            id=application_id,
        )
    return found


def _check_owner(registry: Registry, granter: Principal, application_id: str, key: str) -> None:
    """Raise unless the granter is in charge of whoever the key belongs to."""
    owner = granting.owner_of(key)
    if owner == SITE:
        granter.must_hold(EVERY_UNIT)
    elif owner not in ("", application_id):
        _seen(registry, granter, owner)


def _issue(
    registry: Registry, hand: Hand, application_id: str, body: NewCredential
) -> tuple[Issued, str | None]:
    expires_at = time_of(body.expires_at, absent=0) if body.expires_at else None
    if body.kind == "token":
        if body.public_key or body.proof:
            raise FengsuiError("dashboard_api.credential.key", "a token comes without a key")
        token, issued = registry.issue_token(hand, application_id, expires_at=expires_at)
        return issued, token
    key = NewKey(public=public_key_of(body.public_key), proof=_proof_of(body.proof))
    return registry.enrol_key(hand, application_id, key, expires_at=expires_at), None


def public_key_of(text: str) -> PublicKey:
    """The key of a PEM block or of a point in hex; raises ``dashboard_api.credential.key``."""
    try:
        if text.lstrip().startswith("-----"):
            return PublicKey.from_pem(text.encode())
        return PublicKey(bytes.fromhex(text))
    except (CryptoError, ValueError) as error:
        raise FengsuiError(
            "dashboard_api.credential.key",
            "the public key is neither an SM2 PUBLIC KEY block nor a point 04… of 130 "
            "hexadecimal digits",
        ) from error


def _proof_of(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FengsuiError("dashboard_api.credential.key", "the proof is not base64") from error


def _credential(one: Issued, now: int) -> CredentialView:
    return CredentialView(
        id=one.id,
        kind=one.kind,
        created_at=one.created_at,
        expires_at=one.expires_at,
        revoked_at=one.revoked_at,
        living=one.lives(now),
    )


def _view(one: Registered, now: int) -> ApplicationView:
    return ApplicationView(
        id=one.id,
        name=one.name,
        unit=one.unit,
        created_at=one.created_at,
        disabled_at=one.disabled_at,
        quota=Quota(
            per_second=one.quota.per_second,
            per_day=one.quota.per_day,
            opens_per_minute=one.quota.opens_per_minute,
        ),
        credentials=[_credential(issued, now) for issued in one.credentials],
        grants=[
            Grant(key=key, operations=sorted(operations)) for key, operations in one.grants.items()
        ],
    )
