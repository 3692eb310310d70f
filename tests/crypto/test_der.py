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
