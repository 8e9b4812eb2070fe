"""What the constructors of all estimators share."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

__all__ = ["Estimator"]


class Estimator(BaseEstimator):  # type: ignore[misc]
    """Base class of the estimators; it is not an estimator itself."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_threads": [Interval(Integral, 1, 2**31 - 1, closed="both"), None],
        "random_state": ["random_state"],
    }

    def _keep(self, arguments: dict[str, Any]) -> None:
        """Follow scikit-learn's rule: a constructor stores every argument, unchanged, under its name."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)

    def _generator(self, saved: bool) -> Any:
        """Return NumPy's generator of a fit. One that is saved must draw the same numbers when it goes on."""
        if saved and self.random_state is None:
            raise ValueError(
                f"{type(self).__name__}: random_state must be an integer if there is a Checkpoint, because a "
                "fit that goes on draws its splits again"
            )
        return check_random_state(self.random_state)
