"""scikit-learn's multi-layer perceptrons, computed by deepcore, and RealMLP for tables.

Names, defaults, random numbers and errors of ``MLPClassifier`` and ``MLPRegressor`` are the same as in
scikit-learn; further arguments are additions.

Example:
    >>> from sklearn.datasets import load_iris
    >>> from deepcore.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier(solver="lbfgs", max_iter=500, random_state=1).fit(X, y)
    >>> classifier.predict(X[:3])
    array([0, 0, 0])
"""

try:
    import sklearn.base as _base  # noqa: F401
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "deepcore.sklearn needs scikit-learn 1.7 or newer: pip install 'deepcore-nn[sklearn]'", name="sklearn"
    ) from _error

from deepcore.sklearn.classifier import MLPClassifier
from deepcore.sklearn.realmlp import RealMLPClassifier, RealMLPRegressor
from deepcore.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "RealMLPClassifier", "RealMLPRegressor"]
