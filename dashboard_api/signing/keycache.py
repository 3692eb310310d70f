"""KeyCache: the site's keys at hand in a signing process, opened once and dropped at any change.

A key that anybody disabled, rotated or destroyed is seen so in the next group of calls: the key
store's file and the state file each have a number for that. Expiry is looked at on each use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypedDict, TypeVar, cast

from crypto.keystore.model import Key, State, Use, Version, refused
from crypto.keystore.store import KeyStore
from dashboard_api.signing.ports import (
    Held,
    HeldDecrypter,
    HeldMac,
    HeldPublic,
    HeldSealer,
    HeldSigner,
)
from schema.ports import Clock

SOFTWARE: Final = "software"
DEVICE: Final = "device"
OPENED_MAX: Final = 4096
"""Keys kept open, some kilobytes each; beyond, all are dropped and opened again when used."""


class Certificates(Protocol):
    """Certificates as they stand at the last ``refresh``."""

    def refresh(self) -> bool:
        """See every change committed before now; whether there was one."""

    def chain_of(self, key_id: str, version: int) -> tuple[bytes, ...]:
        """DER of a key's certificate and of those above it; empty without one."""

    def anchors(self) -> Sequence[bytes]:
        """DER of what the site trusts as roots."""

    def revocation_lists(self) -> Sequence[bytes]:
        """DER of the lists at hand."""


class DeviceKeys(Protocol):
    """Keys inside a cryptographic device, by the id the site gave them; raises ``crypto.key.*``."""

    def refresh(self) -> None:
        """See every change committed before now."""

    def use(self, key_id: str) -> Use | None:
        """What a key of the device is for; None for any other key."""

    def signer(self, key_id: str) -> HeldSigner:
        """A signing key of the device."""

    def decrypter(self, key_id: str) -> HeldDecrypter:
        """An encryption key of the device."""

    def public(self, key_id: str, use: Use) -> HeldPublic:
        """The public half, without asking the device."""


@dataclass(frozen=True, slots=True)
class _Opened:
    held: Sequence[Held]
    expires_at_us: int | None


H = TypeVar("H", bound=Held)


class KeyCache:
    """The port ``Keys`` over a key store, certificates and, where there is one, a device."""

    def __init__(
        self,
        store: KeyStore,
        certificates: Certificates,
        *,
        clock: Clock,
        device: DeviceKeys | None = None,
    ) -> None:
        """For one thread; ``refresh`` comes before each group of uses."""
        self._store = store
        self._certificates = certificates
        self._clock = clock
        self._device = device
        self._seen = -1
        self._keys: dict[str, Key] = {}
        self._opened: dict[tuple[str, str], _Opened] = {}

    def refresh(self) -> None:
        seen = self._store.changes()
        if self._device is not None:
            self._device.refresh()
        changed = self._certificates.refresh()
        if changed or seen != self._seen:
            self._keys.clear()
            self._opened.clear()
            self._seen = seen

    def use(self, key_id: str) -> str:
        use = None if self._device is None else self._device.use(key_id)
        return self._key(key_id).use.value if use is None else use.value

    def signer(self, key_id: str) -> HeldSigner:
        if (device := self._inside(key_id)) is not None:
            held = device.signer(key_id)
            return replace(held, chain=self._certificates.chain_of(key_id, held.version))
        return self._one("signer", key_id, self._open_signer, protect=True)

    def verifiers(self, key_id: str) -> Sequence[HeldPublic]:
        if (device := self._inside(key_id)) is not None:
            return [device.public(key_id, Use.SIGN)]
        return self._every("verifiers", key_id, self._open_verifiers, protect=False)

    def encrypter(self, key_id: str) -> HeldPublic:
        if (device := self._inside(key_id)) is not None:
            return device.public(key_id, Use.ENCRYPT)
        return self._one("encrypter", key_id, self._open_encrypter, protect=True)

    def decrypters(self, key_id: str) -> Sequence[HeldDecrypter]:
        if (device := self._inside(key_id)) is not None:
            return [device.decrypter(key_id)]
        return self._every("decrypters", key_id, self._open_decrypters, protect=False)

    def sealer(self, key_id: str) -> HeldSealer:
        # The handle itself refuses to seal with an expired key; it still opens what is old.
        return self._one("sealer", key_id, self._open_sealer, protect=False)

    def mac(self, key_id: str) -> HeldMac:
        return self._one("mac", key_id, self._open_mac, protect=False)

    def anchors(self) -> Sequence[bytes]:
        return self._certificates.anchors()

    def revocation_lists(self) -> Sequence[bytes]:
        return self._certificates.revocation_lists()

    # Inside

    def _inside(self, key_id: str) -> DeviceKeys | None:
        """The device, where the key is in it."""
        device = self._device
        return device if device is not None and device.use(key_id) is not None else None

    def _one(
        self, what: str, key_id: str, opening: Callable[[Key], H], *, protect: bool
    ) -> H:  # fmt: skip
        return self._every(what, key_id, lambda key: [opening(key)], protect=protect)[0]

    def _every(
        self, what: str, key_id: str, opening: Callable[[Key], Sequence[H]], *, protect: bool
    ) -> Sequence[H]:
        opened = self._opened.get((what, key_id))
        if opened is None:
            if len(self._opened) >= OPENED_MAX:
                self._opened.clear()
            key = self._key(key_id)
            opened = _Opened(opening(key), key.policy.expires_at_us)
            self._opened[what, key_id] = opened
        expiry = opened.expires_at_us
        if protect and expiry is not None and self._clock.now() >= expiry:
            raise refused(
                "expired", key_id, "has expired: it verifies and opens, and makes nothing new"
            )
        return cast("Sequence[H]", opened.held)

    def _key(self, key_id: str) -> Key:
        """The key, if it may be used at all."""
        key = self._keys.get(key_id)
        if key is None:
            if self._inside(key_id) is not None:
                raise refused("use", key_id, "is one of the device: it signs or encrypts only")
            key = self._store.key(key_id)
            if key.state is not State.ACTIVE:
                raise refused(key.state.value, key_id, f"is {key.state.value}: it is not used")
            self._keys[key_id] = key
        return key

    def _open_signer(self, key: Key) -> HeldSigner:
        signer = self._store.signer(key.id)
        chain = self._certificates.chain_of(key.id, key.latest.number)
        return HeldSigner(**_held(key, key.latest), key=signer, chain=chain)

    def _open_verifiers(self, key: Key) -> Sequence[HeldPublic]:
        _check_use(key, Use.SIGN)
        return [
            HeldPublic(**_held(key, one), key=self._store.verifier(key.id, one.number))
            for one in reversed(key.versions)
        ]

    def _open_encrypter(self, key: Key) -> HeldPublic:
        return HeldPublic(**_held(key, key.latest), key=self._store.encrypter(key.id))

    def _open_decrypters(self, key: Key) -> Sequence[HeldDecrypter]:
        _check_use(key, Use.ENCRYPT)
        return [
            HeldDecrypter(**_held(key, one), key=self._store.decrypter(key.id, one.number))
            for one in reversed(key.versions)
        ]

    def _open_sealer(self, key: Key) -> HeldSealer:
        sealer = self._store.sealing(key.id, kept=True)
        return HeldSealer(**_held(key, key.latest), key=sealer)

    def _open_mac(self, key: Key) -> HeldMac:
        return HeldMac(**_held(key, key.latest), key=self._store.mac(key.id, kept=True))


class _HeldAs(TypedDict):
    id: str
    version: int
    place: str


def _held(key: Key, version: Version) -> _HeldAs:
    return {"id": key.id, "version": version.number, "place": SOFTWARE}


def _check_use(key: Key, use: Use) -> None:
    if key.use is not use:
        raise refused("use", key.id, f"is for {key.use.value}, not for {use.value}")
