"""Hints: why a signature that does not verify probably does not.

The mix-ups integrators report are tried one after another: the form, the encoding, the digest
without Z, another ID, another version of the key. The first under which the signature verifies is
named; nothing is ever accepted for it. It costs only where a verification has failed, and at most
``TRIES_MAX`` verifications.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from crypto import sm3
from crypto.engines.curve import CURVE_BYTES
from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID, PublicKey, signature_from_raw, signature_to_raw
from dashboard_api.signing.encodings import Binary, Encoding
from dashboard_api.signing.items import Form
from dashboard_api.signing.problems import refused
from dashboard_api.signing.sentences import BAD_SIGNATURE
from schema.errors import FengsuiError

TRIES_MAX: Final = 48
"""Verifications for one explanation; a dozen is usual, a quarter of a millisecond natively."""
_KEYS_MAX: Final = 4
"""Versions of a key looked at: an old one under a mistake as well is rare."""

_RAW_SIZE: Final = 64
_HALF: Final = 32
_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_EMPTY: Final = "(empty)"
_ORDER: Final = "order"
_HEXADECIMAL_ID: Final = DEFAULT_ID.encode().hex()
"""The default ID written in hexadecimal and taken for text: what some JavaScript callers send."""

Facts = dict[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A signature that did not verify, and all that was said about it."""

    keys: Sequence[PublicKey]
    """Those it was tried under, newest first."""
    others: Sequence[tuple[int, PublicKey]]
    """Other versions of the key, by number, newest first."""
    signature: bytes
    text: str
    """The signature as it came."""
    form: Form
    output: Binary
    id: str
    message: bytes | None
    """None where a digest was given."""
    message_text: str
    encoding: Encoding
    e: bytes
    """The digest that was given in place of a message."""
    about: Facts
    """Facts that every refusal of this signature carries, such as the key's id."""

    def digest(self, key: PublicKey) -> bytes:
        """What the signature should cover under a key."""
        return self.e if self.message is None else key.digest(self.message, domain=self.id)


class _Reading(NamedTuple):
    hint: str
    facts: Facts
    value: bytes


def explain(claim: Claim) -> FengsuiError:
    """``crypto.signature.invalid`` with the likeliest cause in ``hint``."""
    signatures = list(_signatures(claim))
    tries = TRIES_MAX
    for signature, e, key, hint, facts in _candidates(claim, signatures):
        if tries <= 0:
            break
        tries -= 1
        if _verifies(key, e, signature):
            return refused(BAD_SIGNATURE, hint, hint=hint, **claim.about, **facts)
    readable = any(not one.hint for one in signatures)
    hint = "none" if readable else "unreadable"
    return refused(BAD_SIGNATURE, hint, hint=hint, size=len(claim.signature), **claim.about)


def untried(about: Facts) -> FengsuiError:
    """``crypto.signature.invalid`` where causes are not looked for any more."""
    return refused(BAD_SIGNATURE, "untried", hint="untried", **about)


def _candidates(
    claim: Claim, signatures: Sequence[_Reading]
) -> Iterator[tuple[bytes, bytes, PublicKey, str, Facts]]:
    """Signature, digest, key and what it would mean if they fitted, the likeliest first."""
    keys = claim.keys[:_KEYS_MAX]
    covered = [(key, claim.digest(key)) for key in keys]
    for reading in signatures:
        if reading.hint:
            for key, e in covered:
                yield reading.value, e, key, reading.hint, reading.facts
    given = [one for one in signatures if not one.hint]
    for reading in given:
        for version, key in claim.others:
            yield reading.value, claim.digest(key), key, "other_version", {"found": version}
    digests = [(key, list(_digests(claim, key))) for key in keys]
    # Two mistakes at once come last: the sentence tells of the digest, ``also`` of the other.
    for reading in (*given, *(one for one in signatures if one.hint not in ("", _ORDER))):
        also: Facts = {"also": reading.hint} if reading.hint else {}
        for key, found in digests:
            for digest in found:
                yield reading.value, digest.value, key, digest.hint, {**digest.facts, **also}


def _signatures(claim: Claim) -> Iterator[_Reading]:
    """r ‖ s in every way the signature can be read; as it was said to be without a hint."""
    stated = _raw_of(claim.signature, claim.form)
    if stated is not None:
        yield _Reading("", {}, stated)
    other: Form = "raw" if claim.form == "der" else "der"
    found = _raw_of(claim.signature, other)
    if found is not None:
        yield _Reading("form", {"found": other}, found)
    if stated is None and found is None:
        padded = _lenient(claim.signature)
        if padded is not None:
            yield _Reading("malformed", {"size": len(claim.signature)}, padded)
    if claim.output == "base64":
        try:
            again = bytes.fromhex(claim.text)
        except ValueError:
            again = b""
        reread = _raw_of(again, "der") or _raw_of(again, "raw")
        if reread is not None:
            facts: Facts = {"field": "signature", "option": "output", "found": "hex"}
            yield _Reading("encoding", facts, reread)
    if stated is not None:
        r, s = stated[:_HALF], stated[_HALF:]
        yield _Reading(_ORDER, {}, s + r)
        yield _Reading(_ORDER, {}, r[::-1] + s[::-1])


def _digests(claim: Claim, key: PublicKey) -> Iterator[_Reading]:
    """The digests a signer may have signed instead."""
    if claim.message is None:
        for domain in dict.fromkeys((claim.id, DEFAULT_ID)):
            yield _Reading("message", {}, key.digest(claim.e, domain=domain))
        return
    message = claim.message
    yield _Reading("no_z", {}, sm3.digest(message))
    for domain in (DEFAULT_ID, _HEXADECIMAL_ID):
        if domain != claim.id:
            yield _Reading("id", {"found": domain}, key.digest(message, domain=domain))
    yield _Reading("id", {"found": _EMPTY}, _digest_without_id(key, message))
    if len(message) == sm3.DIGEST_SIZE:
        yield _Reading("digest", {}, message)
    for encoding, reread in _messages(claim):
        facts: Facts = {"field": "message", "option": "encoding", "found": encoding}
        yield _Reading("encoding", facts, key.digest(reread, domain=claim.id))
    for ending in (message + b"\n", message + b"\r\n", message.rstrip(b"\r\n")):
        yield _Reading("newline", {}, key.digest(ending, domain=claim.id))


def _messages(claim: Claim) -> Iterator[tuple[Encoding, bytes]]:
    """The message as the other encodings read it."""
    if claim.encoding != "utf8":
        yield "utf8", claim.message_text.encode()
    try:
        if claim.encoding != "base64":
            yield "base64", a2b_base64(claim.message_text, strict_mode=True)
    except ValueError:
        pass
    try:
        if claim.encoding != "hex":
            yield "hex", bytes.fromhex(claim.message_text)
    except ValueError:
        pass


def _digest_without_id(key: PublicKey, message: bytes) -> bytes:
    """e under an ID of no length, which no signer should use and some do."""
    return sm3.digest(sm3.digest(bytes(2) + CURVE_BYTES + key.point[1:]) + message)


def _raw_of(signature: bytes, form: Form) -> bytes | None:
    if form == "raw":
        return signature if len(signature) == _RAW_SIZE else None
    try:
        return signature_to_raw(signature)
    except CryptoError:
        return None


def _lenient(der: bytes) -> bytes | None:
    """r ‖ s of a SEQUENCE of two integers that is not written canonically."""
    inner, _ = _element(der, _SEQUENCE)
    r, rest = _element(inner or b"", _INTEGER)
    s, _ = _element(rest, _INTEGER)
    if r is None or s is None:
        return None
    r, s = r.lstrip(b"\0"), s.lstrip(b"\0")
    if max(len(r), len(s)) > _HALF:
        return None
    return r.rjust(_HALF, b"\0") + s.rjust(_HALF, b"\0")


def _element(data: bytes, tag: int) -> tuple[bytes | None, bytes]:
    """The content of the element that comes next, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        return None, b""
    size, at = data[1], 2
    if size & 0x80:
        count = size & 0x7F
        size, at = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    return data[at : at + size], data[at + size :]


def _verifies(key: PublicKey, e: bytes, raw: bytes) -> bool:
    try:
        key.verify_e(signature_from_raw(raw), e)
    except CryptoError:
        return False
    return True
