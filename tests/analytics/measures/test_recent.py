"""Recent: a queue whose copies do not see each other."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from kind_world import hit

from analytics.measures.recent import Recent


@settings(deadline=None)
@given(st.lists(st.sampled_from(["add", "add", "add", "take", "copy"]), max_size=900))
def test_it_holds_what_a_list_would(acts: list[str]) -> None:
    one, plain, number = Recent(), [], 0
    copies = []
    for act in [*acts, *["add"] * 300, *acts]:
        if act == "add":
            number += 1
            one.append(hit(number))
            plain.append(hit(number))
        elif act == "take" and plain:
            assert one.popleft() == plain.pop(0)
        elif act == "copy" and len(copies) < 20:
            copies.append((one.copy(), list(plain)))
    for kept, expected in [(one, plain), *copies]:
        assert list(kept) == expected
        assert len(kept) == len(expected)
        assert kept.newest(3) == expected[-3:]
        assert not expected or kept.last() == expected[-1]


def test_what_is_too_old_or_too_much_is_taken_away() -> None:
    one = Recent(hit(number) for number in range(400))
    assert [old[2] for old in one.expire(hit(2)[0])] == [0, 1000, 2000]
    assert len(list(one.expire(-1, keep=100))) == 297
    assert one.first() == hit(300)
