"""Optimizers and schedules as descriptions, and the states they bind."""

import threading

import numpy as np
import pytest

import deepcore as dc


def net(dtype="float64"):
    return dc.mlp([3, 5, 1], activation="tanh", dtype=dtype, seed=4)


def examples(m=32):
    rng = np.random.default_rng(3)
    return rng.normal(size=(m, 3)), rng.integers(2, size=m)


ALL = [
    dc.SGD(0.1, momentum=0.9, nesterov=True),
    dc.RMSProp(),
    dc.Adagrad(),
    dc.Adam(),
    dc.AdamW(),
    dc.NAdam(),
    dc.AMSGrad(),
    dc.Lion(),
]


@pytest.mark.parametrize("optimizer", ALL, ids=lambda optimizer: type(optimizer).__name__)
def test_an_own_loop_with_a_state_gives_the_bits_of_fit(optimizer, dtype):
    X, y = examples()
    fitted, looped = net(dtype), net(dtype)
    history = fitted.fit(X, y, optimizer, epochs=5, batch_size=None)
    state, losses = optimizer.bind(looped), []
    for _ in range(5):
        loss, grads = looped.gradients(X, y)
        state.step(grads)
        losses.append(loss)
    assert losses == history["loss"]
    assert np.array_equal(looped.flat_parameters, fitted.flat_parameters)
    assert state.steps == 5


@pytest.mark.parametrize(
    "optimizer", ["sgd", "rmsprop", "adagrad", "adam", "adamw", "nadam", "amsgrad", "lion"]
)
def test_a_name_is_the_optimizer_with_its_defaults(optimizer):
    X, y = examples()
    by_name, by_class = net(), net()
    by_name.fit(X, y, optimizer, epochs=2)
    classes = {"sgd": dc.SGD, "rmsprop": dc.RMSProp, "adagrad": dc.Adagrad, "adam": dc.Adam}
    classes |= {"adamw": dc.AdamW, "nadam": dc.NAdam, "amsgrad": dc.AMSGrad, "lion": dc.Lion}
    by_class.fit(X, y, classes[optimizer](), epochs=2)
    assert np.array_equal(by_name.flat_parameters, by_class.flat_parameters)


def test_gradients_may_be_views_a_dict_or_one_vector():
    X, y = examples()
    results = []
    for form in (lambda g: g, lambda g: {**g, "dA0": None}, lambda g: g.flat):
        model = net()
        dc.Adam().bind(model).step(form(model.gradients(X, y)[1]))
        results.append(model.flat_parameters.copy())
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_slots_are_laid_out_like_the_parameters():
    X, y = examples()
    model = net()
    state = dc.SGD(0.1, momentum=0.9).bind(model)
    _, grads = model.gradients(X, y)
    state.step(grads)
    (slot,) = state.slots.values()
    assert np.array_equal(slot, grads.flat)  # torch's first step: v = g


@pytest.mark.parametrize(
    ("grads", "error", "message"),
    [
        ({"dW1": np.zeros((5, 3))}, KeyError, "grads must have db1"),
        (np.zeros(3), ValueError, r"grads must have shape \(26,\) like flat_parameters"),
        (
            {
                "dW1": np.zeros((3, 5)),
                "db1": np.zeros((5, 1)),
                "dW2": np.zeros((1, 5)),
                "db2": np.zeros((1, 1)),
            },
            ValueError,
            r"dW1 must have shape \(5, 3\), got \(3, 5\)",
        ),
    ],
)
def test_gradients_that_do_not_fit_are_refused(grads, error, message):
    model = net()
    with pytest.raises(error, match=message):
        dc.SGD().bind(model).step(grads)


def test_a_state_belongs_to_its_model():
    X, y = examples()
    state = dc.Adam().bind(net())
    with pytest.raises(ValueError, match="bound to another model"):
        net().fit(X, y, state)


def test_descriptions_compare_by_value_and_cannot_change():
    assert dc.Adam(0.1) == dc.Adam(learning_rate=0.1)
    with pytest.raises(AttributeError):
        dc.Adam().beta1 = 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dc.SGD(-0.1), "learning_rate must be finite and not negative"),
        (lambda: dc.SGD(float("nan")), "learning_rate must be finite"),
        (lambda: dc.SGD("fast"), "learning_rate must be finite"),
        (lambda: dc.SGD(0.1, nesterov=True), "nesterov needs momentum > 0"),
        (lambda: dc.Adam(beta2=1.0), "beta2 must be at least 0 and below 1"),
        (lambda: dc.AdamW(weight_decay=-1), "weight_decay must be finite and not negative"),
        (lambda: dc.Cosine(0.1, steps=0), "steps must be a finite number, at least 1"),
        (lambda: dc.StepDecay(0.1, factor=-1, every=10), "factor must be a finite number, at least 0"),
    ],
)
def test_impossible_constants_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("base", [dc.schedules.Schedule, dc.optimizers.Optimizer])
def test_the_base_classes_are_no_choice(base):
    with pytest.raises(TypeError, match="is the base class"):
        base(0.1)


# Schedules.


@pytest.mark.parametrize(
    ("schedule", "formula"),
    [
        (dc.Constant(0.5), lambda t: 0.5),
        (dc.StepDecay(0.5, factor=0.1, every=3), lambda t: 0.5 * 0.1 ** (t // 3)),
        (dc.Exponential(0.5, factor=0.9), lambda t: 0.5 * 0.9**t),
        (dc.InverseTime(0.5, decay=2.0, every=3), lambda t: 0.5 / (1 + 2.0 * (t // 3))),
        (dc.Cosine(0.5, steps=8, final=0.1), lambda t: 0.1 + 0.4 * (1 + np.cos(np.pi * min(t, 8) / 8)) / 2),
    ],
)
def test_a_schedule_is_its_formula(schedule, formula):
    for t in range(12):
        assert schedule(t) == pytest.approx(formula(t), rel=1e-14)


def test_a_function_of_the_step_trains_like_the_schedule_it_equals():
    X, y = examples()
    schedule, by_schedule, by_function = dc.Exponential(0.5, factor=0.9), net(), net()
    by_schedule.fit(X, y, dc.SGD(schedule), epochs=4, batch_size=8)
    by_function.fit(X, y, dc.SGD(lambda step: 0.5 * 0.9**step), epochs=4, batch_size=8)
    assert np.array_equal(by_function.flat_parameters, by_schedule.flat_parameters)


def test_a_function_is_asked_for_every_step_of_the_run():
    X, y = examples(30)
    asked = []
    net().fit(X, y, dc.SGD(lambda step: asked.append(step) or 0.1), epochs=3, batch_size=8)
    assert asked == list(range(3 * 4))  # 30 examples: three batches of 8 and one of 6


def test_binding_a_function_needs_the_length_of_the_run():
    with pytest.raises(ValueError, match="SGD: steps must be given"):
        dc.SGD(lambda step: 0.1).bind(net())
    assert dc.SGD(lambda step: 0.1).bind(net(), steps=10).steps == 0


def test_a_function_that_returns_no_rate_is_refused():
    X, y = examples()
    with pytest.raises(ValueError, match=r"learning_rate\(2\) must be finite and not negative, got -1.0"):
        net().fit(X, y, dc.SGD(lambda step: 1.0 - step), epochs=5)


def test_slots_put_an_optimizer_back_where_it_stood():
    X, y = examples()
    ends = []
    for restored in (False, True):
        model = net()
        state = dc.Adam(0.1).bind(model)
        for _ in range(6):
            state.step(model.gradients(X, y)[1])
            if restored:
                slots, steps, state = state.slots, state.steps, dc.Adam(0.1).bind(model)
                state.slots, state.steps = slots, steps
        ends.append(model.flat_parameters.copy())
    assert np.array_equal(ends[0], ends[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda slots: slots.pop("s"), "s must be there"),
        (lambda slots: slots.update(v=slots["m"]), "must be 2 arrays, got 3"),
        (lambda slots: slots.update(s=slots["s"][:-1]), r"slots: s must"),
    ],
)
def test_slots_that_do_not_fit_are_refused(change, message):
    state = dc.Adam().bind(net())
    slots = state.slots
    change(slots)
    with pytest.raises(ValueError, match=message):
        state.slots = slots


def test_slots_cannot_be_set_while_a_run_holds_them():
    X, y = examples()
    model = dc.mlp([X.shape[1], 40, 1])
    state = dc.Adam().bind(model)

    def meddle(_):
        state.slots = state.slots

    with pytest.raises(RuntimeError, match="a run holds them"):
        model.fit(X, y, state, epochs=1, callbacks=[meddle])


def test_another_thread_cannot_change_the_rate_of_a_run():
    X, y = examples()
    model = net()
    state, answers = dc.Adam().bind(model), []

    def elsewhere():
        try:
            state.rate_scale = 0.5
        except RuntimeError as error:
            answers.append(str(error))

    def listen(record):
        record.optimizer.rate_scale *= 2  # the callback's own thread may
        other = threading.Thread(target=elsewhere)
        other.start()
        other.join()

    model.fit(X, y, state, epochs=1, callbacks=[listen])
    assert state.rate_scale == 2
    assert len(answers) == 1
    assert answers[0].startswith("rate_scale: this model is already being trained")


@pytest.mark.parametrize("steps", [-1, 1.5, None])
def test_steps_that_are_no_number_of_steps_are_refused(steps):
    state = dc.Adam().bind(net())
    with pytest.raises((TypeError, ValueError), match="steps must be"):
        state.steps = steps
    assert state.steps == 0


def test_a_saved_run_goes_on_with_the_bits_of_one_that_never_stopped(tmp_path):
    X, y = examples()
    layers = [dc.Dense(9, "tanh", norm="batch"), dc.Dropout(0.3), dc.Dense(1, "sigmoid")]
    whole, model = (dc.Model(X.shape[1], layers, seed=4) for _ in range(2))
    whole.fit(X, y, dc.NAdam(dc.Cosine(0.01, 20)), epochs=4, batch_size=7)
    state = dc.NAdam(dc.Cosine(0.01, 20)).bind(model)
    model.fit(X, y, state, epochs=2, batch_size=7)
    model.save(tmp_path / "half.safetensors")
    rest = dc.load(tmp_path / "half.safetensors")
    resumed = dc.NAdam(dc.Cosine(0.01, 20)).bind(rest)
    resumed.slots, resumed.steps = state.slots, state.steps
    rest.fit(X, y, resumed, epochs=2, batch_size=7)
    assert np.array_equal(rest.flat_parameters, whole.flat_parameters)
    assert np.array_equal(rest.running.flat, whole.running.flat)
