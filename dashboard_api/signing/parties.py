"""Parties: whose public key an item means: a key here, a bare public key, or a certificate's."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from msgspec import UNSET

from crypto.sm2 import PublicKey
from crypto.x509.extension import KeyUsage
from dashboard_api.applications.model import Application, Operation
from dashboard_api.signing.encodings import is_pem, read_exactly
from dashboard_api.signing.items import EncryptItem, VerifyItem
from dashboard_api.signing.problems import malformed
from dashboard_api.signing.scopes import keyless
from dashboard_api.signing.trust import Roots

_POINT_SIZE: Final = 65
_KEYS_KEPT_MAX: Final = 1024
_FIELDS: Final = "key, public_key, certificate"


def key_named(item: VerifyItem | EncryptItem) -> str | None:
    """The name of a key here, or None for a foreign one; raises unless exactly one is given."""
    given = [
        name
        for name, value in (
            ("key", item.key),
            ("public_key", item.public_key),
            ("certificate", item.certificate),
        )
        if value is not UNSET
    ]
    if len(given) != 1:
        raise malformed("one_of", given[1] if given else "key", fields=_FIELDS)
    return item.key if item.key is not UNSET else None


def foreign(
    application: Application,
    operation: Operation,
    item: VerifyItem | EncryptItem,
    roots: Roots,
    usage: KeyUsage,
) -> PublicKey:
    """The key of ``public_key`` or ``certificate``, its chain checked as the item asks."""
    keyless(application, operation)
    if item.certificate is not UNSET:
        return roots.certificate(item.certificate, "certificate", usage, item.trust).public
    assert item.public_key is not UNSET
    if is_pem(item.public_key):
        return _of_pem(item.public_key)
    return _of_point(
        read_exactly(item.public_key, item.output, "public_key", _POINT_SIZE, "output")
    )


@lru_cache(_KEYS_KEPT_MAX)
def _of_point(point: bytes) -> PublicKey:
    return PublicKey.from_point(point)


@lru_cache(_KEYS_KEPT_MAX)
def _of_pem(pem: str) -> PublicKey:
    return PublicKey.from_pem(pem.encode())
