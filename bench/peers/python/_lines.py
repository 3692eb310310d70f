"""The line protocol for peers written in Python, and the few things several of them lack."""

import resource
import sys
from collections.abc import Callable, Mapping

ID = b"1234567812345678"
_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_CURVE = bytes.fromhex(
    "fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"
    "28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"
    "32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
)

Verb = Callable[..., bytes | tuple[bytes, ...] | None]


class Refused(Exception):  # noqa: N818 - a verdict
    """The peer refused its input."""


def serve(
    name: str, verbs: Mapping[str, Verb], times: Mapping[str, Callable[[], object]] | None = None
) -> None:
    """Answer lines until the input ends."""
    for line in sys.stdin:
        verb, *words = line.split()
        try:
            if verb == "hello":
                answer = f"ok {name}"
            elif verb == "time":
                answer = _timed((times or {}).get(words[0]), int(words[1]))
            elif verb in verbs:
                given = [b"" if word == "-" else bytes.fromhex(word) for word in words]
                answer = f"ok {_shown(verbs[verb](*given))}"
            else:
                answer = "missing no such verb"
        except Refused as error:
            answer = f"refused {error}"
        except Exception as error:  # noqa: BLE001 - whatever a foreign library throws at bad input
            answer = f"refused {type(error).__name__}"
        print(answer.strip(), flush=True)


def _shown(found: bytes | tuple[bytes, ...] | None) -> str:
    values = (found,) if isinstance(found, bytes) else found or ()
    return " ".join(value.hex() or "-" for value in values)


def _timed(call: Callable[[], object] | None, count: int) -> str:
    if call is None:
        return "missing no such operation"
    begun = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(count):
        call()
    ended = resource.getrusage(resource.RUSAGE_SELF)
    return f"ok {ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime:.6f}"


def require(good: object) -> None:
    """Turn a library's verdict into a refusal."""
    if not good:
        raise Refused


# What a library lacks is written out here: Z, and DER around r and s or C1, C3 and C2.


def identity(point: bytes, name: bytes) -> bytes:
    """Return what Z is the digest of."""
    return (8 * len(name)).to_bytes(2, "big") + name + _CURVE + point[1:]


def number(value: bytes) -> bytes:
    """Return a DER INTEGER."""
    plain = value.lstrip(b"\0") or b"\0"
    if plain[0] & 0x80:
        plain = b"\0" + plain
    return bytes((2, len(plain))) + plain


def sequence(content: bytes) -> bytes:
    """Return a DER SEQUENCE."""
    return b"\x30" + _length(len(content)) + content


def octets(content: bytes) -> bytes:
    """Return a DER OCTET STRING."""
    return b"\x04" + _length(len(content)) + content


def parts(der: bytes) -> list[bytes]:
    """Return the contents of a SEQUENCE's elements; integers in 32 bytes."""
    content, rest = _element(der)
    require(not rest and der[0] == 0x30)
    found = []
    while content:
        tag = content[0]
        value, content = _element(content)
        found.append(value.lstrip(b"\0").rjust(32, b"\0") if tag == 2 else value)
    return found


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes((size,))
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def _element(der: bytes) -> tuple[bytes, bytes]:
    size, at = der[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(der[2:at], "big")
    return der[at : at + size], der[at + size :]
