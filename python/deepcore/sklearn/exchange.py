"""Convert fitted multi-layer perceptrons of scikit-learn to models, and models to estimators."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from deepcore import _checks
from deepcore.files.chain import chain_of, network_of
from deepcore.files.steps import Activation, Chain, Linear
from deepcore.files.weights import Weights
from deepcore.model import Model
from deepcore.sklearn.estimator import BaseMLP
from deepcore.typing import Array

__all__ = ["from_sklearn", "to_sklearn"]

_HIDDEN = {"identity": "linear", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
_NAMES = {**_HIDDEN, "softmax": "softmax", "exp": "exp"}
_LOSSES = {"squared_error": "half_squared_error", "poisson": "poisson"}


def from_sklearn(estimator: Any) -> Model:
    """Make a model of a fitted ``MLPClassifier`` or ``MLPRegressor``, with copies of its parameters.

    Args:
        estimator: An estimator of scikit-learn or of ``deepcore.sklearn``.

    Returns:
        The model, which predicts the same probabilities or numbers. The dtype is that of ``coefs_``, and
        ``extras["classes"]`` holds the classes of a classifier.

    Raises:
        TypeError: If it is not such an estimator.
        ValueError: If it is not fitted.

    Example:
        >>> from sklearn.neural_network import MLPClassifier
        >>> labels = ["no", "yes"]
        >>> fitted = MLPClassifier(4).partial_fit([[0.0], [1.0]], labels, classes=labels)
        >>> from_sklearn(fitted).extras
        {'classes': ['no', 'yes']}
    """
    if not hasattr(estimator, "hidden_layer_sizes"):
        raise TypeError(
            "from_sklearn: estimator must be an MLPClassifier or MLPRegressor, got "
            f"{_checks.shown(estimator)}"
        )
    if not hasattr(estimator, "coefs_"):
        raise ValueError("from_sklearn: estimator must be fitted; call fit first")
    classes = getattr(estimator, "classes_", None)
    extras = {} if classes is None else {"classes": np.asarray(classes).tolist()}
    if isinstance(estimator, BaseMLP):
        return Model.from_network(estimator.model_.copy().network, extras)
    steps: Chain = []
    coefs = [np.asarray(coef) for coef in estimator.coefs_]
    names = [*[estimator.activation] * (len(coefs) - 1), estimator.out_activation_]
    for number, (coef, intercept, name) in enumerate(zip(coefs, estimator.intercepts_, names, strict=True)):
        where = f"layer {number + 1}"
        steps.append(Linear(Weights(np.array(coef.T, np.float64)), np.array(intercept, np.float64), where))
        if _NAMES[name] != "linear":
            steps.append(Activation(_NAMES[name], where=where))
    loss = _LOSSES.get(getattr(estimator, "loss", ""), "auto")
    network = network_of("from_sklearn", steps, coefs[0].shape[0], coefs[0].dtype, loss=loss)
    return Model.from_network(network, extras)


def to_sklearn(model: Model, *, classes: Sequence[Any] | Array | None = None) -> Any:
    """Make a fitted ``MLPClassifier`` or ``MLPRegressor`` of scikit-learn, with copies of the parameters.

    Args:
        model: All hidden layers must have the same activation: linear, sigmoid, tanh or relu. Batch norms
            become part of the weights.
        classes: Labels of the classes, in increasing order; None: ``model.extras["classes"]``, else 0, 1, ...

    Returns:
        A classifier for sigmoid and softmax outputs, a regressor for linear and exp outputs.

    Raises:
        TypeError: If it is not a model.
        ValueError: if scikit-learn has no such network.
    """
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    if not isinstance(model, Model):
        raise TypeError(f"to_sklearn: model must be a Model, got {_checks.shown(model)}")
    steps = chain_of("to_sklearn", model.network)
    linear = [step for step in steps if isinstance(step, Linear)]
    theirs = {ours: name for name, ours in _HIDDEN.items()}
    hidden = {layer.activation for layer in model.layers[:-1]}
    plain = len(steps) == len(linear) + sum(layer.activation != "linear" for layer in model.layers)
    parametric = any(layer.parametric for layer in model.layers)
    if not plain or parametric or model.members > 1 or len(hidden) > 1 or not hidden <= theirs.keys():
        raise ValueError(
            "to_sklearn: hidden layers must share one activation of linear, sigmoid, tanh and relu, without "
            f"embeddings, members and layer norm, got {model!r}"
        )
    options = {
        "hidden_layer_sizes": [len(step.b) for step in linear[:-1]],
        "activation": theirs[next(iter(hidden), "linear")],
        "max_iter": 1,
    }
    k, output = model.outputs, model.spec.output
    X = np.zeros((max(2, k), model.inputs), model.dtype)
    if output in ("sigmoid", "softmax"):
        estimator: Any = MLPClassifier(**options)
        y = _targets(model, k, output, classes)
    elif output in ("linear", "exp"):
        loss = "poisson" if output == "exp" else "squared_error"
        estimator, y = MLPRegressor(loss=loss, **options), np.zeros((len(X), k) if k > 1 else len(X))
    else:
        raise ValueError(f"to_sklearn: the output must be sigmoid, softmax, linear or exp, got {output}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one epoch on zeros creates the attributes of a fitted estimator
        estimator.fit(X, y)
    estimator.coefs_ = [np.ascontiguousarray(step.W.array().T, model.dtype) for step in linear]
    estimator.intercepts_ = [step.b.astype(model.dtype) for step in linear]
    return estimator.set_params(max_iter=type(estimator)().max_iter)


def _targets(model: Model, k: int, output: str, classes: Any) -> Array:
    """Return labels that contain every class, from which scikit-learn learns the classes."""
    several = output == "sigmoid" and k > 1  # labels that do not exclude each other
    if several:
        return np.eye(k, dtype=int)
    known = model.extras.get("classes") if classes is None else classes
    count = max(2, k)
    labels = np.arange(count) if known is None else np.asarray(known)
    if labels.shape != (count,) or len(np.unique(labels)) != count or (np.unique(labels) != labels).any():
        raise ValueError(
            f"to_sklearn: classes must be {count} different labels in increasing order, got "
            f"{_checks.shown(known)}"
        )
    if output == "softmax" and k == 2:
        raise ValueError("to_sklearn: two classes must have one sigmoid output in scikit-learn, got softmax")
    return labels
