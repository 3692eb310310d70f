"""Our own time-stamp authority (RFC 3161, 2.4; GM/T 0033-2014).

The caller gives the time and a serial number that never repeats, and answers for both.
"""

from collections.abc import Iterable

from crypto import _asn1, _oid, sm3
from crypto.cms import Form, signer
from crypto.cms.signer import Signer
from crypto.cms.timestamp import TimeStampRequest
from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID
from crypto.x509.certificate import Certificate

__all__ = ["granted", "respond", "stamp"]


def respond(
    request: TimeStampRequest,
    authority: Signer,
    *,
    serial: int,
    time_us: int,
    policy: str,
    accuracy_us: int | None = None,
    form: Form = Form.INTERNATIONAL,
    domain: str = DEFAULT_ID,
) -> bytes:
    """Return TimeStampResp with a token of our own authority; raises what ``stamp`` raises."""
    return granted(
        stamp(
            request, authority, serial=serial, time_us=time_us, policy=policy,
            accuracy_us=accuracy_us, form=form, domain=domain,
        )
    )  # fmt: skip


def granted(token: bytes) -> bytes:
    """Return TimeStampResp that grants a token."""
    return _asn1.sequence(_asn1.sequence(_asn1.integer(0)), token)


def stamp(
    request: TimeStampRequest,
    authority: Signer,
    *,
    serial: int,
    time_us: int,
    policy: str,
    accuracy_us: int | None = None,
    form: Form = Form.INTERNATIONAL,
    domain: str = DEFAULT_ID,
    authorities: Iterable[Certificate] = (),
) -> bytes:
    """Return TimeStampToken of our own authority; ``authorities`` are certificates above it.

    Raises ``crypto.timestamp.policy`` when the request asks for another policy.
    """
    if request.policy not in (None, policy):
        raise CryptoError("crypto.timestamp.policy", f"This authority stamps under {policy} only.")
    info = _asn1.sequence(
        _asn1.integer(1),
        _asn1.oid(policy),
        request.imprint,
        _asn1.integer(serial),
        _asn1.generalized(time_us),
        b"" if accuracy_us is None else _write_accuracy(accuracy_us),
        b"" if request.nonce is None else _asn1.integer(request.nonce),
    )
    attributes = {
        _oid.SIGNING_TIME: _asn1.time(time_us - time_us % 1_000_000),
        _oid.SIGNING_CERTIFICATE: _signing_certificate(authority.certificate),
    }
    # The certificate goes along even unasked: without it few readers check anything.
    return signer.build(
        _oid.TST_INFO, info, [authority],
        attributes=attributes, form=form, domain=domain, authorities=authorities,
    )  # fmt: skip


def _signing_certificate(certificate: Certificate) -> bytes:
    """Return SigningCertificateV2 (RFC 5816, 2.2.1; RFC 5035, 4)."""
    one = _asn1.sequence(_oid.algorithm(_oid.SM3), _asn1.octets(sm3.digest(certificate.der)))
    return _asn1.sequence(_asn1.sequence(one))


def _write_accuracy(accuracy_us: int) -> bytes:
    seconds, rest = divmod(accuracy_us, 1_000_000)
    millis, micros = divmod(rest, 1000)
    return _asn1.sequence(
        _asn1.integer(seconds) if seconds else b"",
        _asn1.integer(millis, 0x80) if millis else b"",
        _asn1.integer(micros, 0x81) if micros else b"",
    )
