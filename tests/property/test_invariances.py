"""What must not change when nothing that matters has changed."""

import numpy as np
import pytest

from deepcore import _core
from reference import cases, optimizers
from reference import network as twin
from reference.activations import ACTIVATIONS

OUTPUTS = sorted(cases.BELONGING)


def sgd(engine, network, rate=0.1):
    return engine.Optimizer(network, "sgd", optimizers.DEFAULTS["sgd"], _core.Schedule("constant", [rate]))


def gradient_of(case, X, y):
    g = case.new_gradient()
    return case.network.gradient(X, y, g), g


@pytest.mark.parametrize("constant", [1.0, -30.0, 100.0])
def test_adding_a_constant_to_logits_keeps_the_softmax_loss(constant, engine, eps):
    case = cases.make(engine.Network, 5, [8, 4], "tanh", "softmax", m=20)
    before, _ = case.network.evaluate(case.X, case.y)
    twin.views(case.network.parameters, case.network.tensors)["b2"][...] += constant
    after, _ = case.network.evaluate(case.X, case.y)
    # Every logit is rounded at the size of the constant.
    assert after == pytest.approx(before, abs=8 * eps * (1 + abs(constant)))


@pytest.mark.parametrize("output", OUTPUTS)
def test_permuting_the_batch_permutes_the_predictions(output, engine, rng):
    case = cases.make(engine.Network, 6, [17, 9, 3], "relu", output, m=53)
    order = rng.permutation(53)
    assert case.network.predict(case.X[order]).tobytes() == case.network.predict(case.X)[order].tobytes()


@pytest.mark.parametrize("output", OUTPUTS)
def test_permuting_the_batch_keeps_the_gradient_to_rounding(output, engine, eps, rng):
    case = cases.make(engine.Network, 6, [17, 9, 3], "tanh", output, m=53)
    order = rng.permutation(53)
    cost, gradient = gradient_of(case, case.X, case.y)
    permuted_cost, permuted = gradient_of(case, case.X[order], case.y[order])
    # Sums of 53 terms in another order: each rounds by eps of the largest partial sum; entries are of size 1.
    assert permuted_cost == pytest.approx(cost, rel=53 * eps)
    np.testing.assert_allclose(permuted, gradient, rtol=0, atol=53 * eps * np.abs(gradient).max())


@pytest.mark.parametrize("output", OUTPUTS)
def test_duplicating_the_batch_keeps_cost_and_gradient(output, engine, eps):
    case = cases.make(engine.Network, 6, [17, 9, 3], "tanh", output, m=21)
    cost, gradient = gradient_of(case, case.X, case.y)
    twice_cost, twice = gradient_of(case, np.concatenate([case.X] * 2), np.concatenate([case.y] * 2))
    assert twice_cost == pytest.approx(cost, rel=42 * eps)
    np.testing.assert_allclose(twice, gradient, rtol=0, atol=42 * eps * np.abs(gradient).max())


@pytest.mark.parametrize("output", OUTPUTS)
def test_whole_sample_weights_count_examples(output, engine, dtype, eps):
    case = cases.make(engine.Network, 6, [17, 3], "tanh", output, m=9)
    counts = np.array([1, 2, 0, 1, 3, 1, 0, 2, 1])
    repeated = np.repeat(np.arange(9), counts)
    weighted = case.new_gradient()
    cost = case.network.gradient(case.X, case.y, weighted, counts.astype(dtype))
    repeated_cost, gradient = gradient_of(case, case.X[repeated], case.y[repeated])
    assert cost == pytest.approx(repeated_cost, rel=22 * eps)
    np.testing.assert_allclose(weighted, gradient, rtol=0, atol=22 * eps * np.abs(gradient).max())


def test_a_batch_in_which_no_example_counts_changes_nothing(engine, dtype):
    """Weights of 0 in a whole mini-batch: its mean is 0 / 0, which must not reach the parameters."""
    case = cases.make(engine.Network, 6, [9, 3], "tanh", "softmax", m=8)
    weights = np.array([0, 0, 0, 0, 1, 1, 1, 1], dtype)
    losses, bad_step = case.network.train(
        case.X, case.y, sgd(engine, case.network), 4, 1, shuffle=False, sample_weight=weights
    )
    half = cases.make(engine.Network, 6, [9, 3], "tanh", "softmax", m=8)
    expected, _ = half.network.train(half.X[4:], half.y[4:], sgd(engine, half.network), 4, 1, shuffle=False)
    assert bad_step == -1
    assert losses == expected
    assert case.network.parameters.tobytes() == half.network.parameters.tobytes()


@pytest.mark.parametrize("m", [2, 3, 8, 33, 200])
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "softmax"])
def test_an_example_has_the_same_bits_alone_and_in_a_batch(activation, m, engine):
    """Each element is one fixed chain of operations over k, whatever the batch size."""
    case = cases.make(engine.Network, 37, [19, 40, 5], activation, "linear", m=m)
    together = case.network.predict(case.X)
    for i in {0, 1, m // 2, m - 1}:
        assert case.network.predict(case.X[i : i + 1]).tobytes() == together[i].tobytes(), i


@pytest.mark.parametrize("output", OUTPUTS)
def test_outputs_have_the_same_bits_alone_and_in_a_batch(output, engine):
    case = cases.make(engine.Network, 37, [19, 11], "relu", output, m=45)
    together = case.network.predict(case.X)
    for i in range(45):
        assert case.network.predict(case.X[i : i + 1]).tobytes() == together[i].tobytes(), i


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_bits_are_the_same_for_any_number_of_threads(output, engine, dtype):
    results = []
    for threads in (1, 2, 3):
        case = cases.make(engine.Network, 33, [70, 20, 5], "relu", output, m=300)
        g = case.new_gradient()
        cost = case.network.gradient(case.X, case.y, g, None, threads)
        optimizer = sgd(engine, case.network)
        losses, _ = case.network.train(case.X, case.y, optimizer, 64, 2, seed=1, threads=threads)
        predictions = case.network.predict(case.X, threads=threads)
        results.append((cost, losses, g.tobytes(), case.network.parameters.tobytes(), predictions.tobytes()))
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("name", list(optimizers.DEFAULTS))
def test_a_learning_rate_of_zero_keeps_the_parameters(name, engine):
    case = cases.make(engine.Network, 6, [9, 3], "tanh", "softmax", m=30)
    before = case.network.parameters.tobytes()
    schedule = _core.Schedule("constant", [0.0])
    optimizer = engine.Optimizer(case.network, name, optimizers.DEFAULTS[name], schedule)
    case.network.train(case.X, case.y, optimizer, 8, 3)
    assert case.network.parameters.tobytes() == before
    assert optimizer.steps == 12


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_a_linear_network_collapses_to_one_linear_map(depth, engine, eps):
    case = cases.make(engine.Network, 7, [6] * (depth - 1) + [4], "linear", "linear", m=25)
    W, b = np.eye(7), np.zeros((7, 1))
    for W_l, b_l in case.parameters:
        W, b = W_l @ W, W_l @ b + b_l
    collapsed = (W @ case.X.T.astype(np.float64) + b).T
    # depth sums of 8 terms of size one or two, each rounded by eps.
    np.testing.assert_allclose(case.network.predict(case.X), collapsed, rtol=0, atol=depth * 8 * 4 * eps)


@pytest.mark.parametrize("name", ["adam", "adamw", "nadam", "amsgrad"])
def test_the_first_step_of_adam_has_the_size_of_the_learning_rate(name, engine, eps):
    """m / (1 - beta1) = g and sqrt(v / (1 - beta2)) = |g|; nadam adds mu_2 m / (1 - mu_1 mu_2) to that."""
    case = cases.make(engine.Network, 6, [9, 3], "tanh", "softmax", m=30)
    rate, before = 1e-2, case.network.parameters.astype(np.float64)
    _, gradient = gradient_of(case, case.X, case.y)
    hyper = optimizers.DEFAULTS[name] | {"weight_decay": 0.0}
    optimizer = engine.Optimizer(case.network, name, hyper, _core.Schedule("constant", [rate]))
    optimizer.step(case.network, gradient)
    moved = case.network.parameters - before
    g = gradient.astype(np.float64)
    size = 1.0
    if name == "nadam":
        mu, mu_next = (0.9 * (1 - 0.5 * 0.96 ** (t * 0.004)) for t in (1, 2))
        size = 1 + mu_next * (1 - 0.9) / (1 - mu * mu_next)
    expected = -rate * size * g / (np.abs(g) + 1e-8)
    # The parameter (of size up to 3) is rounded once, the step a few times.
    np.testing.assert_allclose(moved, expected, rtol=0, atol=eps * (np.abs(before).max() + 16 * rate))


def test_equal_units_stay_equal(engine):
    """The symmetry that random initialisation breaks."""
    case = cases.make(engine.Network, 6, [4, 3], "tanh", "softmax", m=30)
    parameters = twin.views(case.network.parameters, case.network.tensors)
    parameters["W1"][...] = parameters["W1"][:1]
    parameters["b1"][...] = 0.1
    parameters["W2"][...] = parameters["W2"][:, :1]
    case.network.train(case.X, case.y, sgd(engine, case.network), 0, 10)
    # The units take part in sums of W[2]' dZ[2] at other lanes, but through equal operations.
    assert (parameters["W1"][:1] == parameters["W1"]).all()


def test_a_unit_that_is_doubled_with_half_the_weight_keeps_the_function(engine, eps):
    case = cases.make(engine.Network, 6, [4, 3], "tanh", "linear", m=30)
    wide = engine.Network(6, cases.layers_of([8, 3], "tanh", "linear"), case.loss)
    (W1, b1), (W2, b2) = case.parameters
    halves = {"W1": np.r_[W1, W1], "b1": np.r_[b1, b1], "W2": np.c_[W2, W2] / 2, "b2": b2}
    for name, view in twin.views(wide.parameters, wide.tensors).items():
        view[...] = halves[name]
    # Eight halved terms instead of four, in another order, each of size one.
    np.testing.assert_allclose(wide.predict(case.X), case.network.predict(case.X), rtol=0, atol=16 * eps)


def test_stopping_and_continuing_gives_the_bits_of_one_run(engine):
    """Shuffles are numbered by the epoch and the optimizer counts its steps: nothing else is remembered."""
    runs = []
    for pieces in ([4], [1, 3], [2, 1, 1]):
        case = cases.make(engine.Network, 6, [9, 3], "tanh", "softmax", m=30)
        schedule = _core.Schedule("inverse_time", [0.01, 0.5, 3])
        optimizer = engine.Optimizer(case.network, "adam", optimizers.DEFAULTS["adam"], schedule)
        done, losses = 0, []
        for epochs in pieces:
            losses += case.network.train(case.X, case.y, optimizer, 8, epochs, seed=5, first_epoch=done)[0]
            done += epochs
        runs.append((case.network.parameters.tobytes(), losses))
    assert runs[0] == runs[1] == runs[2]
