"""A disk that fills is told of early, never shortens a period, and stops intake only at the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.room import Gate, Marks, decide
from schema.errors import FengsuiError

FREE = st.integers(min_value=0, max_value=2**45)
MARKS = st.tuples(FREE, FREE).map(lambda two: Marks(low=max(two), full=min(two)))
YES_NO = st.booleans()


@given(FREE, MARKS, YES_NO, YES_NO)
def test_only_what_is_past_its_period_is_ever_let_go(
    free: int, marks: Marks, admitted: bool, may_go: bool
) -> None:
    room = decide(free, marks, admitted=admitted, may_go=may_go)
    assert not room.expire_now or (may_go and free < marks.low)


@given(FREE, MARKS, YES_NO)
def test_intake_stops_only_on_a_full_disk_with_nothing_to_let_go(
    free: int, marks: Marks, may_go: bool
) -> None:
    room = decide(free, marks, admitted=True, may_go=may_go)
    assert room.admit is not (free < marks.full and not may_go)


@given(FREE, MARKS, YES_NO, YES_NO)
def test_a_low_disk_is_always_told_of(
    free: int, marks: Marks, admitted: bool, may_go: bool
) -> None:
    room = decide(free, marks, admitted=admitted, may_go=may_go)
    assert (room.level == "ample") is (free >= marks.low)
    assert (room.level == "full") is (free < marks.full and free < marks.low)


@given(FREE, FREE, MARKS, YES_NO, YES_NO)
def test_more_room_never_shuts_what_less_room_lets_in(
    free: int, more: int, marks: Marks, admitted: bool, may_go: bool
) -> None:
    less = decide(free, marks, admitted=admitted, may_go=may_go)
    ample = decide(free + more, marks, admitted=admitted, may_go=may_go)
    assert ample.admit or not less.admit


@given(FREE, MARKS)
def test_intake_does_not_flutter_about_the_full_mark(free: int, marks: Marks) -> None:
    shut = decide(free, marks, admitted=False, may_go=False)
    if shut.admit:
        assert free >= marks.full + (marks.low - marks.full) // 4
        assert decide(free, marks, admitted=True, may_go=False).admit


@pytest.mark.parametrize("admit", [True, False])
def test_a_shut_gate_says_to_keep_and_send_again(admit: bool) -> None:
    gate = Gate()
    gate.check()
    gate.set(admit=admit)
    if admit:
        gate.check()
        return
    with pytest.raises(FengsuiError, match="send it again") as raised:
        gate.check()
    assert raised.value.code == "collector.storage.full"
