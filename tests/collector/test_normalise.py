"""Fields are held against the catalogue; what does not fit is shown as a text label."""

import pytest

from collector import normalise
from schema.event import Fields, Value


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("source.ip", "10.0.0.1", True),
        ("source.ip", "::1", True),
        ("source.ip", "10.0.0.256", False),
        ("source.port", 22, True),
        ("source.port", "22", False),
        ("source.port", True, False),
        ("event.duration", 2**63, False),
        ("gov.line.partial", True, True),
        ("gov.line.partial", 1, False),
        ("event.category", ["web"], True),
        ("event.category", "web", False),
        ("unknown", "x", False),
    ],
)
def test_a_value_fits_its_field_by_type_and_form(name: str, value: Value, fits: bool) -> None:
    assert normalise.fits(name, value) is fits


def test_only_what_does_not_fit_gets_a_label() -> None:
    events: list[Fields] = [
        {"source.ip": "10.0.0.1", "source.port": 1},
        {"source.ip": "here", "source.port": 2},
        {"color": ["red"], "labels.x": "y"},
        {"source.port": 2**70, "process.pid": False},
    ]
    assert normalise.unusual(events) == {
        1: {"labels.source.ip": "here"},
        2: {"labels.color": ["red"]},
        3: {"labels.source.port": str(2**70), "labels.process.pid": "False"},
    }


def test_no_events_have_no_labels() -> None:
    assert normalise.unusual([]) == {}


def test_what_a_windows_log_writes_of_its_own_keeps_its_name() -> None:
    event: Fields = {"winlog.event_data.TargetUserName": "li", "winlog.other": "x"}
    assert normalise.unusual([event]) == {0: {"labels.winlog.other": "x"}}
