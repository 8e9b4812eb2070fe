"""Every activation x loss x depth against central differences in float64."""

import numpy as np
import pytest

import deepcore as dc
from deepcore import _core
from reference import cases
from reference.activations import ACTIVATIONS
from reference.losses import LOSSES
from reference.network import backward, distance_to_kinks

# Four-point differences err by about h^4 = 1e-16 and by eps / h = 1e-12 of the cost: 1e-7 relative leaves
# room for gradients that are 1e4 times smaller than the cost.
H = 1e-4
STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
TOLERANCE = 1e-7
# One parameter moved by 2 h moves a z by 2 h times an activation times weights: far less than this.
AWAY_FROM_KINKS = 100 * H
# An array whose gradient vanishes (signs that cancel, for one) has no digits for a relative comparison.
SMALLEST_GRADIENT = 1e-4

# softmax couples the units of a column, exp of exp of exp overflows: they are outputs, with tanh below.
PAIRS = [(output, loss) for output in ACTIVATIONS for loss in cases.losses_for(output)]
OUTPUTS_ONLY = ("softmax", "exp")
HIDDEN = [name for name in ACTIVATIONS if name not in OUTPUTS_ONLY]


def differences(network, cost):
    """The gradient of cost() by every entry of the flat parameters, by moving one at a time."""
    flat, slopes = network.parameters, np.zeros(network.parameters.size)
    for i in range(flat.size):
        kept, slope = flat[i], 0.0
        for k, weight in STENCIL:
            flat[i] = kept + k * H
            slope += weight * cost()
        flat[i], slopes[i] = kept, slope / H
    return slopes


def away_from_kinks(*arguments):
    """The first case, by seed, in which no z is near a kink and no array's gradient vanishes."""
    for seed in range(200):
        case = cases.make(_core.NetworkF64, *arguments, m=4, seed=seed)
        twin = case.X.T, case.Y, case.parameters, case.layers, case.loss
        sizes = [np.abs(g).max() for pair in backward(*twin)[1] for g in pair]
        if distance_to_kinks(*twin) > AWAY_FROM_KINKS and min(sizes) > SMALLEST_GRADIENT:
            return case
    raise AssertionError(f"no seed keeps {arguments} away from kinks")


def assert_gradient_is_the_difference(case, weights=None):
    network, gradient = case.network, case.new_gradient()
    cost = network.gradient(case.X, case.y, gradient, weights)
    assert cost == pytest.approx(network.evaluate(case.X, case.y, weights)[0], rel=1e-14)
    slopes = differences(network, lambda: network.evaluate(case.X, case.y, weights)[0])
    # every array by its own size, so that none hides behind a larger one
    for name, layer, rows, cols, at in network.tensors:
        part = slice(at, at + rows * cols)
        size = np.abs(slopes[part]).max()
        assert np.abs(gradient[part] - slopes[part]).max() <= TOLERANCE * size, (name, layer, size)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_every_output_and_loss_at_every_depth(output, loss, depth):
    hidden = "tanh" if output in OUTPUTS_ONLY else output
    assert_gradient_is_the_difference(away_from_kinks(3, [4] * (depth - 1) + [3], hidden, output, loss))


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
@pytest.mark.parametrize("output", sorted(cases.BELONGING))
@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_hidden_activation_below_a_belonging_loss(hidden, output, depth):
    assert_gradient_is_the_difference(away_from_kinks(3, [4] * (depth - 1) + [3], hidden, output))


@pytest.mark.parametrize("output", sorted(cases.BELONGING))
def test_with_sample_weights(output):
    case = away_from_kinks(3, [5, 3], "tanh", output)
    assert_gradient_is_the_difference(case, np.array([0.5, 2.0, 0.0, 1.25]))


@pytest.mark.parametrize(("name", "parameter"), [("leaky_relu", 0.3), ("elu", 2.0)])
def test_with_another_parameter_of_the_activation(name, parameter):
    case = away_from_kinks(3, [4, 3], name, "linear")
    network = _core.NetworkF64(3, [(4, name, parameter), (3, "linear", 0.0)], case.loss)
    network.parameters[:] = case.network.parameters
    case.network = network
    assert_gradient_is_the_difference(case)


def test_the_model_s_gradients_are_those_of_the_engine():
    model = dc.mlp([3, 4, 1], activation="tanh", output="sigmoid", dtype="float64", seed=3)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(6, 3)), rng.integers(2, size=6)
    loss, grads = model.gradients(X, y)
    for name, W in model.parameters.items():
        index = tuple(0 for _ in W.shape)
        kept, slope = W[index], 0.0
        for k, weight in STENCIL:
            W[index] = kept + k * H
            slope += weight * model.evaluate(X, y)["loss"]
        W[index] = kept
        assert grads["d" + name][index] == pytest.approx(slope / H, rel=TOLERANCE), name
    assert loss == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-14)


def test_every_loss_and_activation_of_the_tables_is_walked():
    walked = {output for output, _ in PAIRS}, {loss for _, loss in PAIRS}
    assert walked == ({row["name"] for row in _core.activations()}, {row["name"] for row in _core.losses()})
    assert set(LOSSES) == walked[1]
