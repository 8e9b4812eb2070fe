"""Layers are plain descriptions that a model is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import numpy as np

from deepcore import _checks, catalog
from deepcore._keywords import checked_class
from deepcore.typing import ActivationName, InitializerName, NormName, ParametrizationName

__all__ = [
    "CategoryEmbedding",
    "Dense",
    "Dropout",
    "Embedding",
    "PeriodicEmbedding",
    "PiecewiseLinearEmbedding",
    "Scale",
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


_MOST_UNITS = 64  # of an embedded number: the kernels keep them at hand


@checked_class
@dataclass(frozen=True, repr=False)
class Dense:
    """A fully connected layer: ``A = g(W A_prev + b)``.

    Args:
        units: n_out, number of units.
        activation: g, a name of ``catalog.activations``.
        init: How W starts, a name of ``catalog.initializers``; ``"auto"`` takes the scheme that fits the
            activation: He for the relu family, LeCun for selu, Xavier (times the activation's gain) for the
            others. ``"course"`` stands in all layers of a model or in none: it draws the numbers with which
            Andrew Ng's course starts, see ``functional.initialize_parameters``. b starts at zero.
        parameter: The activation's parameter (slope of leaky_relu, alpha of elu); None: its default.
        l1: The cost grows by ``l1 * |W|_1``, the sum of the weights' absolute values.
        l2: The cost grows by ``l2 / 2 * |W|^2``, the sum of the weights' squares; biases are free.
        norm: ``"batch"`` normalises each unit's Z over the examples of a batch (while training; predictions
            use running means and variances), ``"layer"`` each example's Z over the units; then
            ``A = g(gamma * Zhat + beta)``. None: ``A = g(Z)``.
        dropout: Each training step drops an activation of this layer with this probability. ``Dropout(rate)``
            behind the layer says the same. Hidden layers only.
        max_norm: After every step, weights into a unit whose norm is larger are scaled to it; None: no limit.
        parametric: ``A = Z + (g(Z) - Z) * alpha`` with a trainable alpha per unit, (n_out, 1), which starts
            at 1, where A = g(Z). Hidden layers only, and not softmax.
        scaled_inputs: ``Z = W (scale * A_prev) + b`` with a trainable scale per input, (n_in, 1), which
            starts at 1. ``Scale()`` in front of the layer says the same.
        parametrization: ``"standard"``, or ``"ntk"``: ``Z = W A_prev / sqrt(n_in) + b``. W starts sqrt(n_in)
            times as large then, so that the network starts as the same function.
        rate: Factors on the optimizer's learning rate by the name of the array, such as ``{"b": 0.1}``; 0
            keeps an array as it is. Names are those of ``arrays``; those that are missing have the factor 1.
        decay: Factors on the optimizer's weight decay, likewise, such as ``{"b": 0}``.

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
    dropout: float = 0.0
    norm: NormName | None = None
    parametric: bool = False
    scaled_inputs: bool = False
    parametrization: ParametrizationName | str = "standard"
    rate: Mapping[str, float] | None = field(default=None, hash=False)
    decay: Mapping[str, float] | None = field(default=None, hash=False)

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
        object.__setattr__(self, "dropout", _checks.number("Dense", "dropout", self.dropout, 1.0))
        if self.norm is not None and str(self.norm) not in get_args(NormName):
            raise ValueError(f"Dense: norm must be None, 'batch' or 'layer', got {_checks.shown(self.norm)}")
        if self.max_norm == 0:
            raise ValueError("Dense: max_norm must be above 0, got 0.0; None sets no limit")
        for name in ("parametric", "scaled_inputs"):
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                raise TypeError(f"Dense: {name} must be True or False, got {getattr(self, name)!r}")
            object.__setattr__(self, name, bool(getattr(self, name)))
        if self.parametric and self.activation == "softmax":
            raise ValueError(f"Dense: parametric must be False for {self.activation}, got True")
        if str(self.parametrization) not in get_args(ParametrizationName):
            raise ValueError(
                f"Dense: parametrization must be 'standard' or 'ntk', got {self.parametrization!r}"
            )
        for name in ("rate", "decay"):
            object.__setattr__(self, name, _factors("Dense", name, getattr(self, name), self.arrays))

    def __repr__(self) -> str:
        named = ", ".join(
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)[2:]
            if getattr(self, f.name) != f.default
        )
        return f"Dense({self.units}, {self.activation!r}{', ' if named else ''}{named})"

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names of the layer's trained arrays, without its number, such as ``("W", "b")``."""
        there = {
            "W": True,
            "b": True,
            "gamma": self.norm is not None,
            "beta": self.norm is not None,
            "alpha": self.parametric,
            "scale": self.scaled_inputs,
        }
        return tuple(name for name, has in there.items() if has)

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
        Dense(8, 'relu', dropout=0.5)
    """

    rate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", _checks.number("Dropout", "rate", self.rate, 1.0))


@dataclass(frozen=True)
class Scale:
    """A factor per input in a list of layers, directly before a ``Dense``: ``Z = W (scale * A_prev) + b``.

    The factors are trained like the weights and start at 1; ``parameters["scale1"]`` holds those of layer 1.
    The penalties ``l1`` and ``l2`` and ``max_norm`` of the layer concern W alone.

    Args:
        rate: Factor on the optimizer's learning rate.
        decay: Factor on the optimizer's weight decay.

    Raises:
        TypeError: if a factor is no number.
        ValueError: if a factor is negative or not finite.

    Source: the front scale of RealMLP (Holzmueller, Grinsztajn & Steinwart 2024).

    Example:
        >>> import deepcore as dc
        >>> model = dc.Model(4, [dc.Scale(rate=6), dc.Dense(8), dc.Dense(1, "sigmoid")])
        >>> model.layers[0]
        Dense(8, 'relu', scaled_inputs=True, rate={'scale': 6.0})
        >>> model.parameters["scale1"].shape
        (4, 1)
    """

    rate: float = 1.0
    decay: float = 1.0

    def __post_init__(self) -> None:
        for name in ("rate", "decay"):
            object.__setattr__(self, name, _checks.number("Scale", name, getattr(self, name)))

    def before(self, layer: Dense) -> Dense:
        """The layer with these factors on its inputs."""
        if layer.scaled_inputs:
            raise ValueError("Model: layers must not hold two scales before one Dense")

        def with_own(factors: Mapping[str, float] | None, own: float) -> Mapping[str, float] | None:
            return factors if own == 1 else {**(factors or {}), "scale": own}

        return replace(
            layer,
            scaled_inputs=True,
            rate=with_own(layer.rate, self.rate),
            decay=with_own(layer.decay, self.decay),
        )


@checked_class
@dataclass(frozen=True)
class PeriodicEmbedding:
    """The first columns of X go through cosines of trainable frequencies, each column through its own.

    A number x becomes ``units`` numbers: ``cos(2 pi x frequency + phase)``, a value per frequency, times
    a matrix of weights, plus offsets. It stands before all other layers; see ``Model.parameters`` for its
    arrays. The inputs of the next layer are, in this order, the numbers of all embedded columns, the columns
    that are passed on, and the numbers of the categories.

    Args:
        columns: Number of columns that are embedded: the first ones of X.
        units: Numbers that each of them becomes, at most 64.
        frequencies: Cosines per column.
        sigma: Standard deviation of the frequencies at the start.
        passes: Whether the columns themselves stay inputs of the next layer as well.
        rate: Factor on the optimizer's learning rate.
        decay: Factor on the optimizer's weight decay.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if a number is out of its range.

    Source: Gorishniy, Rubachev & Babenko (2022), in the variant "PBLD" of Holzmueller, Grinsztajn & Steinwart
        (2024).

    Example:
        >>> import deepcore as dc
        >>> model = dc.Model(5, [dc.PeriodicEmbedding(2), dc.Dense(8), dc.Dense(1, "linear")])
        >>> model.parameters["W1"].shape  # 2 * 3 numbers of the embedding, and 5 columns
        (8, 11)
    """

    columns: int
    _: KW_ONLY
    units: int = 3
    frequencies: int = 16
    sigma: float = 0.1
    passes: bool = True
    rate: float = 1.0
    decay: float = 1.0
    kind: ClassVar[str] = "periodic"

    def __post_init__(self) -> None:
        who = type(self).__name__
        for name in ("columns", "units", "frequencies"):
            high = _MOST_UNITS if name == "units" else 2**31 - 1
            object.__setattr__(self, name, _checks.count(who, name, getattr(self, name), high=high))
        object.__setattr__(self, "sigma", _checks.number(who, "sigma", self.sigma, positive=True))
        if not isinstance(self.passes, (bool, np.bool_)):
            raise TypeError(f"{who}: passes must be True or False, got {_checks.shown(self.passes)}")
        object.__setattr__(self, "passes", bool(self.passes))
        _settle_factors(self)

    @property
    def size(self) -> int:
        """Number of trained numbers."""
        return self.columns * (self.frequencies * (2 + self.units) + self.units)

    def native(self) -> dict[str, Any]:
        """The options as the compiled network takes them."""
        return {
            "columns": self.columns,
            "units": self.units,
            "frequencies": self.frequencies,
            "passes": self.passes,
            "numbers": (self.rate, self.decay),
        }


@checked_class
@dataclass(frozen=True)
class PiecewiseLinearEmbedding:
    """The first columns of X go through trainable functions that are linear between given edges.

    A number x becomes ``units`` numbers: ``x * w0 + sum of part_i(x) w_i + offset``, where ``part_i(x)`` says
    how far x is from edge i to edge i + 1: 0 before, 1 behind, and without these limits before the first edge
    and behind the last one. It stands before all other layers, and every w_i but w0 starts at 0.

    Args:
        edges: The edges of each embedded column, rising, at least 2; ``at_quantiles`` takes them from data.
        units: Numbers that each column becomes, at most 64.
        rate: Factor on the optimizer's learning rate.
        decay: Factor on the optimizer's weight decay.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if edges do not rise or are not finite, or a number is out of its range.

    Source: Gorishniy, Rubachev & Babenko (2022), in the variant "B" of rtdl_num_embeddings.

    Example:
        >>> import deepcore as dc
        >>> model = dc.Model(2, [dc.PiecewiseLinearEmbedding([[0, 1, 3]]), dc.Dense(1, "linear")])
        >>> model.parameters["weight0"].shape  # x, and two parts
        (16, 3)
    """

    edges: Sequence[Sequence[float]]
    _: KW_ONLY
    units: int = 16
    rate: float = 1.0
    decay: float = 1.0
    kind: ClassVar[str] = "piecewise_linear"

    def __post_init__(self) -> None:
        who = type(self).__name__
        object.__setattr__(self, "units", _checks.count(who, "units", self.units, high=_MOST_UNITS))
        if not isinstance(self.edges, Iterable):
            raise TypeError(f"{who}: edges must be a list of lists, got {_checks.shown(self.edges)}")
        columns = [_checks.numbers(who, "edges", column).astype(np.float64) for column in self.edges]
        if not columns:
            raise ValueError(f"{who}: edges must hold those of at least one column, got none")
        for number, column in enumerate(columns):
            rising = column.ndim == 1 and len(column) >= 2 and np.isfinite(column).all()
            if not (rising and (np.diff(column) > 0).all()):
                raise ValueError(
                    f"{who}: edges must be at least 2 finite numbers that rise, got "
                    f"{_checks.shown(column.tolist())} for column {number}"
                )
        object.__setattr__(self, "edges", tuple(tuple(column.tolist()) for column in columns))
        _settle_factors(self)

    @classmethod
    def at_quantiles(cls, X: object, *, bins: int = 48, **options: Any) -> PiecewiseLinearEmbedding:
        """Make the edges from data: the distinct ones of ``bins + 1`` quantiles of each column.

        Args:
            X: The columns to embed, (m, columns), such as the first ones of the training data.
            bins: Number of parts between quantiles; equal quantiles make fewer.
            options: ``units``, ``rate`` and ``decay``.

        Raises:
            ValueError: if a column is constant, or there are not more rows than bins.
        """
        who = cls.__name__
        array = _checks.numbers(who, "X", X)
        bins = _checks.count(who, "bins", bins)
        if array.ndim != 2 or len(array) <= bins:
            raise ValueError(f"{who}: X must have shape (m, columns) with m > {bins}, got {array.shape}")
        edges = [np.unique(np.quantile(column, np.linspace(0, 1, bins + 1))) for column in array.T]
        return cls([column.tolist() for column in edges], **options)

    @property
    def columns(self) -> int:
        """Number of columns that are embedded."""
        return len(self.edges)

    @property
    def passes(self) -> bool:
        """False: the columns themselves are no inputs of the next layer."""
        return False

    @property
    def size(self) -> int:
        """Number of trained numbers."""
        return self.units * sum(len(column) + 1 for column in self.edges)

    def native(self) -> dict[str, Any]:
        """The options as the compiled network takes them."""
        return {
            "columns": self.columns,
            "units": self.units,
            "edges": [list(column) for column in self.edges],
            "numbers": (self.rate, self.decay),
        }


@checked_class
@dataclass(frozen=True)
class CategoryEmbedding:
    """The last columns of X hold codes of categories, and each code becomes a trainable row of numbers.

    It stands before all other layers but an embedding of numbers. All rows take part in every step of the
    optimizer, also those of codes that no example of the batch has. ``fit`` and ``predict`` refuse values
    that are no codes; a ``Predictor``, which does not check, takes them for code 0.

    Args:
        sizes: Number of codes of each column: codes are whole numbers from 0 to size - 1.
        units: Numbers that each column becomes.
        rate: Factor on the optimizer's learning rate.
        decay: Factor on the optimizer's weight decay.

    Raises:
        TypeError: if an argument has another type.
        ValueError: if a number is out of its range.

    Example:
        >>> import deepcore as dc
        >>> model = dc.Model(3, [dc.CategoryEmbedding([10, 4]), dc.Dense(1, "linear")])
        >>> model.parameters["table0"].shape, model.parameters["W1"].shape
        ((8, 14), (1, 17))
    """

    sizes: Sequence[int]
    _: KW_ONLY
    units: int = 8
    rate: float = 1.0
    decay: float = 1.0
    kind: ClassVar[str] = "categories"

    def __post_init__(self) -> None:
        who = type(self).__name__
        object.__setattr__(self, "units", _checks.count(who, "units", self.units))
        if not isinstance(self.sizes, Iterable) or isinstance(self.sizes, str):
            raise TypeError(f"{who}: sizes must be a list of numbers, got {_checks.shown(self.sizes)}")
        # float32 holds whole numbers exactly up to there
        sizes = tuple(_checks.count(who, "sizes", size, high=2**24) for size in self.sizes)
        if not sizes:
            raise ValueError(f"{who}: sizes must hold the size of at least one column, got none")
        object.__setattr__(self, "sizes", sizes)
        _settle_factors(self)

    @property
    def columns(self) -> int:
        """Number of columns with codes."""
        return len(self.sizes)

    @property
    def size(self) -> int:
        """Number of trained numbers."""
        return self.units * sum(self.sizes)

    def native(self) -> dict[str, Any]:
        """The options as the compiled network takes them."""
        return {
            "sizes": list(self.sizes),
            "category_units": self.units,
            "categories": (self.rate, self.decay),
        }


#: What may stand before the dense layers: at most one embedding of numbers, and one of categories.
Embedding: TypeAlias = PeriodicEmbedding | PiecewiseLinearEmbedding | CategoryEmbedding


def _settle_factors(embedding: Embedding) -> None:
    for name in ("rate", "decay"):
        number = _checks.number(type(embedding).__name__, name, getattr(embedding, name))
        object.__setattr__(embedding, name, number)


def _factors(who: str, what: str, factors: object, names: tuple[str, ...]) -> dict[str, float] | None:
    """A copy of checked factors by the name of the array; None if there are none."""
    if factors is None:
        return None
    if not isinstance(factors, Mapping):
        raise TypeError(f"{who}: {what} must be a mapping such as {{'b': 0.1}}, got {factors!r}")
    for name in factors:
        if name not in names:
            raise ValueError(f"{who}: {what} must have names of {', '.join(names)}, got {name!r}")
    checked = {name: _checks.number(who, f"{what} of {name}", factor) for name, factor in factors.items()}
    return _Factors(checked) if checked else None


class _Factors(dict[str, float]):
    """Factors by the name of the array, which cannot be changed: they define a layer."""

    def _refuse(self, *_: object, **__: object) -> Any:
        raise TypeError("rate and decay cannot be changed, because they define the layer; make a new layer")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return _Factors, (dict(self),)
