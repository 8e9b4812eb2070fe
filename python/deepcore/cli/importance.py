"""Permutation importance: how much worse predictions become if the values of one column are shuffled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from deepcore.cli.report import Judged
from deepcore.typing import Array

__all__ = ["permutation_importance"]

# The noise of an importance falls with the root of their number; a thousand examples rank columns well.
_MOST_EXAMPLES = 1000
_REPEATS = 3


def permutation_importance(
    names: Sequence[str],
    judged: Judged,
    predict_shuffled: Callable[[str, Array, Array], Array],
    seed: int,
) -> dict[str, float]:
    """Return the growth of the error for each column: of the loss for classes, of the rmse for quantities.

    Args:
        names: The columns.
        judged: True labels and predictions of the examples.
        predict_shuffled: ``(name, rows, order)`` gives the outputs for these rows if their values of a column
            are taken from the rows in ``order``.
        seed: Seed of the choice of the rows and of the shuffles.

    Source: Breiman, "Random Forests" (2001); Fisher, Rudin and Dominici (2019).
    """
    random = np.random.default_rng(seed)
    rows = np.sort(random.permutation(len(judged.truth))[:_MOST_EXAMPLES])
    measure = "rmse" if judged.classes is None else "loss"
    truth = judged.truth[rows]
    before = Judged(truth, judged.outputs[rows], judged.classes).scores()[measure]
    importance = {}
    for name in names:
        growth = 0.0
        for _ in range(_REPEATS):
            outputs = predict_shuffled(name, rows, random.permutation(rows))
            growth += Judged(truth, outputs, judged.classes).scores()[measure] - before
        importance[name] = growth / _REPEATS
    return importance
