"""A position's text carries everything needed to find the files again."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import FengsuiError
from sensors import marks
from sensors.marks import Mark, Reading

HASHES = st.text("0123456789abcdef", min_size=16, max_size=16)
MARKS = st.builds(
    Mark,
    generation=HASHES,
    offset=st.integers(0, 1 << 60),
    head_size=st.integers(0, 1024),
    head=HASHES,
    tail=HASHES,
    device=st.integers(-1, 1 << 40),
    inode=st.integers(-1, 1 << 62),
    changed=st.integers(0, 1 << 62),
    path=st.text(min_size=1).filter(lambda text: text.isprintable()),
)


@given(begun=st.integers(0, 1 << 40), found=st.lists(MARKS, max_size=5))
def test_the_text_gives_back_the_marks(begun: int, found: list[Mark]) -> None:
    for finished in (marks.NOTHING, marks.place(1_795_000_000_000_000_000, "/a")):
        reading = Reading(begun=begun, finished=finished, marks=found)
        assert marks.from_text(marks.to_text(reading, "/own"), "/own") == reading


def test_one_file_of_its_own_path_takes_little_of_the_header() -> None:
    mark = Mark(
        generation="0" * 16,
        offset=1 << 40,
        head_size=1024,
        head="0" * 16,
        tail="0" * 16,
        device=0xFD00,
        inode=1 << 24,
        changed=1_795_000_000_000_000_000,
        path="/var/log/nginx/access.log",
    )
    # A thousand sources must fit a header of 256 KiB.
    assert len(marks.to_text(Reading(begun=1, marks=[mark]), mark.path)) < 128


@given(text=st.text())
def test_any_other_text_is_refused_or_read_but_never_crashes(text: str) -> None:
    with contextlib.suppress(FengsuiError):
        marks.from_text(text, "/own")


@pytest.mark.parametrize("text", ["", "g", "1;", "1;a,b", "-"])
def test_positions_of_other_sources_are_named(text: str) -> None:
    with pytest.raises(FengsuiError, match=r"sensors\.position\.malformed"):
        marks.from_text(text, "/own")
