import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import _der

unsigned = st.integers(0, 2**256 - 1)


@given(unsigned, unsigned)
def test_a_signature_survives_its_encoding(r, s):
    assert _der.decode_signature(_der.encode_signature(r, s)) == (r, s)


@given(unsigned, unsigned, st.binary(max_size=40), st.binary(max_size=70000))
def test_a_ciphertext_survives_its_encoding(x, y, tag, masked):
    parts = x, y, tag, masked
    assert _der.decode_ciphertext(_der.encode_ciphertext(*parts)) == parts


@given(st.binary(max_size=100))
def test_arbitrary_bytes_are_decoded_canonically_or_refused(data):
    try:
        pair = _der.decode_signature(data)
    except ValueError:
        return
    assert _der.encode_signature(*pair) == data


@given(st.binary(max_size=600))
def test_pem_survives_its_encoding(der):
    pem = _der.encode_pem("PUBLIC KEY", der)
    assert _der.decode_pem(pem, ("PUBLIC KEY",)) == ("PUBLIC KEY", der)
    assert max(map(len, pem.splitlines())) <= 64


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_pem_with_either_line_ending_and_text_around_is_read(ending):
    block = _der.encode_pem("PUBLIC KEY", bytes(100)).replace(b"\n", ending)
    text = b"a comment" + ending + _der.encode_pem("EC PARAMETERS", b"\5\0") + block + b"the end"
    assert _der.decode_pem(text, ("PUBLIC KEY",)) == ("PUBLIC KEY", bytes(100))


@pytest.mark.parametrize("size", [0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 0x10000])
def test_lengths_take_the_shortest_form(size):
    encoded = _der._encode(4, bytes(size))
    assert _der._read(4, encoded, 0) == (bytes(size), len(encoded))
    assert len(encoded) - size == (2 if size < 0x80 else 2 + (size.bit_length() + 7) // 8)


def test_a_length_over_the_limit_is_refused():
    with pytest.raises(ValueError, match="length"):
        _der._read(4, b"\x04\x84\0\0\0\1x", 0)
