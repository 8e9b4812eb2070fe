"""What the constructors of all estimators share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from deepcore._network.examples import check_sum
from deepcore.typing import Array

__all__ = ["Estimator", "check_weights"]


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

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Put all attributes back after an error, so that those of two fits are never mixed."""
        before = vars(self).copy()
        try:
            yield
        except BaseException:
            self.__dict__ = before
            raise

    def _generator(self, saved: bool) -> Any:
        """Return NumPy's generator of a fit. One that is saved must draw the same numbers when it goes on."""
        if saved and self.random_state is None:
            raise ValueError(
                f"{type(self).__name__}: random_state must be an integer if there is a Checkpoint, because a "
                "fit that goes on draws its splits again"
            )
        return check_random_state(self.random_state)


def check_weights(weights: Array, class_weight: object, dtype: Any) -> None:
    """Refuse weights of examples by their class that a network of this dtype cannot be trained with.

    Raises:
        ValueError: if one is negative or not finite, or if their sum is 0 or nearly too large for the dtype.
    """
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.any()):
        raise ValueError(
            "class_weight must be finite and not negative, and leave an example with weight, got "
            f"{class_weight}"
        )
    check_sum("fit", weights, np.dtype(dtype))
