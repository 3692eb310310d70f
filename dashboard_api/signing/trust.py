"""Trust: whether a foreign certificate leads to a root this site trusts, now.

Certificates and revocation lists are read once and kept, since the same few come with every call.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from crypto.ports import Clock
from crypto.x509.certificate import Certificate
from crypto.x509.chain import Trust
from crypto.x509.extension import KeyUsage
from crypto.x509.revocation import RevocationList
from dashboard_api.signing.encodings import is_pem, read, read_pem
from dashboard_api.signing.items import TrustIn
from dashboard_api.signing.ports import Keys

_CERTIFICATES_KEPT_MAX: Final = 256
"""Some KiB each; the largest that is read has 64."""
_LISTS_KEPT_MAX: Final = 16
"""Up to tens of MiB each; a site has one or two."""


class Roots:
    """The site's roots and revocation lists, as they stand at the keys' last refresh."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def trust(self) -> Trust:
        """What a check of a chain stands on."""
        return Trust(
            roots=tuple(read_certificate(one) for one in self._keys.anchors()),
            at_us=self._clock.now(),
            revocation_lists=tuple(_read_list(one) for one in self._keys.revocation_lists()),
        )

    def certificate(self, text: str, field: str, usage: KeyUsage, trust: TrustIn) -> Certificate:
        """The certificate of a field, checked unless ``trust`` is ``none``.

        Its own usage is checked in either case. Raises ``crypto.certificate.*``, ``crypto.crl.*``.
        """
        found, *above = certificates_of(text, field)
        if trust == "site":
            self.trust().check(found, usage=usage, others=above)
        else:
            found.check_usage(usage)
        return found


def certificates_of(text: str, field: str) -> list[Certificate]:
    """The certificate of a field (PEM, or DER in base64), and in PEM those that stand below it."""
    ders = read_pem(text, field, "CERTIFICATE") if is_pem(text) else [read(text, "base64", field)]
    return read_all(ders)


@lru_cache(_CERTIFICATES_KEPT_MAX)
def read_certificate(der: bytes) -> Certificate:
    """The certificate of DER bytes."""
    return Certificate.from_der(der)


def read_all(chain: Iterable[bytes]) -> list[Certificate]:
    """The certificates of a chain."""
    return [read_certificate(one) for one in chain]


@lru_cache(_LISTS_KEPT_MAX)
def _read_list(der: bytes) -> RevocationList:
    return RevocationList.from_der(der)
