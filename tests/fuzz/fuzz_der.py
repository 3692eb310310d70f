"""Elements, signatures, ciphertexts and public keys: one encoding of each value, or ValueError."""

from contextlib import suppress

import harness

from crypto import _asn1, _der


def rebuilt(der: bytes) -> bytes:
    tag = der[0]
    if not tag & 0x20:
        return _asn1.element(tag, _asn1.Reader(der).read(tag))
    inner = _asn1.Reader(der).inside(tag)
    parts = []
    while inner.more:
        parts.append(rebuilt(inner.span(inner.peek())))
    return _asn1.set_of(parts) if tag == _asn1.SET else _asn1.element(tag, *parts)


def check(data: bytes) -> None:
    with suppress(ValueError):
        _asn1.check(data)
        assert rebuilt(data) == data
    with suppress(ValueError):
        raw = _der.decode_signature_raw(data)
        assert _der.encode_signature_raw(raw) == data
        assert _der.encode_signature(*_der.decode_signature(data)) == data
    with suppress(ValueError):
        assert _der.encode_ciphertext(*_der.decode_ciphertext(data)) == data
    with suppress(ValueError):
        assert len(_der.decode_spki(data)) == 65


if __name__ == "__main__":
    harness.run(check, harness.samples("*/*.der", "*/*.pem", "*/*.crt", "*/*.csr"))
