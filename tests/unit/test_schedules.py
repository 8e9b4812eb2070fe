"""Every schedule row against its twin, and what a schedule refuses."""

import copy

import numpy as np
import pytest

import deepcore as dc
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
CYCLES = [
    ("one_cycle", (0.3, 100, 0.3, 25, 1e4)),
    ("one_cycle", (0.3, 77, 0.25, 10, 100)),  # the peak lies between two steps
    ("one_cycle", (0.3, 50, 0.0, 25, 1e4)),
    ("one_cycle", (0.3, 50, 1.0, 25, 1e4)),
    ("one_cycle", (0.3, 1, 1.0, 25, 1e4)),  # neither a way up nor one down
]
WAVES = [
    ("flat_cosine", (0.3, 100)),
    ("flat_cosine", (0.3, 77)),  # half of the steps lies between two steps
    ("flat_cosine", (0.3, 1)),
    ("coslog4", (0.3, 100)),
    ("coslog4", (0.3, 75)),
]


@pytest.mark.parametrize(("name", "parameters"), CASES + CYCLES)
def test_the_learning_rate_is_the_twin_s_at_every_step(name, parameters):
    schedule = _core.Schedule(name, parameters)
    for t in range(150):
        # Two libraries' powers and cosines: each within an ulp or two of double precision.
        assert schedule(t) == pytest.approx(twin.SCHEDULES[name](t, *parameters), rel=1e-14), t


@pytest.mark.parametrize(("name", "parameters"), WAVES)
def test_the_waves_are_their_twins(name, parameters):
    schedule = _core.Schedule(name, parameters)
    for t in range(150):
        # Near 0 the cosine's digits cancel: what remains is right to an ulp of the peak.
        assert schedule(t) == pytest.approx(twin.SCHEDULES[name](t, *parameters), rel=1e-13, abs=1e-16), t


def test_a_flat_cosine_is_flat_for_half_of_its_steps_and_ends_at_0():
    schedule = dc.FlatCosine(0.3, steps=100)
    assert {schedule(t) for t in range(51)} == {0.3}
    assert schedule(51) < 0.3
    assert schedule(75) == pytest.approx(0.15, rel=1e-14)
    assert schedule(100) == schedule(10**9) == 0


def test_coslog4_is_0_between_its_four_waves_and_at_its_ends():
    schedule = dc.CosLog4(0.3, steps=1500)
    rates = np.array([schedule(t) for t in range(1501)])
    np.testing.assert_allclose(rates[[0, 100, 300, 700, 1500]], 0, atol=1e-16)
    assert rates[0] == rates[-1] == schedule(10**9) == 0
    peaks = [t for t in range(1, 1500) if rates[t - 1] < rates[t] >= rates[t + 1]]
    np.testing.assert_allclose(peaks, [100 * (2**k - 1) for k in (0.5, 1.5, 2.5, 3.5)], atol=1)
    np.testing.assert_allclose(rates[peaks], 0.3, rtol=1e-3)


def test_every_schedule_starts_at_its_learning_rate():
    for name, parameters in CASES:
        assert _core.Schedule(name, parameters)(0) == parameters[0]


def test_a_cosine_stays_at_its_final_rate():
    schedule = _core.Schedule("cosine", (0.3, 60, 0.01))
    assert schedule(60) == schedule(10**9) == pytest.approx(0.01, rel=1e-14)


def test_one_cycle_starts_low_has_its_peak_and_stays_at_its_end():
    schedule = _core.Schedule("one_cycle", (0.5, 100, 0.3, 25, 1000))
    rates = [schedule(t) for t in range(100)]
    assert rates[0] == pytest.approx(0.02, rel=1e-14)  # peak - (peak - low) rounds
    assert max(rates) == rates[29] == 0.5
    assert schedule(99) == schedule(10**9) == 0.02 / 1000


@pytest.mark.parametrize("after", [("cosine", (0.3, 60, 0.01)), ("one_cycle", CYCLES[0][1])])
def test_a_warm_up_is_its_twin(after):
    name, parameters = after
    schedule = _core.Schedule.warmup(_core.Schedule(name, parameters), 20, 0.1)

    def inner(t):
        return twin.SCHEDULES[name](t, *parameters)

    for t in range(150):
        assert schedule(t) == pytest.approx(twin.warmup(t, inner, 20, 0.1), rel=1e-14), t


def test_a_scaled_schedule_has_every_rate_times_the_factor():
    schedule = _core.Schedule("cosine", (0.3, 60, 0.0))
    assert [schedule.scaled(0.5)(t) for t in (0, 7, 60)] == [0.5 * schedule(t) for t in (0, 7, 60)]


# The classes.


@pytest.mark.parametrize(
    "inner", [0.3, dc.Cosine(0.3, 50), lambda step: 0.3 / (1 + step)], ids=["number", "schedule", "function"]
)
def test_a_warm_up_goes_before_a_number_a_schedule_or_a_function(inner):
    rate = inner if callable(inner) else lambda step: inner
    schedule = dc.Warmup(inner, steps=10, start=0.2)
    for t in (0, 3, 9, 10, 40):
        assert schedule(t) == pytest.approx(twin.warmup(t, rate, 10, 0.2), rel=1e-14)


def rates_of_a_run(rate, epochs=(4,)):
    """The rate that every step of a run has, seen by steps of plain SGD on a constant gradient."""
    model = dc.mlp([1, 1], output="linear", loss="absolute_error", dtype="float64", init="zeros")
    X, y = np.ones((6, 1)), np.full(6, 1e3)  # the derivative of the loss by b is -1 throughout
    state, seen = dc.SGD(rate).bind(model, steps=1), [0.0]
    for count in epochs:
        listen = [lambda record: seen.append(float(model.parameters["b1"][0, 0]))]
        model.fit(X, y, state, epochs=count, batch_size=None, callbacks=listen)
    return np.diff(seen)


@pytest.mark.parametrize(
    "rate",
    [
        dc.OneCycle(0.3, 8),
        dc.Warmup(dc.Exponential(0.3, 0.5), 3),
        lambda step: 0.1 * (step + 1),
        dc.Warmup(lambda step: 0.1 * (step + 1), 3),
    ],
    ids=["one cycle", "warm-up", "function", "warm-up of a function"],
)
def test_the_steps_of_a_run_have_the_rates_of_the_schedule_also_when_it_goes_on(rate):
    # b grows to about 1, each difference is off by an ulp of it
    np.testing.assert_allclose(rates_of_a_run(rate, (3, 5)), [rate(t) for t in range(8)], atol=1e-15)


def test_a_function_is_called_once_for_each_step():
    called = []
    rates_of_a_run(lambda step: called.append(step) or 0.1, (3, 2))
    assert called == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: dc.OneCycle(0.1, 0), ValueError, "OneCycle: steps must be a finite number, at least 1"),
        (lambda: dc.OneCycle(0.1, 10, rise=1.5), ValueError, "rise must be a fraction from 0 to 1"),
        (lambda: dc.OneCycle(0.1, 10, div=0.5), ValueError, "div must be a finite number, at least 1"),
        (lambda: dc.Warmup(0.1, 0), ValueError, "Warmup: steps must be at least 1 and below .*, got 0"),
        (lambda: dc.Warmup(0.1, 2.5), ValueError, "Warmup: steps must be a whole number"),
        (lambda: dc.Warmup(0.1, 2**70), ValueError, "Warmup: steps must be at least 1 and below"),
        (lambda: dc.Warmup(-0.1, 5), ValueError, "Warmup: learning_rate must be finite and not negative"),
        (lambda: dc.Warmup("fast", 5), ValueError, "Warmup: learning_rate must be finite"),
        (lambda: dc.Warmup(0.1, 5, start=2), ValueError, "Warmup: start must be a factor from 0 to 1"),
        (lambda: dc.Warmup(dc.Warmup(0.1, 5), 5), TypeError, "a number, a function or another schedule"),
        (lambda: rates_of_a_run(lambda step: -1.0), ValueError, r"learning_rate\(0\) must be finite"),
        (lambda: rates_of_a_run(lambda step: "x"), ValueError, r"learning_rate\(0\) must be finite"),
    ],
)
def test_wrong_schedules_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


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
        ("one_cycle", (0.3, 10, 2.0, 25, 1e4)),
        ("one_cycle", (0.3, 10, 0.3, 0.5, 1e4)),
        ("flat_cosine", (0.3, 0)),
        ("coslog4", (0.3, 0.5)),
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
        "rise above 1",
        "division by less than 1",
        "flat cosine of 0",
        "waves over less than one step",
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


# Schedules without steps

DATA = np.random.default_rng(0).normal(size=(70, 2)), np.arange(70) % 2
OPEN = [dc.Cosine(0.1), dc.OneCycle(0.1), dc.Warmup(dc.Cosine(0.1), 5), dc.Warmup(dc.OneCycle(0.1), 5)]


def closed(schedule, steps):
    """The same schedule with its steps written down."""
    if isinstance(schedule, dc.Warmup):
        return dc.Warmup(closed(schedule.learning_rate, steps - 5), 5)
    return type(schedule)(0.1, steps=steps)


@pytest.mark.parametrize("schedule", OPEN, ids=repr)
@pytest.mark.parametrize("mapped", [False, True])
def test_a_schedule_without_steps_spans_the_run(schedule, mapped, tmp_path):
    X, y = DATA
    if mapped:
        np.save(tmp_path / "X.npy", X)
        X = np.load(tmp_path / "X.npy", mmap_mode="r")
    one, other = (dc.mlp([2, 4, 1], seed=1) for _ in range(2))
    one.fit(X, y, dc.Adam(schedule), epochs=6, batch_size=20)  # 4 steps per epoch
    other.fit(X, y, dc.Adam(closed(schedule, 24)), epochs=6, batch_size=20)
    assert one.flat_parameters.tobytes() == other.flat_parameters.tobytes()


def test_the_validation_split_is_not_part_of_the_span():
    rates = []
    dc.mlp([2, 4, 1], seed=1).fit(
        *DATA, dc.Adam(dc.Cosine(0.1)), epochs=5, batch_size=7, validation_split=0.3,
        callbacks=[lambda record: rates.append(record.optimizer.learning_rate)],
    )  # fmt: skip
    assert rates[-1] == 0.0
    assert rates == pytest.approx([0.1 * (1 + np.cos(np.pi * t / 5)) / 2 for t in range(1, 6)])


@pytest.mark.parametrize("schedule", OPEN, ids=repr)
def test_batches_with_a_length_are_spanned_and_others_need_steps(schedule):
    X, y = DATA
    batches = [(X[:30], y[:30]), (X[30:], y[30:])]
    one, other = (dc.mlp([2, 4, 1], seed=1) for _ in range(2))
    one.fit_batches(batches, dc.Adam(schedule), epochs=5)
    other.fit_batches(batches, dc.Adam(closed(schedule, 10)), epochs=5)
    assert one.flat_parameters.tobytes() == other.flat_parameters.tobytes()
    unknown = "{} spans the whole run, but the number of batches is not known; give the schedule steps="
    for name, optimizer in (
        ("learning_rate", dc.Adam(schedule)),
        ("weight_decay", dc.AdamW(0.01, weight_decay=schedule)),
    ):
        with pytest.raises(ValueError, match=unknown.format(name)):
            one.fit_batches(lambda: iter(batches), optimizer, epochs=5)


@pytest.mark.parametrize(
    "wrap", [lambda make: make, lambda make: dc.stream(make, 30)], ids=["function", "stream"]
)
def test_a_schedule_starts_again_only_in_a_run_whose_length_is_known(wrap):
    X, y = DATA
    model = dc.mlp([2, 4, 1], seed=1)
    state = dc.Adam(dc.Cosine(0.1)).bind(model, steps=1)
    batches = wrap(lambda: iter([(X[:30], y[:30]), (X[30:], y[30:])]))
    model.fit_batches(batches, state, epochs=1)
    with pytest.raises(ValueError, match="the schedule of learning_rate spans the whole run, but the number"):
        model.fit_batches(batches, state, epochs=1)


@pytest.mark.parametrize("schedule", OPEN, ids=repr)
def test_own_loops_must_say_how_long_they_are(schedule):
    model = dc.mlp([2, 4, 1], seed=1)
    with pytest.raises(ValueError, match=r"Adam: steps must be given when .* spans the whole run: bind"):
        dc.Adam(schedule).bind(model)
    state = dc.Adam(schedule).bind(model, steps=24)
    assert state.learning_rate == closed(schedule, 24)(0)
    with pytest.raises(ValueError, match="steps must be given to ask for the rate of a step"):
        schedule(50)


def test_a_state_that_is_given_again_goes_on_within_its_span_and_starts_again_after_it():
    X, y = DATA
    rates = []
    listen = {"callbacks": [lambda record: rates.append(record.optimizer.learning_rate)]}
    model = dc.mlp([2, 4, 1], seed=1)
    state = dc.Adam(dc.Cosine(0.1)).bind(model, steps=8)
    for _ in range(3):
        model.fit(X, y, state, epochs=4, batch_size=None, **listen)
    down = [0.1 * (1 + np.cos(np.pi * t / 8)) / 2 for t in range(1, 9)]
    again = [0.1 * (1 + np.cos(np.pi * t / 4)) / 2 for t in range(1, 5)]
    assert rates == pytest.approx([*down, *again], abs=1e-15)
    state.rate_scale = 0.5
    model.fit(X, y, state, epochs=4, batch_size=None, **listen)
    assert rates[-4:] == pytest.approx([rate / 2 for rate in again], abs=1e-15)


@pytest.mark.parametrize("steps", [0, 4, 8])
@pytest.mark.parametrize(
    "optimizer", [dc.Adam(dc.Cosine(0.1)), dc.AdamW(0.01, weight_decay=dc.Cosine(5.0))], ids=["rate", "decay"]
)
def test_a_state_that_is_put_back_before_a_new_start_is_where_it_stood(optimizer, steps):
    model = dc.mlp([2, 4, 1], seed=1)
    state = optimizer.bind(model, steps=8)

    def fit(epochs):
        model.fit(*DATA, state, epochs=epochs, batch_size=None)
        return model.flat_parameters.tobytes()

    if steps:
        fit(steps)
    stood, numbers = (state.steps, state.slots), model.snapshot()
    whole = [fit(6), fit(20)]  # the second one begins a new span
    state.steps, state.slots = stood
    model.restore(numbers)
    assert [fit(6), fit(20)] == whole


def test_a_copied_state_that_is_put_back_before_its_span_begins_it_there():
    model = dc.mlp([2, 4, 1], seed=1)
    state = dc.Adam(dc.Cosine(0.1)).bind(model, steps=6)
    for _ in range(2):
        model.fit(*DATA, state, epochs=6, batch_size=None)
    again = copy.copy(state)
    again.steps = 2
    assert again.learning_rate == 0.1


def test_every_partial_fit_spans_its_own_call():
    X, y = DATA
    model = dc.mlp([2, 4, 1], seed=1)
    for _ in range(3):
        before = model.flat_parameters.copy()
        model.partial_fit(X, y, dc.Adam(dc.Cosine(0.1)), batch_size=10)
        assert np.abs(model.flat_parameters - before).max() > 0.05
        assert model.optimizer.learning_rate == 0.0
    assert model.optimizer.steps == 21


def test_a_plan_needs_no_length():
    assert dc.mlp([2, 4, 1]).plan(8, dc.Adam(dc.Cosine(0.1))).batch == 8
