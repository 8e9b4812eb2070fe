"""Every schedule row against its twin, and what a schedule refuses."""

import numpy as np
import pytest

from deepcore import _core
from reference import schedules as twin

CASES = [
    ("constant", (0.3,)),
    ("step", (0.3, 0.5, 7)),
    ("step", (0.3, 0.1, 1)),
    ("exponential", (0.3, 0.99)),
    ("inverse_time", (0.3, 0.5, 1)),
    ("inverse_time", (0.3, 0.5, 10)),
    ("cosine", (0.3, 60, 0.01)),
]


@pytest.mark.parametrize(("name", "parameters"), CASES)
def test_the_learning_rate_is_the_twin_s_at_every_step(name, parameters):
    schedule = _core.Schedule(name, parameters)
    for t in range(150):
        # Two libraries' powers and cosines: each within an ulp or two of double precision.
        assert schedule(t) == pytest.approx(twin.SCHEDULES[name](t, *parameters), rel=1e-14), t


def test_every_schedule_starts_at_its_learning_rate():
    for name, parameters in CASES:
        assert _core.Schedule(name, parameters)(0) == parameters[0]


def test_a_cosine_stays_at_its_final_rate():
    schedule = _core.Schedule("cosine", (0.3, 60, 0.01))
    assert schedule(60) == schedule(10**9) == pytest.approx(0.01, rel=1e-14)


def test_a_table_is_read_step_by_step_and_keeps_its_last_value():
    values = np.array([0.5, 0.25, 0.125])
    schedule = _core.Schedule.table(values)
    assert [schedule(t) for t in range(5)] == [twin.table(t, values) for t in range(5)]


def test_a_table_is_a_copy():
    values = np.array([0.5])
    schedule = _core.Schedule.table(values)
    values[0] = 9.0
    assert schedule(0) == 0.5


def test_late_steps_are_not_rounded_to_another_type():
    assert _core.Schedule("inverse_time", (1.0, 1.0, 1))(3_000_000_000) == pytest.approx(
        1 / 3_000_000_001, rel=1e-14
    )


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("step", (0.3, 0.5)),
        ("constant", ()),
        ("constant", (0.3, 0.5)),
        ("step", (0.3, 0.5, 0)),
        ("inverse_time", (0.3, 0.5, 0)),
        ("cosine", (0.3, 0, 0.01)),
        ("constant", (-0.1,)),
        ("constant", (float("nan"),)),
    ],
    ids=[
        "one missing",
        "none",
        "one too many",
        "step every 0",
        "inverse every 0",
        "cosine of 0",
        "negative",
        "nan",
    ],
)
def test_wrong_parameters_are_refused(name, parameters):
    with pytest.raises(ValueError, match=name):
        _core.Schedule(name, parameters)


def test_an_unknown_schedule_is_refused_with_the_list_of_known_ones():
    with pytest.raises(ValueError, match=r"cosine.*got 'linear'"):
        _core.Schedule("linear", (0.1,))


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="at least one value"):
        _core.Schedule.table(np.array([]))
