"""RealMLPClassifier and RealMLPRegressor: networks for tables with strong defaults."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.model_selection import KFold, StratifiedKFold, check_cv
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from deepcore import _checks
from deepcore._labels import labels
from deepcore._network.network import Network
from deepcore._realmlp.ensemble import FittedSplit, Rows, Table, auto_batch, fit_splits, holdout, predict
from deepcore._realmlp.recipe import Recipe
from deepcore._realmlp.training import Rules
from deepcore._training.checkpoint import Checkpoints
from deepcore.callbacks import Checkpoint
from deepcore.model import Model
from deepcore.sklearn import saving, table_exporting, table_saving
from deepcore.sklearn.base import Estimator, check_weights
from deepcore.sklearn.table_columns import TableColumns
from deepcore.tabular.column_arrays import is_missing
from deepcore.typing import Array, DTypeLike

if TYPE_CHECKING:
    from deepcore.files.c_header import CHeader

__all__ = ["RealMLPClassifier", "RealMLPRegressor"]


class BaseRealMLP(Estimator):
    """Base class of ``RealMLPClassifier`` and ``RealMLPRegressor``; it is not an estimator itself."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Estimator._parameter_constraints,
        "variant": [StrOptions({"td", "td_s"})],
        "n_ens": [Interval(Integral, 1, None, closed="left")],
        "cv": [Interval(Integral, 2, None, closed="left"), HasMethods(["split"]), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "n_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "dropout": [Interval(Real, 0, 1, closed="left"), None],
        "weight_decay": [Interval(Real, 0, None, closed="left"), None],
        "early_stopping": ["boolean"],
        "patience": [tuple, list],
        "time_limit": [Interval(Real, 0, None, closed="neither"), None],
        "categorical_features": ["array-like", None],
        "recipe": [dict, None],
        "dtype": [StrOptions({"float32", "float64"})],
        "checkpoint": [Checkpoint, None],
    }

    splits_: list[FittedSplit]
    table_columns_: TableColumns

    @property
    def models_(self) -> list[list[Model]]:
        """The trained networks: one list of members per split. They are views of the estimator's networks."""
        check_is_fitted(self)
        return [[Model.from_network(member.network) for member in split.members] for split in self.splits_]

    @property
    def best_epochs_(self) -> list[int]:
        """The best epoch of each split, counted from 1."""
        check_is_fitted(self)
        return [split.outcome.best_epoch for split in self.splits_]

    @property
    def loss_curves_(self) -> list[list[float]]:
        """The mean training loss of every epoch, one list per split."""
        check_is_fitted(self)
        return [split.outcome.losses for split in self.splits_]

    @property
    def validation_errors_(self) -> list[list[float]]:
        """The validation error after every epoch, one list per split."""
        check_is_fitted(self)
        return [split.outcome.errors for split in self.splits_]

    @property
    def n_iter_(self) -> int:
        """The number of epochs of the split that was trained longest."""
        check_is_fitted(self)
        return max(len(split.outcome.losses) for split in self.splits_)

    def _changes(self) -> dict[str, Any]:
        """Return what the arguments that only one of the estimators has change in the recipe."""
        return {}

    def _recipe(self, classes: bool, rows: int) -> Recipe:
        sizes = self.hidden_layer_sizes
        hidden = tuple(sizes if hasattr(sizes, "__iter__") else [sizes])
        if not all(isinstance(n, (int, np.integer)) and n >= 1 for n in hidden):
            raise ValueError(f"hidden_layer_sizes must be integers of at least 1, got {sizes}.")
        batch = auto_batch(rows) if isinstance(self.batch_size, str) else int(self.batch_size)
        chosen = {
            "learning_rate": self.learning_rate,
            "dropout": self.dropout,
            "decay": self.weight_decay,
            **self._changes(),
        }
        changes = {name: value for name, value in chosen.items() if value is not None}
        changes |= {"hidden": tuple(map(int, hidden)), "epochs": int(self.n_epochs), "batch_size": batch}
        try:
            return Recipe.of(self.variant, classes, **changes, **(self.recipe or {}))
        except TypeError as error:
            raise ValueError(
                f"recipe must name hyperparameters that are not arguments, got {self.recipe}: {error}"
            ) from error

    def _rules(self, metric: str) -> Rules:
        if len(self.patience) != 2 or not all(isinstance(n, Real) and float(n) >= 0 for n in self.patience):
            raise ValueError(f"patience must be two numbers (factor, epochs), got {self.patience}")
        factor, more = self.patience
        patience = (float(factor), float(more)) if self.early_stopping else None
        checkpoint = self.checkpoint
        asked = None if checkpoint is None else lambda epoch, error: bool(checkpoint.stopping)
        return Rules(metric, patience, self.time_limit, self.n_threads or 0, asked)

    def _splits(self, m: int, y: Array, classes: bool, rng: np.random.RandomState) -> list[Rows]:
        """Return the training and validation rows of every split."""
        if self.cv is None:
            fraction = self.validation_fraction if m > 1 else 0.0
            return [holdout(m, fraction, np.random.default_rng(rng.randint(2**31 - 1)))]
        folds = self.cv
        if isinstance(folds, Integral):
            kind = StratifiedKFold if classes else KFold
            folds = kind(int(folds), shuffle=True, random_state=rng.randint(2**31 - 1))
        return list(check_cv(folds, y, classifier=classes).split(np.zeros(m), y))

    def _tables(self, X: Any, y: Any, X_val: Any, y_val: Any) -> list[Table]:
        """Learn the columns of X; return its table, and that of the validation rows if there are any."""
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together")
        if X_val is not None and self.cv is not None:
            raise ValueError("cv must be None if X_val is given, because the folds are the validation rows")
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        self.table_columns_ = TableColumns(self.categorical_features)
        return self.table_columns_.fit(self, [X] if X_val is None else [X, X_val])

    def _train(
        self,
        tables: list[Table],
        y: Array,
        y_val: Array | None,
        *,
        classes: int = 0,
        class_weight: Array | None = None,
        rules: Rules,
        calibrate: bool = False,
    ) -> None:
        table = tables[0]
        check_consistent_length(table.numbers, y)
        rng = self._generator(saved=self.checkpoint is not None)
        if y_val is None:
            splits = self._splits(len(table), y, bool(classes), rng)
        else:
            check_consistent_length(tables[1].numbers, y_val)
            splits = [(np.arange(len(y)), np.arange(len(y), len(y) + len(y_val)))]
            table, y = table.followed_by(tables[1]), np.concatenate([y, y_val])
        weights = None if class_weight is None else class_weight[y]
        recipe = self._recipe(bool(classes), len(splits[0][0]))
        fitted = fit_splits(
            table, y, splits, recipe, classes=classes, weights=weights, members=int(self.n_ens),
            dtype=np.dtype(self.dtype), rules=rules, calibrate=calibrate, seed=rng.randint(2**31 - 1),
            checkpoints=None if self.checkpoint is None else Checkpoints(self.checkpoint),
        )  # fmt: skip
        if any(split.outcome.best_epoch == 0 for split in fitted):
            raise ValueError(
                f"{type(self).__name__}: the loss is no longer finite in the first epoch; try a smaller "
                "learning_rate"
            )
        self.splits_ = fitted
        self.__dict__.pop("oof_prediction_", None)  # of the fit before
        if self.cv is not None:
            self._out_of_fold(table, splits)

    def _out_of_fold(self, table: Table, splits: list[Rows]) -> None:
        """Store the prediction of each row by the networks that were not trained on it; NaN if none is."""
        outputs = self.splits_[0].members[0].network.spec.outputs
        total, times = np.zeros((len(table), outputs)), np.zeros((len(table), 1))
        for fitted, (_, validation) in zip(self.splits_, splits, strict=True):
            total[validation] += fitted.predict(table.take(validation), self.n_threads or 0)
            times[validation] += 1
        with np.errstate(invalid="ignore"):
            self.oof_prediction_ = self._shown(total / times)

    def _shown(self, predicted: Array) -> Array:
        """Return predictions in the shape of ``predict`` or ``predict_proba``."""
        return predicted

    def _outputs(self, X: Any) -> Array:
        check_is_fitted(self)
        return predict(self.splits_, self.table_columns_.transform(self, X), self.n_threads or 0)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one file; ``deepcore.load(path)`` gives it back.

        Unlike a pickle, the file is safe to load whoever wrote it: nothing in it is executed. ``checkpoint``,
        and a ``random_state`` that is a generator, are not kept.

        Args:
            path: The file; by custom it ends in ``.safetensors``.

        Raises:
            OSError: if the file cannot be written; nothing is left behind.
            ValueError: if the estimator is of a class of your own, an argument or a label is of a type that a
                file cannot hold, or a parameter is not finite.
        """
        check_is_fitted(self)
        saving.check_class(self, "RealMLPClassifier", "RealMLPRegressor")
        table_saving.write(path, self)

    def to_onnx(self, path: str | os.PathLike[str], *, dtype: DTypeLike | None = None) -> None:
        """Write an ONNX file that takes the raw columns and gives labels or numbers.

        Of an estimator that was trained on a frame the graph has one input per column, as
        ``deepcore.tabular.TableModel.to_onnx`` says; else it has one input X (m, columns). The output Y has
        what ``predict_proba`` returns, or the numbers of a regression, and ``label`` the labels. It needs the
        package onnx: ``pip install "deepcore-nn[onnx]"``.

        Args:
            path: The file; an old one is replaced as a whole.
            dtype: ``"float32"`` or ``"float64"``; None: that of the estimator.

        Raises:
            ModuleNotFoundError: if onnx is not installed.
            OSError: if the file cannot be written.
            ValueError: if a parameter is not finite.
        """
        from deepcore.files import onnx

        check_is_fitted(self)
        kind = None if dtype is None else _checks.dtype("to_onnx", dtype)
        describe = partial(table_exporting.computation, "to_onnx", self)
        onnx.write(path, table_exporting.networks_of(self), describe, kind)

    def to_c_header(
        self,
        path: str | os.PathLike[str],
        *,
        prefix: str = "net",
        dtype: DTypeLike | None = None,
        int8: bool = False,
        data: tuple[Any, Any] | None = None,
    ) -> CHeader:
        """Write one C header with ``void net_predict(const float *x, float *y)``; it is C99, and C++ too.

        x has one number for each column, as ``deepcore.tabular.TableModel.to_c_header`` says, and y has what
        ``predict_proba`` returns, or the numbers of a regression.

        Args:
            path: The file; an old one is replaced as a whole.
            prefix: All names in the file begin with it.
            dtype: ``"float32"`` writes ``float``, ``"float64"`` writes ``double``; None: that of the
                estimator.
            int8: Keep every weight in one byte, with a scale per unit.
            data: ``(X, y)`` on which the estimator and the header are compared; None: they are not.

        Returns:
            ``constant_bytes``, the memory that the constants need, and ``scores``: accuracy and log loss, or
            rmse, mae and r2, of the estimator and of the header on ``data``.

        Raises:
            OSError: if the file cannot be written.
            ValueError: if a parameter is not finite, or ``prefix`` is not an identifier.
        """
        from deepcore.files import c_header

        check_is_fitted(self)

        def scores(networks: Sequence[Network]) -> dict[str, float]:
            X, y = _checks.pair("to_c_header", "data", data)
            return table_exporting.scores(table_exporting.with_networks(self, networks), X, y)

        describe = partial(table_exporting.computation, "to_c_header", self)
        return c_header.write(
            path, table_exporting.networks_of(self), describe, scores,
            prefix=prefix, dtype=dtype, int8=int8, data=data,
        )  # fmt: skip

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "splits_")


class RealMLPClassifier(ClassifierMixin, BaseRealMLP):  # type: ignore[misc]
    """Classify tables with RealMLP: a network of three hidden layers with defaults tuned on many tables.

    X may be an array of numbers or a frame with numbers, categories, text and missing values. A part of the
    rows is held out for validation, and the parameters of the best epoch are kept.

    Args:
        variant: ``"td_s"`` is the simple variant: scaled inputs, one-hot categories. ``"td"`` has embeddings
            of numbers and of categories with more than 8 values, trainable activations, dropout, weight
            decay, and initial weights that are computed from the data; its steps take longer.
        n_ens: Number of networks per split, each with its own random numbers; their probabilities are
            averaged.
        cv: Number of stratified folds, or a splitter of scikit-learn: one training per fold, whose
            predictions are averaged. None: one split.
        validation_fraction: Share of the rows that is held out if ``cv`` is None. 0: no row is held out, and
            the last epoch counts as the best.
        n_epochs: Number of passes over the training rows.
        batch_size: Number of rows per step; ``"auto"`` chooses 64 to 1024, depending on the number of rows.
        hidden_layer_sizes: Number of units of each hidden layer.
        learning_rate: Highest learning rate of the schedule; None: that of the variant.
        dropout: Probability with which a training step drops a hidden unit; None: that of the variant.
        weight_decay: Factor of the decoupled weight decay; None: that of the variant.
        label_smoothing: Share of each label that is spread over all classes; None: 0.1. If you need good
            probabilities, use 0 and ``validation_metric="cross_entropy"``.
        validation_metric: What is smallest in the best epoch: ``"error"``, the share of wrong labels, or
            ``"cross_entropy"``.
        early_stopping: Whether training ends early if no epoch becomes the best for too long.
        patience: ``(m, a)``: with ``early_stopping``, training ends after epoch ``m * best epoch + a``.
        time_limit: Time in seconds that the training of a split may take, and as much longer as it shares the
            threads with others; None: no limit.
        calibrate: Whether to divide the logits by the temperature with the lowest cross-entropy on the
            validation rows. With fewer than ten wrong validation rows the temperature is 1.
        class_weight: ``{label: weight}``, ``"balanced"``, or None.
        categorical_features: Columns that are categories: their numbers, their names in a frame, or one
            boolean per column. The type of the other columns is inferred in a frame; in an array they are
            numbers.
        recipe: Further hyperparameters by name, such as ``{"sigma": 0.2}``, the standard deviation of the
            frequencies of embedded numbers.
        dtype: Precision of the networks, ``"float32"`` or ``"float64"``.
        n_threads: Largest number of threads; None: deepcore's default. Results do not depend on it.
        random_state: Seed or generator of all random numbers.
        checkpoint: A ``deepcore.Checkpoint``, which saves the training while it runs; the same fit after a
            kill goes on from its files. The first split is saved to this file, and the second one to a file
            with ``.2`` before the suffix, such as ``run.2.safetensors``. None: the training is not saved.

    Attributes:
        classes_: The labels, sorted.
        models_: One list of ``deepcore.Model`` per split, the members.
        best_epochs_: Best epoch of each split, counted from 1.
        validation_errors_: Validation error after every epoch, one list per split.
        loss_curves_: Training loss of every epoch, one list per split.
        oof_prediction_: Probabilities of each row by the networks that were not trained on it; only with
            ``cv``.
        n_iter_: Number of epochs of the split that was trained longest.
        n_features_in_: Number of columns of X.
        feature_names_in_: Their names, if X was a frame whose names are all strings.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from deepcore.sklearn import RealMLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> classifier = RealMLPClassifier(n_epochs=40, hidden_layer_sizes=(32, 32), random_state=0).fit(X, y)
        >>> classifier.predict(X[:3])
        array([0, 0, 0])

    Source: Holzmueller, Grinsztajn & Steinwart (2024), "Better by Default", as in pytabkit 1.7.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseRealMLP._parameter_constraints,
        "label_smoothing": [Interval(Real, 0, 1, closed="left"), None],
        "validation_metric": [StrOptions({"error", "cross_entropy"})],
        "calibrate": ["boolean"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }
    classes_: Array

    def __init__(
        self,
        variant: str = "td_s",
        *,
        n_ens: int = 1,
        cv: Any = None,
        validation_fraction: float = 0.2,
        n_epochs: int = 256,
        batch_size: Any = 256,
        hidden_layer_sizes: Any = (256, 256, 256),
        learning_rate: float | None = None,
        dropout: float | None = None,
        weight_decay: float | None = None,
        label_smoothing: float | None = None,
        validation_metric: str = "error",
        early_stopping: bool = False,
        patience: Any = (2, 20),
        time_limit: float | None = None,
        calibrate: bool = False,
        class_weight: Any = None,
        categorical_features: Any = None,
        recipe: Any = None,
        dtype: str = "float32",
        n_threads: int | None = None,
        random_state: Any = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self._keep(locals())

    def _changes(self) -> dict[str, Any]:
        return {"smoothing": self.label_smoothing}

    def _codes(self, y: Any) -> Array:
        """Return the index in ``classes_`` of each validation label; raise if a label is not in y."""
        y = column_or_1d(y)
        _refuse_missing("y_val", y)
        place: Array = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        unknown = self.classes_[place] != y
        if unknown.any():
            raise ValueError(f"y_val must hold labels of y, got {y[unknown.argmax()]}")
        return place

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, *, X_val: Any = None, y_val: Any = None) -> RealMLPClassifier:
        """Train on a table.

        Args:
            X: (m, columns), an array of numbers or a frame.
            y: (m,) labels of any kind.
            X_val: Validation rows, which replace the held-out part of X. None: see ``validation_fraction``
                and ``cv``.
            y_val: Labels of the validation rows.

        Returns:
            The estimator.

        Raises:
            ValueError: If an argument is not allowed, or the loss is not finite in the first epoch.
        """
        with self._all_or_nothing():
            self._fit(X, y, X_val, y_val)
        return self

    def _fit(self, X: Any, y: Any, X_val: Any, y_val: Any) -> None:
        _checks.in_memory("fit", "y", y)
        tables = self._tables(X, y, X_val, y_val)
        y = column_or_1d(y, warn=True)
        _refuse_missing("y", y)
        assert_all_finite(y, estimator_name=type(self).__name__, input_name="y")
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs labels of at least 2 classes, got 1 class: {self.classes_[0]}"
            )
        weights = None
        if self.class_weight is not None:
            weights = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
            check_weights(weights[codes], self.class_weight, self.dtype)
        self._train(
            tables, codes, None if y_val is None else self._codes(y_val), classes=len(self.classes_),
            class_weight=weights, rules=self._rules(self.validation_metric), calibrate=self.calibrate,
        )  # fmt: skip

    def predict_proba(self, X: Any) -> Array:
        """Predict the probability of each class, (m, classes)."""
        probabilities = self._outputs(X)
        return probabilities / probabilities.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of ``predict_proba(X)``, (m, classes)."""
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    def predict(self, X: Any) -> Array:
        """Predict the most probable label of each row, (m,)."""
        best = labels(self._outputs(X), "softmax", who="predict")
        return self.classes_[best]


def _refuse_missing(name: str, labels: Array) -> None:
    """Raise if an array of objects holds None, NA or NaN as a label."""
    for row, label in enumerate(labels if labels.dtype == object else ()):
        if is_missing(label):
            raise ValueError(f"{name} must have no missing labels, got {label} in row {row}")


class RealMLPRegressor(RegressorMixin, BaseRealMLP):  # type: ignore[misc]
    """Predict numbers from tables with RealMLP: a network of three hidden layers with tuned defaults.

    X may be an array of numbers or a frame with numbers, categories, text and missing values; y has one or
    several columns. A part of the rows is held out for validation, and the parameters of the best epoch are
    kept.

    Args:
        variant: ``"td_s"`` is the simple variant. ``"td"`` has embeddings, dropout and more, and its
            predictions stay between the smallest and largest training target. See ``RealMLPClassifier``.
        n_ens: Number of networks per split, each with its own random numbers; their predictions are
            averaged.
        cv: Number of folds, or a splitter of scikit-learn: one training per fold, whose predictions are
            averaged. None: one split.
        validation_fraction: Share of the rows that is held out if ``cv`` is None. 0: no row is held out, and
            the last epoch counts as the best.
        n_epochs: Number of passes over the training rows.
        batch_size: Number of rows per step; ``"auto"`` chooses 64 to 1024, depending on the number of rows.
        hidden_layer_sizes: Number of units of each hidden layer.
        learning_rate: Highest learning rate of the schedule; None: that of the variant.
        dropout: Probability with which a training step drops a hidden unit; None: that of the variant.
        weight_decay: Factor of the decoupled weight decay; None: that of the variant.
        early_stopping: Whether training ends early if no epoch becomes the best for too long.
        patience: ``(m, a)``: with ``early_stopping``, training ends after epoch ``m * best epoch + a``.
        time_limit: Time in seconds that the training of a split may take, and as much longer as it shares the
            threads with others; None: no limit.
        categorical_features: Columns that are categories: their numbers, their names in a frame, or one
            boolean per column. The type of the other columns is inferred in a frame; in an array they are
            numbers.
        recipe: Further hyperparameters by name, such as ``{"sigma": 0.2}``, the standard deviation of the
            frequencies of embedded numbers.
        dtype: Precision of the networks, ``"float32"`` or ``"float64"``.
        n_threads: Largest number of threads; None: deepcore's default. Results do not depend on it.
        random_state: Seed or generator of all random numbers.
        checkpoint: A ``deepcore.Checkpoint``, which saves the training while it runs; the same fit after a
            kill goes on from its files. The first split is saved to this file, and the second one to a file
            with ``.2`` before the suffix, such as ``run.2.safetensors``. None: the training is not saved.

    Attributes:
        models_: One list of ``deepcore.Model`` per split, the members.
        best_epochs_: Best epoch of each split, counted from 1.
        validation_errors_: Root mean squared error on the validation rows after every epoch, one list per
            split.
        loss_curves_: Training loss of every epoch, one list per split.
        oof_prediction_: Prediction of each row by the networks that were not trained on it; only with
            ``cv``.
        n_iter_: Number of epochs of the split that was trained longest.
        n_outputs_: Number of targets.
        one_column_: Whether y was (m,), like the predictions.
        n_features_in_: Number of columns of X.
        feature_names_in_: Their names, if X was a frame whose names are all strings.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> from deepcore.sklearn import RealMLPRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> regressor = RealMLPRegressor(n_epochs=30, hidden_layer_sizes=(32, 32), random_state=0).fit(X, y)
        >>> regressor.predict(X[:3]).shape
        (3,)

    Source: Holzmueller, Grinsztajn & Steinwart (2024), "Better by Default", as in pytabkit 1.7.
    """

    def __init__(
        self,
        variant: str = "td_s",
        *,
        n_ens: int = 1,
        cv: Any = None,
        validation_fraction: float = 0.2,
        n_epochs: int = 256,
        batch_size: Any = 256,
        hidden_layer_sizes: Any = (256, 256, 256),
        learning_rate: float | None = None,
        dropout: float | None = None,
        weight_decay: float | None = None,
        early_stopping: bool = False,
        patience: Any = (2, 20),
        time_limit: float | None = None,
        categorical_features: Any = None,
        recipe: Any = None,
        dtype: str = "float32",
        n_threads: int | None = None,
        random_state: Any = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self._keep(locals())

    def _numbers(self, y: Any, name: str) -> tuple[Array, bool]:
        """Return targets as (m, targets), and whether y had one axis."""
        _checks.no_dates("fit", name, y)
        array = check_array(y, ensure_2d=False, dtype=np.float64, input_name=name)
        if array.ndim > 2:
            raise ValueError(f"{name} must have 1 or 2 axes, got shape {array.shape}")
        return np.asarray(array.reshape(len(array), -1)), array.ndim == 1

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, *, X_val: Any = None, y_val: Any = None) -> RealMLPRegressor:
        """Train on a table.

        Args:
            X: (m, columns), an array of numbers or a frame.
            y: (m,) or (m, targets) numbers.
            X_val: Validation rows, which replace the held-out part of X. None: see ``validation_fraction``
                and ``cv``.
            y_val: Targets of the validation rows.

        Returns:
            The estimator.

        Raises:
            ValueError: If an argument is not allowed, or the loss is not finite in the first epoch.
        """
        with self._all_or_nothing():
            self._fit(X, y, X_val, y_val)
        return self

    def _fit(self, X: Any, y: Any, X_val: Any, y_val: Any) -> None:
        tables = self._tables(X, y, X_val, y_val)
        targets, self.one_column_ = self._numbers(y, "y")
        self.n_outputs_ = targets.shape[1]
        held = None if y_val is None else self._numbers(y_val, "y_val")[0]
        if held is not None and held.shape[1] != self.n_outputs_:
            raise ValueError(f"y_val must have {self.n_outputs_} columns like y, got {held.shape[1]}")
        self._train(tables, targets, held, rules=self._rules("error"))

    def predict(self, X: Any) -> Array:
        """Predict numbers, (m,) or (m, targets) like y."""
        return self._shown(self._outputs(X))

    def _shown(self, predicted: Array) -> Array:
        return predicted[:, 0] if self.one_column_ else predicted
