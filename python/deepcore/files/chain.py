"""``chain_of`` turns a network into a chain of steps, and ``network_of`` turns a chain into a network.

A chain is a network as the exporters see it; ``steps`` has the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from deepcore import _core, catalog
from deepcore._network.network import Network
from deepcore._network.spec import Spec
from deepcore.files.steps import (
    Activation,
    Affine,
    BatchNorm,
    Chain,
    Dropout,
    Join,
    Kept,
    LayerNorm,
    Linear,
    Lookup,
    Members,
    Part,
    Periodic,
    PiecewiseLinear,
    Step,
)
from deepcore.files.weights import Weights
from deepcore.layers import CategoryEmbedding, Dense, PeriodicEmbedding
from deepcore.typing import Array

__all__ = ["Contents", "chain_of", "network_of"]

# Dropping z or g(z) is the same for these: g(0) = 0 and g(c z) = c g(z) for c > 0.
_HOMOGENEOUS = ("linear", "relu", "leaky_relu")


class Contents(NamedTuple):
    """What was read from another library: a chain, n_x, and the dtype of its numbers."""

    steps: Chain
    inputs: int
    dtype: np.dtype[Any]


def chain_of(who: str, network: Network, *, fold: bool = True) -> Chain:
    """Take a network apart, in float64; input scales and the factor of ``"ntk"`` become part of W.

    Args:
        who: Head of messages.
        network: The network. Its weights and embeddings are not copied: the chain shows them as they are
            when it is read, see ``at_one_moment``.
        fold: Make batch norms part of W and b, and leave dropout out.

    Raises:
        ValueError: if a parameter is not finite.
    """
    numbers = [flat for flat in (network.flat, network.running.flat) if flat.size]
    if any(_core.first_nonfinite_row(flat) >= 0 for flat in numbers):
        raise ValueError(f"{who}: parameters must be finite, got nan or inf; the training diverged")
    spec, arrays = network.spec, network.parameters
    steps: Chain = []
    if spec.input_dropout and not fold:
        steps.append(Dropout(spec.input_dropout))

    def array(name: str) -> Array:
        found = network.running if name.startswith("running") else arrays
        return np.array(found[name], np.float64)

    def column(name: str) -> Array:
        return array(name)[:, 0]

    for n, layer in enumerate(spec.layers, start=1):
        W = Weights(arrays[f"W{n}"])
        if layer.scaled_inputs:
            W = W.times(columns=column(f"scale{n}"))
        if layer.parametrization == "ntk":
            W = W.times(columns=1 / np.sqrt(W.shape[1]))
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
    if spec.members > 1:
        steps = [_members(array("factor0").T, steps)]
    return [_embedded(network), *steps] if spec.embeddings else steps


def _members(factor: Array, steps: Chain) -> Members:
    """Return the layers of a network with members as one step."""
    place = max(i for i, step in enumerate(steps) if isinstance(step, Linear))
    last = steps[place]
    assert isinstance(last, Linear)
    return Members(factor, steps[:place], last, steps[place + 1 :])


def _embedded(network: Network) -> Join:
    """Return the embeddings of a network as one step."""
    spec, first = network.spec, 0
    arrays = network.parameters
    codes = sum(one.columns for one in spec.embeddings if isinstance(one, CategoryEmbedding))
    numbers, tables = list[Part](), list[Part]()
    for one in spec.embeddings:
        if isinstance(one, CategoryEmbedding):
            starts = np.cumsum([0, *one.sizes])
            column = spec.inputs - codes
            for k, size in enumerate(one.sizes):
                table = arrays["table0"][:, starts[k] : starts[k] + size].T
                tables.append(Lookup(column + k, table))
            continue
        first = 0 if one.passes else one.columns
        offset = np.array(arrays["offset0"], np.float64).T
        if isinstance(one, PeriodicEmbedding):
            frequency, phase = (np.array(arrays[name], np.float64).T for name in ("frequency0", "phase0"))
            frequency, weight = 2 * np.pi * frequency, np.array(arrays["weight0"], np.float64)
            weight = weight.reshape(one.units, one.columns, -1).transpose(1, 0, 2)
            numbers.append(Periodic(0, frequency, phase, weight, offset))
        else:
            edges = [np.array(column) for column in one.edges]
            ends = np.cumsum([len(column) for column in edges])[:-1]
            weights = np.split(np.array(arrays["weight0"], np.float64), ends, axis=1)
            numbers.append(PiecewiseLinear(0, edges, weights, offset))
    kept = spec.inputs - codes - first
    return Join([*numbers, *([Kept(first, kept)] if kept else []), *tables])


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
    members = 1 if builder.factor is None else len(builder.factor)
    dense = [layer.dense() for layer in layers]
    dense[-1] = replace(dense[-1], units=dense[-1].units // members)
    spec = Spec(
        inputs, tuple(dense), dtype=dtype, input_dropout=builder.input_dropout, members=members,
        **options,  # type: ignore[arg-type]
    )  # fmt: skip
    network = Network(spec)
    if builder.factor is not None:
        network.parameters["factor0"][...] = builder.factor.T
    for n, layer in enumerate(layers, start=1):
        for name, values in layer.arrays().items():
            views = network.running if name.startswith("running") else network.parameters
            view = views[f"{name}{n}"]
            view[...] = values if name == "W" else values[:, np.newaxis]  # one number stands for all units
    return network


def _followed(linear: Linear, affine: Affine) -> Linear:
    """Return one linear step for a linear step and the affine step behind it."""
    b = (linear.b - affine.centre) * affine.factor + affine.shift
    return replace(linear, W=linear.W.times(rows=affine.factor), b=b)


def _preceded(affine: Affine, linear: Linear) -> Linear:
    """Return one linear step for an affine step and the linear step behind it."""
    shift = np.broadcast_to(affine.shift - affine.centre * affine.factor, linear.W.shape[1:])
    b = linear.b + linear.W.outputs(shift[np.newaxis])[0]
    return replace(linear, W=linear.W.times(columns=affine.factor), b=b)


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
        return replace(dense, dropout=self.dropout)

    def arrays(self) -> dict[str, Array]:
        found = {"W": self.linear.W.array(), "b": self.linear.b}
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
        self.factor: Array | None = None  # of the members
        self._before: Affine | None = None  # what the next linear step has to do as well

    def add(self, step: Step) -> None:
        """Sort the next step; those of members are one step, and there are no others."""
        if self.factor is not None:
            raise self._refused(step, "nothing may follow the members of a network")
        if not isinstance(step, Members):
            self._add(step)
            return
        if self.layers or self._before is not None:
            raise self._refused(step, "only dropout may stand before the members of a network")
        if step.factor.shape[1] != self.units:
            rule = f"its factors take {step.factor.shape[1]} numbers, but its first layer {self.units}"
            raise self._refused(step, rule)
        for inner in (*step.shared, step.last):
            self._add(inner)
        for inner in step.output:
            if isinstance(inner, Linear):
                raise self._refused(inner, "the last linear layer of members must be their own")
            self._add(inner)
        self.factor = step.factor

    def _add(self, step: Step) -> None:
        if not isinstance(step, Linear):
            self._check_numbers(step)
        if isinstance(step, Linear):
            if step.W.shape[1] != self.units:
                raise self._refused(step, f"it takes {step.W.shape[1]} numbers, but gets {self.units}")
            if self.layers:
                self._check_hidden(self.layers[-1].activation)
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
        elif isinstance(step, BatchNorm | Affine):
            self._rescale(step.affine() if isinstance(step, BatchNorm) else step)
        else:
            raise self._refused(step, "it is not part of a layer")

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
        if last.activation is not None and last.activation.alpha is not None:
            raise self._refused(last.activation, "the last layer must have no slopes of its own")
        last.dropout = 0.0  # outputs are not dropped
        return self.layers

    def _check_numbers(self, step: Step) -> None:
        """Refuse arrays that have neither one number nor one per unit, and numbers that no layer takes."""
        for values in vars(step).values():
            if isinstance(values, np.ndarray) and values.size not in (1, self.units):
                raise self._refused(step, f"it has {values.size} numbers, but gets {self.units}")
        if isinstance(step, Activation) and not 0 <= step.parameter < np.inf:
            raise self._refused(step, f"its number must be finite and not negative, got {step.parameter:g}")
        if isinstance(step, Dropout) and not 0 <= step.rate < 1:
            raise self._refused(step, f"its rate must be at least 0 and below 1, got {step.rate:g}")

    def _check_hidden(self, activation: Activation | None) -> None:
        if activation is not None and activation.name == "softmax":
            raise self._refused(activation, "softmax must be in the last layer")

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
