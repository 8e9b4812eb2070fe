"""Losses with options; losses without options are given by name, as in ``mlp(sizes, loss="poisson")``."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from deepcore import _checks
from deepcore._keywords import checked_class

__all__ = ["CrossEntropy", "Huber", "Loss", "Quantile"]


class Loss:
    """Base of the losses with options."""

    def options(self, output: str) -> dict[str, Any]:
        """The loss as a ``Spec`` takes it: its name and its numbers.

        Args:
            output: Activation of the output layer.
        """
        raise NotImplementedError


@checked_class
@dataclass(frozen=True)
class Huber(Loss):
    """``r^2 / 2`` for ``|r| <= delta``, and ``delta (|r| - delta / 2)`` beyond, with ``r = yhat - y``.

    Large residuals count in proportion, not squared, so that outliers pull less than with squared errors.

    Args:
        delta: Where the quadratic part ends, above 0, in the unit of y.

    Raises:
        TypeError: if ``delta`` is not a number.
        ValueError: if it is not above 0 and finite.

    Example:
        >>> import deepcore as dc
        >>> dc.mlp([3, 8, 1], output="linear", loss=dc.Huber(delta=2.0)).loss
        'huber'

    Source: Huber (1964), as ``torch.nn.HuberLoss``.
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        _checks.number("Huber", "delta", self.delta, positive=True)

    def options(self, output: str) -> dict[str, Any]:
        """The loss as a ``Spec`` takes it."""
        return {"loss": "huber", "loss_parameter": float(self.delta)}


@checked_class
@dataclass(frozen=True)
class Quantile(Loss):
    """``quantile * r`` for ``r = y - yhat >= 0``, else ``(quantile - 1) r``: outputs become quantiles.

    Args:
        quantile: Which quantile of y the outputs estimate, between 0 and 1; 0.5 is the median.

    Raises:
        TypeError: if ``quantile`` is not a number.
        ValueError: if it is not above 0 and below 1.

    Example:
        >>> import deepcore as dc
        >>> dc.mlp([3, 8, 1], output="linear", loss=dc.Quantile(0.9)).loss
        'quantile'

    Source: Koenker & Bassett (1978).
    """

    quantile: float = 0.5

    def __post_init__(self) -> None:
        _checks.number("Quantile", "quantile", self.quantile, 1.0, positive=True)

    def options(self, output: str) -> dict[str, Any]:
        """The loss as a ``Spec`` takes it."""
        return {"loss": "quantile", "loss_parameter": float(self.quantile)}


@checked_class
@dataclass(frozen=True)
class CrossEntropy(Loss):
    """The cross-entropy of the output: binary for sigmoid outputs, categorical for softmax.

    Args:
        label_smoothing: s, at least 0 and below 1: targets y become ``y (1 - s) + s / k`` for k classes, and
            ``y (1 - s) + s / 2`` for sigmoid outputs.

    Raises:
        TypeError: if ``label_smoothing`` is not a number.
        ValueError: if it is out of its range; in ``Model``, if the output is neither sigmoid nor softmax.

    Example:
        >>> import deepcore as dc
        >>> dc.mlp([3, 8, 4], loss=dc.CrossEntropy(label_smoothing=0.1)).loss
        'categorical_cross_entropy'

    Source: Szegedy et al. (2016), section 7, as ``torch.nn.CrossEntropyLoss``.
    """

    _: KW_ONLY
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        _checks.number("CrossEntropy", "label_smoothing", self.label_smoothing, 1.0)

    def options(self, output: str) -> dict[str, Any]:
        """The loss as a ``Spec`` takes it."""
        kind = "categorical" if output == "softmax" else "binary"
        return {"loss": f"{kind}_cross_entropy", "label_smoothing": float(self.label_smoothing)}
