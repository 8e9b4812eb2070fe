"""Layers are plain descriptions that a model is made of."""

from __future__ import annotations

import copy
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import Literal, get_args

from deepcore import _checks, catalog
from deepcore._keywords import checked_class
from deepcore.typing import ActivationName, InitializerName, NormName

__all__ = ["Dense", "Dropout"]

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


@checked_class
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
        norm: ``"batch"`` normalises each unit's Z over the examples of a batch (while training; predictions
            use running means and variances), ``"layer"`` each example's Z over the units; then
            ``A = g(gamma * Zhat + beta)``. None: ``A = g(Z)``.
        max_norm: After every step, weights into a unit whose norm is larger are scaled to it; None: no limit.

    Attributes:
        dropout: In ``model.layers``, the rate of the ``Dropout`` layer that follows this one, else 0.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if ``units`` < 1, a name is unknown, a number out of its range, or the activation has no
            parameter.

    Example:
        >>> Dense(3, "leaky_relu", parameter=0.2)
        Dense(3, 'leaky_relu', parameter=0.2)
    """

    units: int
    activation: ActivationName = "relu"
    _: KW_ONLY
    init: InitializerName | Literal["auto"] = "auto"
    parameter: float | None = None
    l1: float = 0.0
    l2: float = 0.0
    max_norm: float | None = None
    dropout: float = field(default=0.0, init=False)
    norm: NormName | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "units", _checks.count("Dense", "units", self.units))
        row = catalog.lookup(catalog.activations, self.activation, "Dense: activation")
        if self.init != "auto":
            catalog.lookup(catalog.initializers, self.init, "Dense: init")
        if self.parameter is not None and row["parameter"] is None:
            raise ValueError(f"Dense: parameter must be None for {self.activation}, which has none")
        for name in ("parameter", "l1", "l2", "max_norm"):
            value = getattr(self, name)
            if value is None and name in ("parameter", "max_norm"):
                continue
            object.__setattr__(self, name, _checks.number("Dense", name, value))
        if self.norm is not None and str(self.norm) not in get_args(NormName):
            raise ValueError(f"Dense: norm must be None, 'batch' or 'layer', got {_checks.shown(self.norm)}")
        if self.max_norm == 0:
            raise ValueError("Dense: max_norm must be above 0, got 0.0; None sets no limit")

    def __repr__(self) -> str:
        named = ", ".join(
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)[2:]
            if f.init and getattr(self, f.name) != f.default
        )
        dense = f"Dense({self.units}, {self.activation!r}{', ' if named else ''}{named})"
        return f"{dense} with Dropout({self.dropout!r})" if self.dropout else dense

    def followed_by_dropout(self, rate: float) -> Dense:
        """This layer as a model keeps it: together with the ``Dropout(rate)`` behind it."""
        layer = copy.copy(self)
        object.__setattr__(layer, "dropout", rate)
        return layer

    @property
    def initializer(self) -> str:
        """Name of the initialiser, with ``"auto"`` resolved."""
        return _AUTO_INIT.get(self.activation, "xavier") if self.init == "auto" else self.init


@checked_class
@dataclass(frozen=True)
class Dropout:
    """Each training step drops a value with probability ``rate`` and divides the others by ``1 - rate``.

    Behind a ``Dense`` it drops that layer's activations, and as the first layer the inputs. Predictions drop
    nothing.

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
        Dense(8, 'relu') with Dropout(0.5)
    """

    rate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", _checks.number("Dropout", "rate", self.rate, 1.0))
