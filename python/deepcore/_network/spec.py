"""Spec: what a network is, without its numbers. Model files, pickles and copies are made from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeAlias

import numpy as np

from deepcore import _checks, catalog
from deepcore._course_weights import LARGEST_SEED
from deepcore.layers import (
    CategoryEmbedding,
    Dense,
    Dropout,
    Embedding,
    PeriodicEmbedding,
    PiecewiseLinearEmbedding,
    Scale,
)
from deepcore.losses import Loss

__all__ = ["Layer", "Spec"]

#: What a list of layers may hold.
Layer: TypeAlias = Dense | Dropout | Scale | Embedding

_MOST_MEMBERS = 4096  # as in the compiled core
_EMBEDDINGS = {cls.kind: cls for cls in (PeriodicEmbedding, PiecewiseLinearEmbedding, CategoryEmbedding)}


@dataclass(frozen=True)
class Spec:
    """Everything that defines a network before it is trained; it is checked when it is made.

    ``dataclasses.replace(spec, ...)`` makes a changed one. Messages begin with ``Model:``,
    because that is what users call.

    Args:
        inputs: Number of columns of X.
        layers: The dense layers, each with the dropout behind it.
        loss: A name of ``catalog.losses``, or ``"auto"``, which is resolved here.
        dtype: float32 or float64, as an object or by name.
        seed: Of the initial weights, the shuffling and the dropout masks.
        loss_parameter: Parameter of the loss; None: its default.
        label_smoothing: At least 0 and below 1; above 0 for cross-entropies only.
        input_dropout: Probability with which a training step drops an input.
        embeddings: What the columns of X go through before the first dense layer, numbers before categories.
        members: Number of networks that share their weights; see ``Model``.

    Raises:
        TypeError: if a value has another type.
        ValueError: if a number or name is not allowed, or loss and output activation do not fit.
    """

    inputs: int
    layers: tuple[Dense, ...]
    loss: str = "auto"
    dtype: np.dtype[Any] = np.dtype(np.float32)  # noqa: RUF009  (immutable)
    seed: int = 0
    loss_parameter: float | None = None
    label_smoothing: float = 0.0
    input_dropout: float = 0.0
    embeddings: tuple[Embedding, ...] = ()
    members: int = 1

    def __post_init__(self) -> None:
        def settle(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        settle("inputs", _checks.count("Model", "inputs", self.inputs))
        settle("layers", tuple(self.layers))
        settle("dtype", _checks.dtype("Model", self.dtype))
        settle("seed", _checks.count("Model", "seed", self.seed, low=0, high=2**63 - 1))
        _check_course_start(self.layers, self.seed)
        settle("loss", _resolved_loss(self.loss, self.layers))
        settle("loss_parameter", _loss_parameter(self.loss, self.loss_parameter))
        settle("label_smoothing", _label_smoothing(self.loss, self.label_smoothing))
        settle("input_dropout", _checks.number("Model", "input_dropout", self.input_dropout, 1.0))
        settle("embeddings", _checked_embeddings(self.embeddings, self.inputs))
        settle("members", _checks.count("Model", "members", self.members, high=_MOST_MEMBERS))

    @classmethod
    def of(cls, inputs: int, layers: Sequence[Layer], **options: Any) -> Spec:
        """A spec from a list of all kinds of layers, and of a loss by name or with options.

        Raises:
            TypeError: if the list holds something else, or no dense layer.
            ValueError: if two dropouts follow each other, one follows the last layer, or a scale does not
                stand directly before a dense layer, or an embedding not before all others.
        """
        inputs = _checks.count("Model", "inputs", inputs)
        embeddings, layers = _leading_embeddings(layers)
        input_dropout, dense = _folded(layers)
        if isinstance(loss := options.get("loss"), Loss):
            options |= loss.options(dense[-1].activation)
        return cls(inputs, dense, input_dropout=input_dropout, embeddings=embeddings, **options)

    @property
    def width(self) -> int:
        """n_0, number of inputs of the first dense layer: of columns of X, unless some are embedded."""
        width = self.inputs
        for embedding in self.embeddings:
            keeps = embedding.columns if getattr(embedding, "passes", False) else 0
            width += embedding.columns * (embedding.units - 1) + keeps
        return width

    @property
    def outputs(self) -> int:
        """n_L, number of output units; of one member, if there are several."""
        return self.layers[-1].units

    @property
    def units(self) -> tuple[int, ...]:
        """Number of rows of W of each layer: the last one has the output units of all members."""
        return (*(layer.units for layer in self.layers[:-1]), self.outputs * self.members)

    @property
    def output(self) -> str:
        """Activation of the output layer."""
        return self.layers[-1].activation

    @property
    def gives_probabilities(self) -> bool:
        """Whether the outputs are probabilities: sigmoid or softmax."""
        return bool(catalog.activations[self.output]["probability"])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; ``from_dict`` makes an equal spec of it."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values |= {"layers": [asdict(layer) for layer in self.layers], "dtype": self.dtype.name}
        del values["embeddings"]
        if self.members == 1:  # only the others need a reader that knows of members
            del values["members"]
        if self.embeddings:  # only these need a reader that knows of embeddings
            values["embeddings"] = [{"kind": one.kind, **_plain(asdict(one))} for one in self.embeddings]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Spec:
        """The reverse of ``to_dict``; everything is checked."""
        embeddings = tuple(map(_embedding, values.get("embeddings", ())))
        layers = tuple(map(_layer, values["layers"]))
        return cls(**{**values, "layers": layers, "embeddings": embeddings})


def _check_course_start(layers: Sequence[Dense], seed: int) -> None:
    names = {layer.init for layer in layers if isinstance(layer, Dense)}
    if "course" not in names:
        return
    if len(names) > 1:
        raise ValueError(
            "Model: init='course' must stand in all layers or in none, because W1, W2, ... come from one "
            f"stream of numbers; got {', '.join(sorted(names))}"
        )
    if seed > LARGEST_SEED:
        raise ValueError(f"Model: seed must be at most {LARGEST_SEED} with init='course', got {seed}")


def _plain(value: Any) -> Any:
    """JSON data with lists in place of tuples."""
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, tuple) else value


def _layer(values: Mapping[str, Any]) -> Dense:
    """The reverse of ``asdict(layer)``."""
    return Dense(**values)


def _embedding(values: Mapping[str, Any]) -> Embedding:
    """The reverse of ``{"kind": embedding.kind, **asdict(embedding)}``."""
    options = dict(values)
    kind = options.pop("kind", None)
    if kind not in _EMBEDDINGS:
        raise ValueError(
            f"Model: an embedding must be one of {', '.join(_EMBEDDINGS)}, got {_checks.shown(kind)}"
        )
    return _EMBEDDINGS[kind](**options)


def _leading_embeddings(layers: Sequence[Layer]) -> tuple[tuple[Embedding, ...], Sequence[Layer]]:
    """The embeddings that a list of layers begins with, and the rest of it."""
    if not isinstance(layers, Sequence):
        return (), layers
    count = 0
    while count < len(layers) and isinstance(layers[count], Embedding):
        count += 1
    for layer in layers[count:]:
        if isinstance(layer, Embedding):
            raise ValueError(
                f"Model: embeddings must stand before all other layers, got {type(layer).__name__} behind one"
            )
    return tuple(layers[:count]), layers[count:]  # type: ignore[arg-type]


def _checked_embeddings(embeddings: Iterable[Embedding], inputs: int) -> tuple[Embedding, ...]:
    """At most one embedding of numbers, then at most one of categories, of no more columns than X has."""
    checked = tuple(embeddings)
    if not all(isinstance(one, Embedding) for one in checked):
        raise TypeError(f"Model: embeddings must be embeddings, got {_checks.shown(checked)}")
    numbers = [not isinstance(one, CategoryEmbedding) for one in checked]
    if numbers not in ([], [True], [False], [True, False]):
        raise ValueError(
            "Model: layers must hold at most one embedding of numbers and then one of categories, got "
            f"{', '.join(type(one).__name__ for one in checked)}"
        )
    columns = sum(one.columns for one in checked)
    if columns > inputs:
        raise ValueError(f"Model: embeddings of {columns} columns need as many inputs, got {inputs}")
    return checked


def _folded(layers: Sequence[Layer]) -> tuple[float, tuple[Dense, ...]]:
    """Dropout of the inputs, and the dense layers with what stands before and behind each."""
    if not isinstance(layers, Iterable):
        raise TypeError(
            f"Model: layers must be a list of Dense, Dropout and Scale, got {_checks.shown(layers)}"
        )
    rates, dense, scale = [0.0], list[Dense](), None
    for layer in layers:
        if scale is not None and not isinstance(layer, Dense):
            raise ValueError(f"Model: Scale must stand directly before a Dense, got {layer!r} behind it")
        if isinstance(layer, Dense):
            dense.append(layer if scale is None else scale.before(layer))
            rates.append(layer.dropout)
            scale = None
        elif isinstance(layer, Scale):
            scale = layer
        elif isinstance(layer, Dropout):
            if rates[-1]:
                raise ValueError("Model: layers must not hold two dropouts in a row")
            rates[-1] = layer.rate
        else:
            raise TypeError(f"Model: layers must be Dense, Dropout and Scale, got {_checks.shown(layer)}")
    if scale is not None:
        raise ValueError("Model: Scale must stand directly before a Dense, got one behind the last layer")
    if not dense:
        raise TypeError(f"Model: layers must be a list of at least one Dense, got {_checks.shown(layers)}")
    return rates[0], tuple(replace(d, dropout=rate) for d, rate in zip(dense, rates[1:], strict=True))


def _resolved_loss(loss: str, layers: Sequence[Dense]) -> str:
    """Name of the loss; ``"auto"`` is the one that belongs to the output activation."""
    if not layers or not all(isinstance(layer, Dense) for layer in layers):
        raise TypeError(
            f"Model: layers must be a list of at least one Dense, got {_checks.shown(list(layers))}"
        )
    output, units = layers[-1].activation, layers[-1].units
    if layers[-1].dropout:
        raise ValueError("Model: layers must not end with dropout: outputs are not dropped")
    if output == "softmax" and units == 1:
        raise ValueError("Model: softmax needs at least 2 units, got 1; use sigmoid for two classes")
    if layers[-1].norm is not None:
        raise ValueError(f"Model: the last layer must have no norm, got {layers[-1].norm!r}")
    if layers[-1].parametric:
        raise ValueError("Model: the last layer must not be parametric, got parametric=True")
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


def _loss_parameter(loss: str, value: object) -> float | None:
    """None, or a number in the range of the loss."""
    if value is None:
        return None
    if catalog.losses[loss]["parameter"] is None:
        raise ValueError(f"Model: loss_parameter must be None for {loss}, which has none")
    below = 1.0 if loss == "quantile" else np.inf
    return _checks.number("Model", f"loss_parameter of {loss}", value, below, positive=True)


def _label_smoothing(loss: str, value: object) -> float:
    """A number at least 0 and below 1; it must be 0 unless the loss is a cross-entropy."""
    smoothing = _checks.number("Model", "label_smoothing", value, 1.0)
    if smoothing and not catalog.losses[loss]["needs_probability"]:
        raise ValueError(f"Model: label_smoothing must be 0 for {loss}, which is no cross-entropy")
    return smoothing
