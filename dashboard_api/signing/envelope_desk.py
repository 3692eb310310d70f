"""Envelopes: messages signed (SignedData) and sealed (EnvelopedData), GB/T 35275 or RFC 5652."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from msgspec import UNSET

from crypto.cms import ContentKind, Form, enveloped_data, identifier, signer
from crypto.cms.signed_data import SignedData
from crypto.cms.signer import Signer
from crypto.errors import CryptoError
from crypto.x509.certificate import Certificate
from crypto.x509.extension import KeyUsage
from dashboard_api.applications.model import Application, Operation
from dashboard_api.signing.answers import Envelope, EnvelopeSigner, Opened, VerifiedEnvelope
from dashboard_api.signing.encodings import (
    Encoding,
    binary,
    is_pem,
    read,
    read_pem,
    write,
    write_pem,
    write_text,
)
from dashboard_api.signing.items import (
    EnvelopeOpenItem,
    EnvelopeSealItem,
    EnvelopeSignItem,
    EnvelopeVerifyItem,
    Item,
)
from dashboard_api.signing.outcomes import Made
from dashboard_api.signing.ports import HeldSigner, Keys
from dashboard_api.signing.problems import refused
from dashboard_api.signing.scopes import key_of, keyless
from dashboard_api.signing.sentences import UNCERTIFIED
from dashboard_api.signing.trust import Roots, read_all
from dashboard_api.signing.work import VERSIONS_TRIED_MAX, Work

SIGNERS_MAX: Final = 8
"""Of one envelope to verify: each costs a chain."""

_OIDS: Final = {"gm": Form.NATIONAL, "rfc": Form.INTERNATIONAL}
_DATA: Final = tuple(identifier(form, ContentKind.DATA) for form in Form)
_LABEL: Final = "CMS"
_LABELS: Final = ("CMS", "PKCS7")


class EnvelopeSigning(Work[EnvelopeSignItem]):
    """Signs messages into envelopes."""

    item: ClassVar[type[Item]] = EnvelopeSignItem

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def one(self, application: Application, item: EnvelopeSignItem) -> Made:
        held = self._keys.signer(key_of(application, Operation.ENVELOPE_SIGN, item.key))
        own, authorities = certified(held)
        message = read(item.message, item.encoding, "message")
        der = signer.sign(
            message,
            [own],
            detached=item.detached,
            form=_OIDS[item.oids],
            authorities=authorities,
        )
        return Made(
            answer=Envelope(envelope=_write(der, item.output), key=held.id, version=held.version),
            payload=message,
            algorithm="SM2-SM3",
            mode=f"signed-data/{item.oids}",
            key=held.id,
            version=held.version,
            place=held.place,
        )


class EnvelopeVerifying(Work[EnvelopeVerifyItem]):
    """Verifies signed envelopes."""

    item: ClassVar[type[Item]] = EnvelopeVerifyItem

    def __init__(self, roots: Roots) -> None:
        self._roots = roots

    def one(self, application: Application, item: EnvelopeVerifyItem) -> Made:
        keyless(application, Operation.ENVELOPE_VERIFY)
        beside = None
        if item.message is not UNSET:
            beside = read(item.message, item.encoding, "message")
        envelope = SignedData.from_der(_read(item.envelope, item.output))
        _check_shape(envelope)
        trust = self._roots.trust() if item.trust == "site" else None
        verified = envelope.verify(beside, trust=trust)
        signers = [
            EnvelopeSigner(
                subject=str(one.certificate.subject),
                serial=f"{one.certificate.serial:x}",
                key_id=one.certificate.public.key_id,
            )
            for one in verified
        ]
        content = envelope.content
        return Made(
            answer=VerifiedEnvelope(
                signers=signers,
                message=UNSET if content is None else write_text(content, item.output),
            ),
            payload=(beside if content is None else content) or b"",
            algorithm="SM2-SM3",
            mode="signed-data",
        )


class EnvelopeSealing(Work[EnvelopeSealItem]):
    """Seals messages for holders of certificates."""

    item: ClassVar[type[Item]] = EnvelopeSealItem

    def __init__(self, roots: Roots) -> None:
        self._roots = roots

    def one(self, application: Application, item: EnvelopeSealItem) -> Made:
        keyless(application, Operation.ENVELOPE_SEAL)
        recipients = [
            self._roots.certificate(text, f"recipients[{at}]", KeyUsage.ENCRYPTION, item.trust)
            for at, text in enumerate(item.recipients)
        ]
        message = read(item.message, item.encoding, "message")
        der = enveloped_data.encrypt(message, recipients, form=_OIDS[item.oids])
        return Made(
            answer=Envelope(envelope=_write(der, item.output)),
            payload=message,
            algorithm="SM2,SM4-CBC",
            mode=f"enveloped-data/{item.oids}",
        )


class EnvelopeOpening(Work[EnvelopeOpenItem]):
    """Opens sealed envelopes."""

    item: ClassVar[type[Item]] = EnvelopeOpenItem

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def one(self, application: Application, item: EnvelopeOpenItem) -> Made:
        key_id = key_of(application, Operation.ENVELOPE_OPEN, item.key)
        held = self._keys.decrypters(key_id)[:VERSIONS_TRIED_MAX]
        der = _read(item.envelope, item.output)
        message, key = enveloped_data.decrypt_any(der, [one.key for one in held])
        used = next(one for one in held if one.key is key)
        return Made(
            answer=Opened(
                message=write_text(message, item.output), key=used.id, version=used.version
            ),
            payload=der,
            algorithm="SM2,SM4-CBC",
            mode="enveloped-data",
            key=used.id,
            version=used.version,
            place=used.place,
        )


def certified(held: HeldSigner) -> tuple[Signer, list[Certificate]]:
    """Who signs, and the certificates above; raises ``dashboard_api.key.uncertified``."""
    if not held.chain:
        raise refused(UNCERTIFIED, id=held.id)
    own, *above = read_all(held.chain)
    # A reader takes the root on trust and needs none from the message.
    return Signer(own, held.key), [one for one in above if not one.is_self_issued]


def _check_shape(envelope: SignedData) -> None:
    if len(envelope.signers) > SIGNERS_MAX:
        raise CryptoError(
            "crypto.message.signer",
            f"The envelope has {len(envelope.signers)} signers, at most {SIGNERS_MAX} are "
            "verified.",
            {"count": len(envelope.signers), "limit": SIGNERS_MAX},
        )
    if envelope.content_type not in _DATA:
        # A time stamp, say, is signed too, but not as anybody's message.
        raise CryptoError(
            "crypto.message.content",
            f"The envelope holds {envelope.content_type}, not a message.",
            {"content_type": envelope.content_type},
        )


def _read(text: str, output: Encoding) -> bytes:
    if is_pem(text):
        return read_pem(text, "envelope", *_LABELS)[0]
    return read(text, binary(output), "envelope", "output")


def _write(der: bytes, output: Literal["base64", "hex", "pem"]) -> str:
    return write_pem(der, _LABEL) if output == "pem" else write(der, output)
