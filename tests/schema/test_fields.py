"""The catalogue says which fields there are; open names need no entry."""

from __future__ import annotations

import pytest

from schema.fields import OPEN, catalogue, is_open


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("labels.room", True),
        ("winlog.event_data.TargetUserName", True),
        ("winlog.event_id", False),
        ("labels", False),
        ("user.name", False),
    ],
)
def test_a_name_is_open_under_labels_and_what_a_windows_log_writes(
    name: str, expected: bool
) -> None:
    assert is_open(name) is expected


def test_no_entry_of_the_catalogue_has_an_open_name() -> None:
    assert not [name for name in catalogue() if name.startswith(OPEN)]
