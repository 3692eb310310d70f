"""Facts: what a certificate says, by the item numbers and names of GM/T 0006 (SGD_CERT_…)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from crypto.x509.certificate import Certificate
from dashboard_api.signing.shf.wrong import wrong


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y%m%d%H%M%SZ")


def _usage(one: Certificate) -> str:
    usage = one.extensions.usage
    return ",".join(bit.name.lower() for bit in usage if bit.name) if usage else ""


_OF: Final[dict[int, tuple[str, Callable[[Certificate], str]]]] = {
    # Only version 3 is read.
    0x01: ("SGD_CERT_VERSION", lambda _: "3"),
    0x02: ("SGD_CERT_SERIAL", lambda one: f"{one.serial:x}"),
    0x05: ("SGD_CERT_ISSUER", lambda one: str(one.issuer)),
    0x06: (
        "SGD_CERT_VALID_TIME",
        lambda one: f"{_time(one.not_before_us)},{_time(one.not_after_us)}",
    ),
    0x07: ("SGD_CERT_SUBJECT", lambda one: str(one.subject)),
    0x08: (
        "SGD_CERT_DER_PUBLIC_KEY",
        lambda one: "".join(one.public.to_pem().decode().splitlines()[1:-1]),
    ),
    0x11: (
        "SGD_EXT_AUTHORITYKEYIDENTIFIER_INFO",
        lambda one: (one.extensions.authority_key_id or b"").hex(),
    ),
    0x12: (
        "SGD_EXT_SUBJECTKEYIDENTIFIER_INFO",
        lambda one: (one.extensions.subject_key_id or b"").hex(),
    ),
    0x13: ("SGD_EXT_KEYUSAGE_INFO", _usage),
    0x21: ("SGD_CERT_ISSUER_CN", lambda one: one.issuer.get("CN") or ""),
    0x22: ("SGD_CERT_ISSUER_O", lambda one: one.issuer.get("O") or ""),
    0x23: ("SGD_CERT_ISSUER_OU", lambda one: one.issuer.get("OU") or ""),
    0x31: ("SGD_CERT_SUBJECT_CN", lambda one: one.subject.get("CN") or ""),
    0x32: ("SGD_CERT_SUBJECT_O", lambda one: one.subject.get("O") or ""),
    0x33: ("SGD_CERT_SUBJECT_OU", lambda one: one.subject.get("OU") or ""),
    0x35: ("SGD_CERT_NOTBEFORE_TIME", lambda one: _time(one.not_before_us)),
    0x36: ("SGD_CERT_NOTAFTER_TIME", lambda one: _time(one.not_after_us)),
}
_BY_NAME: Final = dict(_OF.values())

NAMES: Final = MappingProxyType({number: name for number, (name, _) in _OF.items()})
"""The items there are, by number."""


def by_number(certificate: Certificate, number: int, where: str) -> str:
    """One item; raises ``dashboard_api.call.malformed`` for a number not known here."""
    if number not in _OF:
        raise wrong("shf_tag", where, expected=", ".join(str(one) for one in _OF))
    return _OF[number][1](certificate)


def by_name(certificate: Certificate, name: str, where: str) -> str:
    """One item by its name."""
    take = _BY_NAME.get(name)
    if take is None:
        raise wrong("shf_tag", where, expected=", ".join(_BY_NAME))
    return take(certificate)
