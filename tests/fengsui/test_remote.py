"""A sensor of another machine ends with what ended its shipping, and says so."""

import threading

import pytest

from fengsui.cli import COULD_NOT_RUN, exit_code
from fengsui.remote import carry
from schema.errors import FengsuiError


class Reader:
    def __init__(self) -> None:
        self.steps = 0

    def step(self) -> None:
        self.steps += 1


class DamagedSpool:
    problem = ""

    def step(self) -> int:
        raise FengsuiError("schema.segment.damaged", "segment 1 is damaged from byte 7")


def test_damage_in_the_spool_ends_the_sensor_instead_of_being_shipped_no_more() -> None:
    stop = threading.Event()
    with pytest.raises(FengsuiError, match="damaged from byte 7") as raised:
        carry(Reader(), DamagedSpool(), stop)
    assert stop.is_set()
    assert exit_code(raised.value.code) == COULD_NOT_RUN
