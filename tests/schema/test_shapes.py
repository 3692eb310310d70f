"""Events as columns: every event stands once, and reads back as it was."""

from hypothesis import given
from hypothesis import strategies as st

from schema.event import Fields
from schema.shapes import shapes

EVENTS = st.lists(
    st.dictionaries(st.sampled_from("abcd"), st.one_of(st.integers(), st.text()), max_size=4)
)


@given(EVENTS)
def test_every_event_is_in_one_shape_with_its_own_values(events: list[Fields]) -> None:
    read: dict[int, Fields] = {}
    for shape in shapes(events):
        assert list(shape.places) == sorted(shape.places)
        for row, place in enumerate(shape.places):
            assert place not in read
            read[place] = {name: column[row] for name, column in shape.columns.items()}
    assert [read[place] for place in range(len(events))] == events
