"""Device: the site's cryptographic device (GM/T 0018), through one session at a time.

The session is opened at first use, and anew after it failed: a device that was unplugged, or whose
service started again, works from the next call on. While it cannot be opened whoever asks is told
so at once, and it is tried again after a moment. Raises ``crypto.sdf.*``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final, TypeVar

from crypto.errors import CryptoError
from crypto.keystore.model import Use
from crypto.keystore.source import device_password
from crypto.sdf.library import Device
from crypto.sdf.port import DeviceInfo, Session
from crypto.sm2 import Form, PublicKey, ciphertext_to_der

T = TypeVar("T")

PAUSE_US: Final = 2_000_000
"""Between two tries to open a device that is away: one try may take as long as its library likes,
and keys that are no keys of the device wait behind it."""
_INVALID: Final = "crypto.ciphertext.invalid"
_OF_TEXT: Final = frozenset({"crypto.sdf.encdataerr", "crypto.sdf.skoperr"})
"""What devices answer for a ciphertext that was not made for their key."""
_OF_CALL: Final = _OF_TEXT | {"crypto.sdf.size", "crypto.sdf.keynotexist"}
"""These say nothing against the session."""


class SiteDevice:
    """The device of the settings; safe for several threads, which wait for each other."""

    def __init__(self, library: str, password_file: str, *, monotonic: Callable[[], int]) -> None:
        """``library`` is empty where there is none; ``monotonic`` tells microseconds."""
        self._library = library
        self._password_file = password_file
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._parts = ExitStack()
        self._rights: set[int] = set()
        self._away: tuple[int, CryptoError] | None = None
        """Until when it is not tried, and why."""

    @property
    def is_named(self) -> bool:
        """Whether the settings name a device."""
        return bool(self._library)

    def public(self, use: Use, index: int) -> PublicKey:
        """The public half of a key of the device."""

        def ask(session: Session) -> PublicKey:
            if use is Use.SIGN:
                return session.sign_public(index)
            return session.encryption_public(index)

        return self._ask(ask)

    def info(self) -> DeviceInfo:
        """What the device says of itself."""
        return self._ask(lambda session: session.info())

    def sign_e(self, index: int, e: bytes, *, public: PublicKey) -> bytes:
        """Sign a digest; the signature is checked under ``public`` before it is returned."""

        def sign(session: Session) -> bytes:
            self._need_right(session, index)
            try:
                return session.sign_e(index, e, public=public)
            except CryptoError as error:
                if not error.code.startswith("crypto.signature."):
                    raise
                raise CryptoError(
                    "crypto.sdf.malformed",
                    f"The device answered no signature of key {public.key_id}: it is faulty, or "
                    f"holds another key at index {index} than the one that was named.",
                    {"index": index, "key_id": public.key_id},
                ) from error

        return self._ask(sign)

    def decrypt(self, index: int, ciphertext: bytes) -> bytes:
        """Decrypt; raises ``crypto.ciphertext.invalid``."""

        def decrypt(session: Session) -> bytes:
            self._need_right(session, index)
            return session.decrypt(index, ciphertext)

        try:
            return self._ask(decrypt)
        except CryptoError as error:
            if error.code not in _OF_TEXT:
                raise
            # One answer for every cause: a second one would be an oracle.
            raise CryptoError(
                _INVALID, "The ciphertext is not for this key, or was changed."
            ) from None

    def close(self) -> None:
        """Let go of the device."""
        with self._lock:
            self._drop()

    def _ask(self, ask: Callable[[Session], T]) -> T:
        with self._lock:
            fresh = self._session is None
            try:
                return ask(self._opened())
            except CryptoError as error:
                if not error.code.startswith("crypto.sdf.") or error.code in _OF_CALL:
                    raise
                self._drop()
                if fresh:
                    raise
            # The session may only have been the one before the device came back.
            try:
                return ask(self._opened())
            except CryptoError as error:
                if error.code.startswith("crypto.sdf.") and error.code not in _OF_CALL:
                    self._drop()
                raise

    def _opened(self) -> Session:
        if self._session is not None:
            return self._session
        if self._away is not None:
            until, why = self._away
            if self._monotonic() < until:
                raise CryptoError(why.code, str(why), why.params)
        try:
            if not self._library:
                raise CryptoError(
                    "crypto.sdf.library",
                    "No device is set: name its library in [crypto] device.",
                    {"path": ""},
                )
            with ExitStack() as parts:
                device = parts.enter_context(Device(Path(self._library)))
                session = parts.enter_context(device.session())
                self._parts = parts.pop_all()
        except CryptoError as error:
            self._away = self._monotonic() + PAUSE_US, error
            raise
        self._away = None
        self._session = session
        return session

    def _need_right(self, session: Session, index: int) -> None:
        """Obtain the right to a private key, once for each session."""
        if index in self._rights:
            return
        self._parts.enter_context(session.access(index, device_password(self._password_file)))
        self._rights.add(index)

    def _drop(self) -> None:
        parts, self._parts = self._parts, ExitStack()
        self._session = None
        self._rights.clear()
        # A device that is gone does not take leave.
        with suppress(CryptoError):
            parts.close()


class DeviceSigner:
    """The port ``Signer`` over a key of the device."""

    def __init__(
        self, device: SiteDevice, key_id: str, index: int, public: PublicKey, *, sign_e: bool
    ) -> None:
        self._device = device
        self._key_id = key_id
        self._index = index
        self._public = public
        self._sign_e = sign_e

    @property
    def public(self) -> PublicKey:
        return self._public

    def sign(self, message: bytes, *, domain: str) -> bytes:
        e = self._public.digest(message, domain=domain)
        return self._device.sign_e(self._index, e, public=self._public)

    def sign_many(self, messages: Sequence[bytes], *, domain: str) -> list[bytes]:
        return [self.sign(message, domain=domain) for message in messages]

    def sign_e(self, e: bytes) -> bytes:
        if not self._sign_e:
            raise _not_allowed(self._key_id, "sign_e")
        return self._device.sign_e(self._index, e, public=self._public)


class DeviceDecrypter:
    """The port ``Decrypter`` over a key of the device."""

    def __init__(
        self, device: SiteDevice, key_id: str, index: int, public: PublicKey, *, decrypt: bool
    ) -> None:
        self._device = device
        self._key_id = key_id
        self._index = index
        self._public = public
        self._decrypt = decrypt

    @property
    def public(self) -> PublicKey:
        return self._public

    def decrypt(self, ciphertext: bytes, *, form: Form = Form.DER) -> bytes:
        if not self._decrypt:
            raise _not_allowed(self._key_id, "decrypt")
        # Read here first: a point that is not on the curve never reaches the device.
        return self._device.decrypt(self._index, ciphertext_to_der(ciphertext, form=form))


def _not_allowed(key_id: str, use: str) -> CryptoError:
    return CryptoError(
        "crypto.key.policy",
        f"The policy of key {key_id} does not allow {use}.",
        {"key_id": key_id, "use": use},
    )
