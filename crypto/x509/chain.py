"""Whom to trust: a path from a certificate to a trusted root (RFC 5280, 6; GB/T 20518-2018).

Every link is checked: names, key identifiers, signatures, periods at a time that is passed in,
basic constraints and path lengths, key usage, revocation when lists are given, and no critical
extension that this package does not understand. The work is bounded, so a heap of certificates
that all name each other costs no more than the bound. Raises ``crypto.certificate.*`` and
``crypto.crl.*``: the reason of the path that came furthest.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from crypto.errors import CryptoError
from crypto.sm2 import DEFAULT_ID
from crypto.x509.certificate import Certificate
from crypto.x509.extension import KeyUsage
from crypto.x509.revocation import RevocationList

__all__ = ["DEPTH_MAX", "Trust"]

# Root, national, provincial and departmental authority, holder, and some room.
DEPTH_MAX: Final = 8
# A path takes under ten signatures; the rest is room for keys renewed under one name.
_SIGNATURES_MAX: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a check stands on: roots (taken on trust), a time, and what helps on the way."""

    roots: tuple[Certificate, ...]
    at_us: int
    intermediates: tuple[Certificate, ...] = ()
    revocation_lists: tuple[RevocationList, ...] = ()
    revocation_needed: bool = False
    """Refuse a certificate whose issuer has no fresh list here."""
    domain: str = DEFAULT_ID
    """The ID under which the authorities sign."""

    def check(
        self,
        leaf: Certificate,
        *,
        usage: KeyUsage | None = None,
        purpose: str | None = None,
        others: Iterable[Certificate] = (),
    ) -> tuple[Certificate, ...]:
        """Return the path from ``leaf`` to a root, both included.

        ``usage``: one of these uses must be allowed to the leaf; ``purpose``: this extended key
        usage must be; ``others``: certificates that came with a message, trusted for nothing.
        """
        leaf.check_time(self.at_us)
        if usage is not None:
            leaf.check_usage(usage)
        if purpose is not None and purpose not in (leaf.extensions.extended or ()):
            raise leaf.refused("usage", f"its key is not for purpose {purpose}")
        return _Search(self, (*self.intermediates, *others)).run(leaf)


class _Search:
    """One depth-first search for a path; counts its signatures and keeps the deepest refusal."""

    __slots__ = ("_candidates", "_refusal", "_refused_at", "_signatures_left", "_trust")

    def __init__(self, trust: Trust, intermediates: tuple[Certificate, ...]) -> None:
        self._trust = trust
        # Roots first: the shortest path wins, and a root is never taken for an intermediate.
        self._candidates = (*trust.roots, *intermediates)
        self._signatures_left = _SIGNATURES_MAX
        self._refusal: CryptoError | None = None
        self._refused_at = -1

    def run(self, leaf: Certificate) -> tuple[Certificate, ...]:
        path = self._extend((leaf,))
        if path is not None:
            return path
        if self._refusal is not None:
            raise self._refusal
        raise leaf.refused("untrusted", "no path leads from it to a trusted root")

    def _extend(self, path: tuple[Certificate, ...]) -> tuple[Certificate, ...] | None:
        """Return the whole path that begins so, or None."""
        subject = path[-1]
        if subject.extensions.not_understood:
            names = ", ".join(subject.extensions.not_understood)
            self._note(
                subject.refused("extension", f"critical extensions {names} are not understood"),
                len(path),
            )
            return None
        if subject in self._trust.roots:
            return path
        if len(path) >= DEPTH_MAX:
            return None
        for issuer in self._candidates:
            if issuer in path or not _names_link(subject, issuer):
                continue
            if self._signatures_left <= 0:
                self._note(subject.refused("untrusted", "the search for a path was cut"), len(path))
                return None
            self._signatures_left -= 1
            try:
                self._check_link(path, issuer)
            except CryptoError as refusal:
                self._note(refusal, len(path))
                continue
            found = self._extend((*path, issuer))
            if found is not None:
                return found
        return None

    def _check_link(self, path: tuple[Certificate, ...], issuer: Certificate) -> None:
        """Raise unless ``issuer`` may have issued the last of ``path`` and did."""
        trust, subject = self._trust, path[-1]
        issuer.check_time(trust.at_us)
        if not issuer.extensions.authority:
            raise issuer.refused("constraint", "it is not an authority")
        issuer.check_usage(KeyUsage.KEY_CERT_SIGN, stated=False)
        # RFC 5280, 4.2.1.9: certificates issued to oneself do not count, nor does the leaf.
        below = sum(not one.is_self_issued for one in path[1:])
        limit = issuer.extensions.path_length
        if limit is not None and below > limit:
            raise issuer.refused("constraint", f"{below} authorities stand below it, {limit} may")
        subject.verify(issuer.public, domain=trust.domain)
        self._check_revocation(subject, issuer)

    def _check_revocation(self, subject: Certificate, issuer: Certificate) -> None:
        lists = [one for one in self._trust.revocation_lists if one.is_of(issuer)]
        for one in lists:
            one.verify(issuer, at_us=self._trust.at_us, domain=self._trust.domain)
            one.check(subject, at_us=self._trust.at_us)
        if self._trust.revocation_needed and not lists:
            raise subject.refused("unchecked", "its issuer's revocation list is not at hand")

    def _note(self, refusal: CryptoError, depth: int) -> None:
        if depth > self._refused_at:
            self._refusal, self._refused_at = refusal, depth


def _names_link(subject: Certificate, issuer: Certificate) -> bool:
    stated, own = subject.extensions.authority_key_id, issuer.extensions.subject_key_id
    return subject.issuer == issuer.subject and (stated is None or own is None or stated == own)
