"""Recorded time rises with true time, at the pace that was set."""

import pytest
from clock import Pace, Warp


def test_warp_interpolates_between_knots_and_runs_true_outside():
    warp = Warp([(100.0, 0.0), (110.0, 1000.0), (120.0, 1010.0)])
    assert warp(105.0) == 500.0
    assert warp(115.0) == 1005.0
    assert warp(99.0) == -1.0
    assert warp(123.0) == 1013.0


@pytest.mark.parametrize(
    "knots",
    [[(0.0, 0.0)], [(0.0, 0.0), (0.0, 1.0)], [(0.0, 5.0), (1.0, 5.0)], [(1.0, 0.0), (0.0, 1.0)]],
)
def test_warp_refuses_knots_that_do_not_rise(knots):
    with pytest.raises(ValueError):
        Warp(knots)


def test_pace_notes_a_knot_for_each_change_of_speed():
    true = iter([0.0, 10.0, 12.0, 14.0])
    pace = Pace(now=lambda: next(true))
    pace.set_speed(400.0)
    assert pace.recorded_s() == 10.0 + 2 * 400.0
    assert pace.knots() == [(0.0, 0.0), (10.0, 10.0), (14.0, 1610.0)]
