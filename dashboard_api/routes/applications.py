"""Applications that may call the national-crypto service, for the people who administer them.

The system administrator registers them and issues credentials, the security administrator says what
they may do. Everybody sees those of their own units; no application manages applications.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Path, Query
from pydantic import TypeAdapter
from starlette.responses import Response

from dashboard_api import examples, paths
from dashboard_api.access.principal import EVERY_UNIT, Principal
from dashboard_api.access.roles import Permission
from dashboard_api.applications import grants as granting
from dashboard_api.applications.credentials import NewKey
from dashboard_api.applications.model import SITE, Operation
from dashboard_api.applications.model import Quota as QuotaSet
from dashboard_api.applications.records import Hand, Issued, Registered
from dashboard_api.applications.registry import Registry
from dashboard_api.applications.views import (
    ApplicationsView,
    ApplicationView,
    Grants,
    IssuedView,
    NewApplication,
    NewCredential,
    Quota,
    credential_view,
    proof_of,
    public_key_of,
    view_of,
)
from dashboard_api.audit import Act
from dashboard_api.context import Site, require
from dashboard_api.idempotency import Answer, Attempted, Recorder, caller_of
from dashboard_api.services import present
from dashboard_api.wire import time_of
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
        items=[view_of(one, now) for one in found[:limit]],
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
    return view_of(made, services.clock.now())


@router.get(
    "/v1/crypto/applications/{application_id:plain}",
    responses=examples.answer(examples.APPLICATION),
)
def application(
    services: Site, reader: Reader, registry: Applications, application_id: ApplicationId
) -> ApplicationView:
    """One application of your units."""
    return view_of(_seen(registry, reader, application_id), services.clock.now())


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
    return view_of(changed, services.clock.now())


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
    return view_of(changed, services.clock.now())


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
        view = IssuedView(credential=credential_view(issued, services.clock.now()), token=token)
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
    return view_of(changed, services.clock.now())


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
    return view_of(changed, services.clock.now())


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
    return view_of(changed, services.clock.now())


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
    key = NewKey(public=public_key_of(body.public_key), proof=proof_of(body.proof))
    return registry.enrol_key(hand, application_id, key, expires_at=expires_at), None
