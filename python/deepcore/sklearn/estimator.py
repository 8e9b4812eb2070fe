"""The common part of MLPClassifier and MLPRegressor: parameters, fitting, the network, and predictions."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils import assert_all_finite
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from deepcore import _checks, catalog
from deepcore._network.examples import Examples, check_sum
from deepcore._network.network import Network
from deepcore._network.spec import Spec
from deepcore._training.checkpoint import find
from deepcore.callbacks import refuse_what_cannot_be_called
from deepcore.layers import Dense
from deepcore.model import Model
from deepcore.sklearn import saving
from deepcore.sklearn.base import Estimator, check_weights
from deepcore.sklearn.coefficients import Arrays, Coefficients, Stepper, dense_layers
from deepcore.sklearn.lbfgs import fit_lbfgs
from deepcore.sklearn.record import Record, Settings
from deepcore.sklearn.stochastic import Data, Epochs
from deepcore.typing import Array

__all__ = ["BaseMLP", "has_partial_fit"]

SMALL = 4096  # elements; for larger arrays, validation costs less than the network
STOCHASTIC = ("sgd", "adam")
ACTIVATIONS = {"identity", "logistic", "tanh", "relu"} | (set(catalog.activations) - {"softmax"})


def rows(X: Any) -> Any:
    """Return sparse columns as sparse rows, which the core reads, and anything else unchanged."""
    return X.tocsr() if hasattr(X, "tocsr") else X


def has_partial_fit(estimator: BaseMLP) -> bool:
    """Return True if the solver of an estimator trains in epochs; otherwise raise an AttributeError."""
    if estimator.solver not in STOCHASTIC:
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True


class BaseMLP(Estimator):
    """Base class of ``MLPClassifier`` and ``MLPRegressor``; it is not an estimator itself."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Estimator._parameter_constraints,
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(ACTIVATIONS), list, tuple],
        "solver": [StrOptions({"lbfgs", *STOCHASTIC})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple],
        "norm": [StrOptions({"batch", "layer"}), list, tuple, None],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "dtype": [StrOptions({"float32", "float64"}), None],
        "callbacks": [list, tuple],
    }

    _score_name = ""  # name of the validation score in the records of callbacks
    _coefficients: Coefficients
    _record: Record
    n_outputs_: int
    n_layers_: int
    out_activation_: str
    loss_curve_: list[float]
    validation_scores_: list[float] | None

    # The parameters

    @property
    def coefs_(self) -> Arrays:
        """Weights of each layer, (n_in, n_out), as views. Assigning copies the values into the network."""
        return self._fitted("coefs_").coefs

    @coefs_.setter
    def coefs_(self, arrays: Sequence[Array]) -> None:
        self._fitted("coefs_").coefs[:] = arrays

    @property
    def intercepts_(self) -> Arrays:
        """Biases of each layer, (n_out,), as views. Assigning copies the values into the network."""
        return self._fitted("intercepts_").intercepts

    @intercepts_.setter
    def intercepts_(self, arrays: Sequence[Array]) -> None:
        self._fitted("intercepts_").intercepts[:] = arrays

    @property
    def model_(self) -> Model:
        """The ``deepcore.Model`` that is trained: use ``model_.trace(X, y)``, ``model_.predictor()``, ...

        Its ``extras`` name the classes and the features. ``save`` of the estimator keeps more.
        """
        return self._fitted("model_").model

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one file; ``deepcore.load(path)`` gives it back, and it can go on.

        Unlike a pickle, the file is safe to load whoever wrote it: nothing in it is executed. ``callbacks``,
        and a ``random_state`` that is a generator, are not kept.

        Args:
            path: The file; by custom it ends in ``.safetensors``.

        Raises:
            OSError: if the file cannot be written; nothing is left behind.
            ValueError: if the estimator is of a class of your own, an argument or a label is of a type that a
                file cannot hold, or a parameter is not finite.
        """
        self._fitted("save")
        saving.check_class(self, "MLPClassifier", "MLPRegressor")
        saving.write(path, self)

    @property
    def _optimizer(self) -> Stepper | None:
        return self._fitted("_optimizer").stepper

    def _fitted(self, name: str) -> Coefficients:
        try:
            return self._coefficients
        except AttributeError:
            raise AttributeError(
                f"{type(self).__name__} has no {name} yet: call fit or partial_fit first"
            ) from None

    # Fitting

    @abstractmethod
    def _encode(self, X: Any, y: Any, incremental: bool, first: bool) -> tuple[Any, Array, Any, Any]:
        """X checked; y as the network takes it; weights by class; what to stratify a split by."""

    @abstractmethod
    def _targets(self, y: Array, dtype: Any) -> Array:
        """y as the network takes it."""

    @abstractmethod
    def _validation_targets(self, y: Any) -> Array:
        """Targets of validation data, checked like y; what the network has no output for is refused."""

    @abstractmethod
    def _output(self, target: Array) -> tuple[int, str, tuple[str, dict[str, Any]]]:
        """Units and activation of the output layer, and the loss with its options."""

    @abstractmethod
    def _scorer(self, X: Array, y: Array, weight: Array | None) -> Any:
        """A function of nothing: accuracy or R2 of the network on these data."""

    def _fit(self, X: Any, y: Any, sample_weight: Any, incremental: bool, validation_data: Any = None) -> Any:
        with self._all_or_nothing():
            train = self._prepared(X, y, sample_weight, incremental, validation_data)
        try:
            train()
        finally:  # also after Ctrl-C and errors
            self.show_record()
            self.model_.extras.update(saving.attributes(self))
        return self

    def _prepared(
        self, X: Any, y: Any, sample_weight: Any, incremental: bool, validation_data: Any
    ) -> Callable[[], Any]:
        """Check the arguments of a fit, make what it needs, and return the function that trains."""
        for name, value in (("X", X), ("y", y), ("sample_weight", sample_weight)):
            _checks.in_memory("fit", name, value)
        sizes = self._hidden_sizes()
        refuse_what_cannot_be_called(type(self).__name__, self.callbacks)
        first = not hasattr(self, "_coefficients") or not (self.warm_start or incremental)
        X, y, weight, stratify = self._encode(X, y, incremental, first)
        X = rows(X)
        if weight is not None:
            check_weights(weight, getattr(self, "class_weight", None), X.dtype)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
            weight = sample_weight if weight is None else sample_weight * weight
            check_sum("fit", weight, X.dtype)
        if self.early_stopping and incremental and self.solver in STOCHASTIC:
            raise ValueError("partial_fit does not support early_stopping=True")
        self._random_state = self._generator(saved=find("fit", self.callbacks) is not None)
        if first:
            self._build(X.shape[1], sizes, y, X.dtype)
        else:
            self._refresh(sizes, y)
        record, settings = self._record, self._settings(incremental)
        if self.solver == "lbfgs":
            return partial(fit_lbfgs, self._coefficients.model, X, y, weight, settings, record)
        data = self._data(X, y, weight, stratify, validation_data)
        if not incremental or self._coefficients.stepper is None:
            self._coefficients.stepper = self._new_stepper()
        return Epochs(self._coefficients, data, settings, record).run

    def _settings(self, incremental: bool) -> Settings:
        return Settings(
            alpha=self.alpha,
            batch_size=self.batch_size,
            max_iter=self.max_iter,
            max_fun=self.max_fun,
            tol=self.tol,
            shuffle=self.shuffle,
            verbose=self.verbose,
            early_stopping=self.early_stopping,
            n_iter_no_change=self.n_iter_no_change,
            incremental=incremental,
            score_name=self._score_name,
            random_state=self._random_state,
            threads=self.n_threads or 0,
            callbacks=self.callbacks,
        )

    def show_record(self) -> None:
        """Set the fitted attributes to what the last fit wrote down."""
        record = self._record
        self.n_iter_, self.t_, self.loss_ = record.n_iter, record.t, record.loss
        if self.solver in STOCHASTIC:
            self.loss_curve_ = record.loss_curve
            self._no_improvement_count = record.no_improvement_count  # as scikit-learn calls it
            self.best_loss_ = record.best_loss
            self.validation_scores_ = record.validation_scores
            self.best_validation_score_ = record.best_validation_score

    def _data(self, X: Any, y: Array, weight: Any, stratify: Any, validation_data: Any) -> Data:
        """The training data; ``validation_fraction`` is split off with the draws that scikit-learn makes."""
        if weight is not None:
            weight = weight.astype(self._coefficients.model.dtype, copy=False)
        held: tuple[Any, Array, Array | None] | None = None
        if validation_data is not None:
            held = self._validation(validation_data)
        elif self.early_stopping:
            train, test = train_test_split(
                np.arange(len(y)),
                random_state=self._random_state,
                test_size=self.validation_fraction,
                stratify=stratify,
            )
            held = X[test], y[test], None if weight is None else weight[test]
            X, y, weight = X[train], y[train], None if weight is None else weight[train]
        if held is not None and self.early_stopping and len(held[1]) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        examples = Examples(X, y, weight)
        return Data(examples) if held is None else Data(examples, self._scorer(*held), Examples(*held))

    def _hidden_sizes(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if np.any(np.array(sizes) <= 0):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return sizes

    def _for_each_layer(self, name: str, layers: int) -> list[Any]:
        value = getattr(self, name)
        values = list(value) if isinstance(value, (list, tuple)) else [value] * layers
        if len(values) != layers:
            raise ValueError(
                f"{name} must be one value or one for each of the {layers} hidden layers, got {values}"
            )
        return values

    def _layers(self, sizes: list[int], units: int, output: str) -> list[Dense]:
        activations = self._for_each_layer("activation", len(sizes))
        for name in activations:
            if name not in ACTIVATIONS:
                raise ValueError(f"activation must be one of {', '.join(sorted(ACTIVATIONS))}, got {name!r}")
        options = {name: self._for_each_layer(name, len(sizes)) for name in ("dropout", "norm")}
        if self.solver == "lbfgs" and (any(options["dropout"]) or "batch" in options["norm"]):
            raise ValueError(
                "dropout and norm='batch' need solver='adam' or 'sgd': lbfgs needs a loss that does not "
                "change "
                "between evaluations"
            )
        return dense_layers([*sizes, units], [*activations, output], self.alpha, **options)

    def _validation(self, data: Any) -> tuple[Any, Array, Array | None]:
        """``validation_data`` checked like X and y."""
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise ValueError(
                f"{type(self).__name__}: validation_data must be (X, y) or (X, y, sample_weight), got "
                f"{type(data).__name__}"
            )
        _checks.no_dates("fit", "validation_data", data[0])
        _checks.in_memory("fit", "validation_data", data[1])
        X = validate_data(self, data[0], accept_sparse="csr", dtype=self._dtypes(False), reset=False)
        y = self._validation_targets(data[1])
        check_consistent_length(X, y)
        weight = None if len(data) == 2 else _check_sample_weight(data[2], X, ensure_non_negative=True)
        return X, self._targets(y, X.dtype), weight

    def _build(self, n_features: int, sizes: list[int], y: Array, dtype: np.dtype[Any]) -> None:
        units, output, loss = self._output(y)
        layers = self._layers(sizes, units, output)
        spec = Spec.of(n_features, layers, loss=loss[0], dtype=dtype, **loss[1])
        model = Model.from_network(Network(spec))
        self._coefficients = Coefficients(model)
        bounded_as = self._for_each_layer("activation", len(sizes))
        self._coefficients.draw(self._random_state, [*bounded_as, *(bounded_as[-1:] or [self.activation])])
        if any(layer.dropout for layer in layers):  # the masks depend on seed, step, example and unit
            self._coefficients = self._coefficients.with_spec(seed=int(self._random_state.randint(2**31 - 1)))
        self._record = Record()
        self.n_outputs_, self.n_layers_, self.out_activation_ = units, len(sizes) + 2, output

    def _refresh(self, sizes: list[int], y: Array) -> None:
        """Apply what changed since the last fit; sizes, norms, dtype and outputs must be the same."""
        model = self._coefficients.model
        _, output, loss = self._output(y)
        layers = self._layers(sizes, self.n_outputs_, self.out_activation_)
        was = [layer.units for layer in model.layers]
        if was != [layer.units for layer in layers]:
            raise ValueError(
                f"hidden_layer_sizes must be those of the last fit, {was[:-1]}, got {sizes}; set "
                "warm_start=False to train from scratch"
            )
        norms = [layer.norm for layer in model.layers]
        if norms != [layer.norm for layer in layers]:
            raise ValueError(
                f"norm must be that of the last fit, {norms[:-1]}, got {self.norm}; set warm_start=False "
                "to train from scratch"
            )
        if self.dtype is not None and np.dtype(self.dtype) != model.dtype:
            raise ValueError(
                f"dtype must be that of the last fit, {model.dtype}, got {self.dtype}; set warm_start=False "
                "to train from scratch"
            )
        if output != self.out_activation_:
            raise ValueError(
                f"loss must have the output of the last fit, {self.out_activation_}, got {loss[0]}, which "
                f"has {output}; set warm_start=False to train from scratch"
            )
        spec = Spec.of(model.inputs, layers, loss=loss[0], dtype=model.dtype, **loss[1])
        names = ("layers", "loss", "loss_parameter", "label_smoothing")
        self._coefficients = self._coefficients.with_spec(**{name: getattr(spec, name) for name in names})

    def _new_stepper(self) -> Stepper:
        if self.solver == "sgd":
            constants = {"momentum": self.momentum, "nesterov": self.nesterovs_momentum}
        else:
            constants = {"beta1": self.beta_1, "beta2": self.beta_2, "eps": self.epsilon}
        network, schedule = self._coefficients.network, self.learning_rate
        rate, power = self.learning_rate_init, self.power_t
        return Stepper(network, self.solver, rate, schedule, power, self.clip_norm, **constants)

    def _dtypes(self, first: bool) -> Any:
        """The dtypes that X may have: the one the user asked for, the network's, or its own."""
        if not first:
            return self._coefficients.model.dtype
        return (np.float64, np.float32) if self.dtype is None else np.dtype(self.dtype)

    # Predicting

    def _outputs(self, X: Any) -> Array:
        """Return output activations (m, n_outputs); some small arrays skip scikit-learn's validation."""
        try:
            network = self._coefficients
        except AttributeError:
            check_is_fitted(self)  # raises what scikit-learn raises
            raise
        model = network.model
        if (
            type(X) is np.ndarray
            and X.dtype == model.dtype
            and X.ndim == 2
            and X.shape[1] == model.inputs
            and 0 < X.size <= SMALL
            and not hasattr(self, "feature_names_in_")
            and np.isfinite(X).all()
        ):
            return network.outputs(X, threads=self.n_threads or 0)
        _checks.no_dates("predict", "X", X)
        X = rows(validate_data(self, X, accept_sparse=["csr", "csc"], reset=False))
        if X.dtype != model.dtype:
            X = X.astype(model.dtype)
            assert_all_finite(X, estimator_name=type(self).__name__, input_name="X")
        return network.outputs(X, threads=self.n_threads or 0)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_coefficients")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
