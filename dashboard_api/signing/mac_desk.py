"""Digests and codes: SM3, and HMAC-SM3 under a key of use mac."""

from __future__ import annotations

from typing import ClassVar, Final

from msgspec import UNSET

from crypto import sm3
from crypto.errors import CryptoError
from dashboard_api.applications.model import Application, Operation
from dashboard_api.signing.answers import Hash, Mac, Verified
from dashboard_api.signing.encodings import read, read_exactly, write
from dashboard_api.signing.items import DigestItem, HmacItem, HmacVerifyItem, Item
from dashboard_api.signing.outcomes import Made
from dashboard_api.signing.ports import HeldMac, Keys
from dashboard_api.signing.problems import refused
from dashboard_api.signing.scopes import key_of, keyless
from dashboard_api.signing.sentences import BAD_MAC
from dashboard_api.signing.work import VERSIONS_TRIED_MAX, Work

_VERSION_SIZE: Final = 4
"""In front of a stored key's code."""


class Hashing(Work[DigestItem]):
    """Hashes."""

    item: ClassVar[type[Item]] = DigestItem

    def one(self, application: Application, item: DigestItem) -> Made:
        keyless(application, Operation.DIGEST)
        message = read(item.message, item.encoding, "message")
        return Made(
            answer=Hash(digest=write(sm3.digest(message), item.output)),
            payload=message,
            algorithm="SM3",
        )


class MacMaking(Work[HmacItem]):
    """Makes codes."""

    item: ClassVar[type[Item]] = HmacItem

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def one(self, application: Application, item: HmacItem) -> Made:
        held = self._keys.mac(key_of(application, Operation.HMAC, item.key))
        message = read(item.message, item.encoding, "message")
        made = held.key.mac(message)
        version = int.from_bytes(made[:_VERSION_SIZE], "big")
        text = write(made[_VERSION_SIZE:], item.output)
        return _made(Mac(mac=text, key=held.id, version=version), held, version, message)


class MacChecking(Work[HmacVerifyItem]):
    """Checks codes."""

    item: ClassVar[type[Item]] = HmacVerifyItem

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def one(self, application: Application, item: HmacVerifyItem) -> Made:
        held = self._keys.mac(key_of(application, Operation.HMAC_VERIFY, item.key))
        message = read(item.message, item.encoding, "message")
        mac = read_exactly(item.mac, item.output, "mac", sm3.DIGEST_SIZE, "output")
        newest = range(held.version, max(0, held.version - VERSIONS_TRIED_MAX), -1)
        tried = newest if item.version is UNSET else (item.version,)
        for version in tried:
            if _fits(held, version, mac, message):
                return _made(Verified(key=held.id, version=version), held, version, message)
        for version in newest:
            if version not in tried and _fits(held, version, mac, message):
                raise refused(
                    BAD_MAC, "other_version", hint="other_version", key=held.id, found=version
                )
        raise refused(BAD_MAC, "none", hint="none", key=held.id)


def _fits(held: HeldMac, version: int, mac: bytes, message: bytes) -> bool:
    """Whether one version made the code; compared in constant time by the key itself."""
    try:
        held.key.check(version.to_bytes(_VERSION_SIZE, "big") + mac, message)
    except CryptoError as error:
        if error.code != BAD_MAC:
            raise
        return False
    return True


def _made(answer: Mac | Verified, held: HeldMac, version: int, payload: bytes) -> Made:
    return Made(
        answer=answer,
        payload=payload,
        algorithm="HMAC-SM3",
        key=held.id,
        version=version,
        place=held.place,
    )
