"""The state of an optimizer is saved, copied and pickled, alone and with its model."""

import copy
import pickle

import numpy as np
import pytest

import deepcore as dc
from resuming import BATCH, network, problem

# The state of an optimizer.


def used(optimizer=None, steps=None):
    X, y = problem()
    model = network()
    state = (dc.NAdam(0.01) if optimizer is None else optimizer).bind(model, steps=steps)
    model.fit(X, y, state, epochs=3, batch_size=BATCH)
    return model, state


def go_on(model, state):
    X, y = problem()
    model.fit(X, y, state, epochs=2, batch_size=BATCH)
    return model.flat_parameters.tobytes(), state.steps


def test_a_state_comes_back_from_what_it_returns():
    model, state = used()
    saved, twin = pickle.loads(pickle.dumps(state.state())), model.copy()
    again = dc.NAdam(0.01).bind(twin)
    again.set_state(saved)
    assert go_on(twin, again) == go_on(model, state)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_a_model_and_its_state_are_pickled_and_copied_together(duplicate):
    model, state = used(dc.Adam(dc.Cosine(0.01)), steps=15)
    state.rate_scale = 0.5
    twin, again = duplicate((model, state))
    assert again.network is twin.network
    assert go_on(twin, again) == go_on(model, state)


def test_a_shallow_copy_of_a_state_steps_the_same_model():
    model, state = used()
    again = copy.copy(state)
    assert again.network is model.network
    before = state.slots["m"].copy()
    go_on(model, again)
    assert np.array_equal(state.slots["m"], before)
    assert again.steps > state.steps


def test_a_fixed_rate_is_part_of_a_state():
    model, state = used()
    state.set_learning_rate(0.125)
    state.rate_scale = 0.5
    again = dc.NAdam(0.01).bind(model)
    again.set_state(state.state())
    assert again.learning_rate == 0.0625


@pytest.mark.parametrize(
    "rate",
    [0.01, dc.Cosine(0.01), lambda step: 0.01, dc.Warmup(lambda step: 0.01, 3)],
    ids=["number", "schedule", "function", "warm-up"],
)
def test_a_fixed_rate_stays_through_runs_steps_and_new_factors(rate):
    model, state = used(dc.SGD(rate), steps=3)
    state.set_learning_rate(0.125)
    go_on(model, state)
    assert state.learning_rate == 0.125
    state.steps = 1000
    assert state.learning_rate == 0.125
    state.rate_scale = 0.5
    assert state.learning_rate == 0.0625
    state.set_learning_rate(0.25)
    assert (state.learning_rate, state.rate_scale) == (0.25, 1.0)


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model)), dc.Model.copy]
)
def test_copies_and_pickles_of_a_model_keep_the_optimizer_of_partial_fit(duplicate):
    X, y = problem()
    model = network()
    model.partial_fit(X, y, dc.Adam(0.01))
    twin = duplicate(model)
    assert twin.optimizer.network is twin.network
    for one in (model, twin):
        one.partial_fit(X, y, dc.Adam(0.01))
    assert np.array_equal(twin.flat_parameters, model.flat_parameters)
    assert (twin.optimizer.steps, model.optimizer.steps) == (2, 2)


def zeros(state):
    return {name: np.zeros_like(slot) for name, slot in state["slots"].items()}


@pytest.mark.parametrize("rate", [dc.Cosine(0.1, steps=5), lambda step: 0.1 / (1 + step)])
def test_a_fixed_rate_is_a_number(rate):
    # a function would be called for the first step only
    _, state = used()
    with pytest.raises(ValueError, match="set_learning_rate: learning_rate must be"):
        state.set_learning_rate(rate)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda state: [], TypeError, "must be a mapping"),
        (lambda state: {**state, "more": 1}, ValueError, "must have steps, slots"),
        (lambda state: {**state, "steps": -1}, ValueError, "steps must be at least 0"),
        (lambda state: {**state, "slots": {}}, ValueError, "slots"),
        (lambda state: {**state, "rate_scale": np.nan}, ValueError, "rate_scale must be finite"),
        (lambda state: {**state, "slots": zeros(state), "rate": -1.0}, ValueError, "set_state: rate must"),
    ],
)
def test_a_state_of_another_form_is_refused(change, error, message):
    _, state = used()
    before = state.state()
    with pytest.raises(error, match=message):
        state.set_state(change(before))
    assert state.steps == before["steps"]
    assert all(np.array_equal(state.slots[name], slot) for name, slot in before["slots"].items())
