"""What a network must beat: an answer that is always the same, and a linear model of the same inputs."""

from __future__ import annotations

import numpy as np

from deepcore._mlp import mlp
from deepcore.data import Standardizer
from deepcore.optimizers import Adam
from deepcore.schedules import Cosine
from deepcore.typing import Array

__all__ = ["constant", "linear"]

# Enough for a convex problem whose inputs are standardised; a few hundredths of a second for a small table.
_STEPS = 2000
_LEAST_EPOCHS = 5
_BATCH = 256


def constant(truth: Array, classes: int | None, m: int) -> Array:
    """Return the shares of the classes in the training part, or the mean of its labels, for m examples.

    Args:
        truth: Class numbers (m_train,), or labels of a regression (m_train, k).
        classes: Number of classes, or None.
        m: Number of examples to answer for.
    """
    shares = truth.mean(axis=0) if classes is None else np.bincount(truth, minlength=classes) / len(truth)
    return np.tile(shares, (m, 1))


def linear(X: Array, truth: Array, classes: int | None, X_new: Array, seed: int) -> Array:
    """Train logistic or linear regression, and return its probabilities or values for new examples.

    Args:
        X: Inputs of the network for the training part, (m_train, n).
        truth: As for ``constant``.
        classes: Number of classes, or None.
        X_new: Inputs for the examples to answer for, (m, n).
        seed: Seed of the order of the examples.
    """
    inputs = Standardizer().fit(X)
    X, X_new = (inputs.transform(part, np.float32) for part in (X, X_new))
    target = None if classes is not None else Standardizer().fit(truth)
    y = truth if target is None else target.transform(truth, np.float32)
    outputs = y.shape[1] if classes is None else classes
    model = mlp([X.shape[1], outputs], output="linear" if classes is None else "softmax", l2=1e-4, seed=seed)
    epochs = max(_STEPS // -(-len(X) // _BATCH), _LEAST_EPOCHS)
    model.fit(X, y, Adam(Cosine(0.02)), epochs=epochs, batch_size=_BATCH)
    answers = model.predict(X_new)
    return answers.astype(np.float64) if target is None else target.inverse_transform(answers)
