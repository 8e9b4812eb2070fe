"""MLPRegressor, which learns and predicts real numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_y, validate_data

from deepcore import _checks
from deepcore.callbacks import EpochRecord
from deepcore.sklearn.estimator import BaseMLP, has_partial_fit
from deepcore.typing import Array

__all__ = ["MLPRegressor"]


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """Regress with a dense network that minimises half the squared error; the interface is scikit-learn's.

    All arguments and methods of scikit-learn's class work; the arguments from ``loss_parameter`` on are
    additional ones. Note that ``Model(loss="squared_error")`` is (prediction - y)^2, without the factor 1/2.

    Args:
        loss: ``"squared_error"``, (1/2) (prediction - y)^2; ``"poisson"``, half the deviance of counts y >= 0
            under predictions exp(z); ``"absolute_error"``; ``"huber"``; ``"quantile"``.
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
        loss_parameter: For huber the error at which the quadratic part ends (None: 1); for quantile the
            quantile in (0, 1) (None: 0.5).
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
            after every iteration (``"loss"``, and with validation data ``"val_r2"``). A function that returns
            True ends the training.

    Attributes:
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
        >>> from sklearn.datasets import make_regression
        >>> X, y = make_regression(n_samples=200, n_features=5, random_state=1)
        >>> regressor = MLPRegressor(solver="lbfgs", random_state=1, tol=0.1, max_iter=2000).fit(X, y)
        >>> regressor.score(X, y) > 0.99
        True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions({"squared_error", "poisson", "absolute_error", "huber", "quantile"})],
        "loss_parameter": [Interval(Real, 0, None, closed="neither"), None],
    }
    _score_name = "val_r2"

    def __init__(
        self,
        loss: str = "squared_error",
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
        loss_parameter: float | None = None,
        dropout: Any = 0.0,
        norm: Any = None,
        clip_norm: float | None = None,
        dtype: str | None = None,
        n_threads: int | None = None,
        callbacks: Sequence[Callable[[EpochRecord], object]] = (),
    ) -> None:
        self._keep(locals())

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> MLPRegressor:
        """Train from new weights, or from the last weights with ``warm_start``.

        Args:
            X: (m, n_features) array, frame or sparse matrix.
            y: (m,) or (m, n_outputs).
            sample_weight: Weights of the examples, (m,), not negative; None: 1.
            validation_data: ``(X, y)`` or ``(X, y, sample_weight)``, scored after every epoch. With
                ``early_stopping`` they replace the held-out part of X. Not used by lbfgs.

        Raises:
            ValueError: If an argument is not allowed, or the loss is no longer finite.
        """
        return self._fit(X, y, sample_weight, False, validation_data)  # type: ignore[no-any-return]

    @available_if(has_partial_fit)  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train one epoch over these examples; the parameters and the optimizer continue from the last call.

        Args:
            X: (m, n_features).
            y: (m,) or (m, n_outputs).
            sample_weight: Weights of the examples, (m,), not negative; None: 1.
        """
        return self._fit(X, y, sample_weight, True)  # type: ignore[no-any-return]

    def _encode(self, X: Any, y: Any, incremental: bool, first: bool) -> tuple[Any, Array, Any, Any]:
        _checks.no_dates("fit", "X", X)
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, y_numeric=True,
            dtype=self._dtypes(first), reset=first,
        )  # fmt: skip
        return X, self._targets(self._numbers(y), X.dtype), None, None

    def _numbers(self, y: Array) -> Array:
        if not isinstance(y, np.ndarray) or y.dtype.kind not in "biuf":
            raise TypeError(f"y must be an array of real numbers, got {type(y).__name__} of {y.dtype}")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(f"y must not be negative with loss='poisson', got {y.min()}")
        return y

    def _validation_targets(self, y: Any) -> Array:
        checked = self._numbers(_check_y(y, multi_output=True, y_numeric=True, estimator=self))
        outputs = checked.reshape(len(checked), -1).shape[1]
        if outputs != self.n_outputs_:
            raise ValueError(
                f"{type(self).__name__}: validation_data must have {self.n_outputs_} targets like y, got "
                f"{outputs}"
            )
        return checked

    def _targets(self, y: Array, dtype: Any) -> Array:
        return _checks.converted("fit", "y", y, np.dtype(dtype)).reshape(len(y), -1)

    def _output(self, target: Array) -> tuple[int, str, tuple[str, dict[str, Any]]]:
        options = {} if self.loss_parameter is None else {"loss_parameter": float(self.loss_parameter)}
        loss = "half_squared_error" if self.loss == "squared_error" else self.loss
        return target.shape[1], "exp" if self.loss == "poisson" else "identity", (loss, options)

    def _scorer(self, X: Array, y: Array, weight: Array | None) -> Callable[[], float]:
        # As sklearn.metrics.r2_score, but what does not change between epochs is computed once.
        network, threads = self._coefficients, self.n_threads or 0
        y = y.astype(np.float64)
        spread = np.average((y - np.average(y, axis=0, weights=weight)) ** 2, axis=0, weights=weight)
        varies = spread > 0

        def r2() -> float:
            A = network.outputs(X, threads=threads)
            if len(y) < 2 or not np.isfinite(A).all():
                return np.nan
            residual = np.average((y - A) ** 2, axis=0, weights=weight)
            scores = np.where(residual > 0, 0.0, 1.0)  # for a target that is constant
            scores[varies] = 1 - residual[varies] / spread[varies]
            return float(scores.mean())

        return r2

    def predict(self, X: Any) -> Array:
        """Predict the targets, (m,) or (m, n_outputs).

        Args:
            X: (m, n_features) array, frame or sparse matrix.
        """
        A = self._outputs(X)
        return A[:, 0] if A.shape[1] == 1 else A
