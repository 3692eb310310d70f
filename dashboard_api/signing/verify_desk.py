"""Verifying: SM2 signatures under a key here, a public key or a certificate.

The answer is valid or an error that says what is probably wrong; there is no bare false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from msgspec import UNSET

from crypto.errors import CryptoError
from crypto.ports import Clock
from crypto.sm2 import DEFAULT_ID, signature_from_raw
from crypto.sm3 import DIGEST_SIZE
from crypto.x509.extension import KeyUsage
from dashboard_api.applications.model import Application, Operation
from dashboard_api.signing.answers import Verified
from dashboard_api.signing.encodings import read, read_exactly
from dashboard_api.signing.hints import Claim, Facts, explain, untried
from dashboard_api.signing.items import Item, VerifyItem
from dashboard_api.signing.outcomes import Made
from dashboard_api.signing.parties import foreign, key_named
from dashboard_api.signing.ports import HeldPublic, Keys
from dashboard_api.signing.problems import malformed
from dashboard_api.signing.scopes import key_of
from dashboard_api.signing.trust import Roots
from dashboard_api.signing.work import VERSIONS_TRIED_MAX, Work, versions

EXPLAINED_MAX: Final = 20
"""Failures a second whose cause is looked for: whoever sends many must not slow others down."""

_SECOND: Final = 1_000_000
_SIGNATURE_CODES: Final = ("crypto.signature.invalid", "crypto.signature.malformed")


@dataclass(frozen=True, slots=True)
class _Party:
    """Whose signature it should be: version 0 and no id for a foreign key."""

    tried: Sequence[HeldPublic]
    others: Sequence[HeldPublic] = ()

    @property
    def key_id(self) -> str:
        """Of a key here; empty for a foreign one."""
        return self.tried[0].id


class Verifying(Work[VerifyItem]):
    """Verifies."""

    item: ClassVar[type[Item]] = VerifyItem

    def __init__(self, keys: Keys, roots: Roots, clock: Clock) -> None:
        self._keys = keys
        self._roots = roots
        self._clock = clock
        self._second = 0
        self._explained = 0

    def one(self, application: Application, item: VerifyItem) -> Made:
        party = self._party(application, item)
        message, e = _signed(item)
        signature = read(item.signature, item.output, "signature", "output")
        held = _signer(party.tried, signature, message, e, item)
        if held is None:
            about: Facts = {"key": party.key_id} if party.key_id else {}
            if not self._may_explain():
                raise untried(about)
            raise explain(_claim(item, party, signature, message, e, about))
        return Made(
            answer=Verified(key=held.id, version=held.version) if held.id else Verified(),
            payload=e if message is None else message,
            algorithm="SM2-SM3",
            mode="digest" if message is None else "message",
            key=held.id,
            version=held.version,
            place=held.place,
        )

    def _may_explain(self) -> bool:
        """Whether this second has an explanation left."""
        second = self._clock.now() // _SECOND
        if second != self._second:
            self._second, self._explained = second, 0
        self._explained += 1
        return self._explained <= EXPLAINED_MAX

    def _party(self, application: Application, item: VerifyItem) -> _Party:
        name = key_named(item)
        if name is None:
            if item.version is not UNSET:
                raise malformed("version", "version")
            public = foreign(application, Operation.VERIFY, item, self._roots, KeyUsage.SIGNING)
            return _Party([HeldPublic(id="", version=0, place="", key=public)])
        key_id = key_of(application, Operation.VERIFY, name)
        held = self._keys.verifiers(key_id)
        if item.version is UNSET:
            return _Party(versions(key_id, held, None))
        tried = versions(key_id, held, item.version)
        return _Party(tried, [one for one in held if one not in tried][:VERSIONS_TRIED_MAX])


def _signed(item: VerifyItem) -> tuple[bytes | None, bytes]:
    """The message, or None and the digest e."""
    if (item.message is UNSET) == (item.e is UNSET):
        raise malformed("one_of", "message", fields="message, e")
    if item.message is not UNSET:
        return read(item.message, item.encoding, "message"), b""
    if item.id != DEFAULT_ID:
        raise malformed("id_with_e", "id")
    assert item.e is not UNSET
    return None, read_exactly(item.e, item.encoding, "e", DIGEST_SIZE)


def _signer(
    tried: Sequence[HeldPublic],
    signature: bytes,
    message: bytes | None,
    e: bytes,
    item: VerifyItem,
) -> HeldPublic | None:
    """The key under which the signature verifies, or None."""
    try:
        der = signature if item.form == "der" else signature_from_raw(signature)
    except CryptoError:
        return None
    for held in tried:
        try:
            if message is None:
                held.key.verify_e(der, e)
            else:
                held.key.verify(der, message, domain=item.id)
        except CryptoError as error:
            if error.code not in _SIGNATURE_CODES:
                raise
            continue
        return held
    return None


def _claim(
    item: VerifyItem,
    party: _Party,
    signature: bytes,
    message: bytes | None,
    e: bytes,
    about: Facts,
) -> Claim:
    return Claim(
        keys=[one.key for one in party.tried],
        others=[(one.version, one.key) for one in party.others],
        signature=signature,
        text=item.signature,
        form=item.form,
        output=item.output,
        id=item.id,
        message=message,
        message_text="" if item.message is UNSET else item.message,
        encoding=item.encoding,
        e=e,
        about=about,
    )
