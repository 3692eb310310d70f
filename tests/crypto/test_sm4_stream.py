import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import sm4, sm4_stream
from crypto.errors import CryptoError

pytestmark = pytest.mark.usefixtures("engine")

KEY, PREFIX, AAD = bytes(range(16)), bytes(range(7)), b"aad"
SIZE = sm4_stream.SEGMENT_SIZE


def sealed(chunks, prefix=PREFIX):
    return list(sm4_stream.seal_segments(KEY, prefix, chunks, AAD))


def opened(segments, aad=AAD):
    return b"".join(sm4_stream.open_segments(KEY, PREFIX, segments, aad))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2 * SIZE), max_size=4), st.integers(1, 3 * SIZE))
def test_what_was_sealed_in_any_cut_opens_in_any_other(sizes, step):
    text = b"".join(bytes((index,)) * size for index, size in enumerate(sizes))
    whole = b"".join(sealed([text[at : at + step] for at in range(0, len(text), step)]))
    assert opened([whole]) == text
    assert opened([whole[at : at + 1000] for at in range(0, len(whole), 1000)]) == text


@pytest.mark.parametrize("size", [0, 1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE])
def test_lengths_around_a_segment_come_back(size):
    assert opened(sealed([bytes(size)])) == bytes(size)


def test_segments_cut_moved_repeated_or_left_out_are_refused():
    one, two, three = sealed([bytes(2 * SIZE + 5)])
    for segments in (
        [one, two], [one], [], [two, one, three], [one, one, two, three], [one, three],
        [one, two, three[:-1]], [one, two, three + b"\0"], [one, two, three, three],
    ):  # fmt: skip
        with pytest.raises(CryptoError) as caught:
            opened(segments)
        assert caught.value.code == "crypto.ciphertext.invalid"
    with pytest.raises(CryptoError):
        opened([one, two, three], aad=b"other")


def test_nothing_is_given_out_past_a_bad_segment():
    one, two, three = sealed([bytes(2 * SIZE + 5)])
    stream = sm4_stream.open_segments(KEY, PREFIX, [one, two[:-1] + b"\0", three], AAD)
    assert next(stream) == bytes(SIZE)
    with pytest.raises(CryptoError):
        next(stream)


def test_a_prefix_of_another_size_is_refused():
    with pytest.raises(CryptoError) as caught:
        sealed([b""], prefix=bytes(8))
    assert caught.value.code == "crypto.nonce.malformed"
    assert sm4.NONCE_SIZE == sm4_stream.PREFIX_SIZE + 5
