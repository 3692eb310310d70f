"""Views: applications, credentials, grants and quotas as they go over the wire, in and out."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from crypto.errors import CryptoError
from crypto.sm2 import PublicKey
from dashboard_api import examples
from dashboard_api.applications.grants import GRANTS_MAX
from dashboard_api.applications.model import Operation
from dashboard_api.applications.records import Issued, Kind, Registered
from dashboard_api.applications.registry import QUOTA_MAX
from dashboard_api.wire import Time
from schema.errors import FengsuiError


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
    grants: list[Grant] = Field(max_length=GRANTS_MAX)
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


def proof_of(text: str) -> bytes:
    """The signature of a proof; raises ``dashboard_api.credential.key``."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FengsuiError("dashboard_api.credential.key", "the proof is not base64") from error


def credential_view(one: Issued, now: int) -> CredentialView:
    """A credential as it stands now."""
    return CredentialView(
        id=one.id,
        kind=one.kind,
        created_at=one.created_at,
        expires_at=one.expires_at,
        revoked_at=one.revoked_at,
        living=one.lives(now),
    )


def view_of(one: Registered, now: int) -> ApplicationView:
    """An application as it stands now."""
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
        credentials=[credential_view(issued, now) for issued in one.credentials],
        grants=[
            Grant(key=key, operations=sorted(operations)) for key, operations in one.grants.items()
        ],
    )
