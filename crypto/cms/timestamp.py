"""Time stamps with SM2 and SM3, asked for and checked (RFC 3161; GM/T 0033-2014).

A stamp says that a digest existed at a time, on the word of an authority whose certificate is for
time stamping and nothing else. Times, nonces and serial numbers are passed in. Raises
``crypto.timestamp.malformed``, ``.refused`` (the authority said no), ``.imprint``, ``.nonce``,
``.policy``, ``.time`` and ``.authority``, and what ``signed_data`` and ``chain`` raise.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

from crypto import _asn1, _oid, sm3
from crypto.cms.signed_data import SignedData, Verified
from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID
from crypto.x509.authority import TIME_STAMPING
from crypto.x509.certificate import Certificate
from crypto.x509.chain import Trust

__all__ = ["FUTURE_MAX_US", "TimeStamp", "TimeStampRequest", "verify_response"]

FUTURE_MAX_US: Final = 5 * 60 * 1_000_000
"""A stamp further ahead of the checker's clock than this is refused."""

_REQUEST_SIZE_MAX: Final = 16 * 1024
_RESPONSE_SIZE_MAX: Final = 1024 * 1024
_NUMBER_SIZE_MAX: Final = 32
_GRANTED: Final = (0, 1)  # granted, granted with modifications


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStampRequest:
    """What to stamp: the SM3 of a message, never the message."""

    digest: bytes
    nonce: int | None = None
    """Fresh random number; the answer repeats it, so an old answer is not taken for a new one."""
    policy: str | None = None
    certificate_wanted: bool = True

    @property
    def imprint(self) -> bytes:
        """MessageImprint, as request and stamp carry it."""
        return _asn1.sequence(_oid.algorithm(_oid.SM3), _asn1.octets(self.digest))

    def to_der(self) -> bytes:
        """Return TimeStampReq."""
        return _asn1.sequence(
            _asn1.integer(1),
            self.imprint,
            b"" if self.policy is None else _asn1.oid(self.policy),
            b"" if self.nonce is None else _asn1.integer(self.nonce),
            _asn1.boolean(True) if self.certificate_wanted else b"",
        )

    @classmethod
    def from_der(cls, der: bytes) -> Self:
        """Return the request of DER bytes; extensions are refused, since none is understood."""
        with _asn1.malformed("timestamp", "time-stamp request"):
            if len(der) > _REQUEST_SIZE_MAX:
                raise ValueError(f"over the limit of {_REQUEST_SIZE_MAX} bytes")
            with _asn1.Reader(der) as whole, whole.inside() as body:
                _read_version(body)
                digest = _read_imprint(body)
                policy = body.oid() if body.peek() == _asn1.OID else None
                nonce = None
                if body.peek() == _asn1.INTEGER:
                    nonce = body.unsigned(_NUMBER_SIZE_MAX)
                wanted = _read_flag(body)
            return cls(digest=digest, nonce=nonce, policy=policy, certificate_wanted=wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStamp:
    """What a token says; ``verify`` checks it against a digest."""

    token: bytes = field(repr=False)
    policy: str
    digest: bytes
    serial: int
    time_us: int
    accuracy_us: int | None
    ordering: bool
    nonce: int | None

    @classmethod
    def from_der(cls, token: bytes) -> Self:
        """Return what a TimeStampToken says, nothing of it checked yet."""
        with _asn1.malformed("timestamp", "time-stamp token"):
            if len(token) > _RESPONSE_SIZE_MAX:
                raise ValueError(f"over the limit of {_RESPONSE_SIZE_MAX} bytes")
            message = SignedData.from_der(token)
            if message.content_type != _oid.TST_INFO or message.content is None:
                raise ValueError("the signed content is no time stamp")
            return cls._parse(token, message.content)

    def verify(
        self,
        digest: bytes,
        *,
        trust: Trust,
        certificates: tuple[Certificate, ...] = (),
        domain: str = DEFAULT_ID,
    ) -> Certificate:
        """Return the authority's certificate; raises unless the stamp holds for ``digest``.

        The authority must be trusted at ``trust.at_us`` and have been certified at the stamp's
        own time, which must not lie ahead of ``trust.at_us``.
        """
        if self.digest != digest:
            raise _refused("imprint", "it is over another digest")
        if self.time_us > trust.at_us + FUTURE_MAX_US:
            raise _refused("time", "it lies in the future")
        message = SignedData.from_der(self.token)
        verified = message.verify(
            trust=trust, certificates=certificates, purpose=TIME_STAMPING, domain=domain
        )
        if len(verified) != 1:
            raise _refused("authority", "a stamp has one signature")
        authority = verified[0].certificate
        authority.check_time(self.time_us)
        # RFC 3161, 2.3: a key that also signs other things could stamp by mistake.
        extensions = authority.extensions
        if extensions.extended != (TIME_STAMPING,) or not extensions.extended_critical:
            raise _refused("authority", "its key is not for time stamping alone")
        _check_signing_certificate(verified[0])
        return authority

    @classmethod
    def _parse(cls, token: bytes, info: bytes) -> Self:
        with _asn1.Reader(info) as whole, whole.inside() as body:
            _read_version(body)
            policy = body.oid()
            digest = _read_imprint(body)
            serial = body.unsigned(_NUMBER_SIZE_MAX)
            time_us = body.generalized()
            accuracy_us = _read_accuracy(body)
            ordering = _read_flag(body)
            nonce = None
            if body.peek() == _asn1.INTEGER:
                nonce = body.unsigned(_NUMBER_SIZE_MAX)
            if body.peek() == 0xA0:
                body.raw()  # the authority's name: the certificate says it under signature
        return cls(
            token=token,
            policy=policy,
            digest=digest,
            serial=serial,
            time_us=time_us,
            accuracy_us=accuracy_us,
            ordering=ordering,
            nonce=nonce,
        )


def verify_response(
    response: bytes,
    request: TimeStampRequest,
    *,
    trust: Trust,
    certificates: tuple[Certificate, ...] = (),
    domain: str = DEFAULT_ID,
) -> TimeStamp:
    """Return the stamp of a TimeStampResp that answers ``request`` and holds."""
    stamp = TimeStamp.from_der(_read_response(response))
    if stamp.nonce != request.nonce:
        raise _refused("nonce", "it answers another request")
    if request.policy not in (None, stamp.policy):
        raise _refused("policy", f"it was made under {stamp.policy}")
    stamp.verify(request.digest, trust=trust, certificates=certificates, domain=domain)
    return stamp


def _read_response(response: bytes) -> bytes:
    """Return the token; raises ``crypto.timestamp.refused`` when the status is a refusal."""
    with _asn1.malformed("timestamp", "time-stamp response"):
        if len(response) > _RESPONSE_SIZE_MAX:
            raise ValueError(f"over the limit of {_RESPONSE_SIZE_MAX} bytes")
        with _asn1.Reader(response) as whole, whole.inside() as body:
            with body.inside() as status_info:
                status = status_info.unsigned(1)
                # Free text and failure bits of a refusal: shown to nobody, checked all the same.
                while status_info.more:
                    status_info.raw()
            token = body.span() if body.more else None
    if status not in _GRANTED or token is None:
        raise CryptoError(
            "crypto.timestamp.refused",
            f"The authority gave no stamp (status {status}).",
            {"status": status},
        )
    return token


def _check_signing_certificate(verified: Verified) -> None:
    """Raise unless the token names the certificate it was checked with (RFC 5816, 2.2)."""
    named = verified.attributes.get(_oid.SIGNING_CERTIFICATE)
    digest = None
    if named is not None:
        with _asn1.malformed("timestamp", "signing-certificate attribute"):
            first = _asn1.Reader(named).inside().inside().inside()
            # SHA-256 is the default that DER leaves out; another digest is named.
            if first.peek() == _asn1.SEQUENCE:
                _oid.read_bare_algorithm(first, _oid.SM3)
                digest = sm3.digest(verified.certificate.der)
            else:
                digest = _sha256(verified.certificate.der)
            if first.octets() != digest:
                digest = None
    if digest is None:
        raise _refused("authority", "it does not name the certificate it was made with")


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _read_imprint(body: _asn1.Reader) -> bytes:
    with body.inside() as imprint:
        _oid.read_bare_algorithm(imprint, _oid.SM3)
        digest = imprint.octets()
    if len(digest) != sm3.DIGEST_SIZE:
        raise ValueError("imprint is not an SM3 digest")
    return digest


def _read_accuracy(body: _asn1.Reader) -> int | None:
    part = body.optional(_asn1.SEQUENCE)
    if part is None:
        return None
    with part:
        accuracy_us = 0
        for tag, unit_us in ((_asn1.INTEGER, 1_000_000), (0x80, 1000), (0x81, 1)):
            if part.peek() == tag:
                accuracy_us += part.unsigned(4, tag) * unit_us
    return accuracy_us


def _read_version(body: _asn1.Reader) -> None:
    if body.unsigned(1) != 1:
        raise ValueError("version is not 1")


def _read_flag(body: _asn1.Reader) -> bool:
    """Return an optional truth value whose default, false, DER leaves out."""
    if body.peek() != _asn1.BOOLEAN:
        return False
    if not body.boolean():
        raise ValueError("a default is written out")
    return True


def _refused(reason: str, words: str) -> CryptoError:
    return CryptoError(f"crypto.timestamp.{reason}", f"The time stamp is refused: {words}.")
