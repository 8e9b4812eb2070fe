"""The pictures that the helper files of the course's notebooks draw. They need matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deepcore.course._arguments import Array

__all__ = ["plot_decision_boundary", "print_mislabeled_images"]


class _Classifier:
    """A function of rows as the classifier that ``deepcore.plots`` asks for."""

    def __init__(self, model: Callable[[Array], Any]) -> None:
        self.model = model

    def predict(self, points: Array) -> Array:
        return np.asarray(self.model(points)).reshape(-1).astype(np.int64)


def plot_decision_boundary(model: Callable[[Array], Any], X: Any, y: Any) -> Any:
    """Draw the regions of the plane that a classifier assigns to each class into the current Axes of pyplot.

    Args:
        model: Takes points as rows, (k, 2), and returns k labels: ``lambda x: predict(parameters, x.T)``.
        X: Examples, (2, m).
        y: Labels, (1, m) or (m,).

    Returns:
        The Axes.
    """
    from deepcore.plots import decision_boundary
    from deepcore.plots.style import current_axes

    labels = np.asarray(y).reshape(-1).astype(np.int64)
    ax = decision_boundary(_Classifier(model), np.asarray(X).T, labels, ax=current_axes())
    legend = ax.get_legend()
    if legend is not None:
        legend.remove()  # the notebooks put Axes side by side, without room for it
    return ax


def print_mislabeled_images(classes: Sequence[Any], X: Any, y: Any, p: Any) -> Any:
    """Draw the images whose label is predicted wrongly, with their true and their predicted class.

    Args:
        classes: Names of the classes, as ``load_data`` returns them.
        X: Images of 64 x 64 pixels in three colours, (12288, m).
        y: Labels, (1, m).
        p: Predictions, (1, m).

    Returns:
        The Axes.
    """
    from deepcore.plots import misclassified

    names = [name.decode() if isinstance(name, bytes) else str(name) for name in classes]
    true, found = (np.asarray(labels).reshape(-1).astype(np.int64) for labels in (y, p))
    return misclassified(np.asarray(X).T, true, found, shape=(64, 64, 3), classes=names)
