"""The contestants that every installation has: deepcore itself and plain NumPy.

A contestant is a pair of classes ``<Name>Trainer`` and ``<Name>Predictor`` (either may be missing), made as
``(task, problem, threads)``, with ``reset()``, ``run(count)``, which returns how many epochs or calls it did,
and ``answer()``: the parameters or the outputs. A trainer that cannot start from the problem's parameters
and orders has ``first_loss``: its loss before the training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from deepcore._mlp import mlp
from deepcore.bench.workloads import Prediction, Problem, Task, Training, get_parameters, set_parameters
from deepcore.model import Model
from deepcore.optimizers import SGD, Adam
from deepcore.typing import Array


def _model(task: Task, problem: Problem) -> Model:
    model = mlp(
        task.sizes,
        activation=task.activation,  # type: ignore[arg-type]
        dtype=problem.X.dtype,
        seed=problem.seed,
    )
    set_parameters(model, problem.parameters)
    return model


class DeepcoreTrainer:
    """Trains with ``Model.fit``, all epochs in one call."""

    def __init__(self, task: Training, problem: Problem, threads: int) -> None:
        self.task, self.problem, self.threads = task, problem, threads
        self.model = _model(task, problem)
        self.reset()

    def reset(self) -> None:
        """Return to the first parameters, with a new optimizer."""
        set_parameters(self.model, self.problem.parameters)
        self.model.epochs_trained = 0
        rule = Adam if self.task.optimizer == "adam" else SGD
        self.optimizer = rule(self.task.learning_rate).bind(self.model)

    def run(self, count: int) -> int:
        """Train ``count`` epochs."""
        history = self.model.fit(
            self.problem.X,
            self.problem.y,
            self.optimizer,
            epochs=count,
            batch_size=self.task.batch,
            shuffle=True,
            threads=self.threads,
        )
        if history.diverged_at_step is not None:
            raise ArithmeticError(f"training diverged at step {history.diverged_at_step}")
        return history.epochs

    def answer(self) -> list[Array]:
        """Return the parameters in the layout of the problem."""
        return get_parameters(self.model)


class DeepcorePredictor:
    """Predicts with the object that ``Model.predictor`` returns."""

    def __init__(self, task: Prediction, problem: Problem, threads: int) -> None:
        self.X = problem.X
        # it uses as many threads as DEEPCORE_NUM_THREADS of this process allows
        self.predict: Callable[[Array], Array] = _model(task, problem).predictor()

    def reset(self) -> None:
        """Do nothing, since calls change nothing."""

    def run(self, count: int) -> int:
        """Predict all rows ``count`` times."""
        predict, X = self.predict, self.X
        for _ in range(count):
            predict(X)
        return count

    def answer(self) -> Array:
        """Return the outputs."""
        return np.asarray(self.predict(self.X))


class MethodPredictor(DeepcorePredictor):
    """Predicts with ``Model.predict``, which checks its arguments in every call."""

    def __init__(self, task: Prediction, problem: Problem, threads: int) -> None:
        self.X = problem.X
        self.predict = _model(task, problem).predict


# NumPy: the formulas as matrix code. In float64, they also check the answers of all contestants.


def layers(activation: str, parameters: list[Array], X: Array) -> list[Array]:
    """Return X and the outputs of every layer; the last is a softmax, or a sigmoid for a single output."""
    outputs = [X]
    for k in range(0, len(parameters), 2):
        Z = outputs[-1] @ parameters[k] + parameters[k + 1]
        if k + 2 < len(parameters):
            outputs.append(np.maximum(Z, 0) if activation == "relu" else np.tanh(Z))
        elif Z.shape[1] == 1:
            outputs.append(0.5 * (1 + np.tanh(0.5 * Z)))  # the sigmoid, without overflow
        else:
            E = np.exp(Z - Z.max(axis=1, keepdims=True))
            outputs.append(E / E.sum(axis=1, keepdims=True))
    return outputs


def mean_loss(task: Task, problem: Problem, parameters: list[Array]) -> float:
    """Return the cross-entropy of the examples, in float64."""
    double = [p.astype(np.float64) for p in parameters]
    A = layers(task.activation, double, problem.X.astype(np.float64))[-1]
    if A.shape[1] == 1:
        A = np.hstack([1 - A, A])
    return float(-np.log(np.maximum(A[np.arange(len(A)), problem.y], 1e-300)).mean())


class NumpyTrainer:
    """Trains with backpropagation in matrix code."""

    def __init__(self, task: Training, problem: Problem, threads: int) -> None:
        self.task, self.problem = task, problem
        self.rng = np.random.default_rng(problem.seed)
        one_hot = np.eye(max(task.sizes[-1], 2), dtype=problem.X.dtype)[problem.y]
        self.Y = one_hot if task.sizes[-1] > 1 else one_hot[:, 1:]
        self.reset()

    def reset(self) -> None:
        """Return to the first parameters, orders and moments."""
        self.parameters = [p.copy() for p in self.problem.parameters]
        self.means = [np.zeros_like(p) for p in self.parameters]
        self.squares = [np.zeros_like(p) for p in self.parameters]
        self.orders = list(self.problem.orders)
        self.steps = 0

    def run(self, count: int) -> int:
        """Train ``count`` epochs."""
        for _ in range(count):
            for X, Y in self._batches():
                self._update(self._gradients(X, Y))
        return count

    def answer(self) -> list[Array]:
        """Return the parameters."""
        return self.parameters

    def _batches(self) -> Iterator[tuple[Array, Array]]:
        X, Y, batch = self.problem.X, self.Y, self.task.batch
        if batch is None:
            yield X, Y
            return
        order = self.orders.pop(0) if self.orders else self.rng.permutation(len(X))
        for first in range(0, len(X), batch):
            chosen = order[first : first + batch]
            yield X[chosen], Y[chosen]

    def _gradients(self, X: Array, Y: Array) -> list[Array]:
        A = layers(self.task.activation, self.parameters, X)
        gradients: list[Array] = []
        dZ = (A[-1] - Y) / len(X)
        for k in range(len(self.parameters) - 2, -1, -2):
            below = A[k // 2]
            gradients[:0] = [below.T @ dZ, dZ.sum(axis=0)]
            if k > 0:
                slope = below > 0 if self.task.activation == "relu" else 1 - below * below
                dZ = (dZ @ self.parameters[k].T) * slope
        return gradients

    def _update(self, gradients: list[Array]) -> None:
        self.steps += 1
        rate, first, second = self.task.learning_rate, 1 - 0.9**self.steps, 1 - 0.999**self.steps
        for p, g, m, v in zip(self.parameters, gradients, self.means, self.squares, strict=True):
            if self.task.optimizer == "sgd":
                p[...] -= rate * g
            else:
                m[...] += 0.1 * (g - m)
                v[...] += 0.001 * (g * g - v)
                p[...] -= rate / first * m / (np.sqrt(v / second) + 1e-8)


class NumpyPredictor:
    """Predicts with the function ``layers`` and nothing else."""

    def __init__(self, task: Prediction, problem: Problem, threads: int) -> None:
        self.task, self.problem = task, problem

    def reset(self) -> None:
        """Do nothing, since calls change nothing."""

    def run(self, count: int) -> int:
        """Predict all rows ``count`` times."""
        activation, parameters, X = self.task.activation, self.problem.parameters, self.problem.X
        for _ in range(count):
            layers(activation, parameters, X)
        return count

    def answer(self) -> Array:
        """Return the outputs."""
        return layers(self.task.activation, self.problem.parameters, self.problem.X)[-1]
