"""Searches over hyperparameters as in scikit-learn, whose fits run in threads of this process.

scikit-learn starts processes for this, which copy the data and import everything again. The networks of
deepcore train without Python's global lock, so that threads run them at the same time without these costs.
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
    """Mix-in that runs the fits of a search in threads; each fit uses one thread.

    The results are those of scikit-learn's class: it has the same splits and attributes, and the bits of a
    network do not depend on the number of threads.
    """

    estimator: Any
    n_jobs: int | None
    best_params_: dict[str, Any]

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Try the settings, and train the best one on all examples.

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
            best = self.best_params_  # what the search itself has set stays
            kept = [name for name in free if not any(f"{name}__".startswith(f"{own}__") for own in best)]
            self.best_estimator_.set_params(**dict.fromkeys(kept))
        return self


@contextmanager
def _replaced(search: Any, estimator: Any) -> Iterator[None]:
    """Replace the estimator of a search, and restore it at the end."""
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
