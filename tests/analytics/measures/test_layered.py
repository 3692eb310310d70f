"""Layered: a map whose copies do not see each other."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.measures.layered import Layered


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 150), st.one_of(st.none(), st.integers(0, 5))), max_size=600)
)
def test_it_holds_what_a_dict_would(writes: list[tuple[int, int | None]]) -> None:
    one, plain = Layered(), {}
    copies = []
    for place, (name, held) in enumerate(writes):
        one.put(name, held)
        if held is None:
            plain.pop(name, None)
        else:
            plain[name] = held
        assert one.get(name) == held
        if place % 97 == 0:
            copies.append((one.copy(), dict(plain)))
    for kept, expected in [(one, plain), *copies]:
        assert dict(kept.items()) == expected
        assert set(kept) == set(expected)
        assert len(kept) == len(expected)
    one.clear()
    assert not len(one)
    assert not list(one)
