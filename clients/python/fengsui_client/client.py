"""Client: every operation of the national-crypto service as a method.

Keys are named ``receipt`` (one's own) or ``payments.receipt``. Messages are bytes. Who may do what
the service decides by its grants; what it refuses raises ``ServiceError``.
"""

from __future__ import annotations

import json
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self, TypeVar

from fengsui_client import results
from fengsui_client._crypto.sm2 import (
    DEFAULT_ID,
    Form,
    PrivateKey,
    PublicKey,
    signature_from_raw,
)
from fengsui_client.credential import Bearer, Credential, SigningKey
from fengsui_client.errors import ServiceError, refusal
from fengsui_client.fields import Fields
from fengsui_client.managing import Managing
from fengsui_client.results import CipherForm, SignatureForm
from fengsui_client.transport import Retry, Transport

__all__ = ["Client"]

ITEMS_MAX: Final = 256
"""Of one call, by the service."""
BODY_CHARS_MAX: Final = 900_000
"""Of the items of one call: the service takes a body of a MiB."""
TIMEOUT_SECONDS: Final = 10.0
"""For one step of one attempt: a signature takes milliseconds, a busy service says so at once."""

T = TypeVar("T")
Item = dict[str, object]


class Client(Managing):
    """The service as one application sees it; may be shared between threads."""

    def __init__(
        self,
        base_url: str,
        application: str,
        *,
        token: str | None = None,
        key: PrivateKey | None = None,
        timeout: float = TIMEOUT_SECONDS,
        retry: Retry | None = None,
        language: str = "en",
        context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Exactly one of ``token`` and ``key``; ``language`` zh or en is that of refusals.

        ``context`` holds the roots that are trusted for https. Raises ``ValueError``.
        """
        if (token is None) == (key is None):
            raise ValueError("a client has one credential: token= or key=")
        credential: Credential
        if key is not None:
            credential = SigningKey(application, key, clock=clock)
        else:
            credential = Bearer(token or "")
        transport = Transport(
            base_url,
            credential,
            timeout=timeout,
            retry=retry or Retry(),
            language=language,
            context=context,
            sleep=sleep,
        )
        super().__init__(transport)
        self.application = application
        self._public: dict[tuple[str, int], PublicKey] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the open connections."""
        self._transport.close()

    def sign(
        self,
        key: str,
        message: bytes,
        *,
        id: str = DEFAULT_ID,  # noqa: A002 - the standard's word
        form: SignatureForm = "der",
    ) -> results.Signature:
        """Sign a message; ``id`` is the signer's ID inside Z."""
        item: Item = {"key": key, "message": _text(message), "id": id, "form": form}
        return results.Signature.of(self._one("sign", item), id)

    def sign_digest(self, key: str, e: bytes, *, form: SignatureForm = "der") -> results.Signature:
        """Sign e = SM3(Z ‖ M), 32 bytes computed elsewhere: needs the scope and a key for it."""
        return results.Signature.of(
            self._one("sign", {"key": key, "e": _text(e), "form": form}), ""
        )

    def sign_many(
        self,
        key: str,
        messages: Sequence[bytes],
        *,
        id: str = DEFAULT_ID,  # noqa: A002
        form: SignatureForm = "der",
    ) -> list[results.Signature | ServiceError]:
        """Sign any number in as few calls as it takes; a refused one has its error in its place."""
        items: list[Item] = [
            {"key": key, "message": _text(one), "id": id, "form": form} for one in messages
        ]
        return self._many("sign", items, lambda said: results.Signature.of(said, id))

    def verify(
        self,
        signature: bytes,
        message: bytes,
        *,
        key: str | None = None,
        public_key: PublicKey | None = None,
        certificate: str | None = None,
        version: int | None = None,
        id: str = DEFAULT_ID,  # noqa: A002
        form: SignatureForm = "der",
    ) -> results.Verified:
        """Return only for a valid signature; ``InvalidSignature`` says in ``hint`` what is wrong.

        Under one of a key of the service, a foreign public key and a certificate (PEM), whose chain
        must lead to a root the service trusts.
        """
        item: Item = {"message": _text(message), "signature": _text(signature), "id": id,
                      "form": form, **_under(key, public_key, certificate, version)}  # fmt: skip
        return results.Verified.of(self._one("verify", item))

    def verify_many(
        self,
        key: str,
        signed: Sequence[tuple[bytes, bytes]],
        *,
        id: str = DEFAULT_ID,  # noqa: A002
        form: SignatureForm = "der",
    ) -> list[results.Verified | ServiceError]:
        """Verify pairs of signature and message; look at each answer for its error."""
        items: list[Item] = [
            {"key": key, "message": _text(message), "signature": _text(one), "id": id, "form": form}
            for one, message in signed
        ]
        return self._many("verify", items, results.Verified.of)

    def verify_locally(self, signature: results.Signature, message: bytes) -> None:
        """Verify here; the service is asked only for a public key that is not known yet.

        Raises ``CryptoError`` ``crypto.signature.invalid``. It says nothing of whether the key was
        disabled or destroyed since.
        """
        public = self.public_key(signature.key, signature.version)
        der = signature.signature
        if signature.form == "raw":
            der = signature_from_raw(der)
        if signature.mode == "digest":
            public.verify_e(der, message)
        else:
            public.verify(der, message, domain=signature.id)

    def public_key(self, key: str, version: int) -> PublicKey:
        """The public half of one version of a key, kept from the first time on: it never changes.

        Raises ``KeyError`` when there is no such version.
        """
        found = self._public.get((key, version))
        if found is None:
            found = self._public[key, version] = self.key(key).public_key(version)
        return found

    def encrypt(
        self,
        plaintext: bytes,
        *,
        key: str | None = None,
        public_key: PublicKey | None = None,
        certificate: str | None = None,
        form: CipherForm | None = None,
        aad: bytes | None = None,
    ) -> results.Ciphertext:
        """Encrypt by SM2 (1 to 65536 bytes) or, under a sealing key, by SM4-GCM with ``aad``."""
        item: Item = {"plaintext": _text(plaintext), **_cipher(form, aad),
                      **_under(key, public_key, certificate, None)}  # fmt: skip
        return results.Ciphertext.of(self._one("encrypt", item))

    def encrypt_locally(self, key: str, plaintext: bytes) -> bytes:
        """Encrypt here to the newest version of a key of the service; DER, for ``decrypt``."""
        return self.key(key).public_key().encrypt(plaintext, form=Form.DER)

    def decrypt(
        self,
        key: str,
        ciphertext: bytes,
        *,
        form: CipherForm | None = None,
        aad: bytes | None = None,
        version: int | None = None,
    ) -> results.Plaintext:
        """Decrypt; ``crypto.ciphertext.invalid`` has one sentence for every cause, on purpose."""
        item: Item = {"key": key, "ciphertext": _text(ciphertext), **_cipher(form, aad)}
        if version is not None:
            item["version"] = version
        return results.Plaintext.of(self._one("decrypt", item))

    def digest(self, message: bytes) -> bytes:
        """SM3 by the service; ``fengsui_client.sm3`` computes it here."""
        return self._one("digest", {"message": _text(message)}).binary("digest")

    def hmac(self, key: str, message: bytes) -> results.Mac:
        """HMAC-SM3 under a key of use mac."""
        return results.Mac.of(self._one("hmac", {"key": key, "message": _text(message)}))

    def verify_hmac(self, key: str, message: bytes, mac: bytes) -> results.Verified:
        """Return only for a valid code; raises ``InvalidSignature``."""
        item: Item = {"key": key, "message": _text(message), "mac": _text(mac)}
        return results.Verified.of(self._one("hmac:verify", item))

    def sign_envelope(
        self, key: str, message: bytes, *, detached: bool = False
    ) -> results.Envelope:
        """SignedData (GB/T 35275) with the certificates of the key; it must have one."""
        item: Item = {"key": key, "message": _text(message), "detached": detached}
        return results.Envelope.of(self._one("envelopes:sign", item))

    def verify_envelope(
        self, envelope: bytes, message: bytes | None = None
    ) -> results.VerifiedEnvelope:
        """Every signature and chain of SignedData; ``message`` goes with a detached one."""
        item: Item = {"envelope": _text(envelope)}
        if message is not None:
            item["message"] = _text(message)
        return results.VerifiedEnvelope.of(self._one("envelopes:verify", item))

    def seal_envelope(self, recipients: Sequence[str], message: bytes) -> results.Envelope:
        """EnvelopedData for the holders of encryption certificates (PEM)."""
        item: Item = {"recipients": list(recipients), "message": _text(message)}
        return results.Envelope.of(self._one("envelopes:seal", item))

    def open_envelope(self, key: str, envelope: bytes) -> results.Message:
        """What EnvelopedData holds for a key of use encrypt."""
        return results.Message.of(
            self._one("envelopes:open", {"key": key, "envelope": _text(envelope)})
        )

    def timestamp(self, message: bytes) -> results.Stamp:
        """A time stamp of a message (RFC 3161) by the service's clock and key."""
        return results.Stamp.of(self._one("timestamp", {"message": _text(message)}))

    def _one(self, operation: str, item: Item) -> Fields:
        return self._post(f"/v1/crypto/{operation}", item)

    def _many(
        self, operation: str, items: list[Item], read: Callable[[Fields], T]
    ) -> list[T | ServiceError]:
        found: list[T | ServiceError] = []
        for part in _parts(items):
            said = self._post(f"/v1/crypto/{operation}", {"items": part})
            found.extend(
                _refused(one.inner("error")) if one.has("error") else read(one)
                for one in said.list_of("items")
            )
        return found


def _parts(items: list[Item]) -> list[list[Item]]:
    """The items as calls the service takes; one that is too large goes alone and is refused."""
    parts: list[list[Item]] = []
    room = 0
    for item in items:
        size = len(json.dumps(item))
        if not parts or len(parts[-1]) == ITEMS_MAX or size > room:
            parts.append([])
            room = BODY_CHARS_MAX
        parts[-1].append(item)
        room -= size
    return parts


def _refused(said: Fields) -> ServiceError:
    return refusal(
        0, said.text("code"), said.text("title"), said.text("detail"), said.facts("params")
    )


def _under(
    key: str | None, public_key: PublicKey | None, certificate: str | None, version: int | None
) -> Item:
    given: Item = {
        "key": key,
        "public_key": None if public_key is None else _text(public_key.point),
        "certificate": certificate,
        "version": version,
    }
    return {name: value for name, value in given.items() if value is not None}


def _cipher(form: CipherForm | None, aad: bytes | None) -> Item:
    given: Item = {"form": form, "aad": None if aad is None else _text(aad)}
    return {name: value for name, value in given.items() if value is not None}


def _text(data: bytes) -> str:
    return b64encode(data).decode()
