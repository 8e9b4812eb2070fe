"""Searches over settings whose fits run side by side in this process; the interface is scikit-learn's.

scikit-learn starts processes for this, which copy the data and import everything anew. The networks of
deepcore train without Python's lock, and so threads do the same work without either.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from joblib import parallel_config
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  (defines the class below)
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV

from deepcore import _core

__all__ = ["GridSearch", "HalvingSearch", "RandomizedSearch"]

_THREADS = "n_threads"


class _SideBySide:
    """Fits of a search as items of a team of threads: whole networks, each with one thread.

    The results are those of scikit-learn's class: same splits, same attributes, and the bits of every network
    do not depend on the threads.
    """

    estimator: Any
    n_jobs: int | None
    refit: Any

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Search over all settings, and train the best one on all examples.

        Args:
            X: (m, n_features).
            y: Labels or targets.
            params: Passed to ``fit`` of the estimator, such as ``sample_weight``.
        """
        threads = _core.num_threads() if self.n_jobs is None else self.n_jobs
        given = self.estimator
        free = [
            name
            for name, value in given.get_params().items()
            if name.rpartition("__")[2] == _THREADS and value is None
        ]
        alone = clone(given).set_params(**dict.fromkeys(free, 1))
        with _replaced(self, alone), parallel_config(backend="threading", n_jobs=threads):
            super().fit(X, y, **params)  # type: ignore[misc]
        if hasattr(self, "best_estimator_"):
            self.best_estimator_.set_params(**dict.fromkeys(free))
        return self


@contextmanager
def _replaced(search: Any, estimator: Any) -> Iterator[None]:
    """Let a search use another estimator for a while."""
    given, search.estimator = search.estimator, estimator
    try:
        yield
    finally:
        search.estimator = given


class GridSearch(_SideBySide, GridSearchCV):  # type: ignore[misc]
    """``GridSearchCV`` whose fits run side by side in this process.

    Arguments and attributes are those of ``sklearn.model_selection.GridSearchCV``. ``n_jobs`` is the number
    of fits that run at the same time; None: deepcore's number of threads.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from deepcore.sklearn import GridSearch, MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> classifier = MLPClassifier(tol=0.01, random_state=1)
        >>> search = GridSearch(classifier, {"learning_rate_init": [1e-5, 1e-2]}, cv=3).fit(X, y)
        >>> search.best_params_
        {'learning_rate_init': 0.01}
    """


class RandomizedSearch(_SideBySide, RandomizedSearchCV):  # type: ignore[misc]
    """``RandomizedSearchCV`` whose fits run side by side in this process, see ``GridSearch``."""


class HalvingSearch(_SideBySide, HalvingGridSearchCV):  # type: ignore[misc]
    """Successive halving: all settings start with little, and only the best ones get more.

    Arguments and attributes are those of ``sklearn.model_selection.HalvingGridSearchCV``, except that fits
    run side by side in this process, see ``GridSearch``. ``resource="max_iter"`` gives the better settings
    more epochs instead of more examples.
    """
