"""A chain is a network as the exporters see it: steps in order, such as ``Linear`` and ``Activation``.

``chain_of`` turns a network into a chain, ``network_of`` turns a chain into a network, and ``outputs``
computes it with NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from deepcore import _checks, _core, catalog
from deepcore._network.network import Network
from deepcore._network.spec import Spec
from deepcore.layers import Dense
from deepcore.typing import Array

__all__ = [
    "EPSILON",
    "SELU",
    "SELU_ALPHA",
    "Activation",
    "Affine",
    "BatchNorm",
    "Chain",
    "Contents",
    "Dropout",
    "LayerNorm",
    "Linear",
    "Step",
    "Table",
    "chain_of",
    "network_of",
    "outputs",
]

EPSILON = 1e-5  # what both norms add to a variance, as the compiled core does

#: selu(z) is SELU z for z > 0, else SELU SELU_ALPHA (exp(z) - 1): the numbers of the compiled core.
SELU, SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848

# Dropping z or g(z) is the same for these: g(0) = 0 and g(c z) = c g(z) for c > 0.
_HOMOGENEOUS = ("linear", "relu", "leaky_relu")


@dataclass(frozen=True)
class Linear:
    """``z = W x + b``; W (n_out, n_in), b (n_out,). ``where`` names its origin in messages."""

    W: Array
    b: Array
    where: str = ""


@dataclass(frozen=True)
class Affine:
    """``z = (x - centre) * factor + shift`` for each unit; all (n,)."""

    centre: Array
    factor: Array
    shift: Array
    where: str = ""

    @classmethod
    def standardizing(cls, mean: Array, scale: Array) -> Affine:
        """``(x - mean) / scale``; a scale of 0 marks a constant column, which becomes 0."""
        safe = np.where(scale == 0, 1.0, scale)
        return cls(mean, np.where(scale == 0, 0.0, 1 / safe), np.zeros_like(mean))

    def followed_by(self, other: Affine) -> Affine:
        """Return both as one step."""
        shift = (self.shift - other.centre) * other.factor + other.shift
        return replace(self, factor=self.factor * other.factor, shift=shift)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return bool((self.factor == 1).all() and not self.centre.any() and not self.shift.any())


@dataclass(frozen=True)
class BatchNorm:
    """``z = gamma (x - mean) / sqrt(variance + EPSILON) + beta`` for each unit; all (n,)."""

    mean: Array
    variance: Array
    gamma: Array
    beta: Array
    where: str = ""

    def affine(self) -> Affine:
        """Return the same map without its square root."""
        return Affine(self.mean, self.gamma / np.sqrt(self.variance + EPSILON), self.beta, self.where)


@dataclass(frozen=True)
class LayerNorm:
    """``z = gamma xhat + beta``, where xhat has mean 0 and variance 1 over the units; both (n,)."""

    gamma: Array
    beta: Array
    where: str = ""


@dataclass(frozen=True)
class Activation:
    """``a = g(z)``, or with alpha (n,) of a parametric layer ``a = z + (g(z) - z) alpha``."""

    name: str
    parameter: float = 0.0
    alpha: Array | None = None
    where: str = ""


@dataclass(frozen=True)
class Dropout:
    """Predictions drop nothing; a framework that trains the network needs the rate."""

    rate: float
    where: str = ""


Step: TypeAlias = Linear | Affine | BatchNorm | LayerNorm | Activation | Dropout
Chain: TypeAlias = list[Step]


class Contents(NamedTuple):
    """What was read from another library: a chain, n_x, and the dtype of its numbers."""

    steps: Chain
    inputs: int
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class Table:
    """What stands before and behind the network of a table.

    Attributes:
        inputs: Applied to the raw inputs.
        outputs: Applied to the outputs of a regression.
        features: Names of the inputs.
        labels: Names of the classes.
    """

    inputs: Affine | None = None
    outputs: Affine | None = None
    features: Sequence[str] | None = None
    labels: Sequence[object] | None = None

    def around(self, core: Chain) -> Chain:
        """Return the chain from raw inputs to final outputs."""
        before: Chain = [] if self.inputs is None else [self.inputs]
        return [*before, *core, *([] if self.outputs is None else [self.outputs])]


def chain_of(who: str, network: Network, *, fold: bool = True) -> Chain:
    """Take a network apart, in float64; input scales and the factor of ``"ntk"`` become part of W.

    Args:
        who: Head of messages.
        network: The network.
        fold: Make batch norms part of W and b, and leave dropout out.

    Raises:
        ValueError: if a parameter is not finite, or the network has an array that a chain does not.
    """
    if not (np.isfinite(network.flat).all() and np.isfinite(network.running.flat).all()):
        raise ValueError(f"{who}: parameters must be finite, got nan or inf; the training diverged")
    spec, arrays = network.spec, network.parameters
    known = {f"{name}{n}" for n, layer in enumerate(spec.layers, start=1) for name in layer.arrays}
    if others := [name for name in arrays if name not in known]:
        raise ValueError(
            f"{who}: the network must have dense layers only, got embeddings or members with the arrays "
            f"{_checks.first_names(others)}"
        )
    steps: Chain = [Dropout(spec.input_dropout)] if spec.input_dropout and not fold else []

    def array(name: str) -> Array:
        found = network.running if name.startswith("running") else arrays
        return np.array(found[name], np.float64)

    def column(name: str) -> Array:
        return array(name)[:, 0]

    for n, layer in enumerate(spec.layers, start=1):
        W = array(f"W{n}")
        if layer.parametrization == "ntk":
            W = W / np.sqrt(W.shape[1])
        if layer.scaled_inputs:
            W = W * column(f"scale{n}")
        linear = Linear(W, column(f"b{n}"))
        if layer.norm == "batch":
            norm = BatchNorm(
                column(f"running_mean{n}"), column(f"running_variance{n}"), column(f"gamma{n}"),
                column(f"beta{n}"),
            )  # fmt: skip
            steps += [_followed(linear, norm.affine())] if fold else [linear, norm]
        elif layer.norm == "layer":
            steps += [linear, LayerNorm(column(f"gamma{n}"), column(f"beta{n}"))]
        else:
            steps.append(linear)
        if layer.activation != "linear":
            alpha = column(f"alpha{n}") if layer.parametric else None
            parameter = catalog.native_parameter(layer.activation, layer.parameter)
            steps.append(Activation(layer.activation, parameter, alpha))
        if layer.dropout and not fold:
            steps.append(Dropout(layer.dropout))
    return steps


def outputs(steps: Iterable[Step], X: Array) -> Array:
    """Compute what the chain gives for rows X (m, n_x), in float64."""
    A = np.asarray(X, np.float64)
    for step in steps:
        if isinstance(step, Linear):
            A = A @ step.W.T + step.b
        elif isinstance(step, Affine):
            A = (A - step.centre) * step.factor + step.shift
        elif isinstance(step, BatchNorm):
            A = outputs([step.affine()], A)
        elif isinstance(step, LayerNorm):
            centred = A - A.mean(axis=1, keepdims=True)
            A = centred / np.sqrt(A.var(axis=1, keepdims=True) + EPSILON) * step.gamma + step.beta
        elif isinstance(step, Activation):
            G = _core.activation_forward(np.ascontiguousarray(A).T, step.name, step.parameter).T
            A = G if step.alpha is None else A + (G - A) * step.alpha
    return A


def network_of(
    who: str, steps: Sequence[Step], inputs: int, dtype: np.dtype[np.generic], **options: object
) -> Network:
    """Make the network that computes a chain.

    Affine steps and norms that have no place in a ``Dense`` become part of the W and b of a neighbour.

    Args:
        who: Head of messages.
        steps: The chain.
        inputs: n_x.
        dtype: Of the network.
        options: Further arguments of ``Spec``; ``loss="auto"`` becomes half the squared error where no loss
            belongs to the output activation.

    Raises:
        ValueError: if the chain is not a chain of dense layers; the message names the step.
    """
    builder = _Builder(who, inputs)
    for step in steps:
        builder.add(step)
    layers = builder.finished()
    output = layers[-1].activation
    name = output.name if output else "linear"
    if options.get("loss", "auto") == "auto":
        fitting = [row for row, values in catalog.losses.items() if values["output"] == name]
        options["loss"] = fitting[0] if fitting else "half_squared_error"
    spec = Spec(
        inputs, tuple(layer.dense() for layer in layers), dtype=dtype, input_dropout=builder.input_dropout,
        **options,  # type: ignore[arg-type]
    )  # fmt: skip
    network = Network(spec)
    for n, layer in enumerate(layers, start=1):
        for name, values in layer.arrays().items():
            views = network.running if name.startswith("running") else network.parameters
            view = views[f"{name}{n}"]
            view[...] = values if name == "W" else values[:, np.newaxis]  # one number stands for all units
    return network


def _followed(linear: Linear, affine: Affine) -> Linear:
    """Return one linear step for a linear step and the affine step behind it."""
    b = (linear.b - affine.centre) * affine.factor + affine.shift
    return replace(linear, W=linear.W * affine.factor[:, np.newaxis], b=b)


def _preceded(affine: Affine, linear: Linear) -> Linear:
    """Return one linear step for an affine step and the linear step behind it."""
    shift = np.broadcast_to(affine.shift - affine.centre * affine.factor, linear.W.shape[1:])
    b = linear.b + linear.W @ shift
    return replace(linear, W=linear.W * affine.factor, b=b)


@dataclass
class _Layer:
    """The steps that one ``Dense`` does."""

    linear: Linear
    norm: BatchNorm | LayerNorm | None = None
    activation: Activation | None = None
    dropout: float = 0.0

    def dense(self) -> Dense:
        activation = self.activation or Activation("linear")
        has_parameter = catalog.activations[activation.name]["parameter"] is not None
        dense = Dense(
            len(self.linear.b),
            activation.name,  # type: ignore[arg-type]
            parameter=activation.parameter if has_parameter else None,
            norm=None if self.norm is None else "batch" if isinstance(self.norm, BatchNorm) else "layer",
            parametric=activation.alpha is not None,
        )
        return dense.followed_by_dropout(self.dropout)

    def arrays(self) -> dict[str, Array]:
        found = {"W": self.linear.W, "b": self.linear.b}
        if self.norm is not None:
            found |= {"gamma": self.norm.gamma, "beta": self.norm.beta}
        if isinstance(self.norm, BatchNorm):
            found |= {"running_mean": self.norm.mean, "running_variance": self.norm.variance}
        if self.activation is not None and self.activation.alpha is not None:
            found["alpha"] = self.activation.alpha
        return found


class _Builder:
    """Sorts the steps of a chain into layers."""

    def __init__(self, who: str, inputs: int) -> None:
        self.who = who
        self.units = inputs  # what the next linear step must take
        self.layers: list[_Layer] = []
        self.input_dropout = 0.0
        self._before: Affine | None = None  # what the next linear step has to do as well

    def add(self, step: Step) -> None:
        if isinstance(step, Linear):
            if step.W.shape[1] != self.units:
                raise self._refused(step, f"it takes {step.W.shape[1]} numbers, but gets {self.units}")
            self.units = step.W.shape[0]
            self.layers.append(_Layer(step if self._before is None else _preceded(self._before, step)))
            self._before = None
        elif isinstance(step, Dropout):
            self._drop(step)
        elif isinstance(step, Activation):
            self._open(step, "an activation must follow a linear layer").activation = step
        elif isinstance(step, LayerNorm):
            layer = self._open(step, "a layer norm must stand between a linear layer and its activation")
            if layer.norm is not None:
                raise self._refused(step, "a layer can have one norm only")
            layer.norm = step
        elif isinstance(step, BatchNorm) and self._is_open() and self.layers[-1].norm is None:
            self.layers[-1].norm = step
        else:
            self._rescale(step.affine() if isinstance(step, BatchNorm) else step)

    def finished(self) -> list[_Layer]:
        """Return the layers; the last one has no norm."""
        if self._before is not None:
            raise self._refused(self._before, "there is no linear layer behind it")
        if not self.layers:
            raise ValueError(f"{self.who}: there must be at least one linear layer, got none")
        last = self.layers[-1]
        if isinstance(last.norm, BatchNorm):
            last.linear, last.norm = _followed(last.linear, last.norm.affine()), None
        if last.norm is not None:
            raise self._refused(last.norm, "the last layer must have no layer norm")
        last.dropout = 0.0  # outputs are not dropped
        return self.layers

    def _is_open(self) -> bool:
        return bool(self.layers) and self.layers[-1].activation is None and self._before is None

    def _open(self, step: Step, rule: str) -> _Layer:
        if not self._is_open():
            raise self._refused(step, rule)
        layer = self.layers[-1]
        if layer.dropout and isinstance(step, Activation) and step.name not in _HOMOGENEOUS:
            raise self._refused(step, f"dropout must stand behind {step.name}, not before it")
        return layer

    def _drop(self, step: Dropout) -> None:
        rate = self.layers[-1].dropout if self.layers else self.input_dropout
        rate = 1 - (1 - rate) * (1 - step.rate) if rate else step.rate
        if self.layers:
            self.layers[-1].dropout = rate
        else:
            self.input_dropout = rate

    def _rescale(self, affine: Affine) -> None:
        if not self._is_open():
            affine = affine if self._before is None else self._before.followed_by(affine)
            self._before = None if affine.is_identity else affine
            return
        layer = self.layers[-1]
        if layer.norm is None:
            layer.linear = _followed(layer.linear, affine)
        else:
            beta = (layer.norm.beta - affine.centre) * affine.factor + affine.shift
            layer.norm = replace(layer.norm, gamma=layer.norm.gamma * affine.factor, beta=beta)

    def _refused(self, step: Step, rule: str) -> ValueError:
        where = step.where or type(step).__name__
        return ValueError(f"{self.who}: {where} does not fit into a chain of dense layers: {rule}")
