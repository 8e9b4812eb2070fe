"""Modules of PyTorch become models, and models become modules, with the same predictions."""

import numpy as np
import pytest

import deepcore as dc
from member_networks import random_members

torch = pytest.importorskip("torch", reason="torch is not installed (extra `peers`)")
nn = torch.nn

pytestmark = pytest.mark.peers

ACTIVATIONS = {
    "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(), "relu": nn.ReLU(), "leaky_relu": nn.LeakyReLU(0.2),
    "elu": nn.ELU(0.5), "selu": nn.SELU(), "gelu": nn.GELU(), "silu": nn.SiLU(),
    "softplus": nn.Softplus(threshold=50), "hard_sigmoid": nn.Hardsigmoid(), "hard_tanh": nn.Hardtanh(),
    "relu6": nn.ReLU6(), "mish": nn.Mish(), "softsign": nn.Softsign(),
}  # fmt: skip


def predicted(module, X):
    """What the module computes for rows X, in evaluation mode."""
    with torch.no_grad():
        return module.eval()(torch.from_numpy(X)).numpy()


def assert_close(found, expected, dtype):
    """A relative difference of at most 1e-6 in float64, as hard_sigmoid of torch has a rounded sixth."""
    bound = 1e-6 if dtype is np.float64 else 1e-5
    assert np.linalg.norm(found - expected) < bound * np.linalg.norm(expected)


def moved(module):
    """The module with running statistics and scales that are not those of the start."""
    for one in module.modules():
        if isinstance(one, nn.BatchNorm1d):
            one.running_mean.uniform_(-0.5, 0.5)
            one.running_var.uniform_(0.5, 1.5)
        if isinstance(one, (nn.BatchNorm1d, nn.LayerNorm)) and one.weight is not None:
            nn.init.uniform_(one.weight, 0.5, 1.5)
            nn.init.uniform_(one.bias, -0.5, 0.5)
    return module


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_goes_to_torch_and_comes_back(name, rng, dtype):
    options = {"leaky_relu": {"parameter": 0.2}, "elu": {"parameter": 0.5}}.get(name, {})
    layers = [dc.Dense(7, name, **options), dc.Dense(3, "linear")]
    model = dc.Model(5, layers, dtype=np.dtype(dtype).name, seed=1)
    X = (2 * rng.normal(size=(20, 5))).astype(dtype)
    module = model.to_torch()
    assert type(module[1]) is type(ACTIVATIONS[name])
    assert_close(predicted(module, X), model.predict(X), dtype)
    back = dc.from_torch(module)
    assert (back.layers[0].activation, back.layers[0].parameter) == (
        name,
        options.get("parameter", back.layers[0].parameter),
    )
    assert_close(back.predict(X), model.predict(X), dtype)


@pytest.mark.parametrize("affine", [True, False])
def test_a_sequential_with_everything_becomes_a_model(affine, rng, dtype):
    module = moved(
        nn.Sequential(
            nn.Flatten(), nn.Dropout(0.1), nn.BatchNorm1d(12, affine=affine),
            nn.Sequential(nn.Linear(12, 9, bias=False), nn.BatchNorm1d(9, eps=1e-3, affine=affine)),
            nn.ReLU(),
            nn.Dropout(0.5), nn.Linear(9, 8), nn.LayerNorm(8, elementwise_affine=affine), nn.Tanh(),
            nn.BatchNorm1d(8), nn.Linear(8, 8), nn.PReLU(8), nn.Linear(8, 6), nn.PReLU(), nn.Identity(),
            nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Softmax(dim=1),
        )
    ).to(torch.float64 if dtype is np.float64 else torch.float32)  # fmt: skip
    model = dc.from_torch(module)
    X = rng.normal(size=(20, 3, 4)).astype(dtype)
    assert model.dtype == dtype
    assert_close(model.predict(X.reshape(20, 12)), predicted(module, X), dtype)
    assert [layer.dropout for layer in model.layers[:2]] == [0.5, 0.0]
    assert [layer.norm for layer in model.layers[:3]] == ["batch", "layer", None]
    assert model.spec.input_dropout == 0.1
    assert model.loss == "categorical_cross_entropy"


def test_a_model_with_everything_goes_to_torch(rng, dtype):
    layers = [
        dc.Dropout(0.1), dc.Scale(), dc.Dense(9, "relu", norm="batch", parametrization="ntk"),
        dc.Dropout(0.3), dc.Dense(8, "leaky_relu", parametric=True), dc.Dense(7, "silu", norm="layer"),
        dc.Dense(3, "softmax"),
    ]  # fmt: skip
    model = dc.Model(5, layers, dtype=np.dtype(dtype).name, seed=1)
    for view in (*model.parameters.values(), *model.running.values()):
        view[...] += rng.uniform(0, 0.5, view.shape)
    X = rng.normal(size=(20, 5)).astype(dtype)
    module = model.to_torch()
    assert not module.training
    assert [one.p for one in module if isinstance(one, nn.Dropout)] == [0.1, 0.3]
    assert_close(predicted(module, X), model.predict(X), dtype)
    assert_close(dc.from_torch(module).predict(X), model.predict(X), dtype)


@pytest.mark.parametrize("seed", range(30))
def test_networks_with_members_go_to_torch_and_come_back(seed, dtype):
    model, X = random_members(seed, dtype)
    try:
        module = model.to_torch()
    except ValueError as error:
        assert any(what in str(error) for what in ("embeddings", "parametric", "exp"))  # noqa: PT017
        return
    assert_close(predicted(module, X), model.predict(X), dtype)
    back = dc.from_torch(module)
    assert (back.members, back.layers[-1].units) == (model.members, model.outputs)
    assert_close(back.predict(X), model.predict(X), dtype)


def test_a_module_with_members_is_trained_by_the_mean_loss_of_the_members_and_saved(rng, tmp_path):
    model = dc.mlp([3, 8, 2], output="linear", members=4, loss="half_squared_error", dtype="float64", seed=1)
    X, Y = rng.normal(size=(10, 3)), rng.normal(size=(10, 2))
    module = model.to_torch()
    each = module[0].each(torch.from_numpy(X))
    assert each.shape == (10, 4, 2)
    loss = 0.5 * ((each - torch.from_numpy(Y).unsqueeze(1)) ** 2).sum(dim=2).mean()
    loss.backward()
    expected, grads = model.gradients(X, Y)
    assert loss.item() == pytest.approx(expected)
    np.testing.assert_allclose(module[0].factor.grad.numpy().T, grads["dfactor0"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        module[0].weight.grad.numpy().reshape(8, 8), grads["dW2"], rtol=1e-9, atol=1e-12
    )
    torch.save(module, tmp_path / "a.pt")
    again = torch.load(tmp_path / "a.pt", weights_only=False)
    assert_close(predicted(again, X), model.predict(X), np.float64)


def test_members_behind_or_before_other_layers_are_refused():
    members = dc.mlp([3, 4, 2], members=2, seed=1).to_torch()
    with pytest.raises(ValueError, match=r"module '1.0' \(Members\).*only dropout may stand before"):
        dc.from_torch(nn.Sequential(nn.Linear(3, 3), members))
    with pytest.raises(ValueError, match="nothing may follow the members"):
        dc.from_torch(nn.Sequential(*members, nn.Linear(2, 3)))


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        (
            "weight",
            torch.zeros(3, 2, 4),
            r"'0' \(Members\): of at least 2 members factor must be .*got \(2, 3\), \(3, 2, 4\) and \(2, 2\)",
        ),
        ("bias", None, r"bias \(members, n_out\), got .* and \(0,\)"),
        ("factor", torch.zeros(2, 5), "its factors take 5 numbers, but its first layer 3"),
    ],
)
def test_members_whose_parameters_do_not_fit_are_refused(part, value, message):
    module = dc.mlp([3, 4, 2], members=2, seed=1).to_torch()
    setattr(module[0], part, None if value is None else nn.Parameter(value))
    with pytest.raises(ValueError, match=message):
        dc.from_torch(module)


def test_members_with_a_further_linear_layer_are_refused():
    module = dc.mlp([3, 4, 2], members=2, seed=1).to_torch()
    module[0].output = nn.Sequential(nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"module '0.output.0' \(Linear\).*must be their own"):
        dc.from_torch(module)


def test_a_module_that_stands_in_several_places_is_computed_in_each(rng):
    activation, linear = nn.Tanh(), nn.Linear(4, 4)
    module = nn.Sequential(linear, activation, linear, activation, nn.Linear(4, 2))
    model = dc.from_torch(module)
    assert [layer.activation for layer in model.layers] == ["tanh", "tanh", "linear"]
    X = rng.normal(size=(5, 4)).astype(np.float32)
    assert_close(model.predict(X), predicted(module, X), np.float32)


class Residual(nn.Sequential):
    """A Sequential that computes something else."""

    def forward(self, x):
        return x + super().forward(x)


class Dropout(nn.Module):
    """A module that has the name of one of PyTorch."""

    p = 0.5


def test_a_module_of_bfloat16_becomes_a_model_of_float32(rng):
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(torch.bfloat16)
    model = dc.from_torch(module)
    assert model.dtype == np.float32
    X = rng.normal(size=(5, 3)).astype(np.float32)
    assert_close(model.predict(X), predicted(module.to(torch.float32), X), np.float32)


def test_parameters_are_copies(rng):
    model = dc.mlp([3, 4, 1], seed=1)
    module = model.to_torch()
    nn.init.zeros_(module[0].weight)
    assert model.parameters["W1"].any()
    assert dc.from_torch(nn.Linear(2, 1), output="sigmoid").loss == "binary_cross_entropy"


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ([nn.Linear(2, 3), nn.Conv1d(1, 1, 1)], r"module '1' \(Conv1d\) is not part of a chain of dense"),
        ([nn.Sequential(nn.Linear(2, 3), nn.GLU())], r"module '0.1' \(GLU\) is not part"),
        ([nn.ReLU(), nn.Linear(2, 3)], r"module '0' \(ReLU\) does not fit .*: an activation must follow"),
        ([nn.Linear(2, 3), nn.Linear(4, 1)], r"module '1' \(Linear\) .*takes 4 numbers, but gets 3"),
        ([nn.Linear(2, 3), nn.LayerNorm(3, eps=1e-3), nn.Linear(3, 1)], r"eps must be 1e-05, got 0.001"),
        ([nn.Linear(2, 3), nn.Dropout(0.5), nn.Sigmoid()], r"dropout must stand behind sigmoid"),
        ([nn.Linear(2, 3), nn.GELU("tanh")], r"module '1' \(GELU\) is not part"),
        ([nn.Linear(2, 3), nn.ReLU(), nn.BatchNorm1d(3)], r"\(BatchNorm1d\) .*no linear layer behind it"),
        ([nn.Identity()], "at least one Linear"),
        ([nn.Linear(2, 3), Residual(nn.Linear(3, 3))], r"module '1' \(Residual\) is not part"),
        ([nn.Linear(2, 3), Dropout()], r"module '1' \(Dropout\) is not part"),
        ([nn.Linear(2, 3), nn.Softmax(dim=1), nn.Linear(3, 1)], r"'1' \(Softmax\) .* in the last layer"),
        ([nn.Linear(2, 3), nn.PReLU()], r"'1' \(PReLU\) .*the last layer must have no slopes"),
        ([nn.Linear(2, 3), nn.LeakyReLU(-0.1)], r"'1' \(LeakyReLU\) .*not negative, got -0.1"),
        ([nn.Linear(2, 3), nn.Dropout(1.0), nn.Linear(3, 1)], r"'1' \(Dropout\) .*below 1, got 1"),
        ([nn.Linear(2, 3), nn.BatchNorm1d(4)], r"'1' \(BatchNorm1d\) .*it has 4 numbers, but gets 3"),
        ([nn.Linear(2, 3), nn.LayerNorm(4), nn.Linear(3, 1)], r"'1' \(LayerNorm\) .*it has 4 numbers"),
        ([nn.BatchNorm1d(3), nn.Linear(2, 1)], r"'0' \(BatchNorm1d\) .*it has 3 numbers, but gets 2"),
    ],
)  # fmt: skip
def test_what_is_no_chain_of_dense_layers_is_refused_by_naming_the_module(modules, message):
    with pytest.raises(ValueError, match="from_torch: .*" + message):
        dc.from_torch(nn.Sequential(*modules))


def test_complex_numbers_are_refused():
    with pytest.raises(ValueError, match="from_torch: parameters must be real numbers"):
        dc.from_torch(nn.Linear(2, 1, dtype=torch.complex64))


def test_what_is_no_module_or_has_no_module_is_refused():
    with pytest.raises(TypeError, match=r"from_torch: module must be a torch.nn.Module, got \[\]"):
        dc.from_torch([])
    with pytest.raises(ValueError, match="to_torch: exp is not a module of PyTorch"):
        dc.Model(2, [dc.Dense(1, "exp")]).to_torch()
    with pytest.raises(ValueError, match="to_torch: a parametric tanh is not a module of PyTorch"):
        dc.Model(2, [dc.Dense(3, "tanh", parametric=True), dc.Dense(1, "sigmoid")]).to_torch()
