"""MLPClassifier, which learns labels and predicts labels and probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import _check_y, validate_data

from deepcore import _checks
from deepcore._labels import labels
from deepcore._network.examples import Examples
from deepcore.callbacks import EpochRecord
from deepcore.sklearn.estimator import BaseMLP, has_partial_fit
from deepcore.typing import Array

__all__ = ["MLPClassifier"]


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
    """Classify with a dense network that minimises the cross-entropy; the interface is scikit-learn's.

    Two classes and multi-label targets have logistic outputs, more classes have a softmax. All arguments and
    methods of scikit-learn's class work; the arguments from ``class_weight`` on are additional ones.

    Args:
        hidden_layer_sizes: Number of units of each hidden layer; ``()``: no hidden layer.
        activation: Activation of the hidden layers: ``"identity"``, ``"logistic"``, ``"tanh"``, ``"relu"``,
            or any name of ``deepcore.catalog.activations`` except softmax; a list has one name per layer.
        solver: ``"adam"``, ``"sgd"`` or ``"lbfgs"`` (SciPy's, for small data sets).
        alpha: Strength of the L2 penalty ``alpha / (2 m) * sum of squared weights``, m being the (weighted)
            number of examples of a batch; biases have no penalty.
        batch_size: Number of examples per step; ``"auto"``: ``min(200, n_samples)``. Not used by lbfgs.
        learning_rate: Schedule of sgd: ``"constant"``; ``"invscaling"``: ``learning_rate_init / t **
            power_t`` with the number t of examples, set after every epoch; ``"adaptive"``: divided by 5 if
            nothing improves.
        learning_rate_init: Learning rate of sgd and adam, at the start.
        power_t: Exponent of invscaling.
        max_iter: Largest number of epochs (sgd, adam) or iterations (lbfgs).
        shuffle: Whether to draw a new order of the examples in every epoch.
        random_state: Seed or generator of the first weights, the split and the orders; the same value gives
            the weights and mini-batches of scikit-learn.
        tol: Smallest change of the loss (or validation score) that is an improvement; for lbfgs the tolerance
            of the gradient.
        verbose: Whether to print the loss of every epoch.
        warm_start: Whether ``fit`` continues from the last parameters.
        momentum: Momentum of sgd.
        nesterovs_momentum: Whether to use Nesterov's form of the momentum.
        early_stopping: Whether to hold out data, stop when their score no longer improves, and keep the best
            parameters.
        validation_fraction: Fraction that is held out if ``fit`` gets no ``validation_data``.
        beta_1: Decay of adam's mean of gradients.
        beta_2: Decay of adam's mean of squared gradients.
        epsilon: Number in adam's denominator that prevents a division by zero.
        n_iter_no_change: Number of epochs to wait without improvement; ``np.inf``: never stop for this
            reason.
        max_fun: Largest number of evaluations of the loss by lbfgs.
        class_weight: ``{label: weight}`` or ``"balanced"`` (m / (classes * count of the class)), multiplied
            by the sample weights; for multi-label targets a list of these, one per output.
        label_smoothing: s in [0, 1): targets become y (1 - s) + s / n_classes; for logistic outputs s / 2.
        dropout: Probability with which a training step drops a unit of a hidden layer; a list has one value
            per layer. Not for lbfgs.
        norm: ``"batch"`` or ``"layer"`` normalises the inputs of the hidden activations; None does not. A
            list has one value per layer. Batch normalisation is not for lbfgs.
        clip_norm: Largest norm of the gradient over all parameters; a larger gradient is scaled down. None:
            no limit.
        dtype: Precision of the computation, ``"float32"`` or ``"float64"``; None: float32 if X is float32,
            else float64.
        n_threads: Largest number of threads; None: deepcore's default. The results do not depend on it.
        callbacks: Functions that are called with a ``deepcore.EpochRecord`` after every epoch, with lbfgs
            after every iteration (``"loss"``, and with validation data ``"val_accuracy"``). A function that
            returns True ends the training.

    Attributes:
        classes_: The labels, sorted; for multi-label targets 0 .. n_outputs - 1.
        coefs_: Weights of each layer, (n_in, n_out). They are views: writing to them changes the estimator.
        intercepts_: Biases of each layer, (n_out,). They are views, too.
        model_: The ``deepcore.Model`` that the estimator trains.
        loss_: Loss of the last epoch, with the penalty.
        loss_curve_: Loss of every epoch; not with lbfgs.
        best_loss_: The smallest of them; None with early stopping.
        validation_scores_: Score of every epoch on the validation data; None if there are none.
        best_validation_score_: The largest of them with early stopping, else None.
        n_iter_: Number of epochs or iterations of the last fit.
        t_: Number of examples that the optimizer has seen.
        n_layers_: Number of layers; the inputs count as one.
        n_outputs_: Number of output units.
        out_activation_: Activation of the output.
        n_features_in_: Number of columns of X.
        feature_names_in_: Their names, if X was a frame whose names are all strings.

    Example:
        >>> from sklearn.datasets import make_classification
        >>> from sklearn.model_selection import train_test_split
        >>> X, y = make_classification(n_samples=100, random_state=1)
        >>> X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=1)
        >>> classifier = MLPClassifier(random_state=1, max_iter=300).fit(X_train, y_train)
        >>> classifier.predict(X_test[:5])
        array([1, 0, 1, 0, 1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMLP._parameter_constraints,
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }
    loss = "log_loss"
    classes_: Array
    _score_name = "val_accuracy"

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        dropout: Any = 0.0,
        norm: Any = None,
        clip_norm: float | None = None,
        dtype: str | None = None,
        n_threads: int | None = None,
        callbacks: Sequence[Callable[[EpochRecord], object]] = (),
    ) -> None:
        self._keep(locals())

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> MLPClassifier:
        """Train from new weights, or from the last weights with ``warm_start``.

        Args:
            X: (m, n_features) array, frame or sparse matrix.
            y: Labels (m,), or 0/1 of shape (m, n_outputs) for multi-label targets.
            sample_weight: Weights of the examples, (m,), not negative; None: 1.
            validation_data: ``(X, y)`` or ``(X, y, sample_weight)``, scored after every epoch. With
                ``early_stopping`` they replace the held-out part of X. Not used by lbfgs.

        Raises:
            ValueError: If an argument is not allowed, or the loss is no longer finite.
        """
        return self._fit(X, y, sample_weight, False, validation_data)  # type: ignore[no-any-return]

    @available_if(has_partial_fit)  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """Train one epoch over these examples; the parameters and the optimizer continue from the last call.

        Args:
            X: (m, n_features).
            y: Labels (m,), or 0/1 of shape (m, n_outputs).
            sample_weight: Weights of the examples, (m,), not negative; None: 1.
            classes: All labels of this and later calls; the first call needs them.
        """
        named = self.class_weight if isinstance(self.class_weight, list) else [self.class_weight]
        if "balanced" in named:
            raise ValueError(
                "class_weight='balanced' needs all examples at once, and partial_fit sees a part of them; "
                "pass "
                "class_weight={label: weight}"
            )
        if _check_partial_fit_first_call(self, classes):
            self._label_binarizer = LabelBinarizer()
            multi_label = type_of_target(y).startswith("multilabel")
            self._label_binarizer.fit(y if multi_label else classes)
        return self._fit(X, y, sample_weight, True)  # type: ignore[no-any-return]

    def _encode(self, X: Any, y: Any, incremental: bool, first: bool) -> tuple[Any, Array, Any, Any]:
        _checks.no_dates("fit", "X", X)
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            dtype=self._dtypes(first),
            reset=first,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_labels(y)
        by_class = None if self.class_weight is None else self._weights_by_class(y, incremental)
        target = self._targets(y, X.dtype)
        binary = target.ndim == 2 and target.shape[1] == 1
        return X, target, by_class, target.astype(bool) if binary else None

    def _weights_by_class(self, y: Array, incremental: bool) -> Any:
        """The weights of the examples. A part of the data need not have every class that has a weight."""
        if not incremental:
            return compute_sample_weight(self.class_weight, y)
        one_of_each = self.classes_ if y.ndim == 1 else np.array([[0], [1]]).repeat(y.shape[1], axis=1)
        return compute_sample_weight(self.class_weight, np.concatenate([y, one_of_each]))[: len(y)]

    def _check_labels(self, y: Array) -> None:
        labels = unique_labels(y)
        if self.warm_start:
            if set(labels) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to "
                    f"fit. Previously got {self.classes_}, `y` has {labels}"
                )
        elif len(np.setdiff1d(labels, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has "
                f"{labels}."
            )

    def _validation_targets(self, y: Any) -> Array:
        y = _check_y(y, multi_output=True, estimator=self)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y)
        several = self._label_binarizer.y_type_.startswith("multilabel")
        if y.shape[1:] != ((self.n_outputs_,) if several else ()):
            labels = f"{self.n_outputs_} labels" if several else "one label"
            raise ValueError(
                f"{type(self).__name__}: validation_data must have {labels} per example like y, got shape "
                f"{y.shape}"
            )
        unknown = np.setdiff1d(unique_labels(y), self.classes_)
        if len(unknown):
            raise ValueError(
                f"{type(self).__name__}: validation_data must have the labels of y, {self.classes_}, got "
                f"{unknown}"
            )
        return y  # type: ignore[no-any-return]

    def _targets(self, y: Array, dtype: Any) -> Array:
        """Labels 0 .. k - 1 for softmax; 0/1 of shape (m, n_outputs) for logistic outputs."""
        kind = self._label_binarizer.y_type_
        if kind == "multiclass":
            return np.searchsorted(self.classes_, y).astype(np.int64, copy=False)
        if kind == "binary":
            positive = y == self.classes_[1] if len(self.classes_) > 1 else np.zeros(len(y), bool)
            return np.asarray(positive, dtype).reshape(-1, 1)
        return np.ascontiguousarray(self._label_binarizer.transform(y), dtype)

    def _output(self, target: Array) -> tuple[int, str, tuple[str, dict[str, Any]]]:
        loss = ("auto", {"label_smoothing": float(self.label_smoothing)})
        if target.ndim == 1:
            return len(self.classes_), "softmax", loss
        return target.shape[1], "logistic", loss

    def _scorer(self, X: Array, y: Array, weight: Array | None) -> Callable[[], float]:
        network, data, threads = self._coefficients.network, Examples(X, y, weight), self.n_threads or 0

        def accuracy() -> float:
            loss, share = network.evaluate(data, threads)
            if len(self.classes_) == 1:  # there is no other label to predict
                share = 1.0
            return float(share) if np.isfinite(loss) else np.nan

        return accuracy

    def _labels(self, A: Array) -> Array:
        kind = self._label_binarizer.y_type_
        if kind == "multiclass":
            return np.asarray(self.classes_[labels(A, "softmax", who="predict")])
        if kind == "binary":
            last = len(self.classes_) - 1
            return np.asarray(self.classes_[labels(A[:, 0], "sigmoid", who="predict") * last])
        return self._label_binarizer.inverse_transform(A)  # type: ignore[no-any-return]

    def predict(self, X: Any) -> Array:
        """Predict the labels of the examples.

        Args:
            X: (m, n_features) array, frame or sparse matrix.

        Returns:
            (m,), or 0/1 of shape (m, n_outputs) for multi-label targets.
        """
        return self._labels(self._outputs(X))

    def predict_proba(self, X: Any) -> Array:
        """Predict probabilities (m, n_classes), in the order of ``classes_``; multi-label: (m, n_outputs).

        Args:
            X: (m, n_features) array, frame or sparse matrix.
        """
        A = self._outputs(X)
        if A.shape[1] > 1:
            return A
        both = np.empty((len(A), 2), A.dtype)
        both[:, 1] = A[:, 0]
        np.subtract(1, A[:, 0], out=both[:, 0])
        return both

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of ``predict_proba(X)``.

        Args:
            X: (m, n_features) array, frame or sparse matrix.
        """
        P = self.predict_proba(X)
        return np.log(P, out=P)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
