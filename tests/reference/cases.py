"""Networks and examples for the tests, in the engine's orientation (rows) and the twin's (columns)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import network as twin
from .activations import ACTIVATIONS
from .losses import LOSSES

SUM_TO_ONE = "softmax"
BELONGING = {row.output: name for name, row in LOSSES.items() if row.output}  # output activation -> its loss


def layers_of(units, hidden, output):
    """[(units, activation, parameter), ...] with the default parameters; the last layer has ``output``."""
    names = [hidden] * (len(units) - 1) + [output]
    return [
        (n, name, float(ACTIVATIONS[name].parameter or 0.0)) for n, name in zip(units, names, strict=True)
    ]


def losses_for(output):
    """The losses that an output activation can be trained with."""
    g = ACTIVATIONS[output]
    return [
        name
        for name, row in LOSSES.items()
        if (g.probability or not row.needs_probability) and (g.positive or not row.needs_positive)
    ]


@dataclass
class Case:
    """A native network with random parameters, and examples for it."""

    network: object
    layers: list
    loss: str
    X: np.ndarray  # (m, n[0])
    y: np.ndarray  # labels (m,) for softmax, else (m, n[L])

    @property
    def Y(self):
        """Targets as the twin wants them: (n[L], m), one-hot for labels."""
        if self.y.ndim == 1:
            return twin.one_hot(self.y, self.layers[-1][0])
        return self.y.T.astype(np.float64)

    @property
    def parameters(self):
        """The native parameters as the twin wants them."""
        return twin.unpack(self.network.parameters, self.network.tensors)

    def new_gradient(self):
        return np.empty_like(self.network.parameters)


def make(Network, inputs, units, hidden, output, loss=None, m=7, seed=0):
    """A ``Case``: weights of variance 1 / n_in, biases of variance 1/4, inputs of variance 1."""
    rng = np.random.default_rng(seed)
    layers = layers_of(units, hidden, output)
    loss = loss or BELONGING[output]
    network = Network(inputs, layers, loss)
    flat = network.parameters
    for name, _, n, n_prev, at in network.tensors:
        deviation = 1 / np.sqrt(n_prev) if name == "W" else 0.5
        flat[at : at + n * n_prev] = deviation * rng.normal(size=n * n_prev)
    X = rng.normal(size=(m, inputs)).astype(flat.dtype)
    if output == SUM_TO_ONE:
        y = rng.integers(units[-1], size=m)
    elif LOSSES[loss].needs_probability:
        y = rng.integers(2, size=(m, units[-1])).astype(flat.dtype)
    elif LOSSES[loss].needs_positive:
        y = rng.poisson(1.5, size=(m, units[-1])).astype(flat.dtype)
    else:
        y = rng.normal(size=(m, units[-1])).astype(flat.dtype)
    return Case(network, layers, loss, X, y)
