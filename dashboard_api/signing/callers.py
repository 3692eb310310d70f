"""Callers: who makes a call, believed only on a secret they hold or a signature they made.

A bearer token is compared by its SM3, in constant time. Of a signed request everything is checked
before its nonce is noted, so that nobody unknown can fill the memory of nonces.
"""

from __future__ import annotations

import hmac
from typing import Final

from crypto.errors import CryptoError
from crypto.sm2 import PublicKey, signature_from_raw
from dashboard_api.applications.model import Application, Credential
from dashboard_api.signing.authorization import (
    DOMAIN,
    SKEW_SECONDS_MAX,
    BearerToken,
    SignedRequest,
    parse,
    signed_text,
    token_hash,
)
from dashboard_api.signing.call import Call
from dashboard_api.signing.nonces import Nonces
from dashboard_api.signing.ports import Caller, Directory
from schema.errors import FengsuiError
from schema.ports import Clock

_KEYS_MAX: Final = 4096
"""Public keys made ready, a few KiB each: more than a site has. Beyond it they are made anew."""
_SECOND: Final = 1_000_000


class KnownCallers:
    """Tells who calls, by the applications of the directory."""

    def __init__(self, directory: Directory, nonces: Nonces, clock: Clock) -> None:
        self._directory = directory
        self._nonces = nonces
        self._clock = clock
        self._keys: dict[bytes, PublicKey] = {}

    def identify(self, call: Call) -> Caller:
        self._nonces.require_sound()
        shown = parse(call.authorization)
        if isinstance(shown, BearerToken):
            application, credential = self._bearer(shown)
        else:
            application, credential = self._signer(shown, call)
        if application.disabled:
            raise FengsuiError(
                "dashboard_api.application.disabled",
                f"application {application.id} is disabled: ask the administrator",
                application=application.id,
            )
        if isinstance(shown, SignedRequest):
            self._nonces.note(shown.credential, shown.nonce, shown.timestamp)
        return Caller(application=application, credential=credential.id)

    def commit(self) -> None:
        self._nonces.commit()

    def _bearer(self, shown: BearerToken) -> tuple[Application, Credential]:
        # Hashed first: an unknown application takes no less time than an unknown token.
        held = token_hash(shown.token)
        application = self._directory.application(shown.application)
        if application is not None:
            for credential in application.credentials:
                kept = credential.token_hash
                if kept is not None and hmac.compare_digest(kept, held):
                    self._require_unexpired(credential)
                    return application, credential
        raise _unknown()

    def _signer(self, shown: SignedRequest, call: Call) -> tuple[Application, Credential]:
        application = self._directory.application(shown.application)
        if application is None:
            raise _unknown()
        for credential in application.credentials:
            if credential.id == shown.key_id and credential.public is not None:
                break
        else:
            raise _unknown()
        now = self._require_unexpired(credential)
        off = shown.timestamp * _SECOND - now
        if abs(off) > SKEW_SECONDS_MAX * _SECOND:
            raise FengsuiError(
                "dashboard_api.timestamp.skewed",
                f"the timestamp is {abs(off) // _SECOND} s off this platform's clock, which shows "
                f"{now // _SECOND}; at most {SKEW_SECONDS_MAX} s are allowed: set the clock of the "
                "calling machine",
                now=now // _SECOND,
                skew_seconds=off // _SECOND,
                limit=SKEW_SECONDS_MAX,
            )
        text = signed_text(
            call.method,
            call.target,
            timestamp=shown.timestamp,
            nonce=shown.nonce,
            credential=shown.credential,
            body=call.body,
        )
        try:
            key = self._key(credential.public)
            key.verify(signature_from_raw(shown.signature), text, domain=DOMAIN)
        except CryptoError as error:
            raise FengsuiError(
                "dashboard_api.credential.signature_invalid",
                "the request signature is not one of this key over this request: sign method, "
                "target, timestamp, nonce, credential and SM3 of the body exactly as they are "
                f"sent, under the ID {DOMAIN}",
                key_id=shown.key_id,
                id=DOMAIN,
            ) from error
        return application, credential

    def _require_unexpired(self, credential: Credential) -> int:
        """Return the time; raises ``dashboard_api.credential.expired``."""
        now = self._clock.now()
        if credential.expires_at is not None and now >= credential.expires_at:
            raise FengsuiError(
                "dashboard_api.credential.expired",
                f"credential {credential.id} has expired: ask the administrator for a new one",
                credential=credential.id,
            )
        return now

    def _key(self, point: bytes) -> PublicKey:
        key = self._keys.get(point)
        if key is None:
            if len(self._keys) >= _KEYS_MAX:
                self._keys.clear()
            key = self._keys[point] = PublicKey(point)
        return key


def _unknown() -> FengsuiError:
    return FengsuiError(
        "dashboard_api.credential.unknown",
        "the platform has no such credential, or it was taken back: ask the administrator",
    )
