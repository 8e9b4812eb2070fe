"""Average the outputs of several networks: ``Ensemble``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from deepcore import _checks, _core, catalog
from deepcore._keywords import checked, checked_class
from deepcore._labels import labels
from deepcore._network.examples import Examples
from deepcore._network.network import Network
from deepcore._network.spec import Spec
from deepcore._predicting import evaluation, predicted, predicted_labels
from deepcore.files import model_file
from deepcore.files.computation import of_networks
from deepcore.many import checked_models
from deepcore.model import Model
from deepcore.typing import Array, DTypeLike, Predictor

if TYPE_CHECKING:
    from deepcore.files.c_header import CHeader

__all__ = ["Ensemble"]

_Metric = str | Callable[[Array, Array], float]


@checked_class
class Ensemble:
    """Average the outputs of several models, such as the folds or the seeds of one search.

    Args:
        models: Models with the same inputs, outputs, output activation, loss (with its parameter) and dtype;
            their hidden layers may differ. If their extras name ``"classes"`` or ``"features"``, the names
            must be the same.
        extras: JSON data that is saved with the models. None: the names that their extras have.

    Raises:
        TypeError: if ``models`` does not hold models.
        ValueError: if there are none, or they do not fit together.

    Example:
        >>> import numpy as np, deepcore as dc
        >>> models = [dc.mlp([2, 4, 3], seed=seed) for seed in range(5)]
        >>> ensemble = dc.Ensemble(models)
        >>> ensemble.predict(np.zeros((10, 2))).shape
        (10, 3)
    """

    def __init__(self, models: Sequence[Model], extras: Mapping[str, Any] | None = None) -> None:
        self._models = tuple(checked_models("Ensemble", models))
        for number, model in enumerate(self._models):
            if (got := _interface(model.spec)) != (first := _interface(self._models[0].spec)):
                raise ValueError(
                    f"Ensemble: models must have the same inputs, outputs, output, loss and dtype, but model "
                    f"{number} has {_checks.shown(got)} and model 0 has {_checks.shown(first)}"
                )
        names = _names(self._models)
        self.extras = names if extras is None else dict(_checks.mapping("Ensemble", "extras", extras))
        self._average = _Average(self._models)

    @property
    def models(self) -> tuple[Model, ...]:
        """The models."""
        return self._models

    @property
    def spec(self) -> Spec:
        """The description of the first model; inputs, outputs, loss and dtype are those of all."""
        return self._models[0].spec

    @property
    def inputs(self) -> int:
        """n_x, number of features."""
        return self.spec.inputs

    @property
    def outputs(self) -> int:
        """n_L, number of output units."""
        return self.spec.outputs

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self.spec.dtype

    @checked("predict")
    def predict(self, X: object, *, threads: int | None = None) -> Array:
        """Compute the mean of the models' outputs, one row per example.

        Args:
            X: (m, n_x), or one example (n_x,); dense, or a scipy.sparse matrix.
            threads: Number of threads; None: the default.

        Returns:
            (m, n_L), or (n_L,) for one example.

        Raises:
            TypeError: if X does not hold real numbers.
            ValueError: if a shape is wrong or X is not finite.
        """
        return predicted(self._average, X, None, threads)

    @checked("predict_labels")
    def predict_labels(self, X: object, *, threshold: float = 0.5, threads: int | None = None) -> Array:
        """Predict labels: the largest mean output of a softmax, or 1 where a sigmoid's exceeds ``threshold``.

        Args:
            X: (m, n_x), or one example (n_x,).
            threshold: For sigmoid outputs; an output that equals it gives label 0.
            threads: Number of threads; None: the default.

        Returns:
            int64, (m,) for softmax or one sigmoid output, (m, n_L) for several; one example drops the first
            axis.

        Raises:
            ValueError: if the outputs are not probabilities, or are NaN, and whatever ``predict`` raises.
        """
        return predicted_labels(self._average, X, threshold, threads)

    @checked("evaluate")
    def evaluate(
        self,
        X: object,
        y: object = None,
        *,
        sample_weight: object = None,
        threads: int | None = None,
        metrics: Sequence[_Metric] = (),
    ) -> dict[str, float]:
        """Compute the loss of the averaged outputs, the accuracy of classifiers, and further metrics.

        Args:
            X: (m, n_x), or a stream, which holds y and the weights too.
            y: Targets, as ``Model.fit`` takes them, like ``sample_weight``.
            threads: Number of threads; None: the default.
            metrics: Names of ``deepcore.metrics``, or functions ``metric(y, outputs)``.

        Returns:
            ``{"loss": ..., "accuracy": ...}``; without accuracy if the output is neither sigmoid nor softmax.
            The loss has no penalty and no label smoothing. It is computed from the outputs: where it takes
            their logarithm, one that is rounded to 0 or 1 counts as the next number, and the loss is finite.
        """
        return evaluation(self._average, X, y, sample_weight, threads, metrics)

    def summary(self) -> str:
        """Say how many models there are, and show the layers of each kind among them as a table.

        Example:
            >>> import deepcore as dc
            >>> print(dc.Ensemble([dc.mlp([2, 1]), dc.mlp([2, 1])]).summary())
            2 of 2 models:
            layer  units  activation       W       b       Z       A  parameters
            --------------------------------------------------------------------
                0      2  (input)                             (2, m)
                1      1  sigmoid     (1, 2)  (1, 1)  (1, m)  (1, m)           3
            3 parameters; loss binary_cross_entropy; float32; m: number of examples
        """
        kinds: dict[str, int] = {}
        for model in self._models:
            shown = str(model.summary())
            kinds[shown] = kinds.get(shown, 0) + 1
        return "\n".join(f"{count} of {len(self)} models:\n{shown}" for shown, count in kinds.items())

    def save(self, path: str | os.PathLike[str], extras: Mapping[str, Any] | None = None) -> None:
        """Write all models to one safetensors file, which ``deepcore.load`` reads; see ``Model.save``.

        Args:
            path: The file.
            extras: JSON data to keep with the ensemble; replaces ``extras``. None: ``extras`` is written.

        Raises:
            OSError: if the file cannot be written; nothing is left behind.
            ValueError: if a parameter is not finite or ``extras`` is not JSON data.
        """
        chosen = self.extras if extras is None else dict(_checks.mapping("save", "extras", extras))
        members = [model_file.Contents(model.network, model.extras) for model in self._models]
        model_file.write_members(path, members, chosen)
        self.extras = chosen

    @checked("predictor")
    def predictor(self, *, weights: Literal["bfloat16", "int8"] | None = None) -> Predictor:
        """Make a copy for predictions where microseconds count; see ``Model.predictor``.

        It also allocates the outputs of each model.

        Args:
            weights: Of fewer bits, ``"bfloat16"`` or ``"int8"``; None: the models' own.

        Raises:
            ValueError: if ``weights`` is something else, or the models are not float32.

        Example:
            >>> import deepcore as dc
            >>> p = dc.Ensemble([dc.mlp([2, 4, 1]), dc.mlp([2, 8, 1])]).predictor()
            >>> p(np.zeros(2, np.float32))
            array([0.5], dtype=float32)
        """
        return _MeanPredictor([model.predictor(weights=weights) for model in self._models])

    @checked("to_onnx")
    def to_onnx(
        self, path: str | os.PathLike[str], *, dtype: DTypeLike | None = None, fold: bool = False
    ) -> None:
        """Write an ONNX file with the input X and the mean outputs Y; see ``Model.to_onnx``.

        Args:
            path: The file; an old one is replaced as a whole.
            dtype: ``"float32"`` or ``"float64"``; None: the models' dtype.
            fold: Make batch norms part of the weights as well.

        Raises:
            ModuleNotFoundError: if onnx is not installed.
            OSError: if the file cannot be written.
            ValueError: if a parameter is not finite.
        """
        from deepcore.files import onnx

        kind = None if dtype is None else _checks.dtype("to_onnx", dtype)
        networks = [model.network for model in self._models]
        describe = partial(of_networks, "to_onnx", fold=_checks.flag("to_onnx", "fold", fold))
        onnx.write(path, networks, describe, kind)

    @checked("to_c_header")
    def to_c_header(
        self,
        path: str | os.PathLike[str],
        *,
        prefix: str = "net",
        dtype: DTypeLike | None = None,
        int8: bool = False,
        data: tuple[Any, Any] | None = None,
    ) -> CHeader:
        """Write one C header that computes the mean outputs; see ``Model.to_c_header``.

        Args:
            path: The file; an old one is replaced as a whole.
            prefix: All names in the file begin with it.
            dtype: ``"float32"`` writes ``float``, ``"float64"`` writes ``double``; None: the models' dtype.
            int8: Keep every weight in one byte, with a scale per unit.
            data: ``(X, y)`` on which the ensemble and the header are compared; None: they are not.

        Raises:
            OSError: if the file cannot be written.
            ValueError: if a parameter is not finite, or ``prefix`` is not an identifier.
        """
        from deepcore.files import c_header

        def scores(networks: Sequence[Network]) -> dict[str, float]:
            X, y = _checks.pair("to_c_header", "data", data)
            return Ensemble([Model.from_network(network) for network in networks]).evaluate(X, y)

        return c_header.write(
            path, [model.network for model in self._models], partial(of_networks, "to_c_header"), scores,
            prefix=prefix, dtype=dtype, int8=int8, data=data,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self._models)

    def __repr__(self) -> str:
        return f"Ensemble({len(self)} models, first {self._models[0]!r})"


class _Average:
    """Compute the mean outputs of several models; what predicts and evaluates a network takes it too."""

    def __init__(self, models: Sequence[Model]) -> None:
        self.spec, self.check, self._models = models[0].spec, models[0].network.check, models

    def outputs(self, X: Any, threads: int, out: Array | None = None) -> Array:
        """Average the outputs for checked features, in the order of the models and in float64."""
        mean = self._mean(X, threads)
        A = np.empty(mean.shape, self.spec.dtype) if out is None else out
        A[...] = mean
        return A

    def _mean(self, X: Any, threads: int) -> Array:
        total = np.zeros((X.shape[0], self.spec.outputs))
        for model in self._models:
            total += model.network.outputs(X, threads)
        return total / len(self._models)

    def evaluate(self, data: Examples, threads: int) -> tuple[float, float]:
        """Compute the mean loss and the accuracy of the averaged outputs."""
        spec, mean = self.spec, self._mean(data.X, threads)
        softmax = spec.output == "softmax"
        Y = np.eye(spec.outputs)[data.y] if softmax else data.y.astype(np.float64)
        losses = _core.loss_values(_inside(mean, spec).T, Y.T, spec.loss, spec.loss_parameter)
        right = np.nan
        if spec.gives_probabilities:
            known = data.y if softmax else labels(data.y, spec.output)
            hits = labels(mean.astype(spec.dtype), spec.output) == known
            right = np.average(hits if hits.ndim == 1 else hits.all(axis=1), weights=data.weight)
        return float(np.average(losses, weights=data.weight)), float(right)


def _inside(outputs: Array, spec: Spec) -> Array:
    """Move outputs that were rounded to 0 or 1 to the next number, if the loss takes logarithms of them."""
    row, numbers = catalog.losses[spec.loss], np.finfo(spec.dtype)
    if row["needs_probability"]:
        return np.clip(outputs, numbers.tiny, 1 - numbers.epsneg)
    return np.maximum(outputs, numbers.tiny) if row["needs_positive"] else outputs


class _MeanPredictor:
    """Compute the mean of several predictors."""

    def __init__(self, predictors: Sequence[Predictor]) -> None:
        self._predictors = predictors
        self.inputs, self.outputs = predictors[0].inputs, predictors[0].outputs

    def __call__(self, x: Array, out: Array | None = None, threads: int = 0) -> Array:
        *others, last = self._predictors
        total: Array | float = 0.0
        for predictor in others:
            total = total + predictor(x, None, threads).astype(np.float64)
        A = last(x, out, threads)  # it checks out, and has read x, which may share memory with out
        A[...] = (total + A) / len(self._predictors)
        return A

    def __repr__(self) -> str:
        return f"Predictor(mean of {len(self._predictors)}, first {self._predictors[0]!r})"


def _names(models: Sequence[Model]) -> dict[str, Any]:
    """Return the names of classes and features in the extras of the models; refuse different ones."""
    found: dict[str, tuple[int, Any]] = {}
    for number, model in enumerate(models):
        for kind in ("classes", "features"):
            if kind not in model.extras:
                continue
            names = np.asarray(model.extras[kind], object).tolist()
            first, known = found.setdefault(kind, (number, names))
            if names != known:
                raise ValueError(
                    f"Ensemble: models must have the same {kind}, but model {number} has "
                    f"{_checks.shown(names)} and model {first} has {_checks.shown(known)}"
                )
    return {kind: names for kind, (_, names) in found.items()}


def _interface(spec: Spec) -> tuple[object, ...]:
    """Return what models must have in common so that their outputs can be averaged."""
    default = catalog.losses[spec.loss]["parameter"]
    parameter = default if spec.loss_parameter is None else spec.loss_parameter
    loss = spec.loss if parameter is None else f"{spec.loss}({parameter})"
    return spec.inputs, spec.outputs, spec.output, loss, spec.dtype.name
