"""Typed contract of the native module; checked against the built variant by ``mypy.stubtest``."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, TypeVar, final

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[Any]
# units, activation, its parameter, and options that are not at their default
_Layer: TypeAlias = tuple[int, str, float] | tuple[int, str, float, dict[str, Any]]
# name of the array, layer, rows, columns, and where its first value lies; stored column by column
_Tensor: TypeAlias = tuple[str, int, int, int, int]
# seed and step, the factors on dropout and label smoothing, and the place of the first example in its batch
_Training: TypeAlias = tuple[int, int] | tuple[int, int, float, float] | tuple[int, int, float, float, int]
# (m, n): an array, or an object with data, indices and indptr as compressed sparse rows have them
_Features: TypeAlias = Any
_F = TypeVar("_F", np.float32, np.float64)

VARIANTS: Final[tuple[str, ...]]
variant: str
c_table: Any  # the PyCapsule "deepcore.capi.table"

def build_info() -> dict[str, str]: ...

# The tables: one dict a row.
def activations() -> list[dict[str, Any]]: ...
def losses() -> list[dict[str, Any]]: ...
def initializers() -> list[dict[str, Any]]: ...
def optimizers() -> list[dict[str, Any]]: ...
def schedules() -> list[dict[str, Any]]: ...
def metrics() -> list[dict[str, Any]]: ...

# The notes, function by function: rows are units, columns are examples, any strides.
def linear_forward(A_prev: NDArray[_F], W: NDArray[_F], b: NDArray[_F]) -> NDArray[_F]: ...
def linear_backward(
    dZ: NDArray[_F], A_prev: NDArray[_F], W: NDArray[_F]
) -> tuple[NDArray[_F], NDArray[_F], NDArray[_F]]: ...
def activation_forward(Z: NDArray[_F], name: str, parameter: float) -> NDArray[_F]: ...
def activation_backward(dA: NDArray[_F], Z: NDArray[_F], name: str, parameter: float) -> NDArray[_F]: ...
def loss_values(A: NDArray[_F], Y: NDArray[_F], name: str, parameter: float | None = ...) -> NDArray[_F]: ...
def loss_gradient(
    A: NDArray[_F], Y: NDArray[_F], name: str, parameter: float | None = ...
) -> NDArray[_F]: ...
def initialize(
    n_out: int, n_in: int, name: str, gain: float, seed: int, layer: int
) -> NDArray[np.float64]: ...
def update(
    name: str,
    hyper: dict[str, float],
    learning_rate: float,
    t: int,
    parameter: NDArray[_F],
    gradient: NDArray[_F],
    slots: Sequence[NDArray[_F]],
) -> None: ...
def first_nonfinite_row(a: NDArray[_F]) -> int: ...
def sync_folder(path: bytes) -> int: ...
def peak_gflops(threads: int, seconds: float) -> float: ...
def num_threads() -> int: ...
def set_num_threads(threads: int) -> None: ...
def normal(seed: int, stream: int, count: int) -> NDArray[np.float64]: ...
def uniform(seed: int, stream: int, count: int) -> NDArray[np.float64]: ...
def permutation(seed: int, epoch: int, m: int) -> NDArray[np.int64]: ...

@final
class Schedule:
    def __init__(self, name: str, parameters: Sequence[float]) -> None: ...
    @staticmethod
    def table(values: NDArray[np.float64]) -> Schedule: ...
    @staticmethod
    def warmup(after: Schedule, steps: int, start: float) -> Schedule: ...
    def scaled(self, factor: float) -> Schedule: ...
    def __call__(self, step: int) -> float: ...

# Several networks in one call: a dict for each, see _training/many.py. For each network the losses of its
# epochs, the step whose loss was not finite or -1, and losses and accuracies of the validation examples.
def train_many(
    trainings: Sequence[dict[str, Any]],
    threads: int = ...,
    on_poll: Callable[[int, int], None] | None = ...,
    progress: bool = ...,
) -> list[tuple[list[float], int, list[float], list[float]]]: ...

@final
class Place:  # within an epoch: examples visited, and the sums over them, each with its rounding errors
    def __init__(self) -> None: ...
    visited: int
    loss: list[float]
    weight: list[float]

@final
class Ranks:  # one of several processes that train together: cut is "even", "chains" or "own"
    def __init__(self, cut: str, rank: int, count: int, steps: int = ..., first: int = ...) -> None: ...

# The engine, once per dtype: rows are examples.
@final
class TrainerF32:
    def __enter__(self) -> None: ...
    def __exit__(self, *exception: object) -> None: ...

@final
class NetworkF32:
    def __init__(
        self,
        inputs: int,
        layers: Sequence[_Layer],
        loss: str,
        loss_parameter: float | None = ...,
        label_smoothing: float = ...,
        input_dropout: float = ...,
        embeddings: dict[str, Any] = ...,
    ) -> None: ...
    @property
    def parameters(self) -> NDArray[np.float32]: ...
    @property
    def tensors(self) -> list[_Tensor]: ...
    @property
    def running_tensors(self) -> list[_Tensor]: ...
    scikit_learn_sums: bool
    def handle(self) -> Any: ...  # a PyCapsule "deepcore.capi.network"
    epochs: int
    def seen(self) -> NetworkF32 | None: ...
    def numbers(self) -> tuple[NDArray[np.float32], NDArray[np.float32], int]: ...
    def restore(self, parameters: _Array, running: _Array) -> None: ...
    def trainer(self) -> TrainerF32: ...
    def share(self) -> None: ...
    @property
    def changes(self) -> int: ...
    def abandon(self) -> None: ...
    @property
    def running(self) -> _Array: ...
    def predict(self, X: _Features, out: _Array | None = ..., threads: int = ...) -> NDArray[np.float32]: ...
    def predict_as_given(self, X: object, threads: object) -> NDArray[np.float32] | None: ...
    def nonfinite_layer(self, X: _Features) -> int: ...
    def evaluate(
        self, X: _Features, y: _Array, sample_weight: _Array | None = ..., threads: int = ...
    ) -> tuple[float, float]: ...
    def gradient(
        self,
        X: _Features,
        y: _Array,
        gradient: _Array,
        sample_weight: _Array | None = ...,
        threads: int = ...,
        training: _Training | None = ...,
        masks: dict[int, Any] = ...,
        sums: bool = ...,
    ) -> float: ...
    def plan(
        self, batch: int, optimizer: OptimizerF32 | None = ..., threads: int = ...
    ) -> dict[str, Any]: ...
    def trace(
        self,
        X: _Features,
        y: _Array,
        sample_weight: _Array | None = ...,
        training: _Training | None = ...,
    ) -> dict[str, NDArray[np.float32]]: ...
    def train(
        self,
        X: _Features,
        y: _Array,
        optimizer: OptimizerF32,
        batch_size: int,
        epochs: int,
        shuffle: bool = ...,
        seed: int = ...,
        first_epoch: int = ...,
        sample_weight: _Array | None = ...,
        on_epoch: Callable[[int, float], bool] | None = ...,
        threads: int = ...,
        order: NDArray[np.int64] | None = ...,
        on_poll: Callable[[], object] | None = ...,
        dropout: Schedule | None = ...,
        smoothing: Schedule | None = ...,
        place: Place | None = ...,
        on_pause: Callable[[], object] | None = ...,
        ranks: Ranks | None = ...,
        on_sums: Callable[..., tuple[float, float, float, float, int]] | None = ...,
    ) -> tuple[list[float], int]: ...

@final
class TrainerF64:
    def __enter__(self) -> None: ...
    def __exit__(self, *exception: object) -> None: ...

@final
class NetworkF64:
    def __init__(
        self,
        inputs: int,
        layers: Sequence[_Layer],
        loss: str,
        loss_parameter: float | None = ...,
        label_smoothing: float = ...,
        input_dropout: float = ...,
        embeddings: dict[str, Any] = ...,
    ) -> None: ...
    @property
    def parameters(self) -> NDArray[np.float64]: ...
    @property
    def tensors(self) -> list[_Tensor]: ...
    @property
    def running_tensors(self) -> list[_Tensor]: ...
    scikit_learn_sums: bool
    def handle(self) -> Any: ...  # a PyCapsule "deepcore.capi.network"
    epochs: int
    def seen(self) -> NetworkF64 | None: ...
    def numbers(self) -> tuple[NDArray[np.float64], NDArray[np.float64], int]: ...
    def restore(self, parameters: _Array, running: _Array) -> None: ...
    def trainer(self) -> TrainerF64: ...
    def share(self) -> None: ...
    @property
    def changes(self) -> int: ...
    def abandon(self) -> None: ...
    @property
    def running(self) -> _Array: ...
    def predict(self, X: _Features, out: _Array | None = ..., threads: int = ...) -> NDArray[np.float64]: ...
    def predict_as_given(self, X: object, threads: object) -> NDArray[np.float64] | None: ...
    def nonfinite_layer(self, X: _Features) -> int: ...
    def evaluate(
        self, X: _Features, y: _Array, sample_weight: _Array | None = ..., threads: int = ...
    ) -> tuple[float, float]: ...
    def gradient(
        self,
        X: _Features,
        y: _Array,
        gradient: _Array,
        sample_weight: _Array | None = ...,
        threads: int = ...,
        training: _Training | None = ...,
        masks: dict[int, Any] = ...,
        sums: bool = ...,
    ) -> float: ...
    def plan(
        self, batch: int, optimizer: OptimizerF64 | None = ..., threads: int = ...
    ) -> dict[str, Any]: ...
    def trace(
        self,
        X: _Features,
        y: _Array,
        sample_weight: _Array | None = ...,
        training: _Training | None = ...,
    ) -> dict[str, NDArray[np.float64]]: ...
    def train(
        self,
        X: _Features,
        y: _Array,
        optimizer: OptimizerF64,
        batch_size: int,
        epochs: int,
        shuffle: bool = ...,
        seed: int = ...,
        first_epoch: int = ...,
        sample_weight: _Array | None = ...,
        on_epoch: Callable[[int, float], bool] | None = ...,
        threads: int = ...,
        order: NDArray[np.int64] | None = ...,
        on_poll: Callable[[], object] | None = ...,
        dropout: Schedule | None = ...,
        smoothing: Schedule | None = ...,
        place: Place | None = ...,
        on_pause: Callable[[], object] | None = ...,
        ranks: Ranks | None = ...,
        on_sums: Callable[..., tuple[float, float, float, float, int]] | None = ...,
    ) -> tuple[list[float], int]: ...

@final
class OptimizerF32:
    def __init__(
        self,
        network: NetworkF32,
        name: str,
        hyper: dict[str, float],
        schedule: Schedule,
        decay: Schedule | None = ...,
    ) -> None: ...
    steps: int
    learning_rate: Schedule
    decay: Schedule | None
    def handle(self) -> Any: ...  # a PyCapsule "deepcore.capi.optimizer"
    @property
    def slots(self) -> dict[str, NDArray[np.float32]]: ...
    @slots.setter
    def slots(self, values: dict[str, NDArray[np.float32]], /) -> None: ...
    def step(self, network: NetworkF32, gradient: _Array) -> None: ...

@final
class OptimizerF64:
    def __init__(
        self,
        network: NetworkF64,
        name: str,
        hyper: dict[str, float],
        schedule: Schedule,
        decay: Schedule | None = ...,
    ) -> None: ...
    steps: int
    learning_rate: Schedule
    decay: Schedule | None
    def handle(self) -> Any: ...  # a PyCapsule "deepcore.capi.optimizer"
    @property
    def slots(self) -> dict[str, NDArray[np.float64]]: ...
    @slots.setter
    def slots(self, values: dict[str, NDArray[np.float64]], /) -> None: ...
    def step(self, network: NetworkF64, gradient: _Array) -> None: ...

@final
class PredictorF32:
    def __init__(self, network: NetworkF32) -> None: ...
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    def __call__(self, x: _Array, out: _Array | None = ..., threads: int = ...) -> NDArray[np.float32]: ...

@final
class PredictorF64:
    def __init__(self, network: NetworkF64) -> None: ...
    @property
    def inputs(self) -> int: ...
    @property
    def outputs(self) -> int: ...
    def __call__(self, x: _Array, out: _Array | None = ..., threads: int = ...) -> NDArray[np.float64]: ...
