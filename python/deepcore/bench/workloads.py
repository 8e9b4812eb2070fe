"""The workloads: networks, numbers of examples and optimizers, and data that are equal in every process."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from deepcore import _core, data
from deepcore._mlp import mlp
from deepcore.data.images import DIGITS_MAXIMUM
from deepcore.model import Model
from deepcore.typing import Array


@dataclass(frozen=True)
class Training:
    """Epochs over ``examples`` with a network of ``sizes``; batch None: all examples at once."""

    name: str
    examples: int
    sizes: tuple[int, ...]
    batch: int | None
    optimizer: str
    learning_rate: float
    activation: str = "relu"

    @property
    def flops(self) -> float:
        """Count operations per epoch: 2 per weight and example for each of Z, dW and dA but dA[0]."""
        return self.examples * (6.0 * _weights(self.sizes) - 2.0 * self.sizes[0] * self.sizes[1])

    @property
    def check_epochs(self) -> int:
        """Number of epochs after which the losses of the contestants are compared."""
        return 10 if self.batch is None else 2


@dataclass(frozen=True)
class Prediction:
    """The outputs of ``examples`` rows in one call."""

    name: str
    examples: int
    sizes: tuple[int, ...]
    activation: str = "relu"

    @property
    def flops(self) -> float:
        """Operations of a call: 2 per weight and row."""
        return 2.0 * self.examples * _weights(self.sizes)


Task = Training | Prediction


def _weights(sizes: Sequence[int]) -> int:
    return sum(n_in * n_out for n_in, n_out in itertools.pairwise(sizes))


# The copy for C++ is benchmarks/native/workloads.hpp; tests/integration/test_benchmarks.py compares the two.
WORKLOADS = {
    task.name: task
    for task in (
        Training("flower", 400, (2, 4, 1), None, "sgd", 1.2, "tanh"),
        Training("cat", 209, (12288, 20, 7, 5, 1), None, "sgd", 0.0075),
        Training("digits", 1797, (64, 100, 10), 32, "adam", 1e-3),
        Training("tabular", 50000, (30, 64, 32, 1), 256, "adam", 1e-3),
        Training("mnist-s", 20000, (784, 128, 10), 128, "adam", 1e-3),
        Training("mnist-m", 20000, (784, 512, 256, 10), 128, "adam", 1e-3),
        Training("wide", 2048, (1024, 2048, 2048, 10), 256, "adam", 1e-3),
        Training("deep", 1024, (1500, 1500, 1500, 20), 512, "adam", 1e-3),
        Training("skinny", 500, (5000, 30, 1), None, "sgd", 0.01),  # few rows, many features, all at once
        # the network of LIBXSMM-DNN's own driver, which compares plain SGD with the peak
        Training("sgd", 8192, (768, 512, 256), 128, "sgd", 0.01),
    )
}
PREDICTIONS = {
    task.name: task
    for sizes in (
        (20, 64, 64, 1),
        (30, 64, 32, 1),
        (784, 128, 10),
        (600, 400, 200, 10),
        (784, 512, 256, 10),
    )
    for rows in (1, 64, 1024)
    for task in (Prediction(f"{'-'.join(map(str, sizes))}@{rows}", rows, sizes),)
}


@dataclass(frozen=True)
class Problem:
    """The numbers of a task.

    Attributes:
        X: (m, n_x).
        y: int64 (m,): the class, or 0 and 1 for a single output.
        parameters: The parameters at the start: W1 (n_x, n1), b1 (n1,), W2, ...; W is the transpose of the
            model's W.
        orders: The orders of the examples in the first epochs, as ``Model.fit`` draws them for ``seed``;
            empty if all examples form one batch.
        seed: Seed of the numbers.
    """

    X: Array
    y: Array
    parameters: list[Array]
    orders: list[Array]
    seed: int

    def to_double(self) -> Problem:
        """Return the same numbers in float64."""
        double = [p.astype(np.float64) for p in self.parameters]
        return replace(self, X=self.X.astype(np.float64), parameters=double)


def make_problem(task: Task, dtype: str = "float32", seed: int = 1) -> Problem:
    """Make the data: real ones if the package or ``DEEPCORE_DATA`` has them, else classes that overlap."""
    rng = np.random.default_rng(seed)
    X, y = _real_data(task) or _overlapping_classes(task, rng)
    model = mlp(
        task.sizes,
        activation=task.activation,  # type: ignore[arg-type]
        dtype=np.dtype(dtype),
        seed=seed,
    )
    orders = []
    if isinstance(task, Training) and task.batch is not None:
        orders = [_core.permutation(seed, epoch, len(X)) for epoch in range(task.check_epochs)]
    return Problem(X.astype(dtype), y.astype(np.int64), get_parameters(model), orders, seed)


def get_parameters(model: Model) -> list[Array]:
    """Return a copy of the parameters in the layout of a problem."""
    layers = range(1, len(model.layers) + 1)
    named = [model.parameters[f"{kind}{layer}"] for layer in layers for kind in "Wb"]
    return [p.ravel().copy() if k % 2 else p.T.copy() for k, p in enumerate(named)]


def set_parameters(model: Model, parameters: Sequence[Array]) -> None:
    """Reverse ``get_parameters``."""
    for k, p in enumerate(parameters):
        name = f"{'Wb'[k % 2]}{k // 2 + 1}"
        model.parameters[name] = p[:, None] if k % 2 else p.T


def _real_data(task: Task) -> tuple[Array, Array] | None:
    if task.name == "flower":
        X, y = data.flower(task.examples)
        return X, y
    pixels: Array
    if task.name == "digits":
        pixels, y = data.load_digits()
        return pixels[: task.examples] / DIGITS_MAXIMUM, y[: task.examples]
    if task.name == "cat":
        try:
            pixels, y, _, _ = data.load_cats()
        except (ImportError, OSError):
            return None
        return pixels[: task.examples] / 255, y[: task.examples]
    return None


def _overlapping_classes(task: Task, rng: np.random.Generator) -> tuple[Array, Array]:
    """Unit normal clouds with centres 3.5 apart: they can be learned, but the loss does not fall to 0."""
    classes = max(task.sizes[-1], 2)
    n_x = task.sizes[0]
    centres = rng.normal(size=(classes, n_x)) * (2.5 / math.sqrt(n_x))
    y = np.arange(task.examples) % classes
    return rng.normal(size=(task.examples, n_x)) + centres[y], y
