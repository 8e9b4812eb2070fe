"""Layers as plain descriptions; a model is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import get_args

from deepcore import _checks, _core, catalog
from deepcore.blocks import BlockViews
from deepcore.typing import ActivationName, InitializerName, NormName

__all__ = [
    "Dense",
    "Dropout",
    "folded",
    "initialize",
    "native_layers",
    "resolve_loss",
]

# init="auto": the scheme derived for the slope of the activation (He et al. 2015 for the relu family,
# Klambauer et al. 2017 for selu, Glorot & Bengio 2010 for everything that is about linear at 0).
_AUTO_INIT = {
    "relu": "he",
    "leaky_relu": "he",
    "elu": "he",
    "gelu": "he",
    "silu": "he",
    "softplus": "he",
    "relu6": "he",
    "mish": "he",
    "selu": "lecun",
}


@dataclass(frozen=True, repr=False)
class Dense:
    """A fully connected layer: ``A = g(W A_prev + b)``.

    Args:
        units: n_out, number of units.
        activation: g, a name of ``catalog.activations``.
        init: How W starts, a name of ``catalog.initializers``; ``"auto"`` takes the scheme that fits the
            activation: He for the relu family, LeCun for selu, Xavier (times the activation's gain) for the
                others. b starts at zero.
        parameter: The activation's parameter (slope of leaky_relu, alpha of elu); None: its default.
        l1: The cost grows by ``l1 * |W|_1``, the sum of the weights' absolute values.
        l2: The cost grows by ``l2 / 2 * |W|^2``, the sum of the weights' squares; biases are free.
        dropout: Each training step drops an activation of this layer with this probability and divides the
            others by 1 - dropout; predictions drop nothing. ``Dropout(rate)`` behind the layer says the same.
        norm: ``"batch"`` normalises each unit's Z over the examples of a batch (while training; predictions
            use running means and variances), ``"layer"`` each example's Z over the units; then
            ``A = g(gamma * Zhat + beta)``. None: ``A = g(Z)``.
        max_norm: After every step, weights into a unit whose norm is larger are scaled to it; None: no limit.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if ``units`` < 1, a name is unknown, a number out of its range, or the activation has no
            parameter.

    Example:
        >>> Dense(3, "leaky_relu", parameter=0.2)
        Dense(3, 'leaky_relu', parameter=0.2)
    """

    units: int
    activation: ActivationName | str = "relu"
    init: InitializerName | str = "auto"
    parameter: float | None = None
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float | None = None
    dropout: float = 0.0
    norm: NormName | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", _checks.count("Dense", "units", self.units))
        row = catalog.lookup(catalog.activations, self.activation, "Dense: activation")
        if self.init != "auto":
            catalog.lookup(catalog.initializers, self.init, "Dense: init")
        if self.parameter is not None and row["parameter"] is None:
            raise ValueError(f"Dense: parameter must be None for {self.activation}, which has none")
        for name in ("parameter", "l1", "l2", "max_norm", "dropout"):
            value = getattr(self, name)
            if value is None and name in ("parameter", "max_norm"):
                continue
            object.__setattr__(self, name, _checks.number("Dense", name, value))
        if self.norm is not None and str(self.norm) not in get_args(NormName):
            raise ValueError(f"Dense: norm must be None, 'batch' or 'layer', got {self.norm!r}")
        if self.dropout >= 1:
            raise ValueError(f"Dense: dropout must be below 1, got {self.dropout}")
        if self.max_norm == 0:
            raise ValueError("Dense: max_norm must be above 0, got 0.0; None sets no limit")

    def __repr__(self) -> str:
        named = ", ".join(
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)[2:]
            if getattr(self, f.name) != f.default
        )
        return f"Dense({self.units}, {self.activation!r}{', ' if named else ''}{named})"

    @property
    def initializer(self) -> str:
        """Name of the initialiser, with ``"auto"`` resolved."""
        return _AUTO_INIT.get(self.activation, "xavier") if self.init == "auto" else self.init


@dataclass(frozen=True)
class Dropout:
    """Inverted dropout in a list of layers: behind a ``Dense`` of its activations, in front of the inputs.

    Masks are a function of the model's seed, the optimizer's step, the example's place in its batch and the
    unit: the same for any number of threads.

    Args:
        rate: Probability with which a training step drops a value, at least 0 and below 1.

    Raises:
        ValueError: if ``rate`` is out of its range.

    Source: Srivastava et al. (2014), scaled while training as ``torch.nn.Dropout`` is.

    Example:
        >>> import deepcore as dc
        >>> dc.Model(4, [dc.Dropout(0.1), dc.Dense(8), dc.Dropout(0.5), dc.Dense(1, "sigmoid")]).layers[0]
        Dense(8, 'relu', dropout=0.5)
    """

    rate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", _checks.number("Dropout", "rate", self.rate, 1.0))


def folded(layers: Sequence[Dense | Dropout]) -> tuple[float, tuple[Dense, ...]]:
    """Dropout of the inputs, and the dense layers with the dropout that stands behind them.

    Raises:
        TypeError: if the list holds something else, or no dense layer.
        ValueError: if two dropouts follow each other, or one follows the last layer.
    """
    if not isinstance(layers, Iterable):
        raise TypeError(f"Model: layers must be a list of Dense and Dropout, got {layers!r}")
    rates, dense = [0.0], list[Dense]()
    for layer in layers:
        if isinstance(layer, Dense):
            dense.append(layer)
            rates.append(layer.dropout)
        elif isinstance(layer, Dropout):
            if rates[-1]:
                raise ValueError("Model: layers must not hold two dropouts in a row")
            rates[-1] = layer.rate
        else:
            raise TypeError(f"Model: layers must be Dense and Dropout, got {layer!r}")
    if not dense:
        raise TypeError(f"Model: layers must be a list of at least one Dense, got {layers!r}")
    if rates[-1]:
        raise ValueError("Model: layers must not end with dropout: outputs are not dropped")
    return rates[0], tuple(replace(d, dropout=rate) for d, rate in zip(dense, rates[1:], strict=True))


def native_layers(layers: Sequence[Dense]) -> list[tuple[int, str, float, dict[str, float | str]]]:
    """The layers as the native network takes them: (units, activation, parameter, options)."""
    return [
        (
            d.units,
            d.activation,
            catalog.native_parameter(d.activation, d.parameter),
            {
                "l1": d.l1,
                "l2": d.l2,
                "max_norm": d.max_norm or 0.0,
                "dropout": d.dropout,
                "norm": d.norm or "none",
            },
        )
        for d in layers
    ]


def initialize(layers: Sequence[Dense], parameters: BlockViews, seed: int) -> None:
    """Draw every W by its layer's scheme and set every b to zero; a draw depends on seed, layer and shape."""
    for number, layer in enumerate(layers, start=1):
        W = parameters[f"W{number}"]
        n, n_prev = W.shape
        gain = catalog.activations[layer.activation]["gain"]
        W[...] = _core.initialize(n, n_prev, layer.initializer, gain, seed, number)
        parameters[f"b{number}"][...] = 0
        if layer.norm is not None:
            parameters[f"gamma{number}"][...] = 1
            parameters[f"beta{number}"][...] = 0


def resolve_loss(loss: str, layers: Sequence[Dense]) -> str:
    """Name of the loss, with ``"auto"`` resolved to the one that belongs to the output activation.

    Raises:
        ValueError: if loss and layers do not fit.
    """
    output, units = layers[-1].activation, layers[-1].units
    if output == "softmax" and units == 1:
        raise ValueError("Model: softmax needs at least 2 units, got 1; use sigmoid for two classes")
    if layers[-1].norm is not None:
        raise ValueError(f"Model: the last layer must have no norm, got {layers[-1].norm!r}")
    if any(layer.activation == "softmax" for layer in layers[:-1]):
        raise ValueError("Model: softmax must be in the last layer, got it in a hidden one")
    if loss == "auto":
        fitting = [name for name, row in catalog.losses.items() if row["output"] == output]
        if not fitting:
            raise ValueError(f"Model: loss must be named for a {output} output, got 'auto'")
        return fitting[0]
    row = catalog.lookup(catalog.losses, loss, "Model: loss")
    if row["needs_probability"] and not catalog.activations[output]["probability"]:
        raise ValueError(f"Model: loss {loss!r} needs a sigmoid or softmax output, got {output}")
    if row["needs_positive"] and not catalog.activations[output]["positive"]:
        raise ValueError(f"Model: loss {loss!r} needs an output above 0, such as exp, got {output}")
    return loss
