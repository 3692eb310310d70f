"""Every way to spoil the DER of a SEQUENCE, whatever its elements mean."""

from collections.abc import Iterator

from making.by_hand import der

INTEGER, OCTET_STRING, SEQUENCE = 0x02, 0x04, 0x30
Elements = list[tuple[int, bytes]]


def joined(elements: Elements) -> bytes:
    return b"".join(der(tag, content) for tag, content in elements)


def sequence(elements: Elements) -> bytes:
    return der(SEQUENCE, joined(elements))


def _long(tag: int, content: bytes, octets: int) -> bytes:
    """Return an element whose length takes more octets than it needs."""
    return bytes((tag, 0x80 | octets)) + len(content).to_bytes(octets, "big") + content


def malformed(elements: Elements, names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield a comment and the bytes."""
    yield from _around(elements)
    for index, name in enumerate(names):
        yield from _inside(elements, index, name)


def _around(elements: Elements) -> Iterator[tuple[str, bytes]]:
    good, body = sequence(elements), joined(elements)
    yield "nothing at all", b""
    yield "tag of the sequence only", good[:1]
    yield "head of the sequence only", good[: len(good) - len(body)]
    yield "empty sequence", b"\x30\x00"
    yield "last byte cut", good[:-1]
    yield "cut in the middle", good[: len(good) // 2]
    yield "first byte cut", good[1:]
    yield "zero byte after the end", good + b"\0"
    yield "NULL after the end", good + b"\x05\x00"
    yield "end-of-contents after the end", good + b"\0\0"
    yield "the same again after the end", good + good
    yield "zero byte at the end inside", der(SEQUENCE, body + b"\0")
    yield "NULL at the end inside", der(SEQUENCE, body + b"\x05\x00")
    yield "integer at the end inside", der(SEQUENCE, body + b"\x02\x01\x01")
    yield "empty octet string at the end inside", der(SEQUENCE, body + b"\x04\x00")
    yield "integer at the start inside", der(SEQUENCE, b"\x02\x01\x01" + body)
    yield "NULL at the start inside", der(SEQUENCE, b"\x05\x00" + body)
    for octets in (1, 2, 4, 8):
        if len(body) < 0x80 or octets > (len(body).bit_length() + 7) // 8:
            yield f"length of the sequence in {octets} octets", _long(SEQUENCE, body, octets)
    yield "indefinite length", b"\x30\x80" + body + b"\0\0"
    yield "indefinite length without end", b"\x30\x80" + body
    yield "reserved length octet FF", b"\x30\xff" + body
    yield "length of the sequence over 4 GiB", b"\x30\x85\x01\0\0\0\0" + body
    yield "length of the sequence 2^31 - 1", b"\x30\x84\x7f\xff\xff\xff" + body
    yield "length of the sequence 2^64 - 1", b"\x30\x88" + b"\xff" * 8 + body
    at = len(good) - len(body) - 1
    for step, comment in ((1, "one too long"), (-1, "one too short")):
        changed = bytes((good[at] + step,))
        yield f"length of the sequence {comment}", good[:at] + changed + body
    for tag, comment in (
        (0x31, "a SET"),
        (0x10, "not constructed"),
        (0x70, "a context tag"),
        (0x00, "tag 0"),
        (0x02, "an INTEGER"),
        (0x04, "an OCTET STRING"),
        (0xFF, "tag FF"),
    ):
        yield f"outer element is {comment}", bytes((tag,)) + good[1:]
    yield "sequence in a sequence", der(SEQUENCE, good)
    yield "sequence in an octet string", der(OCTET_STRING, good)


def _inside(elements: Elements, index: int, name: str) -> Iterator[tuple[str, bytes]]:
    tag, content = elements[index]
    before, after = joined(elements[:index]), joined(elements[index + 1 :])

    def with_(element: bytes) -> bytes:
        return der(SEQUENCE, before + element + after)

    yield f"{name} left out", with_(b"")
    yield f"{name} twice", with_(2 * der(tag, content))
    yield f"{name} empty", with_(bytes((tag, 0)))
    yield f"{name} is NULL", with_(b"\x05\x00")
    yield f"{name} is a boolean", with_(b"\x01\x01\xff")
    other = OCTET_STRING if tag == INTEGER else INTEGER
    yield f"{name} has tag {other:02x}", with_(der(other, content))
    yield f"{name} is a bit string", with_(der(0x03, b"\0" + content))
    yield f"{name} is constructed", with_(der(tag | 0x20, content))
    yield f"{name} has a context tag", with_(der(0x80, content))
    yield f"{name} in a sequence", with_(der(SEQUENCE, der(tag, content)))
    yield (
        f"{name} with its length in 2 octets more",
        with_(_long(tag, content, 2 + (len(content) >= 0x80))),
    )
    if len(content) < 0x80:
        yield f"{name} with its length in 1 octet more", with_(_long(tag, content, 1))
    yield f"{name} of indefinite length", with_(bytes((tag, 0x80)) + content + b"\0\0")
    yield (
        f"{name} with a length of 2^31 - 1",
        with_(bytes((tag,)) + b"\x84\x7f\xff\xff\xff" + content),
    )
    good = der(tag, content)
    at = len(good) - len(content) - 1
    for step, comment in ((1, "one too long"), (-1, "one too short")):
        yield (
            f"{name} with its length {comment}",
            with_(good[:at] + bytes((good[at] + step & 0xFF,)) + content),
        )
    if tag == INTEGER:
        yield f"{name} with a zero before it", with_(der(tag, b"\0" + content))
        yield f"{name} with 256 zeros before it", with_(der(tag, bytes(256) + content))
        if content[0] == 0 and len(content) > 1:
            yield f"{name} without its sign byte, so negative", with_(der(tag, content[1:]))
        yield f"{name} as one byte FF before it, so negative", with_(der(tag, b"\xff" + content))
    else:
        half = len(content) // 2
        parts = der(tag, content[:half]) + der(tag, content[half:])
        yield f"{name} in two parts, as BER allows", with_(der(tag | 0x20, parts))
