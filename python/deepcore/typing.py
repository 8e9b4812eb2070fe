"""Names and array types that signatures use; a test ties every Literal to its native table."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ActivationName",
    "Array",
    "ArrayLike",
    "ClassWeight",
    "DTypeLike",
    "DTypeName",
    "FloatArray",
    "Grads",
    "InitializerName",
    "LossName",
    "MetricName",
    "NormName",
    "OptimizerName",
    "Parameters",
    "ParametrizationName",
    "Predictor",
    "ScheduleName",
    "Trained",
]

ActivationName: TypeAlias = Literal[
    "linear",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "softplus",
    "exp",
    "hard_sigmoid",
    "hard_tanh",
    "relu6",
    "mish",
    "softsign",
    "softmax",
]
LossName: TypeAlias = Literal[
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "half_squared_error",
    "squared_error",
    "absolute_error",
    "huber",
    "quantile",
    "poisson",
]
InitializerName: TypeAlias = Literal[
    "zeros", "normal", "xavier", "xavier_uniform", "he", "he_uniform", "lecun", "inverse_sqrt", "course"
]
OptimizerName: TypeAlias = Literal["sgd", "rmsprop", "adagrad", "adam", "adamw", "nadam", "amsgrad", "lion"]
ScheduleName: TypeAlias = Literal[
    "constant", "step", "exponential", "inverse_time", "cosine", "one_cycle", "flat_cosine", "coslog4"
]
NormName: TypeAlias = Literal["batch", "layer"]
ParametrizationName: TypeAlias = Literal["standard", "ntk"]
MetricName: TypeAlias = Literal["accuracy"]
DTypeName: TypeAlias = Literal["float32", "float64"]
#: What ``dtype=`` takes: a name, ``np.float32``, or a dtype object
DTypeLike: TypeAlias = DTypeName | type[np.floating[Any]] | type[float] | np.dtype[Any]

Array: TypeAlias = NDArray[Any]
FloatArray: TypeAlias = NDArray[np.floating[Any]]
#: ``{label: weight}``, for several labels per example a list of these, ``"balanced"``, or None
ClassWeight: TypeAlias = Mapping[int, float] | Sequence[Mapping[int, float]] | Literal["balanced"] | None
#: ``{"W1": (n1, n0), "b1": (n1, 1), "W2": ...}``
Parameters: TypeAlias = dict[str, Array]
#: ``{"dW1": (n1, n0), "db1": (n1, 1), "dA0": ...}``
Grads: TypeAlias = dict[str, Array]


class Predictor(Protocol):
    """The type that ``Model.predictor()`` returns: call ``p(x)`` or ``p(x, out)`` with an example or rows."""

    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    def __call__(self, x: Array, out: Array | None = None, threads: int = 0) -> Array: ...


class Trained(Protocol):
    """The methods of a model that callbacks may use while it is being trained; ``Model`` has them."""

    extras: dict[str, Any]

    @property
    def epochs_trained(self) -> int: ...
    @property
    def parameters(self) -> MutableMapping[str, Array]: ...
    @property
    def running(self) -> MutableMapping[str, Array]: ...
    @property
    def flat_parameters(self) -> Array: ...
    def predict(self, X: object, *, out: Array | None = None, threads: int | None = None) -> Array: ...
    def predict_labels(self, X: object, *, threshold: float = 0.5, threads: int | None = None) -> Array: ...
    def evaluate(
        self, X: object, y: object, *, sample_weight: object = None, threads: int | None = None
    ) -> dict[str, float]: ...
    def save(self, path: str | os.PathLike[str], extras: Mapping[str, Any] | None = None) -> None: ...
    def snapshot(self) -> Any: ...
    def restore(self, snapshot: Any) -> None: ...
