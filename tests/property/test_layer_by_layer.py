"""What ``train`` runs is what Python can call layer by layer, and both ways give the same bits."""

import numpy as np
import pytest

from deepcore import _core
from deepcore import functional as F
from reference import cases, optimizers
from reference import network as twin

RATE, EPOCHS, SEED = 0.05, 3, 11
OUTPUTS = sorted(cases.BELONGING)
SIZES = [(6, [9, 5, 3]), (37, [20, 7, 5, 2]), (3, [2]), (2, [4, 1]), (5, [8, 7, 3]), (130, [70, 33, 17])]
SIZE_IDS = ["-".join(map(str, [n, *units])) for n, units in SIZES]
# Full batch, batches with a rest, batches of one.
BATCHES = [(41, 0), (41, 8), (41, 41), (41, 1000), (7, 1), (100, 64)]
BATCH_IDS = [f"{m} by {batch or 'all'}" for m, batch in BATCHES]
RULES = [
    ("sgd", {}),
    ("sgd", {"momentum": 0.9, "nesterov": 1.0, "weight_decay": 0.01}),
    ("rmsprop", {"momentum": 0.5}),
    ("adagrad", {}),
    ("adam", {"weight_decay": 0.01}),
    ("adamw", {}),
    ("nadam", {}),
    ("amsgrad", {"weight_decay": 0.01}),
    ("lion", {"weight_decay": 0.01}),
]


def batches(m, batch, epoch, shuffle):
    """The examples of each step of an epoch, in the order of their visit; a full batch is not shuffled."""
    size = min(batch or m, m)
    order = _core.permutation(SEED, epoch, m) if shuffle and size < m else np.arange(m)
    return [order[start : start + size] for start in range(0, m, size)]


def optimizer_of(engine, network, name="sgd", hyper=None):
    schedule = _core.Schedule("inverse_time", [RATE, 0.1, 2])
    return engine.Optimizer(network, name, optimizers.DEFAULTS[name] | (hyper or {}), schedule)


def train(engine, case, batch, shuffle, name="sgd", hyper=None, weights=None, threads=0):
    """Road A: the whole run in the engine."""
    optimizer = optimizer_of(engine, case.network, name, hyper)
    return case.network.train(
        case.X,
        case.y,
        optimizer,
        batch,
        EPOCHS,
        shuffle=shuffle,
        seed=SEED,
        sample_weight=weights,
        threads=threads,
    )


def gradients_and_steps(engine, case, batch, shuffle, name="sgd", hyper=None, weights=None):
    """Road B: gradient and step from Python; returns the mean loss of each epoch."""
    optimizer, gradient = optimizer_of(engine, case.network, name, hyper), case.new_gradient()
    means = []
    for epoch in range(EPOCHS):
        parts = batches(len(case.X), batch, epoch, shuffle)
        losses, shares = [], []
        for rows in parts:
            w = None if weights is None else weights[rows]
            losses.append(case.network.gradient(case.X[rows], case.y[rows], gradient, w))
            shares.append(len(rows) if w is None else w.sum())
            optimizer.step(case.network, gradient)
        means.append(np.average(losses, weights=shares))
    return means


def layer_by_layer(case, batch, shuffle):
    """Road C: the notes' functions on columns, dZ[L] = A[L] - Y made with NumPy."""
    dtype, L = case.X.dtype, len(case.layers)
    parameters, activation = named(case.network), [None] + [name for _, name, _ in case.layers]
    rate, step = _core.Schedule("inverse_time", [RATE, 0.1, 2]), 0
    for epoch in range(EPOCHS):
        for rows in batches(len(case.X), batch, epoch, shuffle):
            A, caches = case.X[rows].T, [None]
            for l in range(1, L + 1):  # noqa: E741 - l is the layer, as in the notes
                A, cache = F.linear_activation_forward(
                    A, parameters[f"W{l}"], parameters[f"b{l}"], activation[l]
                )
                caches.append(cache)
            dZ = A - case.Y[:, rows].astype(dtype)
            grads = {}
            dA, grads[f"dW{L}"], grads[f"db{L}"] = F.linear_backward(dZ, caches[L][0])
            for l in range(L - 1, 0, -1):  # noqa: E741
                dA, grads[f"dW{l}"], grads[f"db{l}"] = F.linear_activation_backward(
                    dA, caches[l], activation[l]
                )
            parameters = F.update_parameters(parameters, grads, learning_rate=rate(step))
            step += 1
    return parameters


def named(network):
    """{"W1": ..., "b1": ...}, copies in the engine's precision."""
    return {name: view.copy() for name, view in twin.views(network.parameters, network.tensors).items()}


def assert_same_bits(a, b):
    assert a.keys() == b.keys()
    for name, values in a.items():
        differing = np.count_nonzero(values != b[name])
        assert values.tobytes() == b[name].tobytes(), f"{name}: {differing} of {values.size} differ"


@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize(("m", "batch"), BATCHES, ids=BATCH_IDS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_train_is_the_loop_of_gradient_and_step(output, m, batch, shuffle, engine):
    a, b = (cases.make(engine.Network, 37, [20, 7, 5], "relu", output, m=m) for _ in range(2))
    losses, bad_step = train(engine, a, batch, shuffle)
    means = gradients_and_steps(engine, b, batch, shuffle)
    assert_same_bits(named(a.network), named(b.network))
    # Means in double of the same losses, summed in another order.
    np.testing.assert_allclose(losses, means, rtol=1e-6 if a.X.dtype == np.float32 else 1e-13)
    assert bad_step == -1


@pytest.mark.parametrize(("name", "hyper"), RULES, ids=[n + "-".join(["", *h]) for n, h in RULES])
def test_train_is_the_loop_of_gradient_and_step_for_every_optimizer(name, hyper, engine):
    a, b = (cases.make(engine.Network, 37, [20, 7, 5], "tanh", "softmax", m=41) for _ in range(2))
    train(engine, a, 8, True, name, hyper)
    gradients_and_steps(engine, b, 8, True, name, hyper)
    assert_same_bits(named(a.network), named(b.network))


def test_train_is_the_loop_of_gradient_and_step_with_sample_weights(engine, dtype, rng):
    a, b = (cases.make(engine.Network, 6, [9, 3], "tanh", "softmax", m=41) for _ in range(2))
    weights = rng.uniform(0.5, 2, size=41).astype(dtype)
    train(engine, a, 8, True, weights=weights)
    gradients_and_steps(engine, b, 8, True, weights=weights)
    assert_same_bits(named(a.network), named(b.network))


@pytest.mark.parametrize("shuffle", [False, True], ids=["in order", "shuffled"])
@pytest.mark.parametrize(("m", "batch"), BATCHES, ids=BATCH_IDS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_train_is_the_notes_layer_by_layer(output, m, batch, shuffle, engine):
    case = cases.make(engine.Network, 37, [20, 7, 5], "relu", output, m=m)
    parameters = layer_by_layer(case, batch, shuffle)
    train(engine, case, batch, shuffle)
    assert_same_bits(named(case.network), parameters)


@pytest.mark.parametrize(("inputs", "units"), SIZES, ids=SIZE_IDS)
@pytest.mark.parametrize("hidden", ["linear", "sigmoid", "tanh", "relu", "elu", "gelu", "softplus"])
def test_the_roads_meet_for_every_kind_of_layer_and_size(hidden, inputs, units, engine):
    case = cases.make(engine.Network, inputs, units, hidden, "sigmoid", m=50)
    parameters = layer_by_layer(case, 16, True)
    train(engine, case, 16, True, threads=2)
    assert_same_bits(named(case.network), parameters)


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_loops_do_change_the_parameters(output, engine):
    """Equal bits would also come from two roads that do nothing."""
    case = cases.make(engine.Network, 6, [9, 3], "tanh", output, m=41)
    before = named(case.network)
    train(engine, case, 8, True)
    assert all((values != before[name]).any() for name, values in named(case.network).items())


def test_the_shuffle_matters(engine):
    a, b = (cases.make(engine.Network, 6, [9, 3], "tanh", "softmax", m=41) for _ in range(2))
    train(engine, a, 8, True)
    train(engine, b, 8, False)
    assert a.network.parameters.tobytes() != b.network.parameters.tobytes()
