"""Managing: keys and certificates of the service, by an application that is granted it.

Each change has an ``Idempotency-Key``, its own or the caller's: repeated within a day, by this
client or after a crash of the program that remembered it, it is done once.
"""

from __future__ import annotations

import json
import secrets
from http import HTTPStatus
from typing import Final, Literal
from urllib.parse import quote

from fengsui_client import results
from fengsui_client._crypto.sm2 import PublicKey
from fengsui_client.errors import BadAnswer
from fengsui_client.fields import Fields
from fengsui_client.transport import Transport

__all__ = ["Managing"]

KEYS: Final = "/v1/crypto/keys"
Use = Literal["sign", "encrypt", "exchange", "seal", "mac"]


class Managing:
    """The part of a client that sees to keys."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def keys(self) -> list[results.Key]:
        """The keys the application may see."""
        return [results.Key.of(one) for one in self._get(KEYS).list_of("items")]

    def key(self, name: str) -> results.Key:
        """One key and its public halves."""
        return results.Key.of(self._get(f"{KEYS}/{_quoted(name)}"))

    def create_key(
        self,
        name: str,
        use: Use,
        *,
        sign_e: bool = False,
        decrypt: bool = True,
        export: bool = False,
        days: int | None = None,
        idempotency_key: str | None = None,
    ) -> results.Key:
        """Make a key; all but its versions is fixed from then on."""
        body: dict[str, object] = {"key": name, "use": use, "sign_e": sign_e, "decrypt": decrypt,
                                   "export": export, "days": days}  # fmt: skip
        return results.Key.of(self._change(KEYS, body, idempotency_key))

    def rotate_key(self, name: str, *, idempotency_key: str | None = None) -> results.Key:
        """Make a new version, which signs and encrypts from the next call on."""
        return self._do(name, "rotate", idempotency_key)

    def enable_key(self, name: str, *, idempotency_key: str | None = None) -> results.Key:
        """Allow a disabled key again."""
        return self._do(name, "enable", idempotency_key)

    def disable_key(self, name: str, *, idempotency_key: str | None = None) -> results.Key:
        """Refuse every use from the next call on."""
        return self._do(name, "disable", idempotency_key)

    def keep_key(self, name: str, *, idempotency_key: str | None = None) -> results.Key:
        """Keep a key that was to be destroyed."""
        return self._do(name, "keep", idempotency_key)

    def destroy_key(
        self, name: str, *, days: int = 30, idempotency_key: str | None = None
    ) -> results.Approval:
        """Ask for its destruction: a second person agrees, then it waits for so many days."""
        path = f"{KEYS}/{_quoted(name)}:destroy"
        return results.Approval.of(self._change(path, {"days": days}, idempotency_key))

    def export_key(
        self, name: str, recipient: PublicKey, *, idempotency_key: str | None = None
    ) -> results.Approval:
        """Ask for the key itself, encrypted to ``recipient``: a second person agrees."""
        path = f"{KEYS}/{_quoted(name)}:export"
        body: dict[str, object] = {"recipient": recipient.point.hex()}
        return results.Approval.of(self._change(path, body, idempotency_key))

    def certificates(self) -> list[results.Certificate]:
        """The certificates the application may see, newest first."""
        found = self._get("/v1/crypto/certificates").list_of("items")
        return [results.Certificate.of(one) for one in found]

    def ready(self) -> results.Readiness:
        """Whether the service takes calls; for a monitor, not before each call."""
        answer = self._transport.once("GET", "/readyz")
        failures = tuple(_read(answer.body).texts("failures"))
        return results.Readiness(ready=answer.status == HTTPStatus.OK, failures=failures)

    def _do(self, name: str, what: str, idempotency_key: str | None) -> results.Key:
        return results.Key.of(self._change(f"{KEYS}/{_quoted(name)}:{what}", None, idempotency_key))

    def _change(
        self, path: str, body: dict[str, object] | None, idempotency_key: str | None
    ) -> Fields:
        headers = {"Idempotency-Key": idempotency_key or secrets.token_hex(16)}
        return self._post(path, body, headers)

    def _get(self, path: str) -> Fields:
        return _read(self._transport.call("GET", path))

    def _post(
        self, path: str, body: dict[str, object] | None, headers: dict[str, str] | None = None
    ) -> Fields:
        sent = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        return _read(self._transport.call("POST", path, sent, headers))


def _read(body: bytes) -> Fields:
    try:
        return Fields.of(json.loads(body))
    except ValueError:
        raise BadAnswer("the answer is not JSON: is there a proxy in between?") from None


def _quoted(name: str) -> str:
    return quote(name, safe="")
