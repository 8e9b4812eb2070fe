"""deepcore and torch, step by step: the same update formulas, losses and gradients in float64."""

import functools

import numpy as np
import pytest

from deepcore import _core
from reference import cases
from reference.activations import ACTIVATIONS
from reference.network import distance_to_kinks, unpack

torch = pytest.importorskip("torch", reason="torch is not installed (extra `peers`)")

pytestmark = pytest.mark.peers

RATE, STEPS = 0.01, 100


def make_adam(cls):
    def make(p, h):
        return cls(
            p,
            lr=RATE,
            betas=(h["beta1"], h["beta2"]),
            eps=h["eps"],
            weight_decay=h["weight_decay"],
            foreach=False,
        )

    return make


TORCH = {
    "sgd": lambda p, h: torch.optim.SGD(
        p,
        lr=RATE,
        momentum=h["momentum"],
        dampening=h["dampening"],
        nesterov=bool(h["nesterov"]),
        weight_decay=h["weight_decay"],
        foreach=False,
    ),
    "rmsprop": lambda p, h: torch.optim.RMSprop(
        p,
        lr=RATE,
        alpha=h["alpha"],
        eps=h["eps"],
        momentum=h["momentum"],
        weight_decay=h["weight_decay"],
        foreach=False,
    ),
    "adagrad": lambda p, h: torch.optim.Adagrad(
        p, lr=RATE, eps=h["eps"], weight_decay=h["weight_decay"], foreach=False
    ),
    "adam": make_adam(torch.optim.Adam),
    "adamw": make_adam(torch.optim.AdamW),
    "amsgrad": make_adam(functools.partial(torch.optim.Adam, amsgrad=True)),
    "nadam": lambda p, h: torch.optim.NAdam(
        p,
        lr=RATE,
        betas=(h["beta1"], h["beta2"]),
        eps=h["eps"],
        momentum_decay=h["momentum_decay"],
        weight_decay=h["weight_decay"],
        foreach=False,
    ),
}
CASES = [(name, {}) for name in TORCH] + [
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "dampening": 0.5}),
    ("sgd", {"momentum": 0.9, "nesterov": 1.0, "weight_decay": 0.01}),
    ("rmsprop", {"momentum": 0.9, "weight_decay": 0.01}),
    ("adam", {"weight_decay": 0.01}),
    ("adamw", {"weight_decay": 0.1}),
    ("nadam", {"weight_decay": 0.01}),
    ("amsgrad", {"weight_decay": 0.01, "beta2": 0.9}),
]
IDS = [name + "".join(f"-{key}={value:g}" for key, value in hyper.items()) for name, hyper in CASES]


def activation(z, name):
    """g(z) of one layer in torch; rows are examples."""
    F = torch.nn.functional
    return {
        "linear": lambda z: z,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": F.relu,
        "leaky_relu": lambda z: F.leaky_relu(z, 0.01),
        "elu": F.elu,
        "selu": F.selu,
        "gelu": F.gelu,  # approximate="none": the exact form
        "silu": F.silu,
        "softplus": lambda z: F.softplus(
            z, threshold=50
        ),  # torch's 20 replaces it by z where 2e-9 is missing
        "exp": torch.exp,
        "hard_sigmoid": lambda z: torch.clamp(z + 3, 0, 6) / 6,  # F.hardsigmoid has a slope of float32(1/6)
        "hard_tanh": F.hardtanh,
        "relu6": F.relu6,
        "mish": F.mish,
        "softsign": F.softsign,
        "softmax": lambda z: torch.softmax(z, dim=1),
    }[name](z)


def loss_of(a, y, name):
    """The mean over examples of the loss summed over outputs."""
    F = torch.nn.functional
    terms = {
        "binary_cross_entropy": lambda: F.binary_cross_entropy(a, y, reduction="none"),
        "categorical_cross_entropy": lambda: -torch.special.xlogy(y, a),
        "half_squared_error": lambda: F.mse_loss(a, y, reduction="none") / 2,
        "squared_error": lambda: F.mse_loss(a, y, reduction="none"),
        "absolute_error": lambda: F.l1_loss(a, y, reduction="none"),
        "huber": lambda: F.huber_loss(a, y, reduction="none"),
        "quantile": lambda: F.l1_loss(a, y, reduction="none") / 2,  # of 0.5, the default
        "poisson": lambda: torch.special.xlogy(y, y) - torch.special.xlogy(y, a) - y + a,
    }[name]()
    return terms.sum(dim=1).mean()


def forward(parameters, X, layers):
    A = X
    for (W, b), (_, name, _) in zip(parameters, layers, strict=True):
        A = activation(A @ W.T + b.T, name)
    return A


def tensors(case):
    """X, Y (rows) and the parameters, as torch sees them."""
    parameters = [tuple(torch.tensor(p, requires_grad=True) for p in pair) for pair in case.parameters]
    return torch.tensor(case.X), torch.tensor(np.ascontiguousarray(case.Y.T)), parameters


@pytest.fixture(autouse=True)
def double_precision_states():
    """NAdam keeps the product of its momenta in torch's default dtype: in float32 it is wrong by 1e-7."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("name", "hyper"), CASES, ids=IDS)
def test_a_hundred_steps_of_training_follow_torch(name, hyper):
    """The whole loop: both compute their own gradients from their own parameters."""
    case = cases.make(_core.NetworkF64, 6, [9, 3], "tanh", "softmax", m=20, seed=1)
    row = next(row for row in _core.optimizers() if row["name"] == name)
    hyper = row["hyper"] | hyper
    ours = _core.OptimizerF64(case.network, name, hyper, _core.Schedule("constant", [RATE]))
    X, Y, parameters = tensors(case)
    theirs = TORCH[name]([p for pair in parameters for p in pair], hyper)
    gradient = case.new_gradient()
    for step in range(STEPS):
        case.network.gradient(case.X, case.y, gradient)
        ours.step(case.network, gradient)
        theirs.zero_grad()
        loss_of(forward(parameters, X, case.layers), Y, case.loss).backward()
        theirs.step()
        for (W, b), (W_torch, b_torch) in zip(case.parameters, parameters, strict=True):
            # The two round differently, by 1e-16 a step; well-conditioned training does not blow that up.
            np.testing.assert_allclose(
                W, W_torch.detach().numpy(), rtol=0, atol=1e-10, err_msg=f"step {step}"
            )
            np.testing.assert_allclose(
                b, b_torch.detach().numpy(), rtol=0, atol=1e-10, err_msg=f"step {step}"
            )


@pytest.mark.parametrize("name", list(TORCH))
def test_the_defaults_are_torch_s(name):
    hyper = next(row for row in _core.optimizers() if row["name"] == name)["hyper"]
    ours = TORCH[name]([torch.zeros(1)], hyper)
    variant = {"amsgrad": True} if name == "amsgrad" else {}  # torch has it as an option of Adam
    assert type(ours)([torch.zeros(1)], lr=RATE, foreach=False, **variant).defaults == ours.defaults


@pytest.mark.parametrize(
    ("output", "loss"), [(output, loss) for output in ACTIVATIONS for loss in cases.losses_for(output)]
)
def test_loss_and_gradients_of_a_network_agree_with_autograd(output, loss):
    hidden = "tanh" if output in ("softmax", "exp") else output
    case = cases.make(_core.NetworkF64, 6, [9, 5, 3], hidden, output, loss, m=20, seed=2)
    # At an exact kink the two could choose different one-sided slopes.
    assert distance_to_kinks(case.X.T, case.Y, case.parameters, case.layers, case.loss) > 1e-9
    X, Y, parameters = tensors(case)
    expected = loss_of(forward(parameters, X, case.layers), Y, loss)
    expected.backward()
    gradient = case.new_gradient()
    # Sums of 20 terms in another order, three layers deep, in double precision.
    assert case.network.gradient(case.X, case.y, gradient) == pytest.approx(expected.item(), rel=1e-13)
    for wanted, got in zip(parameters, unpack(gradient, case.network.tensors), strict=True):
        for tensor, array in zip(wanted, got, strict=True):
            grad = tensor.grad
            np.testing.assert_allclose(
                array, grad.numpy(), rtol=0, atol=1e-13 * (1 + grad.abs().max().item())
            )
