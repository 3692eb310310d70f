"""Keys of the national-crypto service: for applications their own, for people those of their units.

Whoever makes a key can do nothing with it by that: grants say who signs with it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, TypeAlias

from fastapi import Depends, Path
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.responses import Response

from crypto.keystore.model import Key, Use
from crypto.keystore.store import WAIT_US_MIN
from crypto.sm2 import PublicKey
from dashboard_api import examples, paths
from dashboard_api.access.roles import Permission
from dashboard_api.applications.model import Operation
from dashboard_api.context import Site
from dashboard_api.custody.device_desk import INDEX_MAX, misplaced
from dashboard_api.custody.device_rows import DeviceKey
from dashboard_api.custody.key_desk import DAYS_MAX, IMPORT_BYTES_MAX, KeyDesk, NewKey
from dashboard_api.idempotency import (
    Answer,
    Attempt,
    Attempted,
    Idempotency,
    Recorder,
    caller_of,
)
from dashboard_api.routes.approvals import ApprovalView, view_of
from dashboard_api.services import present
from dashboard_api.signing.asking import Asker, Asking
from dashboard_api.wire import Time
from schema.errors import FengsuiError
from schema.times import DAY

router = paths.router("keys")

_NAME: Final = r"^[a-z0-9][a-z0-9_.-]{0,62}$"
KeyUse: TypeAlias = Literal["sign", "encrypt", "exchange", "seal", "mac"]
KeyState: TypeAlias = Literal["active", "disabled", "scheduled", "destroyed"]


def desk_of(services: Site) -> KeyDesk:
    """The keys of the site that was asked."""
    return present(services.keys)


Reader = Annotated[Asker, Depends(Asking(Permission.KEYS_READ, Operation.KEYS_READ))]
ReaderOf = Annotated[Asker, Depends(Asking(Permission.KEYS_READ, Operation.KEYS_READ, key="name"))]
Keeper = Annotated[Asker, Depends(Asking(Permission.KEYS_MANAGE, Operation.KEYS_MANAGE, key="key"))]
KeeperOf = Annotated[
    Asker, Depends(Asking(Permission.KEYS_MANAGE, Operation.KEYS_MANAGE, key="name"))
]
Desk = Annotated[KeyDesk, Depends(desk_of)]
Name = Annotated[
    str,
    Path(
        pattern=_NAME,
        description="`payments.receipt`; an application may leave its own id out",
        examples=["payments.receipt"],
    ),
]


class NewKeyBody(BaseModel):
    """A key to be made; all but its name is fixed from then on."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"key": "payments.receipt", "use": "sign"}}
    )
    key: str = Field(pattern=_NAME, description="application.name; one's own without the dot")
    use: KeyUse
    sign_e: bool = Field(
        default=False, description="may sign digests made elsewhere, where that is granted too"
    )
    decrypt: bool = Field(default=True, description="false: it only encrypts or seals")
    export: bool = Field(default=False, description="may be given out, by two persons")
    days: int | None = Field(
        default=None, ge=1, le=DAYS_MAX, description="until it makes nothing new any more"
    )

    def new(self) -> NewKey:
        """As the desk takes it."""
        return NewKey(
            use=Use(self.use),
            sign_e=self.sign_e,
            decrypt=self.decrypt,
            export=self.export,
            days=self.days,
        )


class CreateBody(NewKeyBody):
    """A key to be made in the key store, or one of the device that gets its name here."""

    place: Literal["software", "device"] = "software"
    index: int | None = Field(
        default=None,
        ge=1,
        le=INDEX_MAX,
        description="of a device's key for this use, made with its own tools",
    )

    def new(self) -> NewKey:
        """As the desk takes it; raises ``dashboard_api.key.place``."""
        if (self.place == "device") != (self.index is not None):
            raise misplaced()
        return replace(super().new(), index=self.index)


class ImportBody(NewKeyBody):
    """A key made elsewhere: `pem` (PKCS#8 or SEC 1), or `envelope` to the site's import key."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"key": "payments.old", "use": "encrypt", "envelope": "MIHuMAwGCCqBHM9VAWgB"}
        },
    )
    pem: str = Field(default="", max_length=IMPORT_BYTES_MAX)
    password: str = Field(default="", max_length=1024, description="of an encrypted PEM")
    envelope: str = Field(
        default="",
        max_length=IMPORT_BYTES_MAX,
        description="base64 of an EnvelopedKey (GB/T 35276-2017, 7.4) to GET keys:import",
    )


class DestroyBody(BaseModel):
    """How long a key waits for its destruction once a second person agreed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"days": 30}})
    days: int = Field(default=30, ge=WAIT_US_MIN // DAY, le=3650)


class ExportBody(BaseModel):
    """Whom the key is encrypted to."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"recipient": examples.ENROLLED["receipt_public_key"]}},
    )
    recipient: str = Field(
        pattern="^04[0-9a-f]{128}$", description="SM2 public key 04… in hexadecimal digits"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """One generation of a key."""

    version: int
    created_at: Time
    public_key: str | None
    """04… in hexadecimal digits; null for a symmetric key."""
    key_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """A key without its secret."""

    key: str
    use: KeyUse
    state: KeyState
    place: Literal["software", "device"]
    index: int | None
    """In the device; null for a key of the store."""
    module: str
    """What holds it, in words an assessor asks for."""
    sign_e: bool
    decrypt: bool
    export: bool
    created_at: Time
    expires_at: Time | None
    destroy_at: Time | None
    destroyed_at: Time | None
    versions: list[VersionView]
    """Oldest first; the last one signs, encrypts and seals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysView:
    """Keys by id."""

    items: list[KeyView]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportKeyView:
    """The public key that envelopes of imported keys are made for."""

    public_key: str
    key_id: str


_key_text: Final = TypeAdapter(KeyView)
_approval_text: Final = TypeAdapter(ApprovalView)


@router.get("/v1/crypto/keys", responses=examples.answer(examples.KEYS))
def keys(reader: Reader, desk: Desk) -> KeysView:
    """The keys you may see."""
    return KeysView(items=[_view(one) for one in desk.page(reader)])


@router.post(
    "/v1/crypto/keys",
    status_code=201,
    response_model=KeyView,
    responses=examples.answer(examples.KEY, 201),
)
def create(
    keeper: Keeper, desk: Desk, recorder: Recorder, attempt: Attempted, body: CreateBody
) -> Response:
    """Make a key."""

    def do() -> Answer:
        made = desk.create(keeper, body.key, body.new())
        return Answer(status=201, body=_key_text.dump_json(_view(made)))

    return recorder.once(caller_of(keeper), attempt, do).response()


@router.get(
    "/v1/crypto/keys:import",
    dependencies=[Depends(Asking(Permission.KEYS_READ, Operation.KEYS_READ))],
    responses=examples.answer(examples.IMPORT_KEY),
)
def import_key(desk: Desk) -> ImportKeyView:
    """Whom to encrypt a key to that is to be imported."""
    public = desk.import_recipient()
    return ImportKeyView(public_key=public.point.hex(), key_id=public.key_id)


@router.post(
    "/v1/crypto/keys:import",
    status_code=201,
    response_model=KeyView,
    responses=examples.answer(examples.KEY, 201),
)
def take_in(
    keeper: Keeper, desk: Desk, recorder: Recorder, attempt: Attempted, body: ImportBody
) -> Response:
    """Take in a key made elsewhere. What it did there nobody here can say."""
    if bool(body.pem) == bool(body.envelope):
        raise FengsuiError(
            "dashboard_api.key.import", "send one of pem and envelope: the key that is taken in"
        )

    def do() -> Answer:
        if body.pem:
            password = body.password.encode() or None
            made = desk.import_pem(
                keeper, body.key, body.pem.encode(), password=password, new=body.new()
            )
        else:
            made = desk.import_envelope(keeper, body.key, _base64(body.envelope), new=body.new())
        return Answer(status=201, body=_key_text.dump_json(_view(made)))

    return recorder.once(caller_of(keeper), attempt, do).response()


@router.get("/v1/crypto/keys/{name:plain}", responses=examples.answer(examples.KEY))
def key(reader: ReaderOf, desk: Desk, name: Name) -> KeyView:
    """One key."""
    return _view(desk.get(reader, name))


@router.post(
    "/v1/crypto/keys/{name:plain}:rotate",
    response_model=KeyView,
    responses=examples.answer(examples.KEY),
)
def rotate(
    keeper: KeeperOf, desk: Desk, recorder: Recorder, attempt: Attempted, name: Name
) -> Response:
    """Make a new version: it signs, encrypts and seals from the next call on."""
    return _once(recorder, attempt, keeper, lambda: desk.rotate(keeper, name))


@router.post(
    "/v1/crypto/keys/{name:plain}:enable",
    response_model=KeyView,
    responses=examples.answer(examples.KEY),
)
def enable(
    keeper: KeeperOf, desk: Desk, recorder: Recorder, attempt: Attempted, name: Name
) -> Response:
    """Allow the use of a disabled key again."""
    return _once(recorder, attempt, keeper, lambda: desk.enable(keeper, name))


@router.post(
    "/v1/crypto/keys/{name:plain}:disable",
    response_model=KeyView,
    responses=examples.answer(examples.KEY_DISABLED),
)
def disable(
    keeper: KeeperOf, desk: Desk, recorder: Recorder, attempt: Attempted, name: Name
) -> Response:
    """Refuse every use, from the next call on."""
    return _once(recorder, attempt, keeper, lambda: desk.disable(keeper, name))


@router.post(
    "/v1/crypto/keys/{name:plain}:keep",
    response_model=KeyView,
    responses=examples.answer(examples.KEY_DISABLED),
)
def keep(
    keeper: KeeperOf, desk: Desk, recorder: Recorder, attempt: Attempted, name: Name
) -> Response:
    """Keep a key that was to be destroyed; it stays disabled until it is enabled."""
    return _once(recorder, attempt, keeper, lambda: desk.keep(keeper, name))


@router.post(
    "/v1/crypto/keys/{name:plain}:destroy",
    status_code=202,
    response_model=ApprovalView,
    responses=examples.answer(examples.APPROVAL_DESTROY, 202, "It waits for a second person"),
)
def destroy(
    services: Site,
    keeper: KeeperOf,
    desk: Desk,
    recorder: Recorder,
    attempt: Attempted,
    name: Name,
    body: DestroyBody,
) -> Response:
    """Ask for its destruction: a second person agrees, then it waits, disabled, and is wiped."""
    approvals = present(services.approvals)

    def do() -> Answer:
        asked = desk.ask(
            keeper, "destroy", name, approvals=approvals, params={"days": str(body.days)}
        )
        return Answer(status=202, body=_approval_text.dump_json(view_of(asked)))

    return recorder.once(caller_of(keeper), attempt, do).response()


@router.post(
    "/v1/crypto/keys/{name:plain}:export",
    status_code=202,
    response_model=ApprovalView,
    responses=examples.answer(examples.APPROVAL, 202, "It waits for a second person"),
)
def export(
    services: Site,
    keeper: KeeperOf,
    desk: Desk,
    recorder: Recorder,
    attempt: Attempted,
    name: Name,
    body: ExportBody,
) -> Response:
    """Ask for the key itself, encrypted to `recipient`: a second person agrees, then you take it.

    A pair comes as EnvelopedKey (GB/T 35276-2017, 7.4), a symmetric key as SM2 ciphertext.
    """
    approvals = present(services.approvals)

    def do() -> Answer:
        asked = desk.ask(
            keeper, "export", name, approvals=approvals, params={"recipient": body.recipient}
        )
        return Answer(status=202, body=_approval_text.dump_json(view_of(asked)))

    return recorder.once(caller_of(keeper), attempt, do).response()


def _once(
    recorder: Idempotency, attempt: Attempt, asking: Asker, change: Callable[[], Key]
) -> Response:
    def do() -> Answer:
        return Answer(status=200, body=_key_text.dump_json(_view(change())))

    return recorder.once(caller_of(asking), attempt, do).response()


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise FengsuiError("dashboard_api.key.import", "envelope is not base64") from None


def _view(one: Key) -> KeyView:
    return KeyView(
        key=one.id,
        use=one.use.value,
        state=one.state.value,
        place="device" if isinstance(one, DeviceKey) else "software",
        index=one.index if isinstance(one, DeviceKey) else None,
        module=one.module,
        sign_e=one.policy.sign_e,
        decrypt=one.policy.decrypt,
        export=one.policy.export,
        created_at=one.created_at_us,
        expires_at=one.policy.expires_at_us,
        destroy_at=one.destroy_at_us,
        destroyed_at=one.destroyed_at_us,
        versions=[
            VersionView(
                version=version.number,
                created_at=version.created_at_us,
                public_key=version.public.hex() if version.public else None,
                key_id=PublicKey.from_point(version.public).key_id if version.public else None,
            )
            for version in one.versions
        ],
    )
