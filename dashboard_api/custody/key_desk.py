"""KeyDesk: what is done to keys of the service, by whom it may be done, in the audit chain.

An application manages keys of its own, a person those of the applications of their units; the
site's own (``site.…``) belong to who is in charge of every unit. A key that is made grants nothing.
Making, importing and changing happen at once; destruction and export wait for a second person.

Errors: ``dashboard_api.key.{name,owner,limit,public,recipient}``, ``crypto.key.*``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from crypto.cms import enveloped_key
from crypto.errors import CryptoError
from crypto.keystore.model import Key, Policy, Use
from crypto.keystore.store import WAIT_US_MIN, KeyStore
from crypto.sm2 import PrivateKey, PublicKey
from dashboard_api.applications.approval import Approval, Asker, Kind
from dashboard_api.applications.approvals import Approvals
from dashboard_api.applications.model import ID, KEY_NAME, SITE
from dashboard_api.audit import Act, AuditChain
from dashboard_api.custody.authority import CA_KEY
from dashboard_api.custody.device_desk import DeviceDesk, exists, in_device
from dashboard_api.custody.device_rows import DeviceKey
from dashboard_api.custody.ownership import Ownership, owner_of
from dashboard_api.custody.room import KeyRoom
from dashboard_api.signing.asking import Asker as Asking
from schema.errors import FengsuiError
from schema.ports import Clock
from schema.times import DAY

OWN_KEYS_MAX: Final = 1000
"""Keys of one application, destroyed ones too: the store's room is for all of them."""
DAYS_MAX: Final = 36_500
ITERATIONS_MAX: Final = 1_000_000
"""Of a password in an import: what strangers send must not keep a processor for minutes."""
IMPORT_BYTES_MAX: Final = 16 * 1024
WRAPPED_UNDER: Final = f"{SITE}.import"
"""The site's encryption key that key envelopes are made for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What a key shall be; fixed from then on."""

    use: Use
    sign_e: bool = False
    decrypt: bool = True
    export: bool = False
    days: int | None = None
    """Until it makes nothing new any more."""
    index: int | None = None
    """Of a key inside the device, where it has been made; None for one of the store."""


class KeyDesk:
    """The keys of one site."""

    def __init__(
        self,
        room: KeyRoom,
        audit: AuditChain,
        *,
        unit_of: Callable[[str], str],
        clock: Clock,
        devices: DeviceDesk,
    ) -> None:
        """``unit_of`` gives the unit of an application; raises for an unknown one."""
        self._devices = devices
        self._room = room
        self._audit = audit
        self._ownership = Ownership(unit_of)
        self._clock = clock

    # Looking

    def page(self, asking: Asking) -> list[Key]:
        """The keys the asker may see, by id."""
        found: list[Key] = [*self._devices.every().values()]
        if self._room.exists:
            found += self._room.store.all_keys()
        seen = [one for one in found if self._sees(asking, one.id)]
        return sorted(seen, key=lambda one: one.id)

    def get(self, asking: Asking, name: str) -> Key:
        """One of them; raises ``crypto.key.unknown`` also where it is another's."""
        key_id = self._checked(asking, name)
        if (inside := self._devices.find(key_id)) is not None:
            return inside
        if not self._room.exists:
            raise CryptoError("crypto.key.unknown", f"Key {key_id} is not here.", {"id": key_id})
        return self._room.store.key(key_id)

    # Changing

    def create(self, asking: Asking, name: str, new: NewKey) -> Key:
        """Make a key; raises ``crypto.key.exists`` and ``dashboard_api.key.limit``."""
        key_id = self._checked(asking, name)
        with self._noted(asking, f"key.create.{new.use.value}", key_id):
            if new.index is not None:
                return self._name(asking, key_id, new, new.index)
            self._check_room(key_id)
            return self._room.store.create(key_id, new.use, self._policy(new))

    def import_pem(
        self, asking: Asking, name: str, pem: bytes, *, password: bytes | None, new: NewKey
    ) -> Key:
        """Take in a private key of PKCS#8 or SEC 1."""
        key_id = self._checked(asking, name)
        with self._noted(asking, f"key.import.{new.use.value}", key_id):
            self._check_room(key_id)
            key = PrivateKey.from_pem(pem, password, iterations_max=ITERATIONS_MAX)
            return self._room.store.add(key_id, new.use, key.scalar(), self._policy(new))

    def import_envelope(self, asking: Asking, name: str, envelope: bytes, *, new: NewKey) -> Key:
        """Take in a key pair in an envelope to ``site.import`` (GB/T 35276-2017, 7.4)."""
        key_id = self._checked(asking, name)
        with self._noted(asking, f"key.import.{new.use.value}", key_id):
            self._check_room(key_id)
            store = self._room.store
            key = enveloped_key.open_key(envelope, store.decrypter(self._import_key(store).id))
            return store.add(key_id, new.use, key.scalar(), self._policy(new))

    def import_recipient(self) -> PublicKey:
        """Whom key envelopes are made for; the key is made at first need."""
        store = self._room.store
        return store.encrypter(self._import_key(store).id)

    def rotate(self, asking: Asking, name: str) -> Key:
        """Make a new version: it signs and seals from now on.

        Raises ``dashboard_api.key.authority`` for the authority's own: only its latest version
        signs, so that the revocation lists of the root before would end within a week.
        """
        if self._checked(asking, name) == CA_KEY:
            raise FengsuiError(
                "dashboard_api.key.authority",
                f"{CA_KEY} is not rotated: what it issued could not be revoked any more",
                key=CA_KEY,
            )
        return self._change(asking, name, "rotate", KeyStore.rotate)

    def enable(self, asking: Asking, name: str) -> Key:
        """Allow the use of a disabled key again."""
        return self._change(asking, name, "enable", KeyStore.enable)

    def disable(self, asking: Asking, name: str) -> Key:
        """Refuse every use from the next call on."""
        return self._change(asking, name, "disable", KeyStore.disable)

    def keep(self, asking: Asking, name: str) -> Key:
        """Keep a key that was to be destroyed; it stays disabled."""
        return self._change(asking, name, "keep", KeyStore.cancel_deletion)

    def destroy_due(self) -> Sequence[str]:
        """Wipe the keys whose wait is over; called by the platform's upkeep."""
        if not self._room.exists:
            return ()
        gone = self._room.store.destroy_due()
        for key_id in gone:
            self._audit.record(Act("fengsui", "key.destroyed", key_id), "done")
        return gone

    # Of two persons

    def ask(
        self,
        asking: Asking,
        kind: Kind,
        name: str,
        *,
        approvals: Approvals,
        params: Mapping[str, str],
    ) -> Approval:
        """Ask for a destruction or an export; ``params`` is what ``carry_out`` reads.

        What could never be carried out is refused now and not after somebody approved it.
        """
        key = self.get(asking, name)
        who = _asker(asking)
        with self._audit.refusals(Act(asking.actor, f"key.{kind}", key.id)):
            if isinstance(key, DeviceKey):
                raise in_device(key.id)
            if kind == "export":
                if not key.policy.export:
                    raise FengsuiError(
                        "dashboard_api.key.export",
                        f"key {key.id} was made without the right to be exported, and that is "
                        "fixed: make another where it must be",
                        key=key.id,
                    )
                recipient_of(params)
            return approvals.ask(kind, key.id, asked_by=who, params=params)

    def carry_out(self, approval: Approval) -> bytes | None:
        """Begin the wait before a destruction, or return the key for who asked for it."""
        store = self._room.store
        if approval.kind == "destroy":
            # Again after a crash: the wait may have begun already.
            if store.key(approval.key).destroy_at_us is None:
                store.schedule_deletion(approval.key, _wait_of(approval.params))
            return None
        key = store.key(approval.key)
        recipient = recipient_of(approval.params)
        secret = store.export(approval.key)
        try:
            if key.use.is_pair:
                return enveloped_key.seal_key(PrivateKey.from_scalar(secret), recipient)
            return recipient.encrypt(bytes(secret))
        finally:
            secret[:] = bytes(len(secret))

    # Inside

    def _name(self, asking: Asking, key_id: str, new: NewKey, index: int) -> Key:
        # Whoever names a key of the device decides who uses it: all of it is the site's.
        if asking.person is None or not asking.person.scope.everything:
            raise _not_theirs(key_id)
        if self._room.exists and any(one.id == key_id for one in self._room.store.all_keys()):
            raise exists(key_id)
        return self._devices.name(key_id, new.use, index, self._policy(new))

    def _change(
        self, asking: Asking, name: str, action: str, change: Callable[[KeyStore, str], Key]
    ) -> Key:
        key_id = self._checked(asking, name)
        with self._noted(asking, f"key.{action}", key_id):
            if self._devices.find(key_id) is not None:
                return self._devices.change(key_id, action)
            return change(self._room.store, key_id)

    @contextmanager
    def _noted(self, asking: Asking, action: str, key_id: str) -> Iterator[None]:
        with self._audit.around(Act(asking.actor, action, key_id)):
            yield

    def _checked(self, asking: Asking, name: str) -> str:
        """The whole id; raises unless the asker may manage it."""
        key_id = asking.application.key if asking.application is not None else name
        owner, dot, own = key_id.partition(".")
        if not dot or not ID.fullmatch(owner) or not KEY_NAME.fullmatch(own):
            raise FengsuiError(
                "dashboard_api.key.name",
                f"{name[:80]!r} is no key: write APPLICATION.NAME, the name 1 to 38 of a-z 0-9 _ "
                "-; an application may leave its own id out",
            )
        if not self._sees(asking, key_id):
            raise _not_theirs(key_id)
        return key_id

    def _sees(self, asking: Asking, key_id: str) -> bool:
        return self._ownership.holds(asking, owner_of(key_id))

    def _check_room(self, key_id: str) -> None:
        inside = self._devices.every()
        if key_id in inside:
            raise exists(key_id)
        own = owner_of(key_id) + "."
        if sum(one.id.startswith(own) for one in self._room.store.all_keys()) >= OWN_KEYS_MAX:
            raise FengsuiError(
                "dashboard_api.key.limit",
                f"{OWN_KEYS_MAX} keys of one application, the most there may be: rotate one, "
                "or register another application",
                limit=OWN_KEYS_MAX,
            )

    def _policy(self, new: NewKey) -> Policy:
        expiry = None if new.days is None else self._clock.now() + new.days * DAY
        return Policy(
            sign_e=new.sign_e, decrypt=new.decrypt, export=new.export, expires_at_us=expiry
        )

    def _import_key(self, store: KeyStore) -> Key:
        try:
            return store.key(WRAPPED_UNDER)
        except CryptoError as error:
            if error.code != "crypto.key.unknown":
                raise
        with self._audit.around(Act("fengsui", "key.create.encrypt", WRAPPED_UNDER)):
            return store.create(WRAPPED_UNDER, Use.ENCRYPT)


def _not_theirs(key_id: str) -> FengsuiError:
    return FengsuiError(
        "dashboard_api.key.owner",
        f"key {key_id} is not yours to manage: it belongs to another application or unit",
        key=key_id,
    )


def recipient_of(params: Mapping[str, str]) -> PublicKey:
    """To whom a key goes; raises ``dashboard_api.key.recipient``."""
    try:
        return PublicKey.from_point(bytes.fromhex(params.get("recipient", "")))
    except (ValueError, CryptoError):
        raise FengsuiError(
            "dashboard_api.key.recipient",
            "name in recipient the SM2 public key the exported key is encrypted to: 04… in 130 "
            "hexadecimal digits",
        ) from None


def _wait_of(params: Mapping[str, str]) -> int:
    days = params.get("days", "")
    return max(WAIT_US_MIN, int(days) * DAY if days.isdecimal() else 0)


def _asker(asking: Asking) -> Asker:
    if asking.application is not None:
        return Asker.application(asking.owner)
    assert asking.person is not None
    return Asker.person(asking.person)
