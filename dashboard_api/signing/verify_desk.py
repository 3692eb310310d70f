"""Verifying: SM2 signatures under a key here, a public key or a certificate.

The answer is valid or an error that says what is probably wrong; there is no bare false.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from msgspec import UNSET

from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID, signature_from_raw
from crypto.sm3 import DIGEST_SIZE
from crypto.x509.extension import KeyUsage
from dashboard_api.applications.model import Application, Operation
from dashboard_api.signing.answers import Verified
from dashboard_api.signing.encodings import read, read_exactly
from dashboard_api.signing.hints import Claim, explain, untried
from dashboard_api.signing.items import Item, VerifyItem
from dashboard_api.signing.outcomes import Made, Outcome
from dashboard_api.signing.parties import foreign, key_named
from dashboard_api.signing.ports import HeldPublic, Keys
from dashboard_api.signing.problems import malformed
from dashboard_api.signing.scopes import key_of
from dashboard_api.signing.trust import Roots
from dashboard_api.signing.work import VERSIONS_TRIED_MAX, Work, versions
from schema.errors import FengsuiError

EXPLAINED_MAX: Final = 8
"""Failures of one call whose cause is looked for: each costs some dozen verifications."""

_SIGNATURE_CODES: Final = ("crypto.signature.invalid", "crypto.signature.malformed")


@dataclass(frozen=True, slots=True)
class _Party:
    """Whose signature it should be: version 0 and no id for a foreign key."""

    tried: Sequence[HeldPublic]
    others: Sequence[HeldPublic] = ()


class Verifying(Work[VerifyItem]):
    """Verifies."""

    item: ClassVar[type[Item]] = VerifyItem

    def __init__(self, keys: Keys, roots: Roots) -> None:
        self._keys = keys
        self._roots = roots

    def one(self, application: Application, item: VerifyItem) -> Made:
        return self._verify(application, item, explained=True)

    def many(self, application: Application, items: Sequence[VerifyItem]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        left = EXPLAINED_MAX
        for item in items:
            try:
                outcomes.append(self._verify(application, item, explained=left > 0))
            except (FengsuiError, CryptoError) as error:
                left -= error.code in _SIGNATURE_CODES
                outcomes.append(error)
        return outcomes

    def _verify(self, application: Application, item: VerifyItem, *, explained: bool) -> Made:
        party = self._party(application, item)
        message, e = _signed(item)
        signature = read(item.signature, item.output, "signature", "output")
        held = _signer(party.tried, signature, message, e, item)
        if held is None:
            raise explain(_claim(item, party, signature, message, e)) if explained else untried()
        return Made(
            answer=Verified(key=held.id, version=held.version) if held.id else Verified(),
            payload=e if message is None else message,
            algorithm="SM2-SM3",
            mode="digest" if message is None else "message",
            key=held.id,
            version=held.version,
            place=held.place,
        )

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
    item: VerifyItem, party: _Party, signature: bytes, message: bytes | None, e: bytes
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
    )
