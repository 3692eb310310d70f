"""Indicators of threat, by kind from address to certificate, and the allow-list over them.

``IndicatorSet.find(kind, value, event_time)`` gives the indicator that counts most at that time,
or None. An allow-list entry wins over every indicator. An indicator counts from ``valid_from`` to
``valid_until`` (excluded); its confidence stays whole for the first half of that time and then
falls evenly to nothing, so that an old report does not weigh like a fresh one. Immutable and pure:
a new list is a new set, swapped as a whole. Times are microseconds UTC.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from schema.errors import FengsuiError

Kind: TypeAlias = Literal["address", "network", "domain", "url", "hash", "certificate"]
KINDS: Final[tuple[Kind, ...]] = ("address", "network", "domain", "url", "hash", "certificate")

VALUE_CHARS_MAX: Final = 2048
"""One value: the longest URL browsers and proxies agree on."""
LABELS_MAX: Final = 32
NOTE_CHARS_MAX: Final = 500
CONFIDENCE_MAX: Final = 100

FIELDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "address": ("source.ip", "destination.ip", "client.ip", "server.ip", "dns.resolved_ip"),
    "domain": (
        "url.domain",
        "destination.domain",
        "dns.question.name",
        "tls.client.server_name",
    ),
    "url": ("url.full", "url.original"),
    "hash": (
        "event.hash",
        "gov.cert.file_sm3",
        *(
            f"{of}.hash.{name}"
            for of in ("file", "process", "dll")
            for name in ("md5", "sha1", "sha256", "sha512")
        ),
    ),
    "certificate": (
        "gov.ca.serial",
        "tls.server.x509.serial_number",
        "tls.server.hash.sha1",
        "tls.server.hash.sha256",
    ),
}
"""The event fields looked at for each kind, where the catalogue has them; networks are found by
address."""

_HASH_SIZES: Final = frozenset({32, 40, 64, 96, 128})
"""Hex digits of MD5, SHA-1, SHA-256 and SM3, SHA-384, SHA-512."""
_PORTS: Final = {"http": 80, "https": 443, "ftp": 21}
_DOMAIN_CHARS_MAX: Final = 253
_LABEL_CHARS_MAX: Final = 63
_HEX: Final = frozenset("0123456789abcdef")
_MAPPED: Final = bytes(10) + b"\xff\xff"


class Indicator(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing known to be bad, as one source says."""

    kind: Kind
    value: str
    """In normal form, see :func:`normal`."""
    source: str
    confidence: int
    """0 to 100, on the first half of its time."""
    valid_from: int
    valid_until: int
    labels: tuple[str, ...] = ()
    note: str = ""
    subdomains: bool = False
    """Of a domain: every name below it counts too."""

    def confidence_at(self, time: int) -> int:
        """What it weighs at a time: whole, then falling, 0 outside its time."""
        if not self.valid_from <= time < self.valid_until:
            return 0
        half = (self.valid_until - self.valid_from) // 2
        left = self.valid_until - time
        return self.confidence if left >= half else self.confidence * left // max(half, 1)


class Allowed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is never matched, why, and who answers for it."""

    kind: Kind
    value: str
    reason: str
    owner: str
    subdomains: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorLists:
    """One state of all lists together, as the control log has it."""

    number: int
    digest: str
    """SM3 (hex) over the digest of the state before and every entry that went or came."""
    effective_at: int
    count: int
    source: str
    """The source whose list changed last; ``allow-list`` for that one."""


def normal(kind: Kind, value: str) -> str:
    """The one form of a value; raises ``schema.indicator.value`` for what is none of its kind."""
    text = value.strip()
    if not text or len(text) > VALUE_CHARS_MAX or not text.isprintable():
        raise _wrong(
            kind, f"it has no text, more than {VALUE_CHARS_MAX} characters, or invisible ones"
        )
    try:
        return _NORMAL[kind](text)
    except (ValueError, UnicodeError) as error:
        raise _wrong(kind, str(error) or "it is malformed") from error


def kind_of(value: str) -> Kind:
    """What a value looks like; raises ``schema.indicator.value`` where it looks like nothing."""
    text = value.strip()
    if "://" in text:
        return "url"
    for kind in ("address", "network", "hash", "domain"):
        try:
            normal(kind, text)
        except FengsuiError:
            continue
        return kind
    raise FengsuiError(
        "schema.indicator.value",
        f"{text[:80]!r} is no address, network, domain, URL or hash: correct it",
    )


def _wrong(kind: str, why: str) -> FengsuiError:
    # The value itself may be hostile text: it is not repeated.
    return FengsuiError("schema.indicator.value", f"not one of kind {kind}: {why}")


def _address(text: str) -> str:
    return _shown(_packed(text))


def _packed(text: str) -> bytes:
    """Four bytes or sixteen; an IPv4 address inside IPv6 is IPv4."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        raw = socket.inet_pton(family, text)
    except (OSError, ValueError):
        raise ValueError("it is no IP address") from None
    return raw[12:] if raw.startswith(_MAPPED) else raw


def _shown(raw: bytes) -> str:
    return str(ipaddress.ip_address(raw))


def _network(text: str) -> str:
    address, _, size = text.partition("/")
    raw = _packed(address.strip())
    bits = len(raw) * 8
    if size and not (size.isascii() and size.isdigit() and int(size[:4]) <= bits):
        raise ValueError("the prefix length is wrong")
    prefix = int(size) if size else bits
    number = int.from_bytes(raw, "big") >> (bits - prefix) << (bits - prefix)
    return f"{_shown(number.to_bytes(len(raw), 'big'))}/{prefix}"


def _domain(text: str) -> str:
    name = text.rstrip(".").lower()
    if not name.isascii():
        name = name.encode("idna").decode("ascii")
    labels = name.split(".")
    if len(name) > _DOMAIN_CHARS_MAX or any(
        not label or len(label) > _LABEL_CHARS_MAX for label in labels
    ):
        raise ValueError("a label is empty or too long")
    if not all(char.isalnum() or char in "-_." for char in name):
        raise ValueError("it has characters no domain has")
    if labels[-1].isdigit():
        raise ValueError("it is an address, or its last label is a number")
    return name


def _host(text: str) -> str:
    try:
        return _address(text)
    except ValueError:
        return _domain(text)


def _url(text: str) -> str:
    parts = urlsplit(text)
    if not parts.scheme or not parts.hostname:
        raise ValueError("a URL has a scheme and a host")
    host = _host(parts.hostname)
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    place = host if port is None or port == _PORTS.get(parts.scheme) else f"{host}:{port}"
    user = parts.netloc.rpartition("@")[0]
    before = f"{user}@" if user else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{before}{place}{parts.path or '/'}{query}"


def _hash(text: str) -> str:
    found = text.lower()
    if len(found) not in _HASH_SIZES or not _HEX.issuperset(found):
        raise ValueError("a hash is 32, 40, 64, 96 or 128 hexadecimal digits")
    return found


def _certificate(text: str) -> str:
    """Serial number or fingerprint: hexadecimal without separators and leading zeros."""
    found = text.lower().replace(":", "").replace(" ", "")
    if not found or len(found) > 128 or not _HEX.issuperset(found):
        raise ValueError("a serial number or fingerprint is hexadecimal digits")
    return found if len(found) in _HASH_SIZES else found.lstrip("0") or "0"


_NORMAL: Final = {
    "address": _address,
    "network": _network,
    "domain": _domain,
    "url": _url,
    "hash": _hash,
    "certificate": _certificate,
}


class _Networks:
    """Prefixes by length: one look-up for each length there is, longest first."""

    __slots__ = ("_by_size", "_tables")

    def __init__(self) -> None:
        self._tables: dict[tuple[int, int], dict[int, list[int]]] = {}
        self._by_size: dict[int, list[tuple[int, dict[int, list[int]]]]] = {4: [], 16: []}

    def add(self, value: str, at: int) -> None:
        address, _, size = value.partition("/")
        raw = _packed(address)
        shift = len(raw) * 8 - int(size)
        number = int.from_bytes(raw, "big") >> shift
        self._tables.setdefault((len(raw), shift), {}).setdefault(number, []).append(at)

    def freeze(self) -> None:
        for (size, shift), table in sorted(self._tables.items()):
            self._by_size[size].append((shift, table))

    def find(self, raw: bytes) -> list[int]:
        tables = self._by_size[len(raw)]
        if not tables:
            return []
        number = int.from_bytes(raw, "big")
        return [at for shift, table in tables for at in table.get(number >> shift, ())]


class _Values:
    """Places of entries by normalised value, for one list of entries."""

    __slots__ = ("addresses", "networks", "texts", "wide")

    def __init__(self, entries: Iterable[Indicator | Allowed]) -> None:
        self.addresses: dict[bytes, list[int]] = {}
        self.networks = _Networks()
        self.texts: dict[Kind, dict[str, list[int]]] = {kind: {} for kind in KINDS}
        self.wide: dict[str, list[int]] = {}
        for at, one in enumerate(entries):
            if one.kind == "address":
                self.addresses.setdefault(_packed(one.value), []).append(at)
            elif one.kind == "network":
                self.networks.add(one.value, at)
            else:
                self.texts[one.kind].setdefault(one.value, []).append(at)
                if one.kind == "domain" and one.subdomains:
                    self.wide.setdefault(one.value, []).append(at)
        self.networks.freeze()

    def address(self, text: str) -> list[int]:
        try:
            raw = _packed(text)
        except ValueError:
            return []
        exact = self.addresses.get(raw)
        around = self.networks.find(raw)
        return [*exact, *around] if exact else around

    def domain(self, text: str) -> list[int]:
        name = _name(text)
        found = list(self.texts["domain"].get(name, ()))
        if self.wide:
            dot = name.find(".")
            while dot >= 0:
                found += self.wide.get(name[dot + 1 :], ())
                dot = name.find(".", dot + 1)
        return found


def _name(text: str) -> str:
    """A domain as events write it, in normal form; itself where it is none."""
    name = text.rstrip(".").lower()
    if name.isascii():
        return name
    try:
        return _domain(name)
    except (ValueError, UnicodeError):
        return name


class IndicatorSet:
    """All indicators and the allow-list, ready to be asked; immutable."""

    def __init__(self, indicators: Iterable[Indicator], allowed: Iterable[Allowed] = ()) -> None:
        self._indicators = tuple(indicators)
        self._allowed = tuple(allowed)
        self._bad = _Values(self._indicators)
        self._good = _Values(self._allowed)

    def __len__(self) -> int:
        return len(self._indicators)

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """All of them, as they were given."""
        return self._indicators

    @property
    def allow_list(self) -> tuple[Allowed, ...]:
        """What is never matched, as it was given."""
        return self._allowed

    def find(self, kind: Kind, value: str, event_time: int) -> Indicator | None:
        """The indicator of most confidence at that time, then of the first source by name.

        ``address`` is found by networks too, ``domain`` by its parents where the indicator says
        so. Text that is none of its kind is found by nothing.
        """
        places = self._places(self._bad, kind, value)
        best: Indicator | None = None
        most = 0
        for at in places:
            one = self._indicators[at]
            weight = one.confidence_at(event_time)
            if weight and (weight > most or (best and weight == most and _before(one, best))):
                best, most = one, weight
        return None if best is None or self.allowed(kind, value) else best

    def allowed(self, kind: Kind, value: str) -> Allowed | None:
        """The allow-list entry that covers the value; of a URL also one of its host."""
        places = self._places(self._good, kind, value)
        if not places and kind == "url":
            try:
                host = urlsplit(value).hostname or ""
            except ValueError:
                host = ""
            places = [*self._good.address(host), *self._good.domain(host)]
        return self._allowed[min(places)] if places else None

    @staticmethod
    def _places(values: _Values, kind: Kind, value: str) -> list[int]:
        if kind == "address":
            return values.address(value)
        if kind == "domain":
            return values.domain(value)
        try:
            known = normal(kind, value)
        except FengsuiError:
            return []
        return values.texts[kind].get(known, [])


def _before(one: Indicator, other: Indicator) -> bool:
    return (one.source, one.kind, one.value) < (other.source, other.kind, other.value)


NOTHING: Final = IndicatorSet(())
