"""A running SM3 comes out as SM3 of the whole, however it was cut and carried."""

from hypothesis import given, settings
from hypothesis import strategies as st

from crypto import sm3
from dashboard_api.signing.shf.running import Running


@given(packets=st.lists(st.binary(max_size=200), max_size=6))
@settings(max_examples=60, deadline=None)
def test_packets_hash_as_the_whole(packets: list[bytes]) -> None:
    running = Running()
    for packet in packets:
        running = Running.read(running.take(packet, "inData").write(), "hashValue")
    assert running.digest() == sm3.digest(b"".join(packets))


def test_every_length_around_a_block_is_padded_right() -> None:
    for size in range(130):
        data = bytes(size)
        assert Running().take(data, "inData").digest() == sm3.digest(data)


def test_finishing_changes_nothing() -> None:
    running = Running().take(b"abc", "inData")
    assert running.digest() == running.digest() == sm3.digest(b"abc")
