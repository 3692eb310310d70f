"""Other people's accounts: two administrators are needed to bring anybody in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from dashboard_api import examples
from dashboard_api.access.access import LINK_LIFE_US
from dashboard_api.access.principal import Principal
from dashboard_api.access.roles import Permission, Role
from dashboard_api.access.users import User
from dashboard_api.audit import Act
from dashboard_api.context import Site, require
from dashboard_api.wire import Time

router = APIRouter(tags=["users"])
Reader = Annotated[Principal, Depends(require(Permission.USERS_READ))]
Creator = Annotated[Principal, Depends(require(Permission.USERS_CREATE))]
Granter = Annotated[Principal, Depends(require(Permission.RIGHTS_GRANT))]
UserId = Annotated[str, Path(pattern="^[0-9a-f-]{36}$", examples=[examples.USER["id"]])]


class NewAccount(BaseModel):
    """An account to be made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "zhang.wei", "display_name": "张伟"}},
    )
    name: str = Field(max_length=32)
    display_name: str = Field(max_length=64)


class Rights(BaseModel):
    """All roles and units of an account; units are names, or ``*`` for every unit."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"roles": ["viewer"], "units": ["social-security"]}},
    )
    roles: list[Role] = Field(max_length=len(Role))
    units: list[str] = Field(max_length=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as administrators see it."""

    id: str
    name: str
    display_name: str
    roles: list[Role]
    units: list[str]
    has_password: bool
    created_at: Time
    disabled_at: Time | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsView:
    """Accounts by name."""

    items: list[Account]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginLink:
    """A one-time link: put the fragment behind the address of this site. Shown once."""

    name: str
    token: str
    fragment: str
    expires_at: Time


def _account(user: User) -> Account:
    return Account(
        id=user.id,
        name=user.name,
        display_name=user.display_name,
        roles=sorted(user.roles),
        units=list(user.units),
        has_password=user.password is not None,
        created_at=user.created_at,
        disabled_at=user.disabled_at,
    )


@router.get("/v1/users", responses=examples.answer(examples.USERS))
def users(services: Site, reader: Reader) -> AccountsView:
    """Every account with its roles and units."""
    _ = reader
    return AccountsView(items=[_account(user) for user in services.accounts.everyone()])


@router.post("/v1/users", status_code=201, responses=examples.answer(examples.USER, 201))
def create(services: Site, creator: Creator, body: NewAccount) -> Account:
    """Make an account without any right. The security administrator grants it roles."""
    with services.audit.refusals(Act(creator.name, "user.create")):
        return _account(services.accounts.create(creator, body.name, body.display_name))


@router.put("/v1/users/{user_id}/roles", responses=examples.answer(examples.USER))
def set_roles(services: Site, granter: Granter, user_id: UserId, body: Rights) -> Account:
    """Replace an account's roles and units. An administrator's role stands alone."""
    with services.audit.refusals(Act(granter.name, "user.rights", user_id)):
        user = services.accounts.set_rights(
            granter, user_id, roles=frozenset(body.roles), units=body.units
        )
    return _account(user)


@router.delete("/v1/users/{user_id}/password", responses=examples.answer(examples.USER))
def clear_password(services: Site, granter: Granter, user_id: UserId) -> Account:
    """Take a password back and end the sessions, so that a new link can be issued."""
    with services.audit.refusals(Act(granter.name, "user.password_clear", user_id)):
        return _account(services.accounts.clear_password(granter, user_id))


@router.post(
    "/v1/users/{user_id}/link", status_code=201, responses=examples.answer(examples.LINK, 201)
)
def link(services: Site, creator: Creator, user_id: UserId) -> LoginLink:
    """A one-time login link for an account that has no password, good for ten minutes."""
    with services.audit.refusals(Act(creator.name, "user.link", user_id)):
        name, token = services.accounts.link(creator, user_id, services.access)
    expires_at = services.clock.now() + LINK_LIFE_US
    return LoginLink(name=name, token=token, fragment=f"#token={token}", expires_at=expires_at)


@router.delete("/v1/users/{user_id}", responses=examples.answer(examples.USER))
def disable(services: Site, creator: Creator, user_id: UserId) -> Account:
    """Close an account for good. Its name stays taken."""
    with services.audit.refusals(Act(creator.name, "user.disable", user_id)):
        return _account(services.accounts.disable(creator, user_id))
