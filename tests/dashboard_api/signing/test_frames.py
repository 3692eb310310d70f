import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_api.applications.model import Operation
from dashboard_api.signing import frames
from dashboard_api.signing.call import Call, Reply
from dashboard_api.signing.frames import FRAME_BYTES_MAX, Ready, Stopped
from dashboard_api.signing.heads import Head
from schema.errors import FengsuiError

CALLS = st.builds(
    Call,
    id=st.integers(0, 2**63),
    operation=st.sampled_from(Operation),
    method=st.just("POST"),
    target=st.text(max_size=20),
    authorization=st.text(max_size=20),
    languages=st.just("zh"),
    body=st.binary(max_size=300),
    key=st.just("receipt"),
)
TOLD = st.one_of(
    st.builds(Reply, st.integers(0, 2**63), st.just(200), st.binary(max_size=300)),
    st.builds(Head, st.just(1), st.integers(0, 9), st.just("ab"), st.just(0), st.just(())),
    st.just(Ready()),
    st.builds(Stopped, st.text(max_size=9)),
)


def pieces(data, cuts):
    at = 0
    for cut in sorted(cut % (len(data) + 1) for cut in cuts):
        yield data[at:cut]
        at = cut
    yield data[at:]


def taken(incoming, data):
    """What comes out before the bytes end, or are refused in the one way there is."""
    found = []
    with contextlib.suppress(FengsuiError):
        found.extend(incoming.take(data))
    return found


@given(st.lists(CALLS, max_size=8), st.lists(st.integers(0, 10_000), max_size=20))
def test_calls_come_out_as_they_went_in_however_they_are_cut(sent, cuts):
    incoming, found = frames.calls(), []
    for piece in pieces(bytes(frames.pack(sent)), cuts):
        found.extend(incoming.take(piece))
    assert found == sent
    assert not incoming.half


@given(st.lists(TOLD, max_size=8), st.lists(st.integers(0, 10_000), max_size=20))
def test_so_does_what_a_signing_process_tells(sent, cuts):
    incoming, found = frames.told(), []
    for piece in pieces(bytes(frames.pack(sent)), cuts):
        found.extend(incoming.take(piece))
    assert found == sent


@given(st.binary(max_size=400))
def test_bytes_nobody_wrote_are_refused_or_waited_for(data):
    incoming = frames.calls()
    assert all(isinstance(one, Call) for one in taken(incoming, data))


@given(CALLS, st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_never_passes_as_a_frame_of_another_kind(sent, at, mask):
    data = frames.pack([sent])
    data[at % len(data)] ^= mask
    assert all(isinstance(one, Call) for one in taken(frames.calls(), bytes(data)))


def test_a_frame_of_the_other_direction_is_refused():
    with pytest.raises(FengsuiError, match=r"frame\.malformed"):
        list(frames.calls().take(bytes(frames.pack([Ready()]))))


def test_an_oversized_frame_is_refused_by_its_length_alone():
    with pytest.raises(FengsuiError, match=r"frame\.malformed"):
        list(frames.calls().take((FRAME_BYTES_MAX + 1).to_bytes(4, "big")))


def test_an_oversized_frame_is_never_written():
    with pytest.raises(ValueError, match="over"):
        frames.pack([Reply(1, 200, bytes(FRAME_BYTES_MAX))])


def test_half_a_frame_is_waited_for():
    incoming = frames.calls()
    assert list(incoming.take(b"\0\0\0\x10abc")) == []
    assert incoming.half


def test_tags_are_what_both_sides_agreed_on():
    kinds = (Call, Reply, Head, Ready, Stopped)
    tags = [one.__struct_config__.tag for one in kinds]
    assert tags == [1, 2, 3, 5, 6]
    assert all(issubclass(one, msgspec.Struct) for one in kinds)
